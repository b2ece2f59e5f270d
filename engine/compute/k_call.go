package compute

import (
	"fmt"
	"time"

	"weir/engine/function"
	"weir/engine/record"
)

// callK calls the fast form of a listed function; its other arguments are constant.
type callK struct {
	x    kernel
	fn   *function.Function
	fast function.Fast
	typ  record.Type
	args []any // the constants; the place of the first is free
	out  vec
	none *nullCall
}

// nullCall is what the function gives for nil.
type nullCall struct {
	v   any
	err string
}

func (k *callK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(k.typ, f.n)
	for len(sel) > 0 {
		sel = sel[k.some(f, c, x, sel):]
	}
	return c
}

// some sets values of sel, in order, and returns how many: not all when the
// function panics, which then is the failure of the last row that was set.
func (k *callK) some(f *frame, c, x *record.Column, sel []int32) (n int) {
	defer func() {
		if r := recover(); r != nil {
			f.fail(sel[n], fmt.Sprintf("%s(): %v", k.fn.Name, r))
			k.out.blank(sel[n])
			n++
		}
	}()
	dates := k.typ.Kind == record.Date && x.Type.Kind == record.String && x.Nulls == nil && f.bad == nil
	for ; n < len(sel) && dates && f.bad == nil; n++ {
		i := sel[n]
		v := x.Views[i]
		days, ok, err := k.fast.Date(x.Data[v.Off : v.Off+v.Len])
		switch {
		case err != nil:
			f.fail(i, err.Error())
			k.out.blank(i)
		case !ok:
			k.out.null(i)
		default:
			c.Ints[i] = days
		}
	}
	for ; n < len(sel); n++ {
		i := sel[n]
		if f.failed(i) {
			k.out.blank(i)
			continue
		}
		if x.IsNull(int(i)) {
			k.forNull(f, i)
			continue
		}
		ok, err := k.one(c, x, i)
		if err != nil {
			f.fail(i, err.Error())
			k.out.blank(i)
		} else if !ok {
			k.out.null(i)
		}
	}
	return n
}

// one sets value i; false means null.
func (k *callK) one(c, x *record.Column, i int32) (ok bool, err error) {
	switch {
	case x.Type.Kind == record.Time:
		return true, k.text(c, i, func(dst []byte) ([]byte, bool, error) {
			b, err := k.fast.FromTime(dst, x.Ints[i], x.Type.Location())
			return b, true, err
		})
	case x.Type.Kind == record.Date:
		return true, k.text(c, i, func(dst []byte) ([]byte, bool, error) {
			b, err := k.fast.FromDate(dst, x.Ints[i])
			return b, true, err
		})
	}
	s := x.Bytes(int(i))
	switch k.typ.Kind {
	case record.String:
		off := len(c.Data)
		b, ok, err := k.fast.Str(c.Data, s)
		if len(b) > maxData {
			return false, errBytes
		}
		if err != nil || !ok {
			return false, err
		}
		c.Data = b
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(len(b) - off)}
		return true, nil
	case record.Time:
		c.Ints[i], ok, err = k.fast.Time(s)
	case record.Date:
		c.Ints[i], ok, err = k.fast.Date(s)
	case record.Decimal:
		var d record.DecimalValue
		d, ok, err = k.fast.Dec(s)
		c.SetDec(int(i), d)
	}
	return ok, err
}

func (k *callK) text(c *record.Column, i int32, f func([]byte) ([]byte, bool, error)) error {
	off := len(c.Data)
	b, _, err := f(c.Data)
	if err != nil {
		return err
	}
	c.Data = b
	c.Views[i] = record.View{Off: uint32(off), Len: uint32(len(b) - off)}
	return nil
}

// forNull gives row i what the function makes of nil, asking it once.
func (k *callK) forNull(f *frame, i int32) {
	if k.none == nil {
		k.none = &nullCall{}
		k.args[0] = nil
		v, err := call(k.fn, k.args)
		if err == nil {
			v, err = conform(v, k.typ)
		}
		k.none.v = v
		if err != nil {
			k.none.err = err.Error()
		}
	}
	switch {
	case k.none.err != "":
		f.fail(i, k.none.err)
		k.out.blank(i)
	case k.none.v == nil:
		k.out.null(i)
	default:
		set(&k.out.col, int(i), k.none.v)
	}
}

func call(fn *function.Function, args []any) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s() was given a value that it cannot take", fn.Name)
		}
	}()
	return fn.Call(args...)
}

// fits tells whether fast has the form for an argument and a result of these kinds.
func fits(fast function.Fast, from, to record.Kind) bool {
	switch {
	case from == record.String && to == record.String:
		return fast.Str != nil
	case from == record.String && to == record.Time:
		return fast.Time != nil
	case from == record.String && to == record.Date:
		return fast.Date != nil
	case from == record.String && to == record.Decimal:
		return fast.Dec != nil
	case from == record.Time && to == record.String:
		return fast.FromTime != nil
	case from == record.Date && to == record.String:
		return fast.FromDate != nil
	}
	return false
}

// methodK is a datetime's Year(), Hour() and the like.
type methodK struct {
	x   kernel
	get func(time.Time) int
	out vec
}

func (k *methodK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	loc := x.Type.Location()
	for _, i := range sel {
		c.Ints[i] = int64(k.get(time.UnixMicro(x.Ints[i]).In(loc)))
	}
	return c
}

func methodOf(name string) func(time.Time) int {
	switch name {
	case "Year":
		return time.Time.Year
	case "Month":
		return func(t time.Time) int { return int(t.Month()) }
	case "Day":
		return time.Time.Day
	case "Hour":
		return time.Time.Hour
	case "Minute":
		return time.Time.Minute
	case "Second":
		return time.Time.Second
	case "YearDay":
		return time.Time.YearDay
	case "Weekday":
		return func(t time.Time) int { return int(t.Weekday()) }
	case "Unix":
		return func(t time.Time) int { return int(t.Unix()) }
	case "UnixMilli":
		return func(t time.Time) int { return int(t.UnixMilli()) }
	}
	return nil
}

// boxedK calls a listed function row by row in its scalar form, with values boxed.
type boxedK struct {
	fn   *function.Function
	kids []kernel
	typ  record.Type
	cols []*record.Column
	args []any
	vs   []any
	out  record.Column
}

func (k *boxedK) eval(f *frame, sel []int32) *record.Column {
	k.cols = k.cols[:0]
	for _, kid := range k.kids {
		k.cols = append(k.cols, kid.eval(f, sel))
	}
	k.args, k.vs = resize(k.args, len(k.cols)), resize(k.vs, f.n)
	clear(k.vs)
	for _, i := range sel {
		if f.failed(i) {
			continue
		}
		for j, c := range k.cols {
			k.args[j] = valueAt(c, int(i))
		}
		v, err := call(k.fn, k.args)
		if err == nil {
			v, err = conform(v, k.typ)
		}
		if err != nil {
			f.fail(i, err.Error())
			continue
		}
		k.vs[i] = v
	}
	fill(&k.out, k.typ, k.vs)
	return &k.out
}
