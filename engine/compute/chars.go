package compute

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// Texts are measured and cut in characters, which are Unicode code points; a byte
// that belongs to none, which only text that is not UTF-8 has, counts as one.

// view shows s as bytes that must not be written.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// skip returns the number of bytes of the first n characters of b, all bytes when it has fewer.
func skip(b []byte, n int) int {
	i := 0
	for ; n >= 8 && i+8 <= len(b) && ascii(b[i:]); n -= 8 {
		i += 8
	}
	for ; n > 0 && i < len(b); n-- {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return i
}

// skipBack returns the number of bytes before the last n characters of b, 0 when it has fewer.
func skipBack(b []byte, n int) int {
	i := len(b)
	for ; n >= 8 && i >= 8 && ascii(b[i-8:]); n -= 8 {
		i -= 8
	}
	for ; n > 0 && i > 0; n-- {
		if b[i-1] < utf8.RuneSelf {
			i--
			continue
		}
		_, size := utf8.DecodeLastRune(b[:i])
		i -= size
	}
	return i
}

// ascii tells whether the first eight bytes of b are ASCII.
func ascii(b []byte) bool {
	return binary.LittleEndian.Uint64(b)&0x8080808080808080 == 0
}

// place returns the byte at which character n of b begins; a negative n counts
// from the end, and what lies outside is the nearer end.
func place(b []byte, n int) int {
	if n < 0 {
		return skipBack(b, magnitudeOf(n))
	}
	return skip(b, n)
}

// magnitudeOf is -n for a negative n that stays an int.
func magnitudeOf(n int) int {
	if n == -n {
		n++
	}
	return -n
}

// part returns the bytes at which b[from:to] begins and ends; without an end, open is true.
func part(b []byte, from, to int, open bool) (int, int) {
	if from >= 0 && to >= from && !open {
		a := skip(b, from)
		return a, a + skip(b[a:], to-from)
	}
	a, z := place(b, from), len(b)
	if !open {
		z = place(b, to)
	}
	return min(a, z), z
}

// indexOf returns the number of characters before the first sub in b, -1 for none.
func indexOf(b, sub []byte) int { return countTo(b, bytes.Index(b, sub)) }

// lastIndexOf returns the number of characters before the last sub in b, -1 for none.
func lastIndexOf(b, sub []byte) int { return countTo(b, bytes.LastIndex(b, sub)) }

func countTo(b []byte, at int) int {
	if at <= 0 {
		return at
	}
	return utf8.RuneCount(b[:at])
}
