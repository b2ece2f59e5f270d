package csv

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"weir/engine/record"
)

// scan finds the rows and cells of the chunk's text, whose first line has the given number.
func (s *scratch) scan(d *Decoder, line int64) {
	text, dia := s.text[:s.size], &s.dia // s.text may move when texts are appended
	quote, lost := 0, s.broken
	for pos := 0; pos < len(text); {
		if len(lost) > 0 && lost[0].from == pos {
			s.begin(text, pos, lost[0].to, line)
			s.lose(lost[0])
			pos, lost = lost[0].to+1, lost[1:]
			line++
			continue
		}
		end := len(text)
		if j := bytes.IndexByte(text[pos:], dia.nl); j >= 0 {
			end = pos + j
		}
		if dia.blank(text[pos:end]) || len(dia.comment) > 0 && bytes.HasPrefix(text[pos:], dia.comment) {
			pos = end + 1
			line++
			continue
		}
		if dia.quoted && quote < end {
			if quote < pos || text[quote] != dia.quote {
				from := max(pos, quote)
				j := bytes.IndexByte(text[from:], dia.quote)
				if quote = from + j; j < 0 {
					quote = len(text)
				}
			}
			if quote < end {
				s.cells, end, _ = dia.walk(text, pos, s.cells[:0])
				s.begin(text, pos, end, line)
				s.row(d, text, pos, end)
				line += 1 + int64(bytes.Count(text[pos:end], []byte{dia.nl}))
				pos = end + 1
				continue
			}
		}
		s.plain(d, text, pos, end, line)
		pos = end + 1
		line++
	}
}

// begin adds a row with the text from..to, whose cells are unread so far.
func (s *scratch) begin(text []byte, from, to int, line int64) {
	if to > from && text[to-1] == '\r' {
		to--
	}
	s.rows = append(s.rows, record.View{Off: uint32(from), Len: uint32(to - from)}) //nolint:gosec // chunks are below 1 GiB
	s.lines = append(s.lines, line)
	s.n++
}

// plain adds the row pos..end, which has no quotes.
func (s *scratch) plain(d *Decoder, text []byte, pos, end int, line int64) {
	s.begin(text, pos, end, line)
	last := s.rows[s.n-1]
	stop := last.Off + last.Len // without the carriage return
	s.delims = s.dia.delimiters(text, pos, int(stop), s.delims[:0])
	if len(s.delims)+1 == s.lay.n && !s.dia.trim && !s.invalid {
		row, width := s.n-1, uint32(len(s.dia.delim)) //nolint:gosec // at most 4
		for i, w := range s.lay.wants {
			from, to := last.Off, stop
			if w.cell > 0 {
				from = s.delims[w.cell-1] + width
			}
			if w.cell < len(s.delims) {
				to = s.delims[w.cell]
			}
			s.views[i][row] = record.View{Off: from, Len: to - from}
		}
		return
	}
	s.cells = s.cells[:0]
	from := pos
	for _, at := range s.delims {
		off, to := s.dia.bare(text, from, int(at))
		s.cells = append(s.cells, cell{off: off, end: to})
		from = int(at) + len(s.dia.delim)
	}
	off, to := s.dia.bare(text, from, int(stop))
	s.cells = append(s.cells, cell{off: off, end: to})
	s.row(d, text, pos, end)
}

// row stores the cells of the row just begun, or refuses it.
func (s *scratch) row(d *Decoder, text []byte, pos, end int) {
	if s.invalid && !utf8.Valid(text[pos:end]) {
		s.refuse("row.bad_encoding", s.encoding(d, text))
		return
	}
	for i := range s.cells {
		if s.cells[i].bad {
			s.refuse("row.bad_quote", s.badQuote(d, text, i, end))
			return
		}
	}
	n := len(s.cells)
	if n != s.lay.n && !s.fits(d) {
		s.refuse("row.ragged", fmt.Sprintf("the row has %s, %s", count(n, "cell"), s.expected()))
		return
	}
	for i, w := range s.lay.wants {
		s.views[i][s.n-1] = s.view(d, text, w, n)
	}
}

// view returns the place of a cell that is read, in a row of n cells.
func (s *scratch) view(d *Decoder, text []byte, w want, n int) record.View {
	if w.cell >= n {
		if s.lay.header == nil && d.set.Columns[w.slot].Optional {
			s.holes = true
			return record.View{Off: unread}
		}
		return record.View{}
	}
	c := s.cells[w.cell]
	if c.escaped {
		off := len(s.text)
		s.text = s.dia.unescape(s.text, text[c.off:c.end])
		c.off, c.end = off, len(s.text)
	}
	return record.View{Off: uint32(c.off), Len: uint32(c.end - c.off)} //nolint:gosec // chunks are below 1 GiB
}

// fits reports whether a row may have another number of cells than the header.
func (s *scratch) fits(d *Decoder) bool {
	n, pad := len(s.cells), d.Ragged == "pad"
	if n < s.lay.n {
		return n >= s.lay.min || pad
	}
	for _, c := range s.cells[s.lay.n:] {
		if c.off != c.end {
			return false
		}
	}
	return n == s.lay.n+1 || pad
}

// refuse rejects the row just begun and leaves its cells unread.
func (s *scratch) refuse(code, reason string) {
	s.holes = true
	for i := range s.lay.wants {
		s.views[i][s.n-1] = record.View{Off: unread}
	}
	s.rejects = append(s.rejects, record.Reject{Row: s.n - 1, Step: step, Code: code, Reason: reason})
}

// lose rejects the row just begun, whose end was not found.
func (s *scratch) lose(b broken) {
	if b.tooLong {
		s.refuse("row.too_long", fmt.Sprintf("the line is longer than max_row allows (%d bytes); its end is not kept", s.dia.maxRow))
		return
	}
	s.refuse("row.unterminated_quote", fmt.Sprintf("a quoted cell that begins in this line does not end within max_row (%d bytes) or the file; reading goes on at the next line", s.dia.maxRow))
}

func (s *scratch) expected() string {
	if s.lay.header == nil {
		return fmt.Sprintf("%d are declared", s.lay.n)
	}
	return fmt.Sprintf("the header has %d", s.lay.n)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// cellName names cell i of the row for people.
func (s *scratch) cellName(d *Decoder, i int) string {
	if name := s.lay.name(d, i); name != "" {
		return fmt.Sprintf("cell %d (%s)", i+1, name)
	}
	return fmt.Sprintf("cell %d", i+1)
}

func (s *scratch) badQuote(d *Decoder, text []byte, i, end int) string {
	after := text[s.cells[i].end+1 : end]
	if i+1 < len(s.cells) {
		after = text[s.cells[i].end+1 : min(end, s.cells[i+1].off)]
	}
	if len(after) > 40 {
		after = append(bytes.ToValidUTF8(after[:40], nil), "..."...)
	}
	return fmt.Sprintf("text follows the closing quote of %s: %q", s.cellName(d, i), after)
}

func (s *scratch) encoding(d *Decoder, text []byte) string {
	for i, c := range s.cells {
		cellText := text[c.off:c.end]
		if utf8.Valid(cellText) {
			continue
		}
		for at := 0; ; {
			r, n := utf8.DecodeRune(cellText[at:])
			if r == utf8.RuneError && n == 1 {
				shown := bytes.ToValidUTF8(cellText[max(0, at-20):min(len(cellText), at+20)], []byte("\uFFFD"))
				return fmt.Sprintf("%s is not text in the declared character set: %q", s.cellName(d, i), shown)
			}
			at += n
		}
	}
	return "the row is not text in the declared character set"
}
