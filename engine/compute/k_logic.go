package compute

import (
	"weir/engine/record"
)

// logicK is and and or: the right side is evaluated only where it counts, so
// that its failures show only there.
type logicK struct {
	a, b kernel
	or   bool
	out  vec
	rest []int32
}

func (k *logicK) eval(f *frame, sel []int32) *record.Column {
	a := k.a.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	k.rest = k.rest[:0]
	for _, i := range sel {
		c.Bools[i] = k.or
		if a.Bools[i] != k.or && !f.failed(i) {
			k.rest = append(k.rest, i)
		}
	}
	if len(k.rest) == 0 {
		return c
	}
	b := k.b.eval(f, k.rest)
	for _, i := range k.rest {
		c.Bools[i] = b.Bools[i]
	}
	return c
}

type notK struct {
	x   kernel
	out vec
}

func (k *notK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !x.Bools[i]
	}
	return c
}

// branch is one side of a choice. A constant text is put into the result's Data
// once a batch, and its cells are views of it.
type branch struct {
	k    kernel
	text []byte
	isK  bool
	sel  []int32
}

func newBranch(k kernel) branch {
	b := branch{k: k}
	if v, ok := constOf(k); ok {
		var s string
		if s, b.isK = v.(string); b.isK {
			b.text = []byte(s)
		}
	}
	return b
}

// put copies the values of the branch's rows into out.
func (b *branch) put(f *frame, out *vec) {
	if len(b.sel) == 0 {
		return
	}
	if b.isK {
		c := &out.col
		v := record.View{Off: uint32(len(c.Data)), Len: uint32(len(b.text))}
		c.Data = append(c.Data, b.text...)
		for _, i := range b.sel {
			c.Views[i] = v
		}
		return
	}
	if inner, ok := b.k.(*condK); ok && inner.typ.Kind == out.col.Type.Kind {
		inner.into(f, out, b.sel)
		return
	}
	src := b.k.eval(f, b.sel)
	if out.col.Type.Kind == record.String && src.Type.Kind == record.String && src.Nulls == nil && f.bad == nil {
		out.copyTexts(src, b.sel)
		return
	}
	for _, i := range b.sel {
		if f.failed(i) {
			out.blank(i)
			continue
		}
		out.copyCell(i, src, i)
	}
}

// condK is the ternary operator.
type condK struct {
	cond kernel
	a, b branch
	typ  record.Type
	out  vec
}

func (k *condK) eval(f *frame, sel []int32) *record.Column {
	c := k.out.reset(k.typ, f.n)
	k.into(f, &k.out, sel)
	return c
}

// into sets the values of sel in out, which may be that of another choice around.
func (k *condK) into(f *frame, out *vec, sel []int32) {
	cond := k.cond.eval(f, sel)
	k.a.sel, k.b.sel = k.a.sel[:0], k.b.sel[:0]
	for _, i := range sel {
		switch {
		case f.failed(i):
			out.blank(i)
		case cond.Bools[i]:
			k.a.sel = append(k.a.sel, i)
		default:
			k.b.sel = append(k.b.sel, i)
		}
	}
	k.a.put(f, out)
	k.b.put(f, out)
}

// coalesceK is ??: the right side is evaluated where the left one is nil.
type coalesceK struct {
	a   kernel
	b   branch
	typ record.Type
	out vec
}

func (k *coalesceK) eval(f *frame, sel []int32) *record.Column {
	a := k.a.eval(f, sel)
	k.b.sel = k.b.sel[:0]
	for _, i := range sel {
		if a.IsNull(int(i)) && !f.failed(i) {
			k.b.sel = append(k.b.sel, i)
		}
	}
	if len(k.b.sel) == 0 && a.Type.Kind == k.typ.Kind {
		return a
	}
	c := k.out.reset(k.typ, f.n)
	for _, i := range sel {
		if f.failed(i) {
			k.out.blank(i)
		} else if !a.IsNull(int(i)) {
			k.out.copyCell(i, a, i)
		}
	}
	k.b.put(f, &k.out)
	return c
}
