package csv

import (
	"bytes"
	"context"
	"fmt"

	"weir/engine/bytestream"
	"weir/engine/plugin"
)

// broken is a row of a chunk that Split found to have no end.
type broken struct {
	from, to int // in the chunk's data, the line end not included
	tooLong  bool
}

// work is what a chunk carries from Split to Parse, and Parse's own memory. It
// stays with the chunk when the engine uses that again.
type work struct {
	d      *Decoder
	lay    *layout
	dia    dialect
	text   *bytestream.Charset
	conv   bool // the data is in UTF-8 already
	broken []broken
	parse  scratch
}

// converts reports whether Parse has to convert the data.
func (w *work) converts() bool { return !w.conv && !w.text.UTF8() }

// workOf returns the work of c, made anew when c comes from elsewhere.
func (r *reader) workOf(c *plugin.Chunk) *work {
	w, ok := c.Extra.(*work)
	if !ok || w.d != r.d {
		w = &work{d: r.d}
		c.Extra = w
	}
	return w
}

// extent is what next found at a place of buf.
type extent uint8

const (
	aRow      extent = iota // a whole row
	aSkip                   // an empty line or a comment
	aUnclosed               // a row whose end was not found; its first line
	aTooLong                // a row whose first line is longer than a row may be; end is where it is cut
	aNothing                // the end of the part
	aCut                    // more has to be read first
)

// next tells what begins at pos of buf: the place of its line end, and where the
// next thing begins. It reads nothing.
func (r *reader) next(pos int) (end, after int, what extent) {
	b, d := r.buf, &r.dia
	if pos == len(b) {
		if r.eof {
			return pos, pos, aNothing
		}
		return 0, 0, aCut
	}
	line := bytes.IndexByte(b[pos:], d.nl)
	complete := line >= 0 || r.eof
	lineEnd := pos + line
	if line < 0 {
		lineEnd = len(b)
	}
	if lineEnd-pos > d.maxRow {
		return pos + d.maxRow, 0, aTooLong
	}
	if len(d.comment) > 0 && bytes.HasPrefix(b[pos:], d.comment) || d.blank(b[pos:lineEnd]) {
		if !complete {
			return 0, 0, aCut
		}
		return lineEnd, min(lineEnd+1, len(b)), aSkip
	}
	if !complete {
		return 0, 0, aCut
	}
	if d.quoted {
		if r.q = d.nextQuote(b, pos, r.q); r.q < lineEnd {
			return r.nextQuoted(pos, lineEnd)
		}
	}
	return lineEnd, min(lineEnd+1, len(b)), aRow
}

// nextQuoted is next for a row with quotes in its first line, which ends at lineEnd.
func (r *reader) nextQuoted(pos, lineEnd int) (end, after int, what extent) {
	b := r.buf
	limit := min(len(b), pos+r.dia.maxRow+1)
	end, closed := r.dia.rowEnd(b[:limit], pos)
	switch {
	case closed && end < limit:
		return end, end + 1, aRow
	case closed && r.eof && limit == len(b) && end-pos <= r.dia.maxRow:
		return end, end, aRow
	case limit == len(b) && !r.eof && end-pos <= r.dia.maxRow:
		return 0, 0, aCut
	}
	return lineEnd, min(lineEnd+1, len(b)), aUnclosed
}

// blank reports whether a line holds no row.
func (d *dialect) blank(line []byte) bool {
	if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
		return true
	}
	if !d.trim || line[0] != ' ' && line[0] != '\t' {
		return false
	}
	n := d.blanks(line, 0)
	return n == len(line) || n == len(line)-1 && line[n] == '\r'
}

// Split implements plugin.Reader.
func (r *reader) Split(ctx context.Context, c *plugin.Chunk, target int) error {
	w := r.workOf(c)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.open {
			if err := r.nextPart(); err != nil {
				return err
			}
		}
		end, rows, long, err := r.cut(w, max(1, target))
		if err != nil {
			return named(r.name, err)
		}
		if rows {
			r.hand(c, w, end, long)
			return nil
		}
		r.drop(end)
		r.open = !r.eof || len(r.buf) > 0
	}
}

// cut finds the end of the rows that make the next chunk. long says that the
// last of them is cut short, and its line goes on.
func (r *reader) cut(w *work, target int) (end int, rows, long bool, err error) {
	w.broken = w.broken[:0]
	r.fill(target)
	for end < target {
		if to := r.leap(end, target); to > end {
			end, rows = to, true
			continue
		}
		to, after, what := r.next(end)
		switch what {
		case aCut:
			if rows {
				return end, true, false, nil
			}
			if !r.refill() && !r.eof {
				return end, false, false, r.err
			}
			continue
		case aNothing:
			return end, rows, false, nil
		}
		if rows && after > target {
			// However much was read by now: where chunks end depends on the bytes
			// alone, so that a run after a crash sees the same ones.
			return end, true, false, nil
		}
		switch what {
		case aRow:
			rows = true
		case aUnclosed:
			rows = true
			w.broken = append(w.broken, broken{from: end, to: to})
		case aTooLong:
			w.broken = append(w.broken, broken{from: end, to: to, tooLong: true})
			return to, true, true, nil
		case aSkip:
		}
		end = after
	}
	return end, rows, false, nil
}

// leap returns the end of the last whole line before the next quote or limit, or
// pos when there is none: lines without quotes are rows, and need not be looked
// at one by one when none of them can be too long. Empty lines and comments among
// them are left to Parse, but what begins at pos is not one.
func (r *reader) leap(pos, limit int) int {
	d, limit := &r.dia, min(limit, len(r.buf))
	if limit-pos > d.maxRow || pos >= limit {
		return pos
	}
	if d.quoted {
		r.q = d.nextQuote(r.buf, pos, r.q)
		limit = min(limit, r.q)
	}
	last := bytes.LastIndexByte(r.buf[pos:limit], d.nl)
	if last < 0 {
		return pos
	}
	first := r.buf[pos : pos+bytes.IndexByte(r.buf[pos:limit], d.nl)]
	if len(d.comment) > 0 && bytes.HasPrefix(first, d.comment) || d.blank(first) {
		return pos
	}
	return pos + last + 1
}

// hand gives the first end bytes of buf to c, by exchanging their memory.
func (r *reader) hand(c *plugin.Chunk, w *work, end int, long bool) {
	w.lay, w.dia, w.text, w.conv = r.lay, r.dia, r.text, r.conv
	rest := append(c.Data[:0], r.buf[end:]...)
	c.Data, r.buf = r.buf[:end], rest
	r.q = max(0, r.q-end)
	c.Offset, c.FirstLine = r.off, r.line
	r.advance(r.sourceLen(c.Data))
	r.line += int64(bytes.Count(c.Data, []byte{r.dia.nl}))
	if long {
		r.dropLine()
	}
	c.End, c.EndLine = r.off, r.line
}

// dropLine drops the rest of a line, however long.
func (r *reader) dropLine() {
	for {
		if i := bytes.IndexByte(r.buf, r.dia.nl); i >= 0 {
			r.drop(i + 1)
			return
		}
		r.drop(len(r.buf))
		if !r.refill() {
			return
		}
	}
}

// readHeader makes the layout of the part from its header, passing over what precedes it.
func (r *reader) readHeader(name string) error {
	for range r.d.Skip {
		r.dropLine()
	}
	if !r.d.Header {
		r.lay = r.d.positions(r.want)
		return nil
	}
	for pos := 0; ; {
		end, after, what := r.next(pos)
		switch what {
		case aCut:
			if !r.refill() && !r.eof {
				return named(name, r.err)
			}
		case aSkip:
			pos = after
		case aNothing:
			r.drop(pos)
			r.noteEmpty(name)
			return nil
		case aUnclosed, aTooLong:
			return plugin.Fail(plugin.Data, "row.bad_header", fmt.Errorf("%s: the header has no end: %s", name, r.show(r.buf[pos:end])),
				"Check the delimiter and quote of the decoder, and whether this is a text file at all")
		case aRow:
			names := r.headerNames(pos, end)
			if err := r.match(name, names); err != nil {
				return err
			}
			r.drop(after)
			return nil
		}
	}
}

// headerNames returns the names in the row at pos..end of buf, in UTF-8.
func (r *reader) headerNames(pos, end int) []string {
	if end > pos && r.buf[end-1] == '\r' {
		end--
	}
	line := r.buf[:end]
	var delims []uint32
	if r.dia.quoted {
		delims, _, _ = r.dia.walk(line, pos, nil)
	} else {
		delims = r.dia.delimiters(line, pos, end, nil)
	}
	var names []string
	for _, at := range append(delims, uint32(end)) { //nolint:gosec // a row is at most 256 MiB
		off, to, escaped := r.dia.value(line, pos, int(at))
		text := line[off:to]
		if escaped {
			text = r.dia.unescape(nil, text)
		}
		names = append(names, r.utf8(text))
		pos = int(at) + len(r.dia.delim)
	}
	return names
}

// utf8 returns text of the present part for people and for comparison.
func (r *reader) utf8(text []byte) string {
	if !r.conv {
		text = r.text.AppendUTF8(nil, text)
	}
	return string(bytes.ToValidUTF8(text, []byte("\uFFFD")))
}

func (r *reader) show(text []byte) string {
	s := r.utf8(text[:min(len(text), 80)])
	if len(text) > 80 {
		s += "..."
	}
	return fmt.Sprintf("%q", s)
}

var _ plugin.Resumer = (*reader)(nil)
