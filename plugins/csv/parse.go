package csv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"weir/engine/columns"
	"weir/engine/plugin"
	"weir/engine/record"
)

// unread is the offset of the view of a cell that is not there: the row could
// not be read, or it ends before an optional column.
const unread = ^uint32(0)

// scratch is the memory of Parse. It belongs to a chunk, and what a batch shows
// of it stays as long as the chunk does.
type scratch struct {
	lay     *layout
	dia     dialect
	text    []byte   // of the chunk in UTF-8, size bytes; texts of unescaped cells follow
	size    int      // of the chunk's own text in text
	conv    []byte   // memory of text when Parse converts it
	broken  []broken // in text
	moved   []broken // memory of broken when Parse converts the text
	holes   bool     // some view is unread
	invalid bool     // some of text is not UTF-8
	// text is in conv, not in the chunk
	converted bool

	n       int // rows
	views   [][]record.View
	rows    []record.View
	lines   []int64
	rejects []record.Reject
	cuts    []uint32 // of the row under way: before its first cell, the delimiters, after its last cell
	from    int      // its text, without a carriage return at its end
	to      int
	nulls   []bool
	parsers []*columns.Parser
}

// Parse implements plugin.Reader.
func (r *reader) Parse(ctx context.Context, c *plugin.Chunk, b *record.Batch) error {
	w, ok := c.Extra.(*work)
	if !ok || w.d != r.d {
		return errors.New("the chunk was not made by Split of this reader")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(c.Data) >= 1<<30 {
		return fmt.Errorf("a chunk of %d bytes is too large", len(c.Data))
	}
	s := &w.parse
	s.prepare(w, c.Data)
	s.scan(w.d, c.FirstLine)
	// Appended texts may have moved the text: the larger memory is kept.
	if s.converted {
		s.conv = s.text
	} else {
		c.Data = s.text[:s.size]
	}
	b.Reset(w.d.set.Schema, s.n)
	b.FirstLine, b.Lines, b.Raw, b.RawData = c.FirstLine, s.lines, s.rows, s.text
	b.Rejects = append(b.Rejects, s.rejects...)
	for i, want := range s.lay.wants {
		s.fill(b, w.d.set.Columns[want.slot].Name, want.slot, &s.views[i])
	}
	for len(s.nulls) < s.n {
		s.nulls = append(s.nulls, true)
	}
	for _, slot := range s.lay.absent {
		col := &b.Cols[slot]
		col.Nulls = s.nulls[:s.n:s.n]
		clear(col.Views)
		clear(col.Scale)
	}
	if len(b.Rejects) > 1 {
		// Rows are refused while scanning, then column by column; people read them in order.
		slices.SortStableFunc(b.Rejects, func(a, c record.Reject) int { return cmp.Compare(a.Row, c.Row) })
	}
	return nil
}

// prepare converts the chunk's text and readies the memory for its rows.
func (s *scratch) prepare(w *work, data []byte) {
	s.lay, s.dia, s.text, s.broken = w.lay, w.dia, data, w.broken
	s.rejects, s.n, s.holes, s.invalid, s.converted = s.rejects[:0], 0, false, false, false
	replace := w.d.Text.Invalid == "replace"
	if w.converts() {
		s.convert(w, data, replace)
	} else {
		s.invalid = !record.ValidText(data)
		if s.invalid && replace {
			s.convert(w, data, replace)
		}
	}
	s.size = len(s.text)
	most := bytes.Count(s.text, []byte{s.dia.nl}) + 1 + len(s.broken)
	for len(s.views) < len(s.lay.wants) {
		s.views = append(s.views, nil)
	}
	for i := range s.lay.wants {
		s.views[i] = slices.Grow(s.views[i][:0], most)[:most]
	}
	s.rows, s.lines = slices.Grow(s.rows[:0], most), slices.Grow(s.lines[:0], most)
	for len(s.parsers) < len(w.d.set.Columns) {
		s.parsers = append(s.parsers, w.d.set.Columns[len(s.parsers)].NewParser())
	}
}

// convert makes text of data in UTF-8. Broken rows are converted one by one, so
// that their places in text are known.
func (s *scratch) convert(w *work, data []byte, replace bool) {
	s.conv, s.moved, s.converted = s.conv[:0], s.moved[:0], true
	piece := func(p []byte) {
		from := len(s.conv)
		if w.conv {
			s.conv = append(s.conv, p...)
		} else {
			s.conv = w.text.AppendUTF8(s.conv, p)
		}
		if !utf8.Valid(s.conv[from:]) {
			if replace {
				s.conv = append(s.conv[:from], bytes.ToValidUTF8(s.conv[from:], []byte("\uFFFD"))...)
			} else {
				s.invalid = true
			}
		}
	}
	at := 0
	for _, b := range w.broken {
		piece(data[at:b.from])
		from := len(s.conv)
		piece(data[b.from:b.to])
		s.moved = append(s.moved, broken{from, len(s.conv), b.tooLong})
		at = b.to
	}
	piece(data[at:])
	s.text, s.broken = s.conv, s.moved
	s.invalid = s.invalid && !replace
}

// fill reads the cells at places into one column of b. Texts that are taken as they
// are need no copy of them: the column and s exchange memory.
func (s *scratch) fill(b *record.Batch, name string, slot record.Slot, places *[]record.View) {
	col, p, views := &b.Cols[slot], s.parsers[slot], (*places)[:s.n]
	if col.Type.Kind == record.String {
		col.ShareBytes(s.text)
		if p.Plain() {
			*places, col.Views = col.Views, views
			for i := 0; s.holes && i < len(views); i++ {
				if views[i].Off == unread {
					p.Absent(col, i)
				}
			}
			return
		}
	}
	if !s.holes {
		p.Views(s.text, views, col, func(i int, err error) { refuse(b, i, name, err) })
		return
	}
	for i, v := range views {
		if v.Off == unread {
			p.Absent(col, i)
			continue
		}
		if err := p.View(s.text, v, col, i); err != nil {
			refuse(b, i, name, err)
		}
	}
}

func refuse(b *record.Batch, i int, name string, err error) {
	code := "row.bad_value"
	if ce, ok := errors.AsType[*columns.CellError](err); ok {
		code = ce.Code
	}
	b.Reject(i, "", name, code, err.Error())
}
