package step

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"weir/engine/record"
)

// ErrOtherConfig tells that what was saved of an object belongs to a step that was
// configured otherwise: other keys, or other fields that must be held.
var ErrOtherConfig = errors.New("it was saved under another configuration of the step")

// savedVersion begins every saved part.
const savedVersion = 1

// KeptRow is where a saved row came from.
type KeptRow struct {
	Row, Line int64
	Raw       []byte // nil when there is none
}

// KeptRows calls f with the rows of a part that a Keeper saved, whatever step and
// configuration it was, so that they can be accounted for when no runner takes
// them up. header is that of the rows' origin; both are valid as long as part is.
func KeptRows(part []byte, f func(KeptRow)) (header []byte, err error) {
	d := &savedReader{b: part}
	d.begin()
	header = d.bytes()
	for n := d.uint(); n > 0 && !d.bad; n-- {
		k := KeptRow{Row: d.int(), Line: d.int()}
		if raw := d.bytes(); len(raw) > 0 {
			k.Raw = raw
		}
		if !d.bad {
			f(k)
		}
	}
	return header, d.err()
}

// beginSaved begins a part of a step whose configuration is described by signature.
func beginSaved(dst []byte, signature string) []byte {
	return appendBytes(append(dst, savedVersion), []byte(signature))
}

// noRows stands for the rows of a step that keeps none back.
func noRows(dst []byte) []byte { return binary.AppendUvarint(appendBytes(dst, nil), 0) }

// save appends the rows of x from the from-th on.
func (x *rowBuffer) save(dst []byte, from int) ([]byte, error) {
	b := &x.b
	var header []byte
	if b.Origin != nil {
		header = b.Origin.Header
	}
	dst = binary.AppendUvarint(appendBytes(dst, header), uint64(b.N-from)) //nolint:gosec // from is at most N
	for i := from; i < b.N; i++ {
		dst = binary.AppendVarint(binary.AppendVarint(dst, b.RowNos[i]), b.Lines[i])
		dst = appendBytes(dst, b.RawText(i))
	}
	var err error
	for _, s := range x.slots {
		for i := from; i < b.N; i++ {
			if dst, err = appendSaved(dst, &b.Cols[s], i); err != nil {
				return dst, fmt.Errorf("field %s of row %d: %w", b.Schema.Fields()[s].Name, b.RowNos[i], err)
			}
		}
	}
	return dst, nil
}

// restore appends saved rows, which then come from origin.
func (x *rowBuffer) restore(d *savedReader, origin *record.Origin) {
	if !x.open {
		x.reset()
	}
	b := &x.b
	o := *origin
	if o.Header = append([]byte(nil), d.bytes()...); len(o.Header) == 0 {
		o.Header = nil
	}
	n := d.count()
	for range n {
		b.RowNos, b.Lines = append(b.RowNos, d.int()), append(b.Lines, d.int())
		raw := d.bytes()
		b.Raw = append(b.Raw, record.View{Off: uint32(len(b.RawData)), Len: uint32(len(raw))}) //nolint:gosec // bounded when it was saved
		b.RawData = append(b.RawData, raw...)
	}
	var one record.Column
	for _, s := range x.slots {
		for range n {
			one.Resize(b.Schema.Fields()[s].Type, 1)
			d.value(&one)
			b.Cols[s].AppendFrom(&one, 0)
		}
	}
	b.Origin = &o
	b.N += n
}

// signature describes the columns that x holds.
func (x *rowBuffer) signature() string {
	var b []byte
	for _, s := range x.slots {
		f := x.b.Schema.Fields()[s]
		b = append(append(b, f.Name...), ' ')
		b = append(append(b, f.Type.String()...), '\n')
	}
	return string(b)
}

func appendBytes(dst, v []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

// Tags of the values of a column of kind any, and of all values: whether they are there.
const (
	savedNull = iota
	savedValue
	savedBool
	savedInt
	savedFloat
	savedString
	savedDecimal
	savedDate
	savedTime
	savedList
	savedObject
)

// appendSaved appends value i of c so that value can read it back as it is.
func appendSaved(b []byte, c *record.Column, i int) ([]byte, error) {
	if c.IsNull(i) {
		return append(b, savedNull), nil
	}
	b = append(b, savedValue)
	var err error
	switch c.Type.Kind {
	case record.Bool:
		b = appendBool(b, c.Bools[i])
	case record.Int, record.Time, record.Date:
		b = binary.AppendVarint(b, c.Ints[i])
	case record.Decimal:
		b = append(binary.AppendVarint(b, c.Ints[i]), c.Scale[i])
	case record.Float:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.Floats[i]))
	case record.String:
		b = appendBytes(b, c.Bytes(i))
	case record.List:
		b = binary.AppendUvarint(b, uint64(c.Offs[i+1]-c.Offs[i]))
		for j := c.Offs[i]; j < c.Offs[i+1] && err == nil; j++ {
			b, err = appendSaved(b, c.Elem, int(j))
		}
	case record.Object:
		for k := range c.Fields {
			if err == nil {
				b, err = appendSaved(b, &c.Fields[k], i)
			}
		}
	case record.Any:
		b, err = appendSavedAny(b, c.Anys[i])
	case record.Invalid, record.Null:
	}
	return b, err
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendSavedAny appends a value of a column of kind any with its type.
func appendSavedAny(b []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return append(b, savedNull), nil
	case bool:
		return appendBool(append(b, savedBool), v), nil
	case int:
		return binary.AppendVarint(append(b, savedInt), int64(v)), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, savedFloat), math.Float64bits(v)), nil
	case string:
		return appendBytes(append(b, savedString), []byte(v)), nil
	case record.DecimalValue:
		return append(binary.AppendVarint(append(b, savedDecimal), v.Coef), v.Scale), nil
	case record.DateValue:
		return binary.AppendVarint(append(b, savedDate), v.Days), nil
	case time.Time:
		name, offset := v.Zone()
		b = binary.AppendVarint(append(b, savedTime), v.Unix())
		b = binary.AppendUvarint(b, uint64(v.Nanosecond())) //nolint:gosec // not negative
		b = appendBytes(appendBytes(b, []byte(v.Location().String())), []byte(name))
		return binary.AppendVarint(b, int64(offset)), nil
	case []any:
		b = binary.AppendUvarint(append(b, savedList), uint64(len(v)))
		for _, e := range v {
			if b, err = appendSavedAny(b, e); err != nil {
				return b, err
			}
		}
		return b, nil
	case map[string]any:
		b = binary.AppendUvarint(append(b, savedObject), uint64(len(v)))
		for _, k := range sortedNames(v) {
			if b, err = appendSavedAny(appendBytes(b, []byte(k)), v[k]); err != nil {
				return b, err
			}
		}
		return b, nil
	}
	return b, fmt.Errorf("a %T cannot be saved", v)
}
