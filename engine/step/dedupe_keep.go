package step

import (
	"encoding/binary"
	"slices"
	"strings"

	"weir/engine/identity"
	"weir/engine/record"
)

// keeping returns the rows that are kept back: with keep = "last" those of the object, else
// those that are to be judged again; nil when there can be none.
func (r *dedupeRunner) keeping() *rowBuffer {
	switch {
	case r.held != nil:
		return r.held.rows
	case r.dropped != nil:
		return r.dropped.again
	}
	return nil
}

// Oldest implements Holder.
func (r *dedupeRunner) Oldest() int64 {
	if x := r.keeping(); x != nil {
		return x.first()
	}
	return 0
}

// Held implements Keeper. Rows that a later one of their entity replaces are
// among them until the object ends.
func (r *dedupeRunner) Held() int64 {
	if x := r.keeping(); x != nil {
		return int64(x.len())
	}
	return 0
}

// HeldSize implements HeldSizer.
func (r *dedupeRunner) HeldSize() int {
	if x := r.keeping(); x != nil {
		return x.size()
	}
	return 0
}

func (r *dedupeRunner) signature() string {
	if r.held == nil {
		return "dedupe again\n" + r.dropped.again.signature()
	}
	names := make([]string, len(r.keys))
	for i, k := range r.keys {
		names[i] = k.name + "\n"
	}
	return "dedupe last\n" + strings.Join(names, "") + "\n" + r.held.rows.signature()
}

// Save implements Keeper.
func (r *dedupeRunner) Save(dst []byte) ([]byte, bool, error) {
	h := r.held
	switch {
	case h == nil && r.dropped != nil && r.dropped.again.len() > 0:
		dst, err := r.dropped.again.save(beginSaved(dst, r.signature()), 0)
		return dst, true, err
	case h == nil || h.saved == h.rows.len():
		return dst, false, nil
	}
	dst, err := h.rows.save(beginSaved(dst, r.signature()), h.saved)
	if err != nil {
		return dst, false, err
	}
	anew := h.saved == 0
	dst = h.saveEntities(dst)
	h.saved, h.gone = h.rows.len(), h.gone[:0]
	return dst, anew, nil
}

// saveEntities appends what the rows since the last Save changed: entities that
// ended in another one, those whose last row is new, and rows of no entity.
func (h *holding) saveEntities(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(h.gone)))
	for _, id := range h.gone {
		dst = append(dst, id[:]...)
	}
	var ids []identity.ID
	for id, e := range h.last {
		if int(e.row) >= h.saved {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b identity.ID) int { return int(h.last[a].row - h.last[b].row) })
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		e := h.last[id]
		dst = binary.AppendUvarint(append(dst, id[:]...), uint64(e.row)) //nolint:gosec // a place
		dst = binary.AppendVarint(appendBool(dst, e.known), int64(e.matched))
	}
	free := h.free[h.savedFree:]
	h.savedFree = len(h.free)
	dst = binary.AppendUvarint(dst, uint64(len(free)))
	for _, n := range free {
		dst = binary.AppendUvarint(dst, uint64(n)) //nolint:gosec // a place
	}
	return dst
}

// Restore implements Keeper.
func (r *dedupeRunner) Restore(part []byte, origin *record.Origin) error {
	h := r.held
	d := &savedReader{b: part}
	if sig := d.begin(); !d.bad && (h == nil && r.dropped == nil || sig != r.signature()) {
		return ErrOtherConfig
	}
	if d.bad {
		return d.err()
	}
	if h == nil {
		r.dropped.again.restore(d, origin)
		return d.err()
	}
	h.rows.restore(d, origin)
	for n := d.count(); n > 0 && !d.bad; n-- {
		delete(h.last, d.id())
	}
	for n := d.count(); n > 0 && !d.bad; n-- {
		id := d.id()
		h.last[id] = heldEntity{row: d.place(h), known: d.byte() == 1, matched: int(d.int())}
	}
	for n := d.count(); n > 0 && !d.bad; n-- {
		h.free = append(h.free, d.place(h))
	}
	h.next = int32(h.rows.len()) //nolint:gosec // bounded by max_rows
	h.saved, h.savedFree = h.rows.len(), len(h.free)
	return d.err()
}

func (d *savedReader) id() (id identity.ID) {
	if len(d.b) < len(id) {
		d.fail()
		return id
	}
	copy(id[:], d.b)
	d.b = d.b[len(id):]
	return id
}

// place reads the place of a row that h holds.
func (d *savedReader) place(h *holding) int32 {
	n := d.uint()
	if n >= uint64(h.rows.len()) { //nolint:gosec // a length
		d.fail()
		return 0
	}
	return int32(n) //nolint:gosec // bounded by max_rows
}
