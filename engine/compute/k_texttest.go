package compute

import (
	"regexp"

	"weir/engine/record"
)

// textTestK tests texts; nil on either side gives false.
type textTestK struct {
	a, b kernel
	test func(a, b []byte) bool
	out  vec
}

func (k *textTestK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !a.IsNull(int(i)) && !b.IsNull(int(i)) && k.test(a.Bytes(int(i)), b.Bytes(int(i)))
	}
	return c
}

// matchK tests texts against a constant regular expression; nil gives false.
type matchK struct {
	x   kernel
	re  *regexp.Regexp
	out vec
}

func (k *matchK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(tBool, f.n)
	for _, i := range sel {
		c.Bools[i] = !x.IsNull(int(i)) && k.re.Match(x.Bytes(int(i)))
	}
	return c
}

// indexK is indexOf and lastIndexOf.
type indexK struct {
	a, b kernel
	find func(a, b []byte) int
	out  vec
}

func (k *indexK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	for _, i := range sel {
		c.Ints[i] = int64(k.find(a.Bytes(int(i)), b.Bytes(int(i))))
	}
	return c
}

// sliceK is s[from:to] with computed ends; a missing one has no kernel.
type sliceK struct {
	x, from, to kernel
	out         vec
}

func (k *sliceK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	var from, to *record.Column
	if k.from != nil {
		from = k.from.eval(f, sel)
	}
	if k.to != nil {
		to = k.to.eval(f, sel)
	}
	c := k.out.reset(tString, f.n)
	c.ShareData(x)
	for _, i := range sel {
		if f.failed(i) {
			k.out.blank(i)
			continue
		}
		a, z := 0, 0
		if from != nil {
			a = int(from.Ints[i])
		}
		if to != nil {
			z = int(to.Ints[i])
		}
		v := x.Views[i]
		a, z = part(x.Data[v.Off:v.Off+v.Len], a, z, to == nil)
		c.Views[i] = record.View{Off: v.Off + uint32(a), Len: uint32(z - a)}
	}
	return c
}
