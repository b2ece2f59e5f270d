package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

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

// isDelim reports whether the delimiter stands at i.
func (d *dialect) isDelim(b []byte, i int) bool {
	return b[i] == d.d && (len(d.delim) == 1 || bytes.HasPrefix(b[i:], d.delim))
}

// walk finds the delimiters between the cells of the row that begins at r,
// exactly, and appends their places to delims. end is the place of the line end,
// or len(b). bad is the first cell with text after its closing quote, or -1. The
// row must have an end: a quoted cell that is not closed goes on to len(b).
func (d *dialect) walk(b []byte, r int, delims []uint32) (out []uint32, end, bad int) {
	start, line := r, -1 // of the cell under way; the next line end
	bad, first := -1, len(delims)
	for i := r; ; {
		if line < i {
			line = d.lineEnd(b, i)
		}
		stop := line // no quote is before it
		if j := bytes.IndexByte(b[i:line], d.quote); j >= 0 {
			stop = i + j
		}
		before := len(delims)
		delims = d.delimiters(b, i, stop, delims)
		if len(delims) > before {
			start = int(delims[len(delims)-1]) + len(d.delim)
		}
		switch {
		case stop == line:
			return delims, line, bad
		case stop != start && (start < 0 || !d.trim || stop != d.blanks(b, start)):
			i = stop + 1 // a quote within a cell is text
			continue
		}
		if i = d.afterQuotes(b, stop); i > len(b) {
			return delims, len(b), bad
		}
		switch {
		case !d.ends(b, i):
			if bad < 0 {
				bad = len(delims) - first
			}
			start = -1 // until the next delimiter, quotes are text
		case i < len(b) && d.isDelim(b, i):
			delims = append(delims, uint32(i)) //nolint:gosec // chunks are below 1 GiB
			i += len(d.delim)
			start = i
		}
	}
}

// afterQuotes returns the place after the quoted cell that opens at q, beyond
// the end of b when it is not closed.
func (d *dialect) afterQuotes(b []byte, q int) int {
	i, ok := d.closing(b, q+1)
	if !ok {
		return len(b) + 1
	}
	if i++; d.trim {
		i = d.blanks(b, i)
	}
	return i
}

// rowEnd returns what walk returns as end, by looking at quotes alone. closed is
// false when b ends within a quoted cell.
func (d *dialect) rowEnd(b []byte, r int) (end int, closed bool) {
	line := -1
	for i := r; ; {
		if line < i {
			line = d.lineEnd(b, i)
		}
		j := bytes.IndexByte(b[i:line], d.quote)
		if j < 0 {
			return line, true
		}
		if !d.opens(b, r, i, i+j) {
			i += j + 1
			continue
		}
		c, ok := d.closing(b, i+j+1)
		if !ok {
			return len(b), false
		}
		i = c + 1
	}
}

// opens reports whether the quote at q is the first of a cell of the row at r,
// given that everything in from..q is text or delimiters.
func (d *dialect) opens(b []byte, r, from, q int) bool {
	if d.trim {
		for q > from && (b[q-1] == ' ' || b[q-1] == '\t') && !d.isDelim(b, q-1) {
			q--
		}
	}
	return q == r || q-len(d.delim) >= from && bytes.HasSuffix(b[from:q], d.delim)
}

// nextQuote returns the place of the first quote at or after pos, len(b) for
// none. known is what it returned for an earlier place: there is no quote between.
func (d *dialect) nextQuote(b []byte, pos, known int) int {
	if known == len(b) || known >= pos && b[known] == d.quote {
		return known
	}
	from := max(pos, known)
	if j := bytes.IndexByte(b[from:], d.quote); j >= 0 {
		return from + j
	}
	return len(b)
}

// lineEnd returns the place of the first line end at or after i, or len(b).
func (d *dialect) lineEnd(b []byte, i int) int {
	if j := bytes.IndexByte(b[i:], d.nl); j >= 0 {
		return i + j
	}
	return len(b)
}

// value returns the bounds of the text of the cell at from..to of a row that
// walk found not bad, and whether it holds doubled or escaped quotes.
func (d *dialect) value(b []byte, from, to int) (off, end int, escaped bool) {
	off, end = from, to
	if d.trim {
		for off < end && (b[off] == ' ' || b[off] == '\t') {
			off++
		}
		for off < end && (b[end-1] == ' ' || b[end-1] == '\t') {
			end--
		}
	}
	if !d.quoted || off == end || b[off] != d.quote {
		return off, end, false
	}
	off, end = off+1, max(off+1, end-1)
	text := b[off:end]
	return off, end, bytes.IndexByte(text, d.quote) >= 0 || d.escape != 0 && bytes.IndexByte(text, d.escape) >= 0
}

// blanks returns the place of the first byte at or after i that trim does not take off.
func (d *dialect) blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') && !d.isDelim(b, i) {
		i++
	}
	return i
}

// closing returns the place of the quote that ends the cell whose text begins at i.
func (d *dialect) closing(b []byte, i int) (end int, ok bool) {
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
			i += 2
		case b[i] != d.quote:
			i++
		case i+1 < len(b) && b[i+1] == d.quote:
			i += 2
		default:
			return i, true
		}
	}
	return 0, false
}

// ends reports whether a cell may end at i: at a delimiter, a line end or the end of b.
func (d *dialect) ends(b []byte, i int) bool {
	return i == len(b) || b[i] == d.nl || d.isDelim(b, i) || b[i] == '\r' && (i+1 == len(b) || b[i+1] == d.nl)
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
	i, n := from, len(out)
	for ; i < to && i+64 <= len(b); i += 64 {
		m := d.mask((*[64]byte)(b[i:]))
		if to-i < 64 {
			m &= 1<<uint(to-i) - 1
		}
		count := bits.OnesCount64(m)
		if n+64 > cap(out) {
			out = slices.Grow(out[:n], 64)
		}
		room := out[n : n+64]
		// Eight at a time, whether there are so many or not: how many there are
		// is not to be foreseen, and what is too many is overwritten or cut off.
		for k := 0; k < count; k += 8 {
			eight := (*[8]uint32)(room[k:])
			for e := range eight {
				eight[e] = uint32(i + bits.TrailingZeros64(m)) //nolint:gosec // as above
				m &= m - 1
			}
		}
		n += count
	}
	out = out[:n]
	for ; i < to; i++ {
		if b[i] == d.d {
			out = append(out, uint32(i)) //nolint:gosec // as above
		}
	}
	return out
}

// mask has bit i set where byte i of the 64 of b begins a delimiter.
func (d *dialect) mask(b *[64]byte) (m uint64) {
	const ones, low7, high = 0x0101010101010101, 0x7F7F7F7F7F7F7F7F, 0x8080808080808080
	pattern := ones * uint64(d.d)
	for k := 0; k < 64; k += 8 {
		v := binary.LittleEndian.Uint64(b[k:k+8]) ^ pattern
		// A byte has its high bit set exactly where v is zero; the product
		// gathers those bits, a byte each, in the highest byte.
		z := ^((v&low7 + low7) | v) & high
		m |= (z >> 7 * 0x0102040810204080 >> 56) << k
	}
	return m
}
