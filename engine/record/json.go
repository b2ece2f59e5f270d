package record

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// JSONOptions vary how JSON is written.
type JSONOptions struct {
	// OmitNull leaves out the fields of an object that are null. A list keeps its nulls.
	OmitNull bool
}

// ErrNotJSON is wrapped by the errors of values that JSON cannot express: NaN,
// infinities, instants outside the years 0 to 9999, foreign Go types in an Any column.
var ErrNotJSON = errors.New("cannot be written as JSON")

// Encoder writes the rows of one schema as JSON objects: the visible fields, in
// slot order. It allocates nothing per row, apart from what dst must grow, and
// holds buffers of its own: one goroutine at a time uses it.
type Encoder struct {
	schema *Schema
	slots  []Slot
	keys   [][]byte // `"name":` of each visible field
	nodes  []jsonNode
	w      jsonWriter
	size   []byte
	cells  []jsonCell
}

// NewEncoder returns an encoder for the rows of s.
func NewEncoder(s *Schema, o JSONOptions) *Encoder {
	e := &Encoder{schema: s, slots: s.Visible(), w: jsonWriter{omit: o.OmitNull}}
	for _, k := range e.slots {
		f := s.fields[k]
		e.keys = append(e.keys, jsonKey(f.Name))
		e.nodes = append(e.nodes, newJSONNode(f.Type))
	}
	return e
}

// AppendRow appends row i of b as a JSON object. After an error, which names the
// field at fault (see FieldError), dst is returned unchanged.
func (e *Encoder) AppendRow(dst []byte, b *Batch, i int) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	open := len(dst)
	for k, slot := range e.slots {
		c := &b.Cols[slot]
		null := c.IsNull(i)
		if null && e.w.omit {
			continue
		}
		if len(dst) > open {
			dst = append(dst, ',')
		}
		dst = append(dst, e.keys[k]...)
		if null {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = e.w.value(dst, &e.nodes[k], c, i); err != nil {
			return dst[:start], &FieldError{Field: e.schema.fields[slot].Name, Err: err}
		}
	}
	return append(dst, '}'), nil
}

// AppendRows appends the selected rows of b as a JSON list. The error is that of
// the first row that cannot be written; dst is then returned unchanged.
func (e *Encoder) AppendRows(dst []byte, b *Batch) ([]byte, error) {
	start := len(dst)
	cs := e.look(b)
	dst = append(dst, '[')
	for k := range b.Live() {
		if k > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = e.rowOf(cs, dst, b, b.Row(k)); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, ']'), nil
}

// AppendLines appends the selected rows of b as newline-delimited JSON, each row
// with its line end. Errors are those of AppendRows.
func (e *Encoder) AppendLines(dst []byte, b *Batch) ([]byte, error) {
	dst, _, err := e.appendLines(dst, nil, false, b)
	return dst, err
}

// AppendLineSpans is AppendLines that also appends to ends the length of dst
// after each row. After an error ends is returned unchanged as well.
func (e *Encoder) AppendLineSpans(dst []byte, ends []int, b *Batch) ([]byte, []int, error) {
	return e.appendLines(dst, ends, true, b)
}

func (e *Encoder) appendLines(dst []byte, ends []int, spans bool, b *Batch) ([]byte, []int, error) {
	start, first := len(dst), len(ends)
	cs := e.look(b)
	for k := range b.Live() {
		var err error
		if dst, err = e.rowOf(cs, dst, b, b.Row(k)); err != nil {
			return dst[:start], ends[:first], err
		}
		dst = append(dst, '\n')
		if spans {
			ends = append(ends, len(dst))
		}
	}
	return dst, ends, nil
}

// RowSize returns the number of bytes that AppendRow would append for row i.
func (e *Encoder) RowSize(b *Batch, i int) (int, error) {
	var err error
	e.size, err = e.AppendRow(e.size[:0], b, i)
	return len(e.size), err
}

// FieldError is an error about one field of a row.
type FieldError struct {
	Field string
	Err   error
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// ValueEncoder writes the values of one column as JSON, such as the result of an
// expression. One goroutine at a time uses it.
type ValueEncoder struct {
	node jsonNode
	w    jsonWriter
	cell jsonCell
}

// NewValueEncoder returns an encoder for values of type t.
func NewValueEncoder(t Type, o JSONOptions) *ValueEncoder {
	return &ValueEncoder{node: newJSONNode(t), w: jsonWriter{omit: o.OmitNull}}
}

// AppendValue appends value i of c, a null as null. After an error dst is returned unchanged.
func (e *ValueEncoder) AppendValue(dst []byte, c *Column, i int) ([]byte, error) {
	if c.IsNull(i) {
		return append(dst, "null"...), nil
	}
	start := len(dst)
	if c.Type.Kind == List || c.Type.Kind == Object {
		var ok bool
		e.cell.look(nil, c, &e.node)
		if dst, ok = e.w.cell(&e.cell, dst, i); ok {
			return dst, nil
		}
		dst = dst[:start]
	}
	dst, err := e.w.value(dst, &e.node, c, i)
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// jsonNode is a type with what writing its values needs, computed once.
type jsonNode struct {
	kind   Kind
	zone   zoneSpan
	keys   [][]byte
	fields []jsonNode
	names  []string
	elem   *jsonNode
}

func newJSONNode(t Type) jsonNode {
	n := jsonNode{kind: t.Kind}
	switch t.Kind {
	case Time:
		n.zone.loc = t.Location()
	case List:
		el := newJSONNode(*t.Elem)
		n.elem = &el
	case Object:
		for _, f := range t.Fields {
			n.keys = append(n.keys, jsonKey(f.Name))
			n.fields = append(n.fields, newJSONNode(f.Type))
			n.names = append(n.names, f.Name)
		}
	case Bool, Int, Float, Decimal, String, Date, Any, Invalid, Null:
	}
	return n
}

func jsonKey(name string) []byte { return append(AppendJSONString(nil, name), ':') }

// jsonWriter appends values. keys is a stack of the names of maps being written.
type jsonWriter struct {
	omit bool
	keys []string
}

// value appends value i of c, which is not null. A column whose kind is not the
// declared one is written by its own type: that costs an allocation, never a wrong value.
func (w *jsonWriter) value(dst []byte, n *jsonNode, c *Column, i int) ([]byte, error) {
	if c.Type.Kind != n.kind || len(c.Fields) != len(n.fields) {
		own := newJSONNode(c.Type)
		n = &own
	}
	switch n.kind {
	case Bool:
		return strconv.AppendBool(dst, c.Bools[i]), nil
	case Int:
		return strconv.AppendInt(dst, c.Ints[i], 10), nil
	case Decimal:
		return c.Dec(i).Append(dst), nil
	case Float:
		return appendJSONFloat(dst, c.Floats[i])
	case String:
		return AppendJSONBytes(dst, c.Bytes(i)), nil
	case Date:
		return appendQuotedDate(dst, DateValue{c.Ints[i]})
	case Time:
		return appendQuotedTime(dst, c.Ints[i], &n.zone)
	case List:
		return w.list(dst, n, c, i)
	case Object:
		return w.object(dst, n, c, i)
	case Any:
		return w.any(dst, c.Anys[i])
	case Invalid, Null:
	}
	return append(dst, "null"...), nil
}

func (w *jsonWriter) list(dst []byte, n *jsonNode, c *Column, i int) ([]byte, error) {
	dst = append(dst, '[')
	from, to := int(c.Offs[i]), int(c.Offs[i+1])
	for j := from; j < to; j++ {
		if j > from {
			dst = append(dst, ',')
		}
		if c.Elem.IsNull(j) {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = w.value(dst, n.elem, c.Elem, j); err != nil {
			return dst, fmt.Errorf("[%d]: %w", j-from, err)
		}
	}
	return append(dst, ']'), nil
}

func (w *jsonWriter) object(dst []byte, n *jsonNode, c *Column, i int) ([]byte, error) {
	dst = append(dst, '{')
	open := len(dst)
	for k := range c.Fields {
		f := &c.Fields[k]
		null := f.IsNull(i)
		if null && w.omit {
			continue
		}
		if len(dst) > open {
			dst = append(dst, ',')
		}
		dst = append(dst, n.keys[k]...)
		if null {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = w.value(dst, &n.fields[k], f, i); err != nil {
			return dst, &FieldError{Field: n.names[k], Err: err}
		}
	}
	return append(dst, '}'), nil
}

// any appends a value of an Any column.
func (w *jsonWriter) any(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return appendJSONFloat(dst, v)
	case string:
		return AppendJSONString(dst, v), nil
	case DecimalValue:
		return v.Append(dst), nil
	case DateValue:
		return appendQuotedDate(dst, v)
	case time.Time:
		_, offset := v.Zone()
		return appendQuotedInstant(dst, v.Unix(), v.Nanosecond(), offset)
	case []any:
		return w.anyList(dst, v)
	case map[string]any:
		return w.anyMap(dst, v)
	}
	return dst, fmt.Errorf("a value of type %T %w", v, ErrNotJSON)
}

func (w *jsonWriter) anyList(dst []byte, v []any) ([]byte, error) {
	dst = append(dst, '[')
	for j, el := range v {
		if j > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = w.any(dst, el); err != nil {
			return dst, fmt.Errorf("[%d]: %w", j, err)
		}
	}
	return append(dst, ']'), nil
}

// anyMap writes the names in order, so that equal values are equal bytes.
func (w *jsonWriter) anyMap(dst []byte, m map[string]any) ([]byte, error) {
	base := len(w.keys)
	for k, v := range m {
		if v != nil || !w.omit {
			w.keys = append(w.keys, k)
		}
	}
	end := len(w.keys)
	slices.Sort(w.keys[base:end])
	defer func() { w.keys = w.keys[:base] }()
	dst = append(dst, '{')
	for j := base; j < end; j++ {
		if j > base {
			dst = append(dst, ',')
		}
		key := w.keys[j]
		dst = append(AppendJSONString(dst, key), ':')
		var err error
		if dst, err = w.any(dst, m[key]); err != nil {
			return dst, &FieldError{Field: key, Err: err}
		}
	}
	return append(dst, '}'), nil
}

func appendJSONFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("the number %g %w", f, ErrNotJSON)
	}
	return AppendFloat(dst, f), nil
}

// AppendFloat appends the shortest text that reads back as f, in the notation that
// ECMAScript and JSON use: 1000000 and 1e+21.
func AppendFloat(dst []byte, f float64) []byte {
	if a := math.Abs(f); a == 0 || a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64)
}
