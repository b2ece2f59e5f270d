package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/engine/plugin"
)

var _ plugin.RawEditor = (*Decoder)(nil)

// EditRaw implements plugin.RawEditor. Cells that are not named stay byte for byte.
func (d *Decoder) EditRaw(ctx context.Context, header, raw []byte, set []plugin.Cell) ([]byte, error) {
	rd, err := d.OpenRaw(ctx, plugin.Object{Name: "the row", Size: int64(len(raw)), Body: bytes.NewReader(raw)}, header, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rd.Close() }() // read from memory
	r, ok := rd.(*reader)
	if !ok || r.lay == nil {
		return nil, errors.New("there is no header to find the column by")
	}
	cuts, end := r.dia.cells(raw)
	if end < len(bytes.TrimRight(raw, "\r\n")) {
		return nil, errors.New("it is the text of several rows; give the whole text anew")
	}
	texts := make([][]byte, len(cuts))
	from := 0
	for i, to := range cuts {
		texts[i] = raw[from:to]
		from = min(len(raw), to+len(r.dia.delim))
	}
	for _, c := range set {
		at, err := r.place(c.Column)
		switch {
		case err != nil:
			return nil, err
		case at >= len(texts):
			return nil, fmt.Errorf("the row has %d cells, and %s would be number %d; give the whole text anew", len(texts), c.Column, at+1)
		}
		if texts[at], err = r.dia.cell(c.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Column, err)
		}
	}
	return append(bytes.Join(texts, r.dia.delim), raw[cuts[len(cuts)-1]:]...), nil
}

// cells returns where each cell of the first row of raw ends, and where the row does.
func (d *dialect) cells(raw []byte) (cuts []int, end int) {
	var delims []uint32
	if d.quoted {
		delims, end, _ = d.walk(raw, 0, nil)
	} else {
		end = d.lineEnd(raw, 0)
		delims = d.delimiters(raw, 0, end, nil)
	}
	for _, at := range delims {
		cuts = append(cuts, int(at))
	}
	last := end
	if last > 0 && raw[last-1] == '\r' {
		last--
	}
	return append(cuts, last), end
}

// place returns the cell of a column, by its declared name or that of the header.
func (r *reader) place(column string) (int, error) {
	var known []string
	for i := range r.d.set.Columns {
		c := &r.d.set.Columns[i]
		known = append(known, c.Name)
		if c.Name != column {
			continue
		}
		if r.lay.header == nil {
			return i, nil
		}
		at, err := r.find("the object", r.lay.header, c)
		if err == nil && at < 0 {
			err = fmt.Errorf("the object has no column %s", column)
		}
		return at, err
	}
	if i := slices.Index(r.lay.header, column); i >= 0 {
		return i, nil
	}
	for _, h := range r.lay.header {
		if !slices.Contains(known, h) {
			known = append(known, h)
		}
	}
	return 0, fmt.Errorf("there is no column %s; there is %s", column, strings.Join(known, ", "))
}

// cell writes a value as a cell.
func (d *dialect) cell(value string) ([]byte, error) {
	text := []byte(value)
	special := bytes.Contains(text, d.delim) || bytes.ContainsAny(text, "\r\n") ||
		d.quoted && len(text) > 0 && bytes.IndexByte(text, d.quote) >= 0 || d.trim && len(bytes.Trim(text, " \t")) != len(text)
	switch {
	case !special:
		return text, nil
	case !d.quoted:
		return nil, errors.New("the value holds what ends a cell, and the decoder has no quote to put it in")
	}
	if d.escape != 0 && d.escape != d.quote {
		e := []byte{d.escape}
		text = bytes.ReplaceAll(text, e, append(e, d.escape))
	}
	q := []byte{d.quote}
	text = bytes.ReplaceAll(text, q, []byte{d.quote, d.quote})
	return slices.Concat(q, text, q), nil
}
