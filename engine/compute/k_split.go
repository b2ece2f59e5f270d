package compute

import (
	"bytes"
	"unicode/utf8"

	"weir/engine/record"
)

// splitK is split() of two arguments; the parts are views of the text.
type splitK struct {
	x, sep kernel
	typ    record.Type
	limit  int // parts of one text
	offs   []uint32
	views  []record.View
	elem   record.Column
	col    record.Column
}

func (k *splitK) eval(f *frame, sel []int32) *record.Column {
	x, sep := k.x.eval(f, sel), k.sep.eval(f, sel)
	k.offs, k.views = append(resize(k.offs, f.n+1)[:0], 0), k.views[:0]
	for _, i := range sel {
		k.upTo(int(i))
		if !f.failed(i) && !k.split(x.Views[i], x.Bytes(int(i)), sep.Bytes(int(i))) {
			f.fail(i, errMany.Error())
		}
		k.offs = append(k.offs, uint32(len(k.views)))
	}
	k.upTo(f.n)
	shell(&k.elem, tString, len(k.views))
	k.elem.ShareData(x)
	k.elem.Views = k.views
	shell(&k.col, k.typ, f.n)
	k.col.Offs, k.col.Elem = k.offs, &k.elem
	return &k.col
}

// upTo gives the rows before i that have no value yet empty lists.
func (k *splitK) upTo(i int) {
	for len(k.offs) <= i {
		k.offs = append(k.offs, uint32(len(k.views)))
	}
}

// split appends the parts of s, which is at v, unless there are more than the limit.
// An empty separator splits behind each character.
func (k *splitK) split(v record.View, s, sep []byte) bool {
	if len(s) >= k.limit && bytes.Count(s, sep) >= k.limit {
		return false
	}
	at := v.Off
	add := func(n int) {
		k.views = append(k.views, record.View{Off: at, Len: uint32(n)})
		at += uint32(n)
	}
	if len(sep) == 0 {
		for len(s) > 0 {
			_, size := utf8.DecodeRune(s)
			add(size)
			s = s[size:]
		}
		return true
	}
	for {
		n := bytes.Index(s, sep)
		if n < 0 {
			add(len(s))
			return true
		}
		add(n)
		at += uint32(len(sep))
		s = s[n+len(sep):]
	}
}

// joinK is join() of a list of texts.
type joinK struct {
	list, sep kernel // sep is nil when there is none
	limit     int
	out       vec
}

func (k *joinK) eval(f *frame, sel []int32) *record.Column {
	list := k.list.eval(f, sel)
	var glue *record.Column
	if k.sep != nil {
		glue = k.sep.eval(f, sel)
	}
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		off := len(c.Data)
		if f.failed(i) {
			k.out.blank(i)
			continue
		}
		for j := list.Offs[i]; j < list.Offs[i+1] && len(c.Data)-off <= k.limit; j++ {
			if glue != nil && j > list.Offs[i] {
				c.Data = append(c.Data, glue.Bytes(int(i))...)
			}
			c.Data = append(c.Data, list.Elem.Bytes(int(j))...)
		}
		n := len(c.Data) - off
		c.Views[i] = record.View{Off: uint32(off), Len: uint32(n)}
		if n > k.limit || len(c.Data) > maxData {
			f.fail(i, errBytes.Error())
			c.Data = c.Data[:off]
			k.out.blank(i)
		}
	}
	return c
}
