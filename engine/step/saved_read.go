package step

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"weir/engine/plugin"
	"weir/engine/record"
)

// savedReader reads a saved part. After a mistake everything it gives is zero, and bad is set.
type savedReader struct {
	b   []byte
	bad bool
}

// begin reads the head of a part and returns its signature.
func (d *savedReader) begin() string {
	if d.byte() != savedVersion {
		d.bad = true
	}
	return string(d.bytes())
}

func (d *savedReader) err() error {
	if !d.bad {
		return nil
	}
	return plugin.Fail(plugin.Environment, "state.damaged", errors.New("the state store is damaged: rows that were kept back cannot be read"),
		"Restore the folder from a backup; without one, start anew in an empty folder")
}

func (d *savedReader) fail() { d.b, d.bad = nil, true }

func (d *savedReader) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *savedReader) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *savedReader) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many things follow, each of at least one byte.
func (d *savedReader) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // bounded by the length of the part
}

func (d *savedReader) bytes() []byte {
	n := d.count()
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *savedReader) float() float64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(d.b))
	d.b = d.b[8:]
	return v
}

// value reads one value into the only row of c.
func (d *savedReader) value(c *record.Column) {
	if d.byte() != savedValue {
		setNull(c)
		return
	}
	switch c.Type.Kind {
	case record.Bool:
		c.Bools[0] = d.byte() == 1
	case record.Int, record.Time, record.Date:
		c.Ints[0] = d.int()
	case record.Decimal:
		c.Ints[0], c.Scale[0] = d.int(), d.byte()
	case record.Float:
		c.Floats[0] = d.float()
	case record.String:
		c.SetString(0, d.bytes())
	case record.List:
		var one record.Column
		for n := d.count(); n > 0 && !d.bad; n-- {
			one.Resize(*c.Type.Elem, 1)
			d.value(&one)
			c.Elem.AppendFrom(&one, 0)
		}
		c.Offs[1] = uint32(c.Elem.Len()) //nolint:gosec // bounded by the length of the part
	case record.Object:
		for k := range c.Fields {
			d.value(&c.Fields[k])
		}
	case record.Any:
		c.Anys[0] = d.any()
	case record.Invalid, record.Null:
	}
}

// setNull makes the only row of c null.
func setNull(c *record.Column) {
	c.SetNull(0)
	switch c.Type.Kind {
	case record.String:
		c.Views[0] = record.View{}
	case record.List:
		c.Offs[1] = c.Offs[0]
	case record.Any:
		c.Anys[0] = nil
	default:
	}
}

// any reads a value of a column of kind any.
func (d *savedReader) any() any {
	switch d.byte() {
	case savedBool:
		return d.byte() == 1
	case savedInt:
		return int(d.int())
	case savedFloat:
		return d.float()
	case savedString:
		return string(d.bytes())
	case savedDecimal:
		return record.DecimalValue{Coef: d.int(), Scale: d.byte()}
	case savedDate:
		return record.DateValue{Days: d.int()}
	case savedTime:
		return d.time()
	case savedList:
		out := []any{}
		for n := d.count(); n > 0 && !d.bad; n-- {
			out = append(out, d.any())
		}
		return out
	case savedObject:
		out := map[string]any{}
		for n := d.count(); n > 0 && !d.bad; n-- {
			k := string(d.bytes())
			out[k] = d.any()
		}
		return out
	}
	return nil
}

func (d *savedReader) time() time.Time {
	t := time.Unix(d.int(), int64(d.uint()%1e9)) //nolint:gosec // below 1e9
	zone, name := string(d.bytes()), string(d.bytes())
	offset := int(d.int())
	if l, err := time.LoadLocation(zone); err == nil {
		if _, o := t.In(l).Zone(); o == offset {
			return t.In(l)
		}
	}
	return t.In(time.FixedZone(name, offset)) // a zone without a name, or one that is not known here
}
