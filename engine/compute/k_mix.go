package compute

import (
	"weir/engine/record"
)

// mix makes v a column of n values whose value i, for each i of sel, is value
// idx[i] of srcs[from[i]]; a negative from gives null. What lies in the sources
// has the kinds of t or is null, but for Any, which takes everything.
func (v *vec) mix(srcs []*record.Column, t record.Type, n int, sel, from, idx []int32) *record.Column {
	switch t.Kind {
	case record.Object:
		return v.mixObjects(srcs, t, n, sel, from, idx)
	case record.List:
		return v.mixLists(srcs, t, n, sel, from, idx)
	case record.Null:
		shell(&v.col, t, n)
		return &v.col
	}
	c := v.reset(t, n)
	for _, i := range sel {
		if from[i] < 0 {
			v.null(i)
			continue
		}
		v.copyCell(i, srcs[from[i]], idx[i])
	}
	return c
}

// inner puts what pick gives of each source into v.srcs, for a vec inside.
func (v *vec) inner(srcs []*record.Column, pick func(*record.Column) *record.Column) []*record.Column {
	v.srcs = v.srcs[:0]
	for _, src := range srcs {
		if src.Type.Kind == record.Null {
			v.srcs = append(v.srcs, src)
			continue
		}
		v.srcs = append(v.srcs, pick(src))
	}
	return v.srcs
}

func (v *vec) mixObjects(srcs []*record.Column, t record.Type, n int, sel, from, idx []int32) *record.Column {
	shell(&v.col, t, n)
	if len(v.kids) != len(t.Fields) {
		v.kids, v.cols = make([]vec, len(t.Fields)), make([]record.Column, len(t.Fields))
	}
	for k := range t.Fields {
		kid := &v.kids[k]
		in := kid.inner(srcs, func(c *record.Column) *record.Column { return &c.Fields[k] })
		v.cols[k].Alias(kid.mix(in, t.Fields[k].Type, n, sel, from, idx))
	}
	v.col.Fields = v.cols
	v.mixNulls(srcs, sel, from, idx)
	return &v.col
}

func (v *vec) mixNulls(srcs []*record.Column, sel, from, idx []int32) {
	for _, i := range sel {
		if from[i] < 0 || srcs[from[i]].IsNull(int(idx[i])) {
			v.null(i)
		}
	}
}

func (v *vec) mixLists(srcs []*record.Column, t record.Type, n int, sel, from, idx []int32) *record.Column {
	v.startList(n)
	v.from = v.from[:0]
	for _, i := range sel {
		v.upTo(int(i))
		if from[i] >= 0 && !srcs[from[i]].IsNull(int(idx[i])) {
			src, r := srcs[from[i]], idx[i]
			for j := src.Offs[r]; j < src.Offs[r+1]; j++ {
				v.list, v.from = append(v.list, int32(j)), append(v.from, from[i])
			}
		}
		v.offs = append(v.offs, uint32(len(v.list)))
	}
	v.upTo(n)
	if v.elem == nil {
		v.elem = new(vec)
	}
	v.idx = resize(v.idx, len(v.list))
	for i := range v.idx {
		v.idx[i] = int32(i)
	}
	shell(&v.col, t, n)
	v.col.Offs = v.offs
	in := v.elem.inner(srcs, func(c *record.Column) *record.Column { return c.Elem })
	v.col.Elem = v.elem.mix(in, *t.Elem, len(v.list), v.idx, v.from, v.list)
	v.mixNulls(srcs, sel, from, idx)
	return &v.col
}

// chooser picks, row by row, the source of a value.
type chooser struct {
	typ       record.Type
	srcs      []*record.Column
	from, idx []int32
	out       vec
}

// start prepares for n rows: each is null until choose is called.
func (k *chooser) start(n int, sel []int32) {
	k.srcs = k.srcs[:0]
	k.from, k.idx = resize(k.from, n), resize(k.idx, n)
	for _, i := range sel {
		k.from[i], k.idx[i] = -1, i
	}
}

// take takes the values of rows from src.
func (k *chooser) take(src *record.Column, rows []int32) {
	for _, i := range rows {
		k.from[i] = int32(len(k.srcs))
	}
	k.srcs = append(k.srcs, src)
}

// finish gives the chosen values; rows that failed meanwhile are null.
func (k *chooser) finish(f *frame, sel []int32) *record.Column {
	if f.bad != nil {
		for _, i := range sel {
			if f.failed(i) {
				k.from[i] = -1
			}
		}
	}
	return k.out.mix(k.srcs, k.typ, f.n, sel, k.from, k.idx)
}

// chooseK is the ternary operator between values of any kind.
type chooseK struct {
	cond, a, b kernel
	yes, no    []int32
	chooser
}

func (k *chooseK) eval(f *frame, sel []int32) *record.Column {
	cond := k.cond.eval(f, sel)
	k.start(f.n, sel)
	k.yes, k.no = k.yes[:0], k.no[:0]
	for _, i := range sel {
		switch {
		case f.failed(i):
		case cond.Bools[i]:
			k.yes = append(k.yes, i)
		default:
			k.no = append(k.no, i)
		}
	}
	k.side(f, k.a, k.yes)
	k.side(f, k.b, k.no)
	return k.finish(f, sel)
}

func (k *chooser) side(f *frame, x kernel, rows []int32) {
	if len(rows) > 0 {
		k.take(x.eval(f, rows), rows)
	}
}

// orElseK is ?? between values of any kind.
type orElseK struct {
	a, b    kernel
	yes, no []int32
	chooser
}

func (k *orElseK) eval(f *frame, sel []int32) *record.Column {
	a := k.a.eval(f, sel)
	k.start(f.n, sel)
	k.yes, k.no = k.yes[:0], k.no[:0]
	for _, i := range sel {
		switch {
		case f.failed(i):
		case a.IsNull(int(i)):
			k.no = append(k.no, i)
		default:
			k.yes = append(k.yes, i)
		}
	}
	k.take(a, k.yes)
	k.side(f, k.b, k.no)
	return k.finish(f, sel)
}

// firstOfK is coalesce(): unlike those of ??, all its arguments are evaluated.
type firstOfK struct {
	kids  []kernel
	reach int // how many of them can be the result: none behind one that is never nil
	rows  []int32
	chooser
}

func (k *firstOfK) eval(f *frame, sel []int32) *record.Column {
	k.start(f.n, sel)
	for j, kid := range k.kids {
		c := kid.eval(f, sel)
		if j >= k.reach {
			continue
		}
		k.rows = k.rows[:0]
		for _, i := range sel {
			if k.from[i] < 0 && !f.failed(i) && !c.IsNull(int(i)) {
				k.rows = append(k.rows, i)
			}
		}
		k.take(c, k.rows)
	}
	return k.finish(f, sel)
}
