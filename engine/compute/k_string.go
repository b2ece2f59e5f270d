package compute

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"

	"weir/engine/record"
)

// concatK joins texts in one go; a constant part has no kernel.
type concatK struct {
	parts []concatPart
	limit int
	cols  []*record.Column
	out   vec
}

type concatPart struct {
	k    kernel
	text []byte
}

func (k *concatK) eval(f *frame, sel []int32) *record.Column {
	k.cols = k.cols[:0]
	for _, p := range k.parts {
		if p.k == nil {
			k.cols = append(k.cols, nil)
			continue
		}
		k.cols = append(k.cols, p.k.eval(f, sel))
	}
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		if f.failed(i) {
			k.out.blank(i)
			continue
		}
		off := len(c.Data)
		for j, col := range k.cols {
			if len(c.Data)-off > k.limit {
				break
			}
			if col == nil {
				c.Data = append(c.Data, k.parts[j].text...)
			} else {
				c.Data = appendText(c.Data, col, i)
			}
		}
		n := len(c.Data) - off
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(n)}
		if n > k.limit || len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
		}
	}
	return c
}

// appendText appends text cell i of col, short ones as 32 bytes of which as many
// count, which is faster than a call to copy as many bytes as there are.
func appendText(dst []byte, col *record.Column, i int32) []byte {
	v := col.Views[i]
	from, n, at := int(v.Off), int(v.Len), len(dst)
	if n > 32 || from+32 > len(col.Data) || at+32 > cap(dst) {
		return append(dst, col.Data[from:from+n]...)
	}
	src, to := col.Data[from:from+32], dst[at:at+32]
	*(*[16]byte)(to) = *(*[16]byte)(src)
	*(*[16]byte)(to[16:]) = *(*[16]byte)(src[16:])
	return dst[:at+n]
}

// cutK gives a part of each text, as a view of it.
type cutK struct {
	x   kernel
	cut func(b []byte) (from, to int)
	// blanks tells that cut takes only white space off, so that a text with
	// none at its ends, which is most, need not be looked at.
	blanks bool
	out    vec
}

// solid reports whether c is ASCII and not white space.
func solid(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

func (k *cutK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tString, f.n)
	c.ShareData(x)
	for _, i := range sel {
		v := x.Views[i]
		if k.blanks && (v.Len == 0 || solid(x.Data[v.Off]) && solid(x.Data[v.Off+v.Len-1])) {
			c.Views[i] = v
			continue
		}
		from, to := k.cut(x.Data[v.Off : v.Off+v.Len])
		c.Views[i] = record.View{Off: v.Off + uint32(from), Len: uint32(to - from)}
	}
	return c
}

func cutSpace(b []byte) (int, int) {
	from, to := 0, len(b)
	for from < to && asciiSpace(b[from]) {
		from++
	}
	for to > from && asciiSpace(b[to-1]) {
		to--
	}
	if from < to && (b[from] >= utf8.RuneSelf || b[to-1] >= utf8.RuneSelf) {
		rest := bytes.TrimLeftFunc(b[from:to], unicode.IsSpace)
		from = to - len(rest)
		to = from + len(bytes.TrimRightFunc(rest, unicode.IsSpace))
	}
	return from, to
}

func asciiSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func cutPrefix(p []byte) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		if bytes.HasPrefix(b, p) {
			return len(p), len(b)
		}
		return 0, len(b)
	}
}

func cutSuffix(p []byte) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		if bytes.HasSuffix(b, p) {
			return 0, len(b) - len(p)
		}
		return 0, len(b)
	}
}

func cutSet(set string) func([]byte) (int, int) {
	return func(b []byte) (int, int) {
		left := bytes.TrimLeft(b, set)
		from := len(b) - len(left)
		return from, from + len(bytes.TrimRight(left, set))
	}
}

// cutSlice is s[from:to] with constant ends; without the last, open is true.
func cutSlice(from, to int, open bool) func([]byte) (int, int) {
	return func(b []byte) (int, int) { return part(b, from, to, open) }
}

// mapTextK appends a form of each text to its own memory.
type mapTextK struct {
	x     kernel
	f     func(dst, s []byte) []byte
	size  func(s []byte) int // the length of the form, when it may be much longer; nil otherwise
	limit int
	out   vec
}

func (k *mapTextK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		off := len(c.Data)
		v := x.Views[i]
		s := x.Data[v.Off : v.Off+v.Len]
		if k.size != nil && !k.out.room(f, i, k.size(s), k.limit) {
			continue
		}
		c.Data = k.f(c.Data, s)
		n := len(c.Data) - off
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(n)}
		if n > k.limit || len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
		}
	}
	return c
}

func appendLower(dst, s []byte) []byte {
	at := len(dst)
	dst, i := appendFlipped(dst, s, 'A')
	if i >= 0 {
		return appendMapped(dst[:at+i], s[i:], unicode.ToLower)
	}
	return dst
}

// appendFlipped appends s with the other case for its ASCII letters from first, 'A'
// or 'a', on, eight at a time. It stops at the first byte that is not ASCII, or in the
// word before it, and tells up to which place all is done; -1 when that is the end.
func appendFlipped(dst, s []byte, first byte) ([]byte, int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	from, beyond := ones*uint64(0x80-first), ones*uint64(0x80-first-26)
	at := len(dst)
	dst = slices.Grow(dst, len(s))[:at+len(s)]
	to := dst[at:]
	i := 0
	for ; i < len(s)-7; i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		if w&tops != 0 {
			return dst, i
		}
		letters := (w + from) &^ (w + beyond) & tops
		binary.LittleEndian.PutUint64(to[i:], w^letters>>2)
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return dst, i
		}
		if c-first < 26 {
			c ^= 0x20
		}
		to[i] = c
	}
	return dst, -1
}

func appendUpper(dst, s []byte) []byte {
	at := len(dst)
	dst, i := appendFlipped(dst, s, 'a')
	if i >= 0 {
		return appendMapped(dst[:at+i], s[i:], unicode.ToUpper)
	}
	return dst
}

func appendMapped(dst, s []byte, f func(rune) rune) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, f(r))
		s = s[n:]
	}
	return dst
}

// replacer returns the form of replace(s, from, to, limit); from is not empty.
func replacer(from, to []byte, limit int) func(dst, s []byte) []byte {
	return func(dst, s []byte) []byte {
		for left := limit; left != 0; left-- {
			i := bytes.Index(s, from)
			if i < 0 {
				break
			}
			dst = append(append(dst, s[:i]...), to...)
			s = s[i+len(from):]
		}
		return append(dst, s...)
	}
}

// replacedSize returns an upper bound of the length that replacer makes; it
// counts only when a rougher bound is above enough.
func replacedSize(from, to []byte, limit, enough int) func(s []byte) int {
	if len(to) <= len(from) {
		return nil
	}
	return func(s []byte) int {
		if n := len(s) * (len(to) + 1); n <= enough {
			return n
		}
		times := bytes.Count(s, from)
		if limit >= 0 {
			times = min(times, limit)
		}
		return len(s) + times*(len(to)-len(from))
	}
}
