// Package overlaykv keeps changes of a state store in memory, above a store that
// is only read: for looking at what a run would do without it doing anything.
package overlaykv

import (
	"bytes"
	"sync"

	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

// Tags before values in memory.
const (
	present = 1
	deleted = 0
)

// Store implements kv.Store. What is applied is seen by later calls and never
// reaches the store below.
type Store struct {
	below kv.Store // nil is empty
	above *memkv.Store
	mu    sync.Mutex // of Apply
}

// New returns an overlay above below, which it closes; nil is an empty store.
func New(below kv.Store) *Store { return &Store{below: below, above: memkv.New()} }

// Get implements kv.Store.
func (s *Store) Get(key, dst []byte) ([]byte, bool, error) {
	v, ok, err := s.above.Get(key, nil)
	switch {
	case err != nil:
		return dst, false, err
	case ok && v[0] == deleted:
		return dst, false, nil
	case ok:
		return append(dst, v[1:]...), true, nil
	case s.below == nil:
		return dst, false, nil
	}
	return s.below.Get(key, dst)
}

type pair struct{ k, v []byte }

// Scan implements kv.Store.
func (s *Store) Scan(from, to []byte, f func(k, v []byte) bool) error {
	var own []pair
	err := s.above.Scan(from, to, func(k, v []byte) bool {
		own = append(own, pair{k, v})
		return true
	})
	if err != nil {
		return err
	}
	more := true
	// emit hands out what is above until the key end; nil is all of it.
	emit := func(end []byte) {
		for more && len(own) > 0 && (end == nil || bytes.Compare(own[0].k, end) < 0) {
			if own[0].v[0] == present {
				more = f(own[0].k, own[0].v[1:])
			}
			own = own[1:]
		}
	}
	if s.below != nil {
		err = s.below.Scan(from, to, func(k, v []byte) bool {
			emit(k)
			if !more {
				return false
			}
			if len(own) > 0 && bytes.Equal(own[0].k, k) {
				return true // the one above is handed out in its turn
			}
			more = f(k, v)
			return more
		})
	}
	if err == nil {
		emit(nil)
	}
	return err
}

// Apply implements kv.Store.
func (s *Store) Apply(w *kv.Writes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range w.Requires {
		v, ok, err := s.Get(r.Key, nil)
		if err != nil {
			return err
		}
		if ok == r.Absent || !r.Absent && !bytes.Equal(v, r.Value) {
			return &kv.Conflict{Key: bytes.Clone(r.Key)}
		}
	}
	var own kv.Writes
	for _, op := range w.List {
		if op.Delete {
			own.Put(op.Key, []byte{deleted})
		} else {
			own.Put(op.Key, append([]byte{present}, op.Value...))
		}
	}
	return s.above.Apply(&own)
}

// Reopen makes a closed store without one below usable again.
func (s *Store) Reopen() { s.above.Reopen() }

// Close implements kv.Store.
func (s *Store) Close() error {
	err := s.above.Close()
	if s.below != nil {
		if berr := s.below.Close(); err == nil {
			err = berr
		}
	}
	return err
}
