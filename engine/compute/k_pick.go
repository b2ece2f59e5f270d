package compute

import (
	"bytes"
	"fmt"

	"weir/engine/record"
)

// pickK gives one element of each list, or a field inside it: first(l), last(l)
// and l[i], each perhaps followed by .field.
type pickK struct {
	list     kernel
	at       int  // place from the start, or from the end when negative
	must     bool // an element that is not there is a failure, not nil
	elemNull bool // the elements themselves may be nil
	path     []int
	typ      record.Type
	out      vec
}

func (k *pickK) eval(f *frame, sel []int32) *record.Column {
	list := k.list.eval(f, sel)
	k.out.idx = resize(k.out.idx, f.n)
	for _, i := range sel {
		k.out.idx[i] = -1
		if f.failed(i) {
			continue
		}
		n := int(list.Offs[i+1] - list.Offs[i])
		at := k.at
		if at < 0 {
			at += n
		}
		switch {
		case at >= 0 && at < n:
			k.out.idx[i] = int32(list.Offs[i]) + int32(at)
		case k.must:
			f.fail(i, fmt.Sprintf("index out of range: %d (array length is %d)", at, n))
		}
	}
	src := list.Elem
	for _, p := range k.path {
		if src.Type.Kind == record.Null {
			break
		}
		src = &src.Fields[p]
	}
	return k.out.gather(src, k.typ, f.n, sel, k.out.idx)
}

// extremeK is min and max of one list.
type extremeK struct {
	list kernel
	max  bool
	must bool // the list is known to hold something
	typ  record.Type
	out  vec
}

func (k *extremeK) eval(f *frame, sel []int32) *record.Column {
	list := k.list.eval(f, sel)
	k.out.idx = resize(k.out.idx, f.n)
	under := lessCell(list.Elem.Type.Kind)
	for _, i := range sel {
		k.out.idx[i] = -1
		from, to := int32(list.Offs[i]), int32(list.Offs[i+1])
		if f.failed(i) || from == to {
			if from == to && k.must {
				f.fail(i, "the list is empty")
			}
			continue
		}
		best := from
		for j := from + 1; j < to; j++ {
			if k.max && under(list.Elem, best, j) || !k.max && under(list.Elem, j, best) {
				best = j
			}
		}
		k.out.idx[i] = best
	}
	return k.out.gather(list.Elem, k.typ, f.n, sel, k.out.idx)
}

// lessCell orders two cells of a column of kind k.
func lessCell(k record.Kind) func(c *record.Column, i, j int32) bool {
	switch k {
	case record.Float:
		return func(c *record.Column, i, j int32) bool { return c.Floats[i] < c.Floats[j] }
	case record.Decimal:
		return func(c *record.Column, i, j int32) bool { return c.Dec(int(i)).Cmp(c.Dec(int(j))) < 0 }
	case record.String:
		return func(c *record.Column, i, j int32) bool { return bytes.Compare(c.Bytes(int(i)), c.Bytes(int(j))) < 0 }
	}
	return func(c *record.Column, i, j int32) bool { return c.Ints[i] < c.Ints[j] }
}
