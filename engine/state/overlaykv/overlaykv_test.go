package overlaykv_test

import (
	"slices"
	"testing"

	"weir/engine/state/kv"
	"weir/engine/state/memkv"
	"weir/engine/state/overlaykv"
	"weir/engine/state/statetest"
)

func TestConformance(t *testing.T) {
	var s *overlaykv.Store
	statetest.KV(t, func(t *testing.T, fresh bool) kv.Store {
		t.Helper()
		if fresh {
			s = overlaykv.New(nil)
		} else {
			s.Reopen()
		}
		return s
	})
}

func write(t *testing.T, s kv.Store, f func(w *kv.Writes)) {
	t.Helper()
	var w kv.Writes
	f(&w)
	if err := s.Apply(&w); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, s kv.Store, limit int) []string {
	t.Helper()
	var out []string
	err := s.Scan([]byte("a"), nil, func(k, v []byte) bool {
		out = append(out, string(k)+string(v))
		return len(out) < limit
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStoreBelowIsOnlyRead(t *testing.T) {
	below := memkv.New()
	write(t, below, func(w *kv.Writes) {
		for _, k := range []string{"a", "c", "e", "g"} {
			w.Put([]byte(k), []byte("0"))
		}
	})
	s := overlaykv.New(below)
	write(t, s, func(w *kv.Writes) {
		w.Require([]byte("c"), []byte("0"))
		w.Put([]byte("b"), []byte("1"))
		w.Put([]byte("c"), []byte("1"))
		w.Delete([]byte("e"))
		w.Put([]byte("z"), []byte("1"))
	})
	if got, want := content(t, s, 99), []string{"a0", "b1", "c1", "g0", "z1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := content(t, s, 2), []string{"a0", "b1"}; !slices.Equal(got, want) {
		t.Errorf("two: got %q, want %q", got, want)
	}
	if _, ok, err := s.Get([]byte("e"), nil); ok || err != nil {
		t.Errorf("what was deleted is there: %v, %v", ok, err)
	}
	if v, ok, _ := s.Get([]byte("g"), nil); !ok || string(v) != "0" {
		t.Errorf("g: %q, %v", v, ok)
	}
	if got, want := content(t, below, 99), []string{"a0", "c0", "e0", "g0"}; !slices.Equal(got, want) {
		t.Errorf("the store below has %q, want %q", got, want)
	}
}
