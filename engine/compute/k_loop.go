package compute

import (
	"weir/engine/record"
)

// loopK evaluates a body once, as a column over all elements of all selected lists.
type loopK struct {
	list  kernel
	body  kernel
	owned bool // the body reads fields of the rows around
	inner frame
	sel   []int32
	whole []int32        // places that follow one another, from 0 on
	lists *record.Column // those of the last run
}

// run returns the lists and the body's values over their elements.
func (k *loopK) run(f *frame, sel []int32) (list, body *record.Column) {
	list = k.list.eval(f, sel)
	k.lists = list
	n := list.Elem.Len()
	k.inner.reset(n)
	k.inner.elem, k.inner.outer = list.Elem, f
	places := k.places(f, list, sel)
	if k.owned {
		k.inner.owner = resize(k.inner.owner, n)
		for _, i := range sel {
			for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
				k.inner.owner[j] = i
			}
		}
	}
	return list, k.body.eval(&k.inner, places)
}

// places returns where the elements of the rows sel stand that did not fail.
func (k *loopK) places(f *frame, list *record.Column, sel []int32) []int32 {
	if len(sel) == f.n && f.n > 0 && f.bad == nil { // a selection ascends: it is all rows
		to := int(list.Offs[f.n])
		for i := len(k.whole); i < to; i++ {
			k.whole = append(k.whole, int32(i))
		}
		return k.whole[list.Offs[0]:to]
	}
	k.sel = k.sel[:0]
	for _, i := range sel {
		if f.failed(i) {
			continue
		}
		for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
			k.sel = append(k.sel, int32(j))
		}
	}
	return k.sel
}

// raise fails row i when element j failed.
func (k *loopK) raise(f *frame, i int32, j uint32) bool {
	if k.inner.failed(int32(j)) {
		f.fail(i, k.inner.reason(int32(j)))
		return true
	}
	return false
}

// raiseAny fails row i when any of its elements failed.
func (k *loopK) raiseAny(f *frame, list *record.Column, i int32) bool {
	if k.inner.bad == nil {
		return false
	}
	for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
		if k.raise(f, i, j) {
			return true
		}
	}
	return false
}

// testK is all, any and none. Elements behind the one that decides do not
// count, nor do their failures.
type testK struct {
	loopK
	stop   bool // the body's value that decides
	result bool // what is decided then
	out    vec
}

func (k *testK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !k.result
		if f.failed(i) {
			continue
		}
		for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
			if k.raise(f, i, j) {
				break
			}
			if body.Bools[j] == k.stop {
				c.Bools[i] = k.result
				break
			}
		}
	}
	return c
}

// countK is count and one.
type countK struct {
	loopK
	one bool
	out vec
}

func (k *countK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	t := tInt
	if k.one {
		t = tBool
	}
	c := k.out.reset(t, f.n)
	for _, i := range sel {
		n := int64(0)
		if !f.failed(i) && !k.raiseAny(f, list, i) {
			for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
				if body.Bools[j] {
					n++
				}
			}
		}
		if k.one {
			c.Bools[i] = n == 1
		} else {
			c.Ints[i] = n
		}
	}
	return c
}

// sumK is sum.
type sumK struct {
	loopK
	typ record.Type
	out vec
}

func (k *sumK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		k.out.blank(i)
		if f.failed(i) || k.raiseAny(f, list, i) {
			continue
		}
		from, to := list.Offs[i], list.Offs[i+1]
		switch k.typ.Kind {
		case record.Int:
			sum, ok := sumInts(body.Ints[from:to])
			if !ok {
				f.fail(i, errInt.Error())
			}
			c.Ints[i] = sum
		case record.Float:
			for j := from; j < to; j++ {
				c.Floats[i] += body.Floats[j]
			}
			if !finite(c.Floats[i]) {
				f.fail(i, errFloat.Error())
			}
		case record.Decimal:
			acc, err := record.SumDecimals(body.Ints[from:to], body.Scale[from:to])
			if err != nil {
				f.fail(i, err.Error())
			}
			c.SetDec(int(i), acc)
		}
	}
	return c
}

// sumInts adds in turn; it stops at the first sum that is out of range.
func sumInts(vs []int64) (sum int64, ok bool) {
	for _, v := range vs {
		if sum, ok = addInt(sum, v); !ok {
			return 0, false
		}
	}
	return sum, true
}

// meanK is mean of one list of numbers: 0 for none. The mean of ints is a float,
// made of their exact sum.
type meanK struct {
	sumK
	mean vec
}

func (k *meanK) eval(f *frame, sel []int32) *record.Column {
	sum := k.sumK.eval(f, sel)
	c := k.mean.reset(meanType(k.typ), f.n)
	for _, i := range sel {
		k.mean.blank(i)
		n := int64(k.lists.Offs[i+1]) - int64(k.lists.Offs[i])
		if f.failed(i) || n == 0 {
			continue
		}
		if err := k.divide(c, sum, i, n); err != nil {
			f.fail(i, err.Error())
		}
	}
	return c
}

func meanType(sum record.Type) record.Type {
	if sum.Kind == record.Decimal {
		return tDec
	}
	return tFloat
}

// divide sets value i of c to that of sum over n.
func (k *meanK) divide(c, sum *record.Column, i int32, n int64) error {
	switch sum.Type.Kind {
	case record.Decimal:
		d, err := divide(sum.Dec(int(i)), record.DecimalFromInt(n))
		c.SetDec(int(i), d)
		return err
	case record.Int:
		total, err := floatOfInt(sum.Ints[i])
		c.Floats[i] = total / float64(n)
		return err
	}
	c.Floats[i] = sum.Floats[i] / float64(n)
	return nil
}

// mapK is map: the lists keep their lengths.
type mapK struct {
	loopK
	typ record.Type
	col record.Column
}

func (k *mapK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	for _, i := range sel {
		if !f.failed(i) {
			k.raiseAny(f, list, i)
		}
	}
	shell(&k.col, k.typ, f.n)
	k.col.Offs, k.col.Elem = list.Offs, body
	return &k.col
}

// filterK is filter.
type filterK struct {
	loopK
	typ record.Type
	out vec
}

func (k *filterK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	k.out.startList(f.n)
	for _, i := range sel {
		k.out.upTo(int(i))
		if !f.failed(i) && !k.raiseAny(f, list, i) {
			for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
				if body.Bools[j] {
					k.out.list = append(k.out.list, int32(j))
				}
			}
		}
		k.out.offs = append(k.out.offs, uint32(len(k.out.list)))
	}
	return k.out.finishList(list.Elem, k.typ, f.n)
}
