package compute

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"weir/engine/record"
)

// valueAt boxes value i of c as the VM wants it, copying text.
func valueAt(c *record.Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case record.Bool:
		return c.Bools[i]
	case record.Int:
		return int(c.Ints[i])
	case record.Float:
		return c.Floats[i]
	case record.Decimal:
		return c.Dec(i)
	case record.String:
		return string(c.Bytes(i))
	case record.Time:
		return time.UnixMicro(c.Ints[i]).In(c.Type.Location())
	case record.Date:
		return record.DateValue{Days: c.Ints[i]}
	case record.List:
		out := make([]any, 0, c.Offs[i+1]-c.Offs[i])
		for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
			out = append(out, valueAt(c.Elem, int(j)))
		}
		return out
	case record.Object:
		out := make(map[string]any, len(c.Fields))
		for k := range c.Fields {
			out[c.Type.Fields[k].Name] = valueAt(&c.Fields[k], i)
		}
		return out
	case record.Any:
		return c.Anys[i]
	}
	return nil
}

// conform turns the VM's result v into a value of type t, or says why it is none.
func conform(v any, t record.Type) (any, error) {
	if v == nil {
		if t.Nullable || t.Kind == record.Any || t.Kind == record.Null {
			return nil, nil
		}
		return nil, fmt.Errorf("the result is nil, not %s", words(t))
	}
	ok := false
	switch t.Kind {
	case record.Any:
		return canonical(v)
	case record.Bool:
		_, ok = v.(bool)
	case record.Int:
		_, ok = v.(int)
	case record.Float:
		if i, isInt := v.(int); isInt {
			return floatOfInt(int64(i))
		}
		_, ok = v.(float64)
	case record.Decimal:
		if i, isInt := v.(int); isInt {
			return record.DecimalFromInt(int64(i)), nil
		}
		_, ok = v.(record.DecimalValue)
	case record.String:
		_, ok = v.(string)
	case record.Time:
		at, isTime := v.(time.Time)
		if isTime && !storableTime(at) {
			return nil, errSpan
		}
		ok = isTime
	case record.Date:
		_, ok = v.(record.DateValue)
	case record.List:
		return conformList(v, t)
	case record.Object:
		return conformObject(v, t)
	}
	if !ok {
		return nil, fmt.Errorf("the result is %s, not %s", kindWord(v), words(t))
	}
	return v, nil
}

func conformList(v any, t record.Type) (any, error) {
	l, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("the result is %s, not %s", kindWord(v), words(t))
	}
	out := make([]any, len(l))
	for i, e := range l {
		var err error
		if out[i], err = conform(e, *t.Elem); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func conformObject(v any, t record.Type) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the result is %s, not %s", kindWord(v), words(t))
	}
	out := make(map[string]any, len(t.Fields))
	for _, f := range t.Fields {
		e, err := conform(m[f.Name], f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		out[f.Name] = e
	}
	return out, nil
}

// canonical turns any value into the kinds that an Any column holds.
func canonical(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int, float64, string, record.DecimalValue, record.DateValue:
		return v, nil
	case time.Time:
		if !storableTime(v) {
			return nil, errSpan
		}
		return v, nil
	case time.Duration:
		return nil, errors.New("the result is a duration, which no column holds; turn it into a number or a string")
	case map[string]any:
		return conformOpen(v)
	}
	if l, ok := asList(v); ok {
		return conformList(l, record.ListOf(tAny))
	}
	if rv := reflect.ValueOf(v); rv.CanInt() {
		return int(rv.Int()), nil // such as a time.Month
	}
	return nil, fmt.Errorf("the result is a %T, which no column holds", v)
}

func conformOpen(m map[string]any) (any, error) {
	out := make(map[string]any, len(m))
	for k, v := range m {
		e, err := canonical(v)
		if err != nil {
			return nil, err
		}
		out[k] = e
	}
	return out, nil
}

// storableTime tells whether a column, which counts microseconds, can hold at.
func storableTime(at time.Time) bool {
	const most = math.MaxInt64 / 1_000_000
	sec := at.Unix()
	return -most < sec && sec < most
}

// fill makes c a column of the values vs, each of which conforms to t.
func fill(c *record.Column, t record.Type, vs []any) {
	c.Resize(t, len(vs))
	switch t.Kind {
	case record.List:
		fillList(c, t, vs)
	case record.Object:
		inner := make([]any, len(vs))
		for k, f := range t.Fields {
			for i, v := range vs {
				m, _ := v.(map[string]any)
				inner[i] = m[f.Name]
			}
			fill(&c.Fields[k], f.Type, inner)
		}
	}
	for i, v := range vs {
		if v == nil && t.Kind != record.Any && t.Kind != record.Null {
			c.SetNull(i)
		}
		set(c, i, v)
	}
}

func fillList(c *record.Column, t record.Type, vs []any) {
	var flat []any
	for i, v := range vs {
		l, _ := v.([]any)
		flat = append(flat, l...)
		c.Offs[i+1] = uint32(len(flat))
	}
	fill(c.Elem, *t.Elem, flat)
}

// set stores the scalar v, or the zero value for nil.
func set(c *record.Column, i int, v any) {
	switch c.Type.Kind {
	case record.Bool:
		c.Bools[i], _ = v.(bool)
	case record.Int:
		n, _ := v.(int)
		c.Ints[i] = int64(n)
	case record.Float:
		c.Floats[i], _ = v.(float64)
	case record.Decimal:
		d, _ := v.(record.DecimalValue)
		c.SetDec(i, d)
	case record.String:
		s, _ := v.(string)
		c.Views[i] = record.View{Off: uint32(len(c.Data)), Len: uint32(len(s))}
		c.Data = append(c.Data, s...)
	case record.Time:
		c.Ints[i] = 0
		if t, ok := v.(time.Time); ok {
			c.Ints[i] = t.UnixMicro()
		}
	case record.Date:
		d, _ := v.(record.DateValue)
		c.Ints[i] = d.Days
	case record.Any:
		c.Anys[i] = v
	}
}
