package step

import (
	"fmt"

	"weir/engine/record"
)

// objectMemory is what a check remembers of the present object.
type objectMemory struct {
	first  int64 // row number of the first row seen, 0 before it
	unique index
	rows   []int64 // row number of each entry of unique
	sides  [2]pairSide
	buf    []byte
	other  []byte

	isSaved                 bool // something was saved of the object: so many entries; see Save
	savedUnique, savedPairs int
}

// pairSide is one field of one_to_one: the values of the pairs that stand, numbered alike on both sides.
type pairSide struct {
	index
	rows []int64 // row of that first pair
}

func (m *objectMemory) reset() {
	m.first = 0
	m.unique.reset()
	m.rows = m.rows[:0]
	m.isSaved, m.savedUnique, m.savedPairs = false, 0, 0
	for i := range m.sides {
		s := &m.sides[i]
		s.reset()
		s.rows = s.rows[:0]
	}
}

// applyUnique rejects the rows whose unique fields repeat an earlier row of the object.
func (r *checkRunner) applyUnique(in *record.Batch) {
	if len(r.unique) == 0 {
		return
	}
	m := &r.seen
rows:
	for k := range in.Live() {
		i := in.Row(k)
		m.buf = m.buf[:0]
		for _, s := range r.unique {
			c := &in.Cols[s]
			if c.IsNull(i) {
				continue rows
			}
			m.buf = appendKey(m.buf, c, i)
		}
		m.buf = shortKey(m.buf, 0)
		n, added := m.unique.add(m.buf)
		if added {
			m.rows = append(m.rows, in.RowNo(i))
			continue
		}
		in.Reject(i, r.address, r.name(r.unique[0]), codeCheckFailed,
			fmt.Sprintf("%s must be unique in the object; row %d has the same", r.describe(r.unique, in, i), m.rows[n]))
	}
}

// applyOneToOne rejects the rows that pair a value with another partner than the first.
func (r *checkRunner) applyOneToOne(in *record.Batch) {
	if len(r.oneToOne) == 0 {
		return
	}
	m := &r.seen
	ca, cb := &in.Cols[r.oneToOne[0]], &in.Cols[r.oneToOne[1]]
	for k := range in.Live() {
		i := in.Row(k)
		if isEmpty(ca, i) || isEmpty(cb, i) {
			continue
		}
		m.buf, m.other = shortKey(appendKey(m.buf[:0], ca, i), 0), shortKey(appendKey(m.other[:0], cb, i), 0)
		a, knownA := m.sides[0].find(m.buf)
		b, knownB := m.sides[1].find(m.other)
		switch {
		case !knownA && !knownB:
			// Pairs are added together, so a value and its partner have one number.
			m.sides[0].add(m.buf, in.RowNo(i))
			m.sides[1].add(m.other, in.RowNo(i))
		case knownA && (!knownB || a != b):
			r.refusePair(in, i, 0, m.sides[0].rows[a])
		case !knownA:
			r.refusePair(in, i, 1, m.sides[1].rows[b])
		}
	}
}

func (s *pairSide) add(value []byte, row int64) {
	s.index.add(value)
	s.rows = append(s.rows, row)
}

// refusePair rejects row i, whose field number side came with another partner in an earlier row.
func (r *checkRunner) refusePair(in *record.Batch, i, side int, row int64) {
	one, other := r.oneToOne[side], r.oneToOne[1-side]
	in.Reject(i, r.address, r.name(one), codeCheckFailed,
		fmt.Sprintf("%s has another %s in row %d; each must have a single one", r.describe([]record.Slot{one}, in, i), r.name(other), row))
}

func (s *checkStep) name(slot record.Slot) string { return s.in.Fields()[slot].Name }

// describe returns the fields of row i as "a 'x', b 'y'".
func (s *checkStep) describe(slots []record.Slot, in *record.Batch, i int) string {
	var b []byte
	for k, slot := range slots {
		if k > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, s.name(slot)...), " '"...)
		b = append(append(b, clip(appendText(nil, &in.Cols[slot], i), 80)...), '\'')
	}
	return string(b)
}

// isEmpty reports whether value i is nil or ”.
func isEmpty(c *record.Column, i int) bool {
	return c.IsNull(i) || c.Type.Kind == record.String && c.Views[i].Len == 0 || c.Type.Kind == record.Any && c.Anys[i] == ""
}
