package compute

import (
	"weir/engine/record"
)

// colK gives a field of the scope, without copying.
type colK struct{ ref int }

func (k *colK) eval(f *frame, _ []int32) *record.Column { return f.cols[k.ref] }

// elemK gives the elements of the loop around.
type elemK struct{}

func (elemK) eval(f *frame, _ []int32) *record.Column { return f.elem }

// outerK gives, inside loops, what belongs to the row around of each element: a
// field of the scope or a let's variable.
type outerK struct {
	ref    int      // the field, when cell is nil
	cell   *letCell // the variable
	levels int      // how many loops are between
	typ    record.Type
	out    vec
	idx    []int32
}

func (k *outerK) eval(f *frame, sel []int32) *record.Column {
	k.idx = resize(k.idx, f.n)
	copy(k.idx, f.owner)
	around := f.outer
	for range k.levels - 1 {
		for _, i := range sel {
			k.idx[i] = around.owner[k.idx[i]]
		}
		around = around.outer
	}
	if k.cell != nil {
		return k.out.gather(k.cell.col, k.typ, f.n, sel, k.idx)
	}
	return k.out.gather(around.cols[k.ref], k.typ, f.n, sel, k.idx)
}

// rowK gives the whole row as an object.
type rowK struct {
	typ   record.Type
	slots []record.Slot
	col   record.Column
	cols  []record.Column
}

func (k *rowK) eval(f *frame, _ []int32) *record.Column {
	shell(&k.col, k.typ, f.n)
	for i, s := range k.slots {
		k.cols[i].Alias(f.cols[s])
	}
	k.col.Fields = k.cols
	return &k.col
}

// constK gives one value for every row.
type constK struct {
	v    any
	typ  record.Type
	all  record.Column // at least as long as any frame so far
	head record.Column
}

func (k *constK) eval(f *frame, _ []int32) *record.Column {
	if k.head.Type.Kind != record.Invalid && k.head.Len() == f.n {
		return &k.head
	}
	scalar := k.typ.Kind != record.List && k.typ.Kind != record.Object
	if k.all.Type.Kind == record.Invalid || k.all.Len() < f.n || !scalar {
		k.grow(f.n)
	}
	if !scalar {
		k.head.Alias(&k.all)
		return &k.head
	}
	shell(&k.head, k.typ, f.n)
	firstOf(&k.head, &k.all, f.n)
	return &k.head
}

func (k *constK) grow(n int) {
	if s, ok := k.v.(string); ok && k.typ.Kind == record.String {
		k.all.Resize(k.typ, n)
		k.all.Data = append(k.all.Data[:0], s...)
		for i := range n {
			k.all.Views[i] = record.View{Len: uint32(len(s))}
		}
		return
	}
	vs := make([]any, n)
	for i := range vs {
		vs[i] = k.v
	}
	fill(&k.all, k.typ, vs)
}

// firstOf lets c share the first n values of the scalar column src.
func firstOf(c, src *record.Column, n int) {
	c.Data = src.Data
	if src.Nulls != nil {
		c.Nulls = src.Nulls[:n]
	}
	switch src.Type.Kind {
	case record.Bool:
		c.Bools = src.Bools[:n]
	case record.Int, record.Time, record.Date:
		c.Ints = src.Ints[:n]
	case record.Decimal:
		c.Ints, c.Scale = src.Ints[:n], src.Scale[:n]
	case record.Float:
		c.Floats = src.Floats[:n]
	case record.String:
		c.Views = src.Views[:n]
	case record.Any:
		c.Anys = src.Anys[:n]
	}
}

// nowK gives the time of the evaluation.
type nowK struct{ out vec }

func (k *nowK) eval(f *frame, sel []int32) *record.Column {
	c := k.out.reset(tTime, f.n)
	root := f
	for root.outer != nil {
		root = root.outer
	}
	for _, i := range sel {
		c.Ints[i] = root.now.UnixMicro()
	}
	return c
}

// castK turns integers into floats, where those are the same number, or decimals.
type castK struct {
	x   kernel
	typ record.Type
	out vec
}

func (k *castK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	if x.Type.Kind != record.Int {
		return x // null, or converted already
	}
	c := k.out.reset(k.typ, f.n)
	if k.typ.Kind == record.Float {
		wide := false
		for _, i := range sel {
			v := x.Ints[i]
			c.Floats[i] = float64(v)
			wide = wide || uint64(v+maxExact) > 2*maxExact
		}
		if wide {
			failInexact(f, x, sel)
		}
	} else {
		for _, i := range sel {
			c.Ints[i], c.Scale[i] = x.Ints[i], 0
		}
	}
	if x.Nulls != nil {
		for _, i := range sel {
			if x.Nulls[i] {
				k.out.null(i)
			}
		}
	}
	return c
}

// failInexact fails the rows of sel whose integers no float is.
func failInexact(f *frame, x *record.Column, sel []int32) {
	for _, i := range sel {
		if !x.IsNull(int(i)) && !exactFloat(x.Ints[i]) {
			f.fail(i, errInexact.Error())
		}
	}
}

// constOf returns the value of a constant kernel.
func constOf(k kernel) (any, bool) {
	if c, ok := k.(*constK); ok {
		return c.v, true
	}
	return nil, false
}
