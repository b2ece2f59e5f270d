package compute

import (
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	"weir/engine/record"
)

// The reasons do not quote the text: it may come from a variable that is secret (I9).
const (
	notInt   = "int() was given a text that is no whole number"
	notFloat = "float() was given a text that is no number"
)

// borrow shows b as a string for the length of one call that does not keep it.
func borrow(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// lenK is len() of texts (in characters) and lists.
type lenK struct {
	x   kernel
	out vec
}

func (k *lenK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	if x.Type.Kind == record.List {
		for _, i := range sel {
			c.Ints[i] = int64(x.Offs[i+1] - x.Offs[i])
		}
		return c
	}
	for _, i := range sel {
		c.Ints[i] = int64(utf8.RuneCount(x.Bytes(int(i))))
	}
	return c
}

// intOfK is int().
type intOfK struct {
	x   kernel
	out vec
}

func (k *intOfK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	for _, i := range sel {
		switch x.Type.Kind {
		case record.Float:
			n, err := intOfFloat(x.Floats[i])
			if err != nil {
				f.fail(i, err.Error())
			}
			c.Ints[i] = n
		case record.Decimal:
			c.Ints[i] = truncated(x.Dec(int(i)))
		case record.String:
			n, err := intOfText(borrow(x.Bytes(int(i))))
			if err != nil {
				f.fail(i, err.Error())
			}
			c.Ints[i] = n
		}
	}
	return c
}

// floatOfK is float().
type floatOfK struct {
	x   kernel
	out vec
}

func (k *floatOfK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tFloat, f.n)
	for _, i := range sel {
		switch x.Type.Kind {
		case record.Int:
			v, err := floatOfInt(x.Ints[i])
			if err != nil {
				f.fail(i, err.Error())
			}
			c.Floats[i] = v
		case record.Decimal:
			v, err := floatOfDecimal(x.Dec(int(i)))
			if err != nil {
				f.fail(i, err.Error())
			}
			c.Floats[i] = v
		case record.String:
			v, err := floatOfText(borrow(x.Bytes(int(i))))
			if err != nil {
				f.fail(i, err.Error())
			}
			c.Floats[i] = v
		}
	}
	return c
}

// textOfK is string() of scalars.
type textOfK struct {
	x   kernel
	out vec
}

func (k *textOfK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		off := len(c.Data)
		if !k.out.room(f, i, 64, 64) {
			continue
		}
		c.Data = appendCell(c.Data, x, int(i))
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(len(c.Data) - off)}
	}
	return c
}

// appendCell appends the text of the scalar i of c, as string() gives it.
func appendCell(dst []byte, c *record.Column, i int) []byte {
	switch c.Type.Kind {
	case record.Bool:
		return strconv.AppendBool(dst, c.Bools[i])
	case record.Int:
		return strconv.AppendInt(dst, c.Ints[i], 10)
	case record.Float:
		return record.AppendFloat(dst, c.Floats[i])
	case record.Decimal:
		return c.Dec(i).Append(dst)
	case record.String:
		return append(dst, c.Bytes(i)...)
	case record.Date:
		return record.DateValue{Days: c.Ints[i]}.Append(dst)
	case record.Time:
		return time.UnixMicro(c.Ints[i]).In(c.Type.Location()).AppendFormat(dst, time.RFC3339Nano)
	}
	return dst
}
