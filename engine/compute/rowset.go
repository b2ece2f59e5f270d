package compute

import (
	"weir/engine/record"
)

// rowSet makes the list rows out of a batch.
type rowSet struct {
	list   record.Column
	view   record.Column // the batch as one object column
	fields []record.Column
	own    []record.Column // copies of selected rows
	offs   [2]uint32
	of     *record.Schema
	typ    record.Type
}

// shell makes c a column of type t with n values and no vectors yet.
func shell(c *record.Column, t record.Type, n int) {
	*c = record.Column{}
	c.Resize(tNull, n)
	c.Type = t
}

func (s *rowSet) bind(schema *record.Schema) {
	if s.of != schema {
		s.of, s.typ = schema, record.ListOf(schema.RowType())
		s.fields = make([]record.Column, len(s.typ.Elem.Fields))
		s.own = make([]record.Column, len(s.typ.Elem.Fields))
	}
}

// grouped shows b's rows as one list a group, without copying. Fields that are
// not in reads may hold anything in b; they are shown as nulls.
func (s *rowSet) grouped(b *record.Batch, offs []uint32, reads []record.Slot) *record.Column {
	s.bind(b.Schema)
	s.each(reads, func(k, i int, read bool) {
		if read {
			s.fields[k].Alias(&b.Cols[i])
		} else {
			shell(&s.fields[k], tNull, b.N)
		}
	})
	return s.finish(b.N, offs)
}

// selected shows the selected rows of b as one list; with a selection, what is read of them is copied.
func (s *rowSet) selected(b *record.Batch, reads []record.Slot) *record.Column {
	s.offs = [2]uint32{0, uint32(b.Live())}
	if b.Live() == b.N { // a selection ascends: it is all rows
		return s.grouped(b, s.offs[:], reads)
	}
	s.bind(b.Schema)
	s.each(reads, func(k, i int, read bool) {
		if !read {
			shell(&s.fields[k], tNull, len(b.Sel))
			return
		}
		s.own[k].Resize(b.Cols[i].Type, 0)
		for _, row := range b.Sel {
			s.own[k].AppendFrom(&b.Cols[i], int(row))
		}
		s.fields[k].Alias(&s.own[k])
	})
	return s.finish(len(b.Sel), s.offs[:])
}

// each calls f for every visible field: its place in the row, its slot, and whether it is read.
func (s *rowSet) each(reads []record.Slot, f func(k, i int, read bool)) {
	k, r := 0, 0
	for i, field := range s.of.Fields() {
		for r < len(reads) && int(reads[r]) < i {
			r++
		}
		if !field.Hidden {
			f(k, i, r < len(reads) && int(reads[r]) == i)
			k++
		}
	}
}

func (s *rowSet) finish(n int, offs []uint32) *record.Column {
	shell(&s.view, *s.typ.Elem, n)
	s.view.Fields = s.fields
	shell(&s.list, s.typ, len(offs)-1)
	s.list.Offs, s.list.Elem = offs, &s.view
	return &s.list
}
