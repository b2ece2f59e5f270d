package record

import (
	"bytes"
	"strconv"
)

// CSVOptions vary how delimited text is written. The zero value is RFC 4180
// with a comma, line feeds and nulls as empty cells.
type CSVOptions struct {
	Delimiter    byte // 0 means ','; ASCII, and neither a quote nor a line end
	CRLF         bool // lines end in CR LF
	DecimalComma bool // decimals and floats are written with a comma
}

// CSVEncoder writes the rows of one schema as delimited text: the visible
// fields, in slot order. Cells with a delimiter, quote or line end are quoted.
// Lists and objects are written as JSON in one cell, instants as RFC 3339, days
// as YYYY-MM-DD. It allocates nothing per row; one goroutine at a time uses it.
type CSVEncoder struct {
	schema *Schema
	slots  []Slot
	nodes  []jsonNode
	o      CSVOptions
	w      jsonWriter
	cell   []byte
}

// NewCSVEncoder returns an encoder for the rows of s.
func NewCSVEncoder(s *Schema, o CSVOptions) *CSVEncoder {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	e := &CSVEncoder{schema: s, slots: s.Visible(), o: o}
	for _, k := range e.slots {
		e.nodes = append(e.nodes, newJSONNode(s.fields[k].Type))
	}
	return e
}

// AppendHeader appends the line of field names.
func (e *CSVEncoder) AppendHeader(dst []byte) []byte {
	for k, slot := range e.slots {
		if k > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		dst = e.appendCell(dst, []byte(e.schema.fields[slot].Name))
	}
	return e.lineEnd(dst)
}

// AppendRow appends row i of b with its line end. After an error, a FieldError,
// dst is returned unchanged.
func (e *CSVEncoder) AppendRow(dst []byte, b *Batch, i int) ([]byte, error) {
	start := len(dst)
	for k, slot := range e.slots {
		if k > 0 {
			dst = append(dst, e.o.Delimiter)
		}
		c := &b.Cols[slot]
		if c.IsNull(i) {
			continue
		}
		cell, err := e.value(e.cell[:0], &e.nodes[k], c, i)
		e.cell = cell
		if err != nil {
			return dst[:start], &FieldError{Field: e.schema.fields[slot].Name, Err: err}
		}
		dst = e.appendCell(dst, cell)
	}
	if len(dst) == start {
		dst = append(dst, '"', '"') // an empty line would be no row to most readers
	}
	return e.lineEnd(dst), nil
}

// AppendRows appends the selected rows of b. The error is that of the first row
// that cannot be written; dst is then returned unchanged.
func (e *CSVEncoder) AppendRows(dst []byte, b *Batch) ([]byte, error) {
	dst, _, err := e.appendRows(dst, nil, false, b)
	return dst, err
}

// AppendRowSpans is AppendRows that also appends to ends the length of dst after
// each row. After an error ends is returned unchanged as well.
func (e *CSVEncoder) AppendRowSpans(dst []byte, ends []int, b *Batch) ([]byte, []int, error) {
	return e.appendRows(dst, ends, true, b)
}

func (e *CSVEncoder) appendRows(dst []byte, ends []int, spans bool, b *Batch) ([]byte, []int, error) {
	start, first := len(dst), len(ends)
	for k := range b.Live() {
		var err error
		if dst, err = e.AppendRow(dst, b, b.Row(k)); err != nil {
			return dst[:start], ends[:first], err
		}
		if spans {
			ends = append(ends, len(dst))
		}
	}
	return dst, ends, nil
}

func (e *CSVEncoder) lineEnd(dst []byte) []byte {
	if e.o.CRLF {
		dst = append(dst, '\r')
	}
	return append(dst, '\n')
}

// value appends the text of a cell, without quotes.
func (e *CSVEncoder) value(dst []byte, n *jsonNode, c *Column, i int) ([]byte, error) {
	switch c.Type.Kind {
	case String:
		return append(dst, c.Bytes(i)...), nil
	case Date:
		return appendDate(dst, DateValue{c.Ints[i]})
	case Time:
		return appendTime(dst, c.Ints[i], &n.zone)
	case Decimal:
		return e.mark(c.Dec(i).Append(dst)), nil
	case Float:
		dst, err := appendJSONFloat(dst, c.Floats[i])
		return e.mark(dst), err
	case Int:
		return strconv.AppendInt(dst, c.Ints[i], 10), nil
	case Any:
		switch v := c.Anys[i].(type) {
		case string:
			return append(dst, v...), nil
		case DecimalValue:
			return e.mark(v.Append(dst)), nil
		case DateValue:
			return appendDate(dst, v)
		}
	case Bool, List, Object, Invalid, Null:
	}
	dst, err := e.w.value(dst, n, c, i)
	if m := len(dst); err == nil && c.Type.Kind == Any && m > 1 && dst[0] == '"' {
		return append(dst[:0], dst[1:m-1]...), nil // an instant; every other string was written above
	}
	return dst, err
}

func (e *CSVEncoder) mark(num []byte) []byte {
	if e.o.DecimalComma {
		if i := bytes.IndexByte(num, '.'); i >= 0 {
			num[i] = ','
		}
	}
	return num
}

// appendCell appends text, quoted where RFC 4180 asks for it, and where a
// leading byte order mark or space would be taken off by common readers.
func (e *CSVEncoder) appendCell(dst, text []byte) []byte {
	if !e.needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(dst, text[:i+1]...)
		dst = append(dst, '"')
		text = text[i+1:]
	}
	dst = append(dst, text...)
	return append(dst, '"')
}

func (e *CSVEncoder) needsQuotes(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if first, last := text[0], text[len(text)-1]; first <= ' ' || last <= ' ' || first == 0xEF {
		return true
	}
	for _, c := range text {
		if c == e.o.Delimiter || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
