package compute

import (
	"time"

	"weir/engine/function"
	"weir/engine/record"
)

// nullifK is nullif(): its values are those of x, without a copy.
type nullifK struct {
	x, y  kernel
	typ   record.Type
	same  func(x, y *record.Column, i int32) bool
	nulls []bool
	col   record.Column
}

func (k *nullifK) eval(f *frame, sel []int32) *record.Column {
	x, y := k.x.eval(f, sel), k.y.eval(f, sel)
	if x.Type.Kind == record.Null {
		return x
	}
	k.nulls = resize(k.nulls, f.n)
	for _, i := range sel {
		k.nulls[i] = x.IsNull(int(i)) || !f.failed(i) && !y.IsNull(int(i)) && k.same(x, y, i)
	}
	k.col.Alias(x)
	k.col.Type, k.col.Nulls = k.typ, k.nulls
	return &k.col
}

// blankK is blank().
type blankK struct {
	x   kernel
	out vec
}

func (k *blankK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = x.IsNull(int(i)) || x.Type.Kind == record.String && spaces(x.Bytes(int(i)))
		if x.Type.Kind == record.Any {
			s, isText := x.Anys[i].(string)
			c.Bools[i] = c.Bools[i] || isText && spaces([]byte(s))
		}
	}
	return c
}

func spaces(s []byte) bool {
	from, to := cutSpace(s)
	return from == to
}

// roundK is round() of decimals and floats.
type roundK struct {
	x      kernel
	places int
	typ    record.Type
	out    vec
}

func (k *roundK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		switch {
		case x.IsNull(int(i)):
			k.out.null(i)
		case f.failed(i):
			k.out.blank(i)
		case k.typ.Kind == record.Decimal:
			c.SetDec(int(i), x.Dec(int(i)).Round(uint8(k.places)))
		default:
			c.Floats[i] = function.RoundFloat(x.Floats[i], k.places)
		}
	}
	return c
}

// fixedK is fixed() of ints and decimals.
type fixedK struct {
	x      kernel
	places int
	typ    record.Type
	out    vec
}

func (k *fixedK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		off := len(c.Data)
		switch {
		case x.IsNull(int(i)):
			k.out.null(i)
			continue
		case f.failed(i) || !k.out.room(f, i, 64, 64):
			k.out.blank(i)
			continue
		case x.Type.Kind == record.Int:
			c.Data = function.AppendFixed(c.Data, record.DecimalFromInt(x.Ints[i]), k.places)
		default:
			c.Data = function.AppendFixed(c.Data, x.Dec(int(i)), k.places)
		}
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(len(c.Data) - off)}
	}
	return c
}

// dayPartK is year(), month(), day() and date(): numbers made of a day.
type dayPartK struct {
	x   kernel
	of  func(days int64) int64
	typ record.Type
	out vec
}

func (k *dayPartK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		switch {
		case x.IsNull(int(i)):
			k.out.null(i)
		case x.Type.Kind == record.Time:
			_, offset := time.UnixMicro(x.Ints[i]).In(x.Type.Location()).Zone()
			c.Ints[i] = k.of(floorDiv(x.Ints[i]+int64(offset)*1_000_000, 86_400_000_000))
		default:
			c.Ints[i] = k.of(x.Ints[i])
		}
	}
	return c
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func dayPart(m function.Meaning) func(days int64) int64 {
	return func(days int64) int64 {
		y, mon, d := record.DateValue{Days: days}.Civil()
		switch m {
		case function.YearOf:
			return int64(y)
		case function.MonthOf:
			return int64(mon)
		case function.DayOf:
			return int64(d)
		}
		return days
	}
}

// retypeK shows the values of x under another type of the same kind.
type retypeK struct {
	x   kernel
	typ record.Type
	col record.Column
}

func (k *retypeK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	if x.Type.Kind == record.Null {
		return x
	}
	k.col.Alias(x)
	k.col.Type = k.typ
	return &k.col
}

// joinNonemptyK is join_nonempty().
type joinNonemptyK struct {
	sep  kernel
	kids []kernel
	cols []*record.Column
	out  vec
}

func (k *joinNonemptyK) eval(f *frame, sel []int32) *record.Column {
	sep := k.sep.eval(f, sel)
	k.cols = k.cols[:0]
	for _, kid := range k.kids {
		k.cols = append(k.cols, kid.eval(f, sel))
	}
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		off := len(c.Data)
		if f.failed(i) || !k.out.room(f, i, 0, 0) {
			k.out.blank(i)
			continue
		}
		some := false
		for _, col := range k.cols {
			if col.IsNull(int(i)) {
				continue
			}
			mark := len(c.Data)
			if some && !sep.IsNull(int(i)) {
				c.Data = append(c.Data, sep.Bytes(int(i))...)
			}
			from := len(c.Data)
			c.Data = appendCell(c.Data, col, int(i))
			if spaces(c.Data[from:]) {
				c.Data = c.Data[:mark]
				continue
			}
			some = true
		}
		if len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
			continue
		}
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(len(c.Data) - off)}
	}
	return c
}
