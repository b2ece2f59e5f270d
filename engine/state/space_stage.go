package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"weir/engine/state/keyset"
	"weir/engine/state/kv"
)

// stage adds the pending changes to w, sorted by key, and makes the filter ready for them.
func (s *Space) stage(w *kv.Writes) error {
	if s.err != nil {
		return s.err
	}
	if len(s.dirty) == 0 {
		return nil
	}
	if err := s.notePrints(); err != nil {
		return err
	}
	added := s.noteKeys()
	if len(s.dirty) == 0 {
		<-added
		return nil
	}
	s.sortDirty()
	w.List = slices.Grow(w.List, len(s.dirty))
	for _, i := range s.dirty {
		if e := &s.entries[i]; e.deleted {
			w.Delete(s.keyOf(i))
		} else {
			w.Put(s.keyOf(i), s.arena[e.valOff:e.valOff+int(e.valLen)])
		}
	}
	<-added // before they are applied, see filter.fill
	if s.shared {
		vk := key(kindVersion, s.sid)
		if s.version == nil {
			w.RequireAbsent(vk)
		} else {
			w.Require(vk, s.version)
		}
		w.Put(vk, nextVersion(s.version))
	}
	return nil
}

// notePrints collects the fingerprints of what is about to be written. Keys that came and
// went since the last commit are written to nobody, so that the filter stays exact.
func (s *Space) notePrints() error {
	s.prints = s.prints[:0]
	kept := s.dirty[:0]
	for _, i := range s.dirty {
		e := &s.entries[i]
		p := keyset.Print{Hash: e.hash, Tag: e.tag}
		if !e.deleted {
			s.prints = append(s.prints, p)
			kept = append(kept, i)
			continue
		}
		is, err := s.filter.lookup(p)
		if err != nil {
			return err
		}
		if is == isAbsent {
			e.dirty = false
			continue
		}
		s.filter.distrust()
		kept = append(kept, i)
	}
	s.dirty = kept
	return nil
}

// noteKeys adds prints to the filter, on another processor where that is worth it, and
// returns what is closed when that is done.
func (s *Space) noteKeys() <-chan struct{} {
	done := make(chan struct{})
	add := func() {
		s.filter.add(s.prints)
		close(done)
	}
	if len(s.prints) < 4096 {
		add()
	} else {
		go add()
	}
	return done
}

// sortDirty sorts dirty by key.
func (s *Space) sortDirty() {
	first := s.keyOf(s.dirty[0])
	same := len(first)
	for _, i := range s.dirty {
		k := s.keyOf(i)
		n := min(same, len(k))
		for same = 0; same < n && k[same] == first[same]; {
			same++
		}
	}
	s.order = s.order[:0]
	for _, i := range s.dirty {
		var b [8]byte
		copy(b[:], s.keyOf(i)[same:])
		s.order = append(s.order, sortKey{binary.BigEndian.Uint64(b[:]), i})
	}
	slices.SortFunc(s.order, func(a, b sortKey) int {
		if a.part != b.part {
			return cmp.Compare(a.part, b.part)
		}
		return bytes.Compare(s.keyOf(a.i)[same:], s.keyOf(b.i)[same:])
	})
	for n := range s.order {
		s.dirty[n] = s.order[n].i
	}
}

// distrust is told of a commit that failed after stage.
func (s *Space) distrust() {
	if s.filter != nil {
		s.filter.distrust()
	}
}

func nextVersion(v []byte) []byte {
	var n uint64
	if len(v) == 8 {
		n = binary.BigEndian.Uint64(v)
	}
	return binary.BigEndian.AppendUint64(nil, n+1)
}
