package compute

import (
	"weir/engine/record"
)

// vec is the output of a kernel: a column with buffers that are kept from batch to batch.
type vec struct {
	col   record.Column
	nulls []bool
	kids  []vec           // of an object
	cols  []record.Column // of an object
	elem  *vec            // of a list
	offs  []uint32
	idx   []int32
	list  []int32
	from  []int32          // of mixed lists
	srcs  []*record.Column // of what is mixed
}

// reset makes v a scalar column of n undefined values without nulls.
func (v *vec) reset(t record.Type, n int) *record.Column {
	v.col.Resize(t, n)
	return &v.col
}

// null makes value i null and gives it a harmless value.
func (v *vec) null(i int32) {
	if v.col.Nulls == nil {
		v.nulls = resize(v.nulls, v.col.Len())
		clear(v.nulls)
		v.col.Nulls = v.nulls
	}
	v.col.Nulls[i] = true
	v.blank(i)
}

// blank gives value i a harmless value.
func (v *vec) blank(i int32) {
	switch v.col.Type.Kind {
	case record.Bool:
		v.col.Bools[i] = false
	case record.Int, record.Time, record.Date:
		v.col.Ints[i] = 0
	case record.Decimal:
		v.col.Ints[i], v.col.Scale[i] = 0, 0
	case record.Float:
		v.col.Floats[i] = 0
	case record.String:
		v.col.Views[i] = record.View{}
	case record.Any:
		v.col.Anys[i] = nil
	}
}

// maxData bounds the text of one column: views hold 32-bit offsets.
const maxData = 1 << 31

// room tells whether n more bytes of text fit, failing row i otherwise.
func (v *vec) room(f *frame, i int32, n, limit int) bool {
	if n > limit || len(v.col.Data)+n > maxData {
		f.fail(i, errBytes.Error())
		v.blank(i)
		return false
	}
	return true
}

// copyCell sets value i to value r of src, which has the same kind or is null; a
// column of Any takes every kind.
func (v *vec) copyCell(i int32, src *record.Column, r int32) {
	if src.IsNull(int(r)) {
		v.null(i)
		return
	}
	c := &v.col
	switch c.Type.Kind {
	case record.Bool:
		c.Bools[i] = src.Bools[r]
	case record.Int, record.Time, record.Date:
		c.Ints[i] = src.Ints[r]
	case record.Decimal:
		c.Ints[i], c.Scale[i] = src.Ints[r], src.Scale[r]
	case record.Float:
		c.Floats[i] = src.Floats[r]
	case record.String:
		if len(c.Data) > maxData {
			v.blank(i)
			return
		}
		c.SetString(int(i), src.Bytes(int(r)))
	case record.Any:
		if src.Type.Kind == record.Any {
			c.Anys[i] = src.Anys[r]
		} else {
			c.Anys[i] = valueAt(src, int(r))
		}
	}
}

// copyTexts is copyCell for the rows sel of a column of texts without nulls.
func (v *vec) copyTexts(src *record.Column, sel []int32) {
	c := &v.col
	for _, i := range sel {
		off := len(c.Data)
		if off > maxData {
			v.blank(i)
			continue
		}
		c.Data = appendText(c.Data, src, i)
		c.Views[i] = record.View{Off: uint32(off), Len: src.Views[i].Len}
	}
}

// copyable tells whether copyCell knows kind k.
func copyable(k record.Kind) bool {
	switch k {
	case record.Bool, record.Int, record.Time, record.Date, record.Decimal, record.Float, record.String, record.Any:
		return true
	}
	return false
}

// gather makes v a column of n values whose value i, for each i of sel, is value
// idx[i] of src; a negative index gives null. Text is shared with src.
func (v *vec) gather(src *record.Column, t record.Type, n int, sel, idx []int32) *record.Column {
	switch src.Type.Kind {
	case record.Object:
		return v.gatherObject(src, t, n, sel, idx)
	case record.List:
		return v.gatherList(src, t, n, sel, idx)
	case record.Null:
		shell(&v.col, t, n)
		v.col.Type = tNull
		return &v.col
	}
	t.Zone = src.Type.Zone
	c := v.reset(t, n)
	if t.Kind == record.String {
		c.ShareData(src)
	}
	for _, i := range sel {
		r := idx[i]
		if r < 0 || src.IsNull(int(r)) {
			v.null(i)
			continue
		}
		if t.Kind == record.String {
			c.Views[i] = src.Views[r]
		} else {
			v.copyCell(i, src, r)
		}
	}
	return c
}

func (v *vec) gatherObject(src *record.Column, t record.Type, n int, sel, idx []int32) *record.Column {
	shell(&v.col, t, n)
	if len(v.kids) != len(src.Fields) {
		v.kids, v.cols = make([]vec, len(src.Fields)), make([]record.Column, len(src.Fields))
	}
	for k := range src.Fields {
		v.cols[k].Alias(v.kids[k].gather(&src.Fields[k], t.Fields[k].Type, n, sel, idx))
	}
	v.col.Fields = v.cols
	v.nullsOf(src, n, sel, idx)
	return &v.col
}

func (v *vec) nullsOf(src *record.Column, n int, sel, idx []int32) {
	for _, i := range sel {
		if idx[i] < 0 || src.IsNull(int(idx[i])) {
			v.null(i)
		}
	}
}

func (v *vec) gatherList(src *record.Column, t record.Type, n int, sel, idx []int32) *record.Column {
	v.startList(n)
	for _, i := range sel {
		v.upTo(int(i))
		if r := idx[i]; r >= 0 && !src.IsNull(int(r)) {
			for j := src.Offs[r]; j < src.Offs[r+1]; j++ {
				v.list = append(v.list, int32(j))
			}
		}
		v.offs = append(v.offs, uint32(len(v.list)))
	}
	v.finishList(src.Elem, t, n)
	v.nullsOf(src, n, sel, idx)
	return &v.col
}

// startList begins a list column whose elements are picked by index.
func (v *vec) startList(n int) {
	v.offs, v.list = append(resize(v.offs, n+1)[:0], 0), v.list[:0]
}

// upTo gives the rows before i that have no value yet empty lists.
func (v *vec) upTo(i int) {
	for len(v.offs) <= i {
		v.offs = append(v.offs, uint32(len(v.list)))
	}
}

// finishList makes v the list column of the elements picked from elem.
func (v *vec) finishList(elem *record.Column, t record.Type, n int) *record.Column {
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
	v.col.Elem = v.elem.gather(elem, *t.Elem, len(v.list), v.idx, v.list)
	return &v.col
}
