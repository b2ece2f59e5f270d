package step

import (
	"weir/engine/record"
)

var _ Reconsiderer = (*dedupeRunner)(nil)

// droppedRows are the rows that a dedupe step dropped because of rows whose outcome is not
// known yet, as they came in.
type droppedRows struct {
	rows  *rowBuffer // by the numbers that the journal has
	again *rowBuffer // of them, those to be judged again
	spare *rowBuffer
	out   *rowBuffer // what Reconsider returned
	at    []int32
}

func newDroppedRows(s *record.Schema, slots []record.Slot) *droppedRows {
	return &droppedRows{rows: newRowBuffer(s, slots), again: newRowBuffer(s, slots), spare: newRowBuffer(s, slots), out: newRowBuffer(s, slots)}
}

// Dropped implements Reconsiderer.
func (r *dedupeRunner) Dropped() (rows int, size int) {
	if r.dropped == nil {
		return 0, 0
	}
	return r.dropped.rows.len(), r.dropped.rows.size()
}

// Collect implements Reconsiderer.
func (r *dedupeRunner) Collect(t *Tally) {
	d := r.dropped
	if d == nil {
		return
	}
	d.at = r.journal.Again(r.number, d.at[:0])
	for _, i := range d.at {
		d.again.append(&d.rows.b, int(i))
	}
	t.Deduplicated -= int64(len(d.at))
}

// Waiting implements Reconsiderer.
func (r *dedupeRunner) Waiting() bool { return r.dropped != nil && r.dropped.again.len() > 0 }

// Reconsider implements Reconsiderer.
func (r *dedupeRunner) Reconsider() *record.Batch {
	d := r.dropped
	if d == nil || d.again.len() == 0 {
		return nil
	}
	d.again, d.out = d.out, d.again
	d.again.reset()
	b := &d.out.b
	b.Sel, b.Rejects = nil, b.Rejects[:0]
	return b
}

// Settle implements Reconsiderer.
func (r *dedupeRunner) Settle() {
	d := r.dropped
	if d == nil || d.rows.len() == 0 {
		return
	}
	d.at = r.journal.Keep(r.number, d.at[:0])
	d.spare.reset()
	for _, i := range d.at {
		d.spare.append(&d.rows.b, int(i))
	}
	d.rows, d.spare = d.spare, d.rows
}

// SaveDropped implements Reconsiderer.
func (r *dedupeRunner) SaveDropped(dst []byte) ([]byte, error) {
	if r.dropped == nil {
		return dst, nil
	}
	return r.dropped.rows.save(beginSaved(dst, r.signature()), 0)
}

// RestoreDropped implements Reconsiderer.
func (r *dedupeRunner) RestoreDropped(part []byte, origin *record.Origin) error {
	if r.dropped == nil || len(part) == 0 {
		if len(part) == 0 && r.dropped == nil {
			return nil
		}
		return ErrOtherConfig
	}
	d := &savedReader{b: part}
	if d.begin() != r.signature() && !d.bad {
		return ErrOtherConfig
	}
	r.dropped.rows.restore(d, origin)
	return d.err()
}
