package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"weir/engine/state/kv"
)

// Held says what a commit in the middle of an object keeps of it besides the
// cursor: rows that steps hold back, and what they remember of earlier rows.
type Held struct {
	Object string // identity of the object
	Source string // the step that reads it
	Path   string
	Row    int64 // of the cursor that it belongs to; negative: see Dropped
	Steps  []HeldStep
}

// HeldStep is the share of one step.
type HeldStep struct {
	Step  string // address within the pipeline
	Parts int
	Rows  int64 // counted as held
	Size  int64 // bytes of all parts
}

// HeldPart is one part of what a step keeps, as the step made it. N counts from 0.
type HeldPart struct {
	Step string
	N    int
	Data []byte
}

// Rows returns how many rows of the object are counted as held.
func (h Held) Rows() (n int64) {
	for _, s := range h.Steps {
		n += s.Rows
	}
	return n
}

// Size returns the bytes of all parts.
func (h Held) Size() (n int64) {
	for _, s := range h.Steps {
		n += s.Size
	}
	return n
}

// Dropped reports that a rebuild dropped what was kept: nothing can be taken up, and
// the rows that were counted as held are to be counted as what became of them (I3).
func (h Held) Dropped() bool { return h.Row < 0 }

// Of returns the share of a step.
func (h Held) Of(step string) HeldStep {
	for _, s := range h.Steps {
		if s.Step == step {
			return s
		}
	}
	return HeldStep{Step: step}
}

func (h Held) clone() Held {
	h.Steps = slices.Clone(h.Steps)
	return h
}

func (h Held) encode() []byte {
	e := newEncoder(nil)
	e.string(h.Source)
	e.string(h.Path)
	e.int(h.Row)
	e.uint(uint64(len(h.Steps)))
	for _, s := range h.Steps {
		e.string(s.Step)
		e.int(int64(s.Parts))
		e.int(s.Rows)
		e.int(s.Size)
	}
	return e.b
}

func decodeHeld(object string, b []byte) (h Held, err error) {
	h.Object = object
	err = decode(b, "a record of held rows", func(d *decoder) {
		h.Source, h.Path, h.Row = d.string(), d.string(), d.int()
		for n := d.count(); n > 0 && !d.bad; n-- {
			h.Steps = append(h.Steps, HeldStep{Step: d.string(), Parts: int(d.int()), Rows: d.int(), Size: d.int()})
		}
	})
	return h, err
}

// heldSlot is what is kept of one object, as committed and as the next commit leaves it.
type heldSlot struct {
	committed, now Held
	parts          []HeldPart // pending
	dirty          bool
}

// loadHeld reads what commits before keep of objects that are read in part.
func (s *Session) loadHeld() error {
	prefix := key(kindHeld, s.pid)
	var bad error
	err := s.store.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		var h Held
		if h, bad = decodeHeld(string(k[idLen:]), v); bad == nil {
			s.held[h.Object] = &heldSlot{committed: h, now: h.clone()}
		}
		return bad == nil
	})
	return firstOf(err, bad)
}

// Held returns what is kept of the object, and whether anything is.
func (s *Session) Held(object string) (Held, bool) {
	slot := s.held[object]
	if slot == nil || len(slot.now.Steps) == 0 {
		return Held{}, false
	}
	return slot.now.clone(), true
}

// HeldObjects returns what is kept of all objects that are read in part, by identity.
func (s *Session) HeldObjects() (out []Held) {
	for _, slot := range s.held {
		if len(slot.now.Steps) > 0 {
			out = append(out, slot.now.clone())
		}
	}
	slices.SortFunc(out, func(a, b Held) int { return strings.Compare(a.Object, b.Object) })
	return out
}

// PutHeld sets what the next commit keeps of the object h.Object, in place of what
// the last one kept. h tells of all parts; parts are those of them that are new
// since the last commit, and become the session's. No steps: nothing is kept.
// Rows that are held are also to be counted with Count.
func (s *Session) PutHeld(h Held, parts []HeldPart) {
	slot := s.held[h.Object]
	if slot == nil {
		slot = &heldSlot{committed: Held{Object: h.Object}}
		s.held[h.Object] = slot
	}
	slot.now, slot.parts, slot.dirty = h.clone(), parts, true
}

// AddHeld is PutHeld with one part more than those given before.
func (s *Session) AddHeld(h Held, part HeldPart) {
	var parts []HeldPart
	if slot := s.held[h.Object]; slot != nil {
		parts = slot.parts
	}
	s.PutHeld(h, append(parts, part))
}

// HeldParts calls f with the committed parts of what a step keeps of an object, in order;
// each is valid during the call.
func (s *Session) HeldParts(object, step string, f func(part []byte) error) error {
	slot := s.held[object]
	if slot == nil {
		return nil
	}
	var buf []byte
	for n := range slot.committed.Of(step).Parts {
		v, ok, err := s.store.kv.Get(heldKey(s.pid, object, step, n), buf[:0])
		if err == nil && !ok {
			err = damaged(fmt.Errorf("part %d of what %s keeps back is missing", n, step))
		}
		if err == nil {
			err = f(v)
		}
		if err != nil {
			return err
		}
		buf = v
	}
	return nil
}

// stage adds what changed to w.
func (h *heldSlot) stage(pid uint32, w *kv.Writes) {
	if !h.dirty {
		return
	}
	for _, old := range h.committed.Steps {
		for n := h.now.Of(old.Step).Parts; n < old.Parts; n++ {
			w.Delete(heldKey(pid, h.now.Object, old.Step, n))
		}
	}
	for _, p := range h.parts {
		w.Put(heldKey(pid, h.now.Object, p.Step, p.N), p.Data)
	}
	if len(h.now.Steps) == 0 {
		if len(h.committed.Steps) > 0 {
			w.Delete(nameKey(kindHeld, pid, h.now.Object))
		}
		return
	}
	w.Put(nameKey(kindHeld, pid, h.now.Object), h.now.encode())
}

// settleHeld makes what was pending the committed state, and discardHeld drops it.
func (s *Session) settleHeld() {
	for object, h := range s.held {
		if len(h.now.Steps) == 0 {
			delete(s.held, object)
			continue
		}
		h.committed, h.parts, h.dirty = h.now.clone(), nil, false
	}
}

func (s *Session) discardHeld() {
	for object, h := range s.held {
		if len(h.committed.Steps) == 0 {
			delete(s.held, object)
			continue
		}
		h.now, h.parts, h.dirty = h.committed.clone(), nil, false
	}
}

func heldKey(pid uint32, object, step string, n int) []byte {
	k := appendName(appendName(key(kindHeldPart, pid), object), step)
	return binary.BigEndian.AppendUint32(k, uint32(n)) //nolint:gosec // parts are few
}

// dropHeld drops what commits keep of objects of a pipeline that are read in part. How many
// rows were counted as held stays until a run accounts for them (I3).
func (s *Store) dropHeld(pid uint32) error {
	prefix := key(kindHeld, pid)
	var w kv.Writes
	var bad error
	err := s.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		var h Held
		if h, bad = decodeHeld(string(k[idLen:]), v); bad != nil {
			return false
		}
		kept := Held{Object: h.Object, Source: h.Source, Path: h.Path, Row: -1}
		for _, st := range h.Steps {
			if st.Rows != 0 {
				kept.Steps = append(kept.Steps, HeldStep{Step: st.Step, Rows: st.Rows})
			}
		}
		if len(kept.Steps) == 0 {
			w.Delete(bytes.Clone(k))
		} else {
			w.Put(bytes.Clone(k), kept.encode())
		}
		return true
	})
	if err = firstOf(err, bad); err != nil {
		return err
	}
	if len(w.List) > 0 {
		if err := s.kv.Apply(&w); err != nil {
			return err
		}
	}
	// Parts go last: a record never tells of parts that are not there.
	return s.deleteWhere(key(kindHeldPart, pid), func(_, _ []byte) (bool, error) { return true, nil })
}
