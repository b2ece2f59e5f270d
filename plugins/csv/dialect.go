package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"weir/engine/bytestream"
)

// dialect is what tells rows and cells apart. It is immutable.
type dialect struct {
	delim   []byte // one character
	d       byte   // its first byte
	quote   byte
	quoted  bool // there is a quote
	escape  byte // 0 when there is none
	nl      byte // what ends a row
	comment []byte
	trim    bool
	maxRow  int
	ascii   bool // delimiter and comment are ASCII, the same bytes in every set that contains it
}

func (d *Decoder) newDialect() dialect {
	out := dialect{
		delim: []byte(d.Delimiter), d: d.Delimiter[0], nl: '\n', comment: []byte(d.Comment), trim: d.Trim, maxRow: int(d.MaxRow), ascii: true,
	}
	if d.Quote != "" {
		out.quote, out.quoted = d.Quote[0], true
	}
	if d.Escape != "" {
		out.escape = d.Escape[0]
	}
	for _, c := range d.Delimiter + d.Comment {
		out.ascii = out.ascii && c < 0x80
	}
	return out
}

// streamed reports whether text in c is converted before rows are told apart.
func (d *dialect) streamed(c *bytestream.Charset) bool {
	return !c.UTF8() && (!c.Piecewise() || !d.ascii)
}

// cell is the place of one cell in a text, without its quotes.
type cell struct {
	off, end int
	escaped  bool // it holds doubled or escaped quotes
	bad      bool // text follows its closing quote
}

// isDelim reports whether the delimiter stands at i.
func (d *dialect) isDelim(b []byte, i int) bool {
	return b[i] == d.d && (len(d.delim) == 1 || bytes.HasPrefix(b[i:], d.delim))
}

// walk finds the cells of the row that begins at r, exactly, and appends them to
// cells. end is the place of its line end, or len(b). closed is false when b
// ends within a quoted cell.
func (d *dialect) walk(b []byte, r int, cells []cell) (out []cell, end int, closed bool) {
	for i := r; ; {
		from := i
		if d.trim {
			i = d.blanks(b, i)
		}
		c := cell{off: i}
		if d.quoted && i < len(b) && b[i] == d.quote {
			var ok bool
			if i, c.escaped, ok = d.closing(b, i+1); !ok {
				return cells, len(b), false
			}
			c.off, c.end = c.off+1, i
			if i++; d.trim {
				i = d.blanks(b, i)
			}
			if !d.ends(b, i) {
				c.bad = true
				i = d.plain(b, i)
			}
		} else {
			i = d.plain(b, from)
			c.off, c.end = d.bare(b, from, i)
		}
		cells = append(cells, c)
		switch {
		case i == len(b) || b[i] == d.nl:
			return cells, i, true
		case b[i] == '\r': // the line end follows, or the end of b: ends saw to that
			return cells, i + 1, true
		}
		i += len(d.delim)
	}
}

// blanks returns the place of the first byte at or after i that trim does not take off.
func (d *dialect) blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') && !d.isDelim(b, i) {
		i++
	}
	return i
}

// closing returns the place of the quote that ends the cell whose text begins at i.
func (d *dialect) closing(b []byte, i int) (end int, escaped, ok bool) {
	for i < len(b) {
		if d.escape == 0 {
			j := bytes.IndexByte(b[i:], d.quote)
			if j < 0 {
				break
			}
			i += j
		}
		switch {
		case d.escape != 0 && b[i] == d.escape:
			escaped = true
			i += 2
		case b[i] != d.quote:
			i++
		case i+1 < len(b) && b[i+1] == d.quote:
			escaped = true
			i += 2
		default:
			return i, escaped, true
		}
	}
	return 0, false, false
}

// ends reports whether a cell may end at i: at a delimiter, a line end or the end of b.
func (d *dialect) ends(b []byte, i int) bool {
	return i == len(b) || b[i] == d.nl || d.isDelim(b, i) || b[i] == '\r' && (i+1 == len(b) || b[i+1] == d.nl)
}

// plain returns the place of the delimiter or line end that ends the unquoted text from i.
func (d *dialect) plain(b []byte, i int) int {
	for i < len(b) && b[i] != d.nl && !d.isDelim(b, i) {
		i++
	}
	return i
}

// bare returns the bounds of an unquoted cell that was found at from..to: less
// the carriage return of the line end, and less spaces when they are trimmed.
func (d *dialect) bare(b []byte, from, to int) (off, end int) {
	if to > from && b[to-1] == '\r' && (to == len(b) || b[to] == d.nl) {
		to--
	}
	if d.trim {
		for from < to && (b[from] == ' ' || b[from] == '\t') {
			from++
		}
		for from < to && (b[to-1] == ' ' || b[to-1] == '\t') {
			to--
		}
	}
	return from, to
}

// unescape appends the text of a quoted cell to dst.
func (d *dialect) unescape(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if i+1 < len(text) {
			next := text[i+1]
			// An escape character before anything else is text, so that nothing is lost.
			if c == d.quote && next == d.quote || d.escape != 0 && c == d.escape && (next == d.quote || next == d.escape) {
				i++
				c = next
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// delimiters appends the places of the delimiter in b[from:to], a row without quotes.
func (d *dialect) delimiters(b []byte, from, to int, out []uint32) []uint32 {
	if len(d.delim) > 1 {
		for {
			j := bytes.Index(b[from:to], d.delim)
			if j < 0 {
				return out
			}
			out = append(out, uint32(from+j)) //nolint:gosec // chunks are below 4 GiB
			from += j + len(d.delim)
		}
	}
	const ones, low7, high = 0x0101010101010101, 0x7F7F7F7F7F7F7F7F, 0x8080808080808080
	pattern := ones * uint64(d.d)
	i := from
	for ; i < to && i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:]) ^ pattern
		// A byte of m has its high bit set exactly where v is zero.
		m := ^((v&low7 + low7) | v) & high
		for m != 0 {
			j := i + bits.TrailingZeros64(m)>>3
			if j >= to {
				return out
			}
			out = append(out, uint32(j)) //nolint:gosec // as above
			m &= m - 1
		}
	}
	for ; i < to; i++ {
		if b[i] == d.d {
			out = append(out, uint32(i)) //nolint:gosec // as above
		}
	}
	return out
}
