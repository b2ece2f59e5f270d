// Package memkv is a state store in memory, for tests and for runs that keep nothing.
package memkv

import (
	"bytes"
	"slices"
	"sync"

	"weir/engine/state/kv"
)

// Store implements kv.Store in memory. Close keeps the content, so that a test
// can open it again as if after a restart; see Reopen.
type Store struct {
	mu      sync.RWMutex
	m       map[string][]byte
	keys    []string // sorted; nil when out of date
	closed  bool
	failure error
}

// New returns an empty store.
func New() *Store { return &Store{m: map[string][]byte{}} }

// Reopen makes a closed store usable again, with what was applied before.
func (s *Store) Reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = false
}

// FailNext makes the next Apply return err and write nothing.
func (s *Store) FailNext(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Get implements kv.Store.
func (s *Store) Get(key, dst []byte) ([]byte, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return dst, false, kv.ErrClosed
	}
	v, ok := s.m[string(key)]
	return append(dst, v...), ok, nil
}

// Scan implements kv.Store.
func (s *Store) Scan(from, to []byte, f func(k, v []byte) bool) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return kv.ErrClosed
	}
	if s.keys == nil {
		s.keys = make([]string, 0, len(s.m))
		for k := range s.m {
			s.keys = append(s.keys, k)
		}
		slices.Sort(s.keys)
	}
	lo, _ := slices.BinarySearch(s.keys, string(from))
	hi := len(s.keys)
	if to != nil {
		hi, _ = slices.BinarySearch(s.keys, string(to))
	}
	// Values are never changed in place, so holding them is a snapshot.
	keys := s.keys[lo:max(lo, hi)]
	vals := make([][]byte, len(keys))
	for i, k := range keys {
		vals[i] = s.m[k]
	}
	s.mu.Unlock()
	for i, k := range keys {
		if !f([]byte(k), vals[i]) {
			return nil
		}
	}
	return nil
}

// Apply implements kv.Store.
func (s *Store) Apply(w *kv.Writes) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return kv.ErrClosed
	}
	for _, r := range w.Requires {
		v, ok := s.m[string(r.Key)]
		if ok == r.Absent || !r.Absent && !bytes.Equal(v, r.Value) {
			return &kv.Conflict{Key: bytes.Clone(r.Key)}
		}
	}
	if err := s.failure; err != nil {
		s.failure = nil
		return err
	}
	for _, op := range w.List {
		if op.Delete {
			delete(s.m, string(op.Key))
		} else {
			s.m[string(op.Key)] = bytes.Clone(op.Value)
		}
	}
	s.keys = nil
	return nil
}

// Close implements kv.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
