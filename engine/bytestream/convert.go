package bytestream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// pieceReader reads the text that convert makes of what r yields.
type pieceReader struct {
	r       io.Reader
	convert func(dst, src []byte) []byte
	end     func(dst []byte) []byte // what remains at the end; may be nil
	raw     []byte
	out     []byte
	pos     int
	err     error
}

// Read implements io.Reader.
func (p *pieceReader) Read(b []byte) (int, error) {
	for p.pos == len(p.out) {
		if p.err != nil {
			return 0, p.err
		}
		if p.raw == nil {
			p.raw = make([]byte, 64<<10)
		}
		n, err := p.r.Read(p.raw)
		p.out, p.pos = p.convert(p.out[:0], p.raw[:n]), 0
		if err != nil {
			if errors.Is(err, io.EOF) && p.end != nil {
				p.out = p.end(p.out)
			}
			p.err = err
		}
	}
	n := copy(b, p.out[p.pos:])
	p.pos += n
	return n, nil
}

// utf16Text converts UTF-16 to UTF-8. A surrogate without its other half comes
// out as its three bytes in the manner of UTF-8, an odd byte at the end as
// 0xFF: neither is valid UTF-8, and the source length can still be told.
type utf16Text struct {
	big  bool
	odd  int    // a byte waiting for its second, plus 1; 0 is none
	high uint16 // a high surrogate waiting for its low one
}

func (u *utf16Text) convert(dst, src []byte) []byte {
	if u.odd != 0 && len(src) > 0 {
		dst = u.unit(dst, u.order([]byte{byte(u.odd - 1), src[0]}))
		u.odd, src = 0, src[1:]
	}
	for ; len(src) >= 2; src = src[2:] {
		dst = u.unit(dst, u.order(src))
	}
	if len(src) == 1 {
		u.odd = int(src[0]) + 1
	}
	return dst
}

func (u *utf16Text) order(b []byte) uint16 {
	if u.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (u *utf16Text) unit(dst []byte, v uint16) []byte {
	if u.high != 0 {
		high := u.high
		u.high = 0
		if v >= 0xDC00 && v <= 0xDFFF {
			return utf8.AppendRune(dst, utf16.DecodeRune(rune(high), rune(v)))
		}
		dst = appendSurrogate(dst, high)
	}
	switch {
	case v < utf8.RuneSelf:
		return append(dst, byte(v))
	case v >= 0xD800 && v <= 0xDBFF:
		u.high = v
		return dst
	case v >= 0xDC00 && v <= 0xDFFF:
		return appendSurrogate(dst, v)
	}
	return utf8.AppendRune(dst, rune(v))
}

func (u *utf16Text) end(dst []byte) []byte {
	if u.high != 0 {
		dst = appendSurrogate(dst, u.high)
	}
	if u.odd != 0 {
		dst = append(dst, undecodable)
	}
	u.high, u.odd = 0, 0
	return dst
}

func appendSurrogate(dst []byte, v uint16) []byte {
	return append(dst, 0xE0|byte(v>>12), 0x80|byte(v>>6&0x3F), 0x80|byte(v&0x3F))
}

func utf16SourceLen(text []byte) int64 {
	var n int64
	for i := 0; i < len(text); {
		b := text[i]
		switch {
		case b < utf8.RuneSelf:
			i, n = i+1, n+2
		case b < 0xE0:
			i, n = i+2, n+2
		case b < 0xF0:
			i, n = i+3, n+2
		case b == undecodable:
			i, n = i+1, n+1
		default:
			i, n = i+4, n+4
		}
	}
	return n
}

// marking turns the replacement characters that a decoder writes for bytes
// without meaning into bytes that are not valid UTF-8.
type marking struct{ transform.Transformer }

// Transform implements transform.Transformer. Decoders write whole characters, so none is cut here.
func (m *marking) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	nDst, nSrc, err = m.Transformer.Transform(dst, src, atEOF)
	replacement := []byte("\uFFFD")
	for b := dst[:nDst]; ; {
		i := bytes.Index(b, replacement)
		if i < 0 {
			return nDst, nSrc, err
		}
		b[i], b[i+1], b[i+2] = undecodable, undecodable, undecodable
		b = b[i+3:]
	}
}
