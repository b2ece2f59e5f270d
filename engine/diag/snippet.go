package diag

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
)

// markedLine is one line of source with the bytes from..to marked; from is
// negative when nothing is.
type markedLine struct {
	number   int
	text     []byte // without its line end
	from, to int
}

// maxMarkedLines is how many lines of a long range are shown; the middle is left out.
const maxMarkedLines = 5

// lineBounds returns the bytes of line number n, counted from 1, without its end.
func lineBounds(src []byte, n int) (from, to int, ok bool) {
	for ; n > 1; n-- {
		i := bytes.IndexByte(src[from:], '\n')
		if i < 0 {
			return 0, 0, false
		}
		from += i + 1
	}
	to = len(src)
	if i := bytes.IndexByte(src[from:], '\n'); i >= 0 {
		to = from + i
	}
	if to > from && src[to-1] == '\r' {
		to--
	}
	return from, to, n == 1
}

// offset returns the byte offset of p within the line at from..to. The byte
// position is used when it lies in that line; else the column, in characters.
func offset(src []byte, p hcl.Pos, from, to int) int {
	if p.Byte >= from && p.Byte <= to && (p.Byte > 0 || p.Column <= 1) {
		return p.Byte - from
	}
	at := from
	for c := 1; c < p.Column && at < to; c++ {
		_, n := utf8.DecodeRune(src[at:to])
		at += n
	}
	return at - from
}

// markedLines returns the lines that r covers, the middle ones left out when
// there are many. It is empty when r does not lie in src.
func markedLines(src []byte, r hcl.Range) []markedLine {
	first, last := r.Start.Line, max(r.Start.Line, r.End.Line)
	// A range that ends before the first character of a line does not cover it.
	if last > first && r.End.Column <= 1 {
		last--
	}
	var out []markedLine
	for n := first; n <= last; n++ {
		if last-first >= maxMarkedLines && n == first+maxMarkedLines-2 {
			n = last
		}
		from, to, ok := lineBounds(src, n)
		if !ok || n < 1 {
			break
		}
		m := markedLine{number: n, text: src[from:to], from: 0, to: to - from}
		if n == first {
			m.from = offset(src, r.Start, from, to)
		} else {
			m.from = len(m.text) - len(bytes.TrimLeft(m.text, " \t"))
		}
		if n == r.End.Line {
			m.to = max(m.from, offset(src, r.End, from, to))
		}
		if n != first && m.from == m.to {
			m.from = -1
		}
		out = append(out, m)
	}
	return out
}

// cell is one character as it is printed.
type cell struct {
	text   string
	width  int
	marked bool
}

// cells splits the line into characters, with tabs expanded and everything
// that could steer a terminal replaced.
func (m markedLine) cells() []cell {
	var out []cell
	col := 0
	for i := 0; i < len(m.text); {
		r, n := utf8.DecodeRune(m.text[i:])
		c := cell{text: string(r), width: runeWidth(r), marked: i >= m.from && i < m.to && m.from >= 0}
		switch {
		case r == '\t':
			c.width = tabStop - col%tabStop
			c.text = strings.Repeat(" ", c.width)
		case r == utf8.RuneError && n == 1, Steers(r):
			c.text, c.width = "\uFFFD", 1
		}
		col += c.width
		i += n
		out = append(out, c)
	}
	// An empty range marks the place where something is missing.
	if m.from >= 0 && m.from == m.to {
		at, i := 0, 0
		for ; at < len(out) && i < m.from; at++ {
			_, n := utf8.DecodeRune(m.text[i:])
			i += n
		}
		if at == len(out) {
			out = append(out, cell{text: " ", width: 1})
		}
		out[at].marked = true
	}
	return out
}

// render returns the line and the marks under it, both at most width cells
// wide: a longer line is cut around its first mark.
func (m markedLine) render(width int) (text, marks string) {
	cs := m.cells()
	lo, hi := window(cs, width)
	var t, k strings.Builder
	if lo > 0 {
		t.WriteString("…")
		k.WriteByte(' ')
	}
	found := false
	for _, c := range cs[lo:hi] {
		t.WriteString(c.text)
		sign := " "
		if c.marked {
			sign = "^"
			found = true
		}
		k.WriteString(strings.Repeat(sign, c.width))
	}
	if hi < len(cs) {
		t.WriteString("…")
	}
	if found {
		marks = strings.TrimRight(k.String(), " ")
	}
	return strings.TrimRight(t.String(), " "), marks
}

// window chooses the cells lo..hi to show in width cells.
func window(cs []cell, width int) (lo, hi int) {
	total, first := 0, -1
	for i, c := range cs {
		total += c.width
		if c.marked && first < 0 {
			first = i
		}
	}
	if total <= width {
		return 0, len(cs)
	}
	room := width - 2 // for the signs that something was cut
	// Keep a third of the room before the mark.
	lo = max(first, 0)
	for lead := 0; lo > 0 && lead+cs[lo-1].width <= room/3; lo-- {
		lead += cs[lo-1].width
	}
	for hi = lo; hi < len(cs) && room >= cs[hi].width; hi++ {
		room -= cs[hi].width
	}
	return lo, hi
}
