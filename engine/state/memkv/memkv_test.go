package memkv_test

import (
	"errors"
	"testing"

	"weir/engine/state/kv"
	"weir/engine/state/memkv"
	"weir/engine/state/statetest"
)

func TestConformance(t *testing.T) {
	var s *memkv.Store
	statetest.KV(t, func(t *testing.T, fresh bool) kv.Store {
		t.Helper()
		if fresh {
			s = memkv.New()
		} else {
			s.Reopen()
		}
		return s
	})
}

func TestFailNext(t *testing.T) {
	s, boom := memkv.New(), errors.New("boom")
	s.FailNext(boom)
	var w kv.Writes
	w.Put([]byte("a"), []byte("1"))
	if err := s.Apply(&w); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if _, ok, _ := s.Get([]byte("a"), nil); ok {
		t.Fatal("a failed Apply wrote something")
	}
	if err := s.Apply(&w); err != nil {
		t.Fatalf("second Apply: %v", err)
	}
}
