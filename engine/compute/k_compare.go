package compute

import (
	"bytes"

	"weir/engine/record"
)

// eqK is == (and != with not) of two columns of one kind, either of which may hold nulls.
type eqK struct {
	a, b kernel
	not  bool
	out  vec
}

func (k *eqK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	same := sameCell(a.Type.Kind)
	for _, i := range sel {
		an, bn := a.IsNull(int(i)), b.IsNull(int(i))
		eq := an && bn
		if !an && !bn {
			eq = same(a, b, i)
		}
		c.Bools[i] = eq != k.not
	}
	return c
}

// sameCell compares cell i of two columns of kind k.
func sameCell(k record.Kind) func(a, b *record.Column, i int32) bool {
	switch k {
	case record.Bool:
		return func(a, b *record.Column, i int32) bool { return a.Bools[i] == b.Bools[i] }
	case record.Float:
		return func(a, b *record.Column, i int32) bool { return a.Floats[i] == b.Floats[i] }
	case record.Decimal:
		return func(a, b *record.Column, i int32) bool { return a.Dec(int(i)) == b.Dec(int(i)) }
	case record.String:
		return func(a, b *record.Column, i int32) bool { return bytes.Equal(a.Bytes(int(i)), b.Bytes(int(i))) }
	}
	return func(a, b *record.Column, i int32) bool { return a.Ints[i] == b.Ints[i] }
}

// eqTextK is == with a constant text.
type eqTextK struct {
	x   kernel
	s   string
	not bool
	out vec
}

func (k *eqTextK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	if x.Nulls == nil && x.Type.Kind == record.String {
		n := uint32(len(k.s))
		for _, i := range sel {
			v := x.Views[i]
			c.Bools[i] = (v.Len == n && string(x.Data[v.Off:v.Off+v.Len]) == k.s) != k.not
		}
		return c
	}
	for _, i := range sel {
		c.Bools[i] = (!x.IsNull(int(i)) && string(x.Bytes(int(i))) == k.s) != k.not
	}
	return c
}

// isNilK is == nil.
type isNilK struct {
	x   kernel
	not bool
	out vec
}

func (k *isNilK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = x.IsNull(int(i)) != k.not
	}
	return c
}

// orderK is < <= > >= of two columns of one kind without nulls.
type orderK struct {
	a, b kernel
	op   string
	out  vec
}

func (k *orderK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	switch a.Type.Kind {
	case record.Float:
		orderLoop(k.op, a.Floats, b.Floats, c.Bools, sel)
	case record.String:
		for _, i := range sel {
			c.Bools[i] = holds(k.op, bytes.Compare(a.Bytes(int(i)), b.Bytes(int(i))))
		}
	case record.Decimal:
		for _, i := range sel {
			c.Bools[i] = holds(k.op, a.Dec(int(i)).Cmp(b.Dec(int(i))))
		}
	default:
		orderLoop(k.op, a.Ints, b.Ints, c.Bools, sel)
	}
	return c
}

// mixedK compares an int with a float, by value; either may be null for == and !=.
type mixedK struct {
	int, float kernel
	op         string
	out        vec
}

func (k *mixedK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.int.eval(f, sel), k.float.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		an, bn := a.IsNull(int(i)), b.IsNull(int(i))
		switch {
		case an || bn:
			c.Bools[i] = (an && bn) == (k.op == "==")
		case b.Floats[i] != b.Floats[i]:
			c.Bools[i] = k.op == "!="
		default:
			c.Bools[i] = holds(k.op, compareIntFloat(a.Ints[i], b.Floats[i]))
		}
	}
	return c
}

func orderLoop[T int64 | float64](op string, a, b []T, out []bool, sel []int32) {
	switch op {
	case "<":
		for _, i := range sel {
			out[i] = a[i] < b[i]
		}
	case "<=":
		for _, i := range sel {
			out[i] = a[i] <= b[i]
		}
	case ">":
		for _, i := range sel {
			out[i] = a[i] > b[i]
		}
	default:
		for _, i := range sel {
			out[i] = a[i] >= b[i]
		}
	}
}

// holds tells whether a comparison that gave c satisfies op.
func holds(op string, c int) bool {
	switch op {
	case "==":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// inTextK is "in" with a list of constant texts.
type inTextK struct {
	x    kernel
	few  []string
	many map[string]struct{} // used when there are more than a few
	null bool                // whether the list holds nil
	out  vec
}

// linear is the number of texts up to which comparing one after another is quickest.
const linear = 8

func newInText(x kernel, list []any) *inTextK {
	k := &inTextK{x: x}
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			k.null = true
			continue
		}
		k.few = append(k.few, s)
	}
	if len(k.few) > linear {
		k.many = make(map[string]struct{}, len(k.few))
		for _, s := range k.few {
			k.many[s] = struct{}{}
		}
	}
	return k
}

func (k *inTextK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		if x.IsNull(int(i)) {
			c.Bools[i] = k.null
			continue
		}
		c.Bools[i] = k.has(x.Bytes(int(i)))
	}
	return c
}

func (k *inTextK) has(b []byte) bool {
	if k.many != nil {
		_, ok := k.many[string(b)]
		return ok
	}
	for _, s := range k.few {
		if string(b) == s {
			return true
		}
	}
	return false
}

// inK is "in" with a list of constant numbers or bools of the operand's kind.
type inK struct {
	x    kernel
	list record.Column // not null
	null bool
	out  vec
}

func (k *inK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		if x.IsNull(int(i)) {
			c.Bools[i] = k.null
			continue
		}
		c.Bools[i] = k.has(x, i)
	}
	return c
}

func (k *inK) has(x *record.Column, i int32) bool {
	for j := range k.list.Len() {
		switch x.Type.Kind {
		case record.Bool:
			if x.Bools[i] == k.list.Bools[j] {
				return true
			}
		case record.Float:
			if x.Floats[i] == k.list.Floats[j] {
				return true
			}
		case record.Decimal:
			if x.Dec(int(i)) == k.list.Dec(j) {
				return true
			}
		default:
			if x.Ints[i] == k.list.Ints[j] {
				return true
			}
		}
	}
	return false
}
