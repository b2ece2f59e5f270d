package compute

import (
	"weir/engine/record"
)

// fieldK gives a field of an object, without copying unless the object may be nil.
type fieldK struct {
	x     kernel
	index int
	typ   record.Type
	out   vec
}

func (k *fieldK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	if x.Type.Kind == record.Null {
		return x
	}
	src := &x.Fields[k.index]
	if x.Nulls == nil {
		return src
	}
	k.out.idx = resize(k.out.idx, f.n)
	for _, i := range sel {
		k.out.idx[i] = i
		if x.Nulls[i] {
			k.out.idx[i] = -1
		}
	}
	return k.out.gather(src, k.typ, f.n, sel, k.out.idx)
}

// objectK builds objects; each field is an alias of its kernel's column.
type objectK struct {
	typ  record.Type
	kids []kernel
	cols []record.Column
	col  record.Column
}

func (k *objectK) eval(f *frame, sel []int32) *record.Column {
	shell(&k.col, k.typ, f.n)
	for i, kid := range k.kids {
		k.cols[i].Alias(kid.eval(f, sel))
	}
	k.col.Fields = k.cols
	return &k.col
}

// listK builds lists of a fixed length from scalars.
type listK struct {
	typ  record.Type
	kids []kernel
	cols []*record.Column
	elem vec
	offs []uint32
	col  record.Column
}

func (k *listK) eval(f *frame, sel []int32) *record.Column {
	k.cols = k.cols[:0]
	for _, kid := range k.kids {
		k.cols = append(k.cols, kid.eval(f, sel))
	}
	k.elem.reset(*k.typ.Elem, len(sel)*len(k.kids))
	k.offs = resize(k.offs, f.n+1)
	at, next := uint32(0), 0
	k.offs[0] = 0
	for _, i := range sel {
		for ; next < int(i); next++ {
			k.offs[next+1] = at
		}
		for _, c := range k.cols {
			if f.failed(i) {
				k.elem.blank(int32(at))
			} else {
				k.elem.copyCell(int32(at), c, i)
			}
			at++
		}
		k.offs[i+1], next = at, int(i)+1
	}
	for ; next < f.n; next++ {
		k.offs[next+1] = at
	}
	shell(&k.col, k.typ, f.n)
	k.col.Offs, k.col.Elem = k.offs, &k.elem.col
	return &k.col
}
