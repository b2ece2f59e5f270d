package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

func newSpace(t *testing.T, db kv.Store) (*Session, *Space) {
	t.Helper()
	st, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	se, err := st.Pipeline(t.Context(), "p", 1, "r")
	if err != nil {
		t.Fatal(err)
	}
	return se, se.Space("keys")
}

// TestStageSorts: what a commit writes is in the order of keys, whatever they have in
// common and however short they are. Only the deletion of what was never there may be left out.
func TestStageSorts(t *testing.T) {
	_, sp := newSpace(t, memkv.New())
	rapid.Check(t, func(rt *rapid.T) {
		defer sp.reset()
		prefix := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 255}), 0, 12).Draw(rt, "prefix")
		key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 255}), 0, 12)
		n := map[string]bool{}
		for _, k := range rapid.SliceOfN(key, 1, 60).Draw(rt, "keys") {
			k = append(bytes.Clone(prefix), k...)
			if n[string(k)] = len(n)%3 != 2; n[string(k)] {
				sp.Put(k, []byte("v"))
			} else {
				sp.Delete(k)
			}
		}
		var w kv.Writes
		if err := sp.stage(&w); err != nil {
			rt.Fatal(err)
		}
		for _, x := range w.List {
			k := string(x.Key[idLen:])
			if put, ok := n[k]; !ok || put == x.Delete {
				rt.Fatalf("%q is written, deleted: %v", k, x.Delete)
			}
			delete(n, k)
		}
		for k, put := range n {
			if put {
				rt.Fatalf("%q is not written", k)
			}
		}
		if !slices.IsSortedFunc(w.List, func(a, b kv.Write) int { return bytes.Compare(a.Key, b.Key) }) {
			rt.Fatalf("not sorted: %v", w.List)
		}
	})
}

// TestKept: committed keys stay in memory while they are asked for again, and do not
// when they are not. Either way every key is known.
func TestKept(t *testing.T) {
	for _, again := range []bool{true, false} {
		se, sp := newSpace(t, memkv.New())
		const n = 1000
		for i := range 3 * n {
			if i >= n && again {
				if _, ok, err := sp.Get(fmt.Appendf(nil, "key %d", i-n)); !ok || err != nil {
					t.Fatal(i, ok, err)
				}
			}
			sp.Put(fmt.Appendf(nil, "key %d", i), []byte("value"))
			if i%n != n-1 {
				continue
			}
			if err := se.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			if kept := len(sp.entries) > 0; i >= n && kept != again {
				t.Errorf("asked for again: %v, and kept: %v", again, kept)
			}
		}
		for i := range 3*n + 1 {
			if ok, err := sp.Has(fmt.Appendf(nil, "key %d", i)); ok != (i < 3*n) || err != nil {
				t.Fatal(i, ok, err)
			}
		}
	}
}

// TestLookAllocates: neither looking for new keys nor putting them allocates, once there is memory.
func TestLookAllocates(t *testing.T) {
	_, sp := newSpace(t, memkv.New())
	keys := make([][]byte, 5000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key %d", i)
	}
	n := testing.AllocsPerRun(5, func() {
		for i, k := range keys {
			if i%32 == 0 {
				for _, k := range keys[i:min(i+32, len(keys))] {
					sp.Soon(k)
				}
				sp.Prefetch()
			}
			if ok, err := sp.Has(k); ok || err != nil {
				t.Fatal(ok, err)
			}
			sp.Put(k, []byte{1})
		}
		sp.reset()
	})
	if n > 0 {
		t.Errorf("%v allocations for %d new keys", n, len(keys))
	}
}
