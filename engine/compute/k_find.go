package compute

import (
	"weir/engine/record"
)

// findK is find, findLast, findIndex and findLastIndex. Elements behind the one
// that is found do not count, nor do their failures.
type findK struct {
	loopK
	last  bool
	index bool // the element's place instead of the element
	typ   record.Type
	out   vec
}

func (k *findK) eval(f *frame, sel []int32) *record.Column {
	list, body := k.run(f, sel)
	k.out.idx = resize(k.out.idx, f.n)
	for _, i := range sel {
		k.out.idx[i] = -1
		if !f.failed(i) {
			k.out.idx[i] = k.find(f, list, body, i)
		}
	}
	if !k.index {
		return k.out.gather(list.Elem, k.typ, f.n, sel, k.out.idx)
	}
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		if j := k.out.idx[i]; j >= 0 {
			c.Ints[i] = int64(j) - int64(list.Offs[i])
		} else {
			k.out.null(i)
		}
	}
	return c
}

// find returns the index in the elements of what is found for row i, -1 for nothing.
func (k *findK) find(f *frame, list, body *record.Column, i int32) int32 {
	from, to := list.Offs[i], list.Offs[i+1]
	for n := range to - from {
		j := from + n
		if k.last {
			j = to - 1 - n
		}
		if k.raise(f, i, j) {
			return -1
		}
		if body.Bools[j] {
			return int32(j)
		}
	}
	return -1
}
