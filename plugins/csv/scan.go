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
	for pos := 0; pos < len(text); line++ {
		if len(lost) > 0 && lost[0].from == pos {
			s.lose(text, lost[0], line)
			pos, lost = lost[0].to+1, lost[1:]
			continue
		}
		end := dia.lineEnd(text, pos)
		if dia.blank(text[pos:end]) || len(dia.comment) > 0 && bytes.HasPrefix(text[pos:], dia.comment) {
			pos = end + 1
			continue
		}
		if dia.quoted && quote < end {
			quote = dia.nextQuote(text, pos, quote)
		}
		if dia.quoted && quote < end {
			var bad int
			s.cuts, end, bad = dia.walk(text, pos, append(s.cuts[:0], 0))
			s.begin(text, pos, end, line)
			s.enclose()
			s.row(d, text, bad)
			line += int64(bytes.Count(text[pos:end], []byte{dia.nl}))
		} else {
			s.begin(text, pos, end, line)
			s.cuts = dia.delimiters(text, pos, s.to, append(s.cuts[:0], 0))
			s.enclose()
			s.unquoted(d, text)
		}
		pos = end + 1
	}
}

// begin adds a row with the text from..to, less a carriage return at its end.
func (s *scratch) begin(text []byte, from, to int, line int64) {
	if to > from && text[to-1] == '\r' {
		to--
	}
	s.from, s.to = from, to
	s.rows = append(s.rows, record.View{Off: uint32(from), Len: uint32(to - from)}) //nolint:gosec // chunks are below 1 GiB
	s.lines = append(s.lines, line)
	s.n++
}

// enclose completes the cuts of the row just begun, so that cell k is what lies
// between cut k and the next, a delimiter's length after it. What comes before the
// text of a chunk is below zero, and right again when that length is added.
func (s *scratch) enclose() {
	s.cuts[0] = uint32(s.from - len(s.dia.delim)) //nolint:gosec // as said
	s.cuts = append(s.cuts, uint32(s.to))         //nolint:gosec // chunks are below 1 GiB
}

// cells returns the number of cells of the row just begun.
func (s *scratch) cells() int { return len(s.cuts) - 1 }

// bounds returns the place of cell k of the row just begun.
func (s *scratch) bounds(k int) (from, to int) {
	return int(s.cuts[k] + uint32(len(s.dia.delim))), int(s.cuts[k+1]) //nolint:gosec // one character
}

// unquoted stores the cells of the row just begun, which has no quotes.
func (s *scratch) unquoted(d *Decoder, text []byte) {
	if s.cells() != s.lay.n || s.dia.trim || s.invalid {
		s.row(d, text, -1)
		return
	}
	cuts, n, after := s.cuts, s.n-1, uint32(len(s.dia.delim)) //nolint:gosec // one character
	views := s.views[:len(s.lay.wants)]
	for i, w := range s.lay.wants {
		cut := cuts[w.cell : w.cell+2]
		from := cut[0] + after
		views[i][n] = record.View{Off: from, Len: cut[1] - from}
	}
}

// row stores the cells of the row just begun, or refuses it. bad is a cell with
// text after its closing quote, or -1.
func (s *scratch) row(d *Decoder, text []byte, bad int) {
	if s.invalid && !utf8.Valid(text[s.from:s.to]) {
		s.refuse("row.bad_encoding", s.encoding(d, text))
		return
	}
	if bad >= 0 {
		s.refuse("row.bad_quote", s.badQuote(d, text, bad))
		return
	}
	n := s.cells()
	if n != s.lay.n && !s.fits(d, text) {
		s.refuse("row.ragged", fmt.Sprintf("the row has %s, %s", count(n, "cell"), s.expected()))
		return
	}
	for i, w := range s.lay.wants {
		v := &s.views[i][s.n-1]
		if w.cell < n && !s.dia.trim {
			from, to := s.bounds(w.cell)
			if from == to || text[from] != s.dia.quote || !s.dia.quoted {
				*v = record.View{Off: uint32(from), Len: uint32(to - from)} //nolint:gosec // as above
				continue
			}
		}
		*v = s.view(d, text, w)
	}
}

// view returns the place of the text of a cell that is read.
func (s *scratch) view(d *Decoder, text []byte, w want) record.View {
	if w.cell >= s.cells() {
		if s.lay.header == nil && d.set.Columns[w.slot].Optional {
			s.holes = true
			return record.View{Off: unread}
		}
		return record.View{}
	}
	from, to := s.bounds(w.cell)
	off, end, escaped := s.dia.value(text, from, to)
	if escaped {
		at := len(s.text)
		s.text = s.dia.unescape(s.text, text[off:end])
		off, end = at, len(s.text)
	}
	return record.View{Off: uint32(off), Len: uint32(end - off)} //nolint:gosec // chunks are below 1 GiB
}

// fits reports whether a row may have another number of cells than the header.
func (s *scratch) fits(d *Decoder, text []byte) bool {
	n, pad := s.cells(), d.Ragged == "pad"
	if n < s.lay.n {
		return n >= s.lay.min || pad
	}
	for k := s.lay.n; k < n; k++ {
		from, to := s.bounds(k)
		if off, end, _ := s.dia.value(text, from, to); off != end {
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
	s.rejects = append(s.rejects, record.Reject{Row: s.n - 1, Code: code, Reason: reason})
}

// lose adds and rejects a row whose end was not found.
func (s *scratch) lose(text []byte, b broken, line int64) {
	s.begin(text, b.from, b.to, line)
	if b.tooLong {
		s.rows[s.n-1].Len = uint32(b.to - b.from) //nolint:gosec // chunks are below 1 GiB
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

func (s *scratch) badQuote(d *Decoder, text []byte, k int) string {
	from, to := s.bounds(k)
	after := text[from:to]
	if closing, ok := s.dia.closing(text[:to], s.dia.blanks(text, from)+1); ok {
		after = text[closing+1 : to]
	}
	if len(after) > 40 {
		after = append(bytes.ToValidUTF8(after[:40], nil), "..."...)
	}
	return fmt.Sprintf("text follows the closing quote of %s: %q", s.cellName(d, k), after)
}

func (s *scratch) encoding(d *Decoder, text []byte) string {
	for k := range s.cells() {
		from, to := s.bounds(k)
		for at := from; at < to; {
			r, n := utf8.DecodeRune(text[at:to])
			if r == utf8.RuneError && n == 1 {
				shown := bytes.ToValidUTF8(text[max(from, at-20):min(to, at+20)], []byte("\uFFFD"))
				return fmt.Sprintf("%s is not text in the declared character set: %q", s.cellName(d, k), shown)
			}
			at += n
		}
	}
	return "the row is not text in the declared character set"
}
