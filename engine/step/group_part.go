package step

import (
	"bytes"
	"context"

	"weir/engine/record"
)

// NewPart implements Splitter: among consecutive rows, every group but the first
// and the last of a batch is known to be complete.
func (s *groupStep) NewPart(want []record.Slot) Part {
	if !s.adjacent {
		return nil
	}
	r, ok := s.New(Env{}, want).(*groupRunner)
	if !ok {
		return nil
	}
	r.whole = nil // it is kept by the runner that sees all rows
	return &groupPart{groupRunner: r}
}

// groupPart makes the groups within one batch. It uses only what makes rows of a
// runner, which holds nothing back here.
type groupPart struct {
	*groupRunner
	rowsIn []int32 // that have a key
	starts []int   // of groups in rowsIn
	counts []uint32
}

// Split implements Part.
func (p *groupPart) Split(_ context.Context, in *record.Batch, t *Tally) (head, tail []int32, out *record.Batch, err error) {
	sel, from := in.Sel, len(in.Rejects)
	p.evaluateKeys(in)
	p.find(in)
	if p.groupStep.whole && len(in.Rejects) > from { // what they spoil is decided in the order of the source
		in.Sel, in.Rejects = sel, in.Rejects[:from]
		return p.all(in), nil, nil, nil
	}
	rows, starts := p.rowsIn, p.starts
	switch len(starts) {
	case 0:
		return nil, nil, nil, nil
	case 1:
		return rows, nil, nil, nil
	case 2:
		return rows[:starts[1]], rows[starts[1]:], nil, nil
	}
	first, last := starts[1], starts[len(starts)-1]
	p.counts = p.counts[:0]
	for g := 1; g < len(starts)-1; g++ {
		p.counts = append(p.counts, uint32(starts[g+1]-starts[g])) //nolint:gosec // rows of a batch
	}
	p.build(in, p.counts, rows[first:last], t)
	return rows[:first], rows[last:], &p.out, nil
}

// all returns the places of the selected rows of in.
func (p *groupPart) all(in *record.Batch) []int32 {
	p.rowsIn = p.rowsIn[:0]
	for k := range in.Live() {
		p.rowsIn = append(p.rowsIn, int32(in.Row(k))) //nolint:gosec // rows of a batch
	}
	return p.rowsIn
}

// find makes rowsIn and starts of the rows of in. Rows without a key are rejected.
func (p *groupPart) find(in *record.Batch) {
	p.rowsIn, p.starts, p.last = p.rowsIn[:0], p.starts[:0], p.last[:0]
	if len(p.cols) == 1 && p.cols[0].Type.Kind == record.String {
		p.findText(in, p.cols[0])
		return
	}
	from := len(in.Rejects)
	for k := range in.Live() {
		i := in.Row(k)
		if !p.encode(in, i) {
			continue
		}
		if len(p.rowsIn) == 0 || !bytes.Equal(p.key, p.last) {
			p.starts = append(p.starts, len(p.rowsIn))
			p.last = append(p.last[:0], p.key...)
		}
		p.rowsIn = append(p.rowsIn, int32(i)) //nolint:gosec // rows of a batch
	}
	in.Drop(from)
}

// findText is find for one text, which is compared where it stands.
func (p *groupPart) findText(in *record.Batch, by *record.Column) {
	from := len(in.Rejects)
	var last []byte
	for k := range in.Live() {
		i := in.Row(k)
		if by.IsNull(i) || by.Views[i].Len == 0 {
			p.encode(in, i) // says why it is rejected
			continue
		}
		if key := by.Bytes(i); last == nil || !bytes.Equal(key, last) {
			p.starts, last = append(p.starts, len(p.rowsIn)), key
		}
		p.rowsIn = append(p.rowsIn, int32(i)) //nolint:gosec // rows of a batch
	}
	in.Drop(from)
}

// Join implements Joiner.
func (r *groupRunner) Join(_ context.Context, in *record.Batch, head, tail []int32, t *Tally) (*record.Batch, error) {
	if len(head) == 0 {
		return nil, nil
	}
	sel := in.Sel
	defer func() { in.Sel = sel }()
	r.ends = append(append(r.ends[:0], head...), tail...)
	in.Sel = r.ends
	r.evaluateKeys(in)
	whole := len(tail) == 0
	for k := range in.Live() {
		i := in.Row(k)
		if !whole && i >= int(tail[0]) {
			whole, r.cut = true, true // the groups between head and tail are made already
		}
		if r.whole != nil && r.admit(in, i) || r.whole == nil && r.encode(in, i) {
			r.add(in, i)
		}
	}
	return r.complete(t)
}
