// Package statetest is the suite that every kv.Store passes.
package statetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/state/kv"
)

// Opener opens a store: a new, empty one when fresh is set, else the one
// opened before, which has been closed.
type Opener func(t *testing.T, fresh bool) kv.Store

// KV runs the suite.
func KV(t *testing.T, open Opener) {
	t.Helper()
	t.Run("get and put", func(t *testing.T) { getPut(t, open(t, true)) })
	t.Run("scan", func(t *testing.T) { scan(t, open(t, true)) })
	t.Run("scan shows one moment", func(t *testing.T) { snapshot(t, open(t, true)) })
	t.Run("requirements", func(t *testing.T) { requirements(t, open(t, true)) })
	t.Run("requirements under contention", func(t *testing.T) { contention(t, open(t, true)) })
	t.Run("large commit", func(t *testing.T) { large(t, open) })
	t.Run("memory is not kept", func(t *testing.T) { copies(t, open(t, true)) })
	t.Run("closed", func(t *testing.T) { closed(t, open(t, true)) })
	t.Run("like a map, across restarts", func(t *testing.T) { model(t, open) })
}

func apply(t *testing.T, s kv.Store, f func(w *kv.Writes)) {
	t.Helper()
	var w kv.Writes
	f(&w)
	if err := s.Apply(&w); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func want(t *testing.T, s kv.Store, key, value string, there bool) {
	t.Helper()
	v, ok, err := s.Get([]byte(key), nil)
	if err != nil || ok != there || string(v) != value {
		t.Fatalf("Get(%q) = %q, %v, %v; want %q, %v", key, v, ok, err, value, there)
	}
}

func done(t *testing.T, s kv.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func getPut(t *testing.T, s kv.Store) {
	defer done(t, s)
	want(t, s, "a", "", false)
	apply(t, s, func(w *kv.Writes) {
		w.Put([]byte("a"), []byte("1"))
		w.Put([]byte("empty"), nil)
		w.Put([]byte("b"), []byte("x"))
		w.Delete([]byte("b"))
		w.Delete([]byte("c"))
		w.Put([]byte("c"), []byte("later wins"))
	})
	want(t, s, "a", "1", true)
	want(t, s, "empty", "", true)
	want(t, s, "b", "", false)
	want(t, s, "c", "later wins", true)
	if v, ok, err := s.Get([]byte("a"), []byte("dst ")); string(v) != "dst 1" || !ok || err != nil {
		t.Fatalf("Get does not append to dst: %q, %v, %v", v, ok, err)
	}
	if v, ok, err := s.Get([]byte("none"), []byte("dst")); string(v) != "dst" || ok || err != nil {
		t.Fatalf("Get of a missing key changes dst: %q, %v, %v", v, ok, err)
	}
	apply(t, s, func(w *kv.Writes) { w.Delete([]byte("a")) })
	want(t, s, "a", "", false)
	apply(t, s, func(*kv.Writes) {})
}

func collect(t *testing.T, s kv.Store, from, to []byte, limit int) []string {
	t.Helper()
	var out []string
	err := s.Scan(from, to, func(k, v []byte) bool {
		out = append(out, string(k)+"="+string(v))
		return len(out) != limit
	})
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	return out
}

func scan(t *testing.T, s kv.Store) {
	defer done(t, s)
	apply(t, s, func(w *kv.Writes) {
		for _, k := range []string{"c", "a", "b\xff", "b", "b\x00", "\x00", "\xff"} {
			w.Put([]byte(k), []byte("v"))
		}
	})
	for _, c := range []struct {
		from, to []byte
		limit    int
		want     []string
	}{
		{nil, nil, 0, []string{"\x00=v", "a=v", "b=v", "b\x00=v", "b\xff=v", "c=v", "\xff=v"}},
		{[]byte("b"), []byte("c"), 0, []string{"b=v", "b\x00=v", "b\xff=v"}},
		{[]byte("b"), nil, 2, []string{"b=v", "b\x00=v"}},
		{[]byte("d"), []byte("e"), 0, nil},
		{[]byte("e"), []byte("d"), 0, nil},
		{[]byte("\xff"), nil, 0, []string{"\xff=v"}},
	} {
		if got := collect(t, s, c.from, c.to, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("Scan(%q, %q) = %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

func snapshot(t *testing.T, s kv.Store) {
	defer done(t, s)
	apply(t, s, func(w *kv.Writes) {
		w.Put([]byte("a"), []byte("1"))
		w.Put([]byte("b"), []byte("1"))
	})
	var got []string
	err := s.Scan(nil, nil, func(k, v []byte) bool {
		got = append(got, string(k)+string(v))
		apply(t, s, func(w *kv.Writes) {
			w.Put([]byte("b"), []byte("2"))
			w.Put([]byte("c"), []byte("2"))
		})
		return true
	})
	if err != nil || !slices.Equal(got, []string{"a1", "b1"}) {
		t.Fatalf("Scan saw %q, %v", got, err)
	}
	want(t, s, "c", "2", true)
}

func requirements(t *testing.T, s kv.Store) {
	defer done(t, s)
	apply(t, s, func(w *kv.Writes) {
		w.RequireAbsent([]byte("e"))
		w.Put([]byte("e"), []byte("1"))
	})
	for name, req := range map[string]func(w *kv.Writes){
		"other value":        func(w *kv.Writes) { w.Require([]byte("e"), []byte("0")) },
		"missing":            func(w *kv.Writes) { w.Require([]byte("x"), []byte("1")) },
		"missing, no value":  func(w *kv.Writes) { w.Require([]byte("x"), nil) },
		"there":              func(w *kv.Writes) { w.RequireAbsent([]byte("e")) },
		"second of two":      func(w *kv.Writes) { w.Require([]byte("e"), []byte("1")); w.RequireAbsent([]byte("e")) },
		"longer than stored": func(w *kv.Writes) { w.Require([]byte("e"), []byte("11")) },
	} {
		var w kv.Writes
		req(&w)
		w.Put([]byte("f"), []byte("no"))
		err := s.Apply(&w)
		var c *kv.Conflict
		if !errors.As(err, &c) || len(c.Key) != 1 {
			t.Errorf("%s: got %v, want a conflict", name, err)
		}
		want(t, s, "f", "", false)
	}
	apply(t, s, func(w *kv.Writes) {
		w.Require([]byte("e"), []byte("1"))
		w.RequireAbsent([]byte("x"))
		w.Put([]byte("e"), []byte("2"))
	})
	want(t, s, "e", "2", true)
}

// contention lets several writers count together by compare and set: a count
// lost would show that a check and its writes are not one step.
func contention(t *testing.T, s kv.Store) {
	defer done(t, s)
	const writers, each = 4, 25
	key := []byte("n")
	apply(t, s, func(w *kv.Writes) { w.Put(key, []byte("0")) })
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := 0; n < each; {
				v, _, err := s.Get(key, nil)
				if err != nil {
					t.Error(err)
					return
				}
				var i int
				fmt.Sscan(string(v), &i)
				var w kv.Writes
				w.Require(key, v)
				w.Put(key, fmt.Append(nil, i+1))
				var c *kv.Conflict
				if err := s.Apply(&w); err == nil {
					n++
				} else if !errors.As(err, &c) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	want(t, s, "n", fmt.Sprint(writers*each), true)
}

func large(t *testing.T, open Opener) {
	s := open(t, true)
	const n = 60_000
	var w kv.Writes
	for i := range n {
		w.Put(fmt.Appendf(nil, "key-%08d", i), bytes.Repeat([]byte{byte(i)}, 200))
	}
	if err := s.Apply(&w); err != nil {
		t.Fatal(err)
	}
	done(t, s)
	s = open(t, false)
	defer done(t, s)
	got := 0
	err := s.Scan([]byte("key-"), []byte("key."), func(k, v []byte) bool {
		if string(k) != fmt.Sprintf("key-%08d", got) || len(v) != 200 || v[199] != byte(got) {
			t.Errorf("key %d is %q with %d bytes", got, k, len(v))
			return false
		}
		got++
		return true
	})
	if err != nil || got != n {
		t.Fatalf("%d keys after a restart, %v; want %d", got, err, n)
	}
}

func copies(t *testing.T, s kv.Store) {
	defer done(t, s)
	k, v := []byte("k"), []byte("v")
	apply(t, s, func(w *kv.Writes) { w.Put(k, v) })
	k[0], v[0] = 'x', 'x'
	got, _, _ := s.Get([]byte("k"), nil)
	if string(got) != "v" {
		t.Fatalf("the store keeps the caller's memory: %q", got)
	}
	got[0] = 'y'
	want(t, s, "k", "v", true)
}

func closed(t *testing.T, s kv.Store) {
	done(t, s)
	done(t, s)
	if _, _, err := s.Get([]byte("a"), nil); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Scan(nil, nil, func(_, _ []byte) bool { return true }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Scan: %v", err)
	}
	if err := s.Apply(&kv.Writes{}); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Apply: %v", err)
	}
}

// model compares the store with a map under random writes and restarts.
func model(t *testing.T, open Opener) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t, true)
		defer func() { done(t, s) }()
		m := map[string]string{}
		key := rapid.StringMatching(`[a-c]{1,3}`)
		for range rapid.IntRange(1, 12).Draw(rt, "commits") {
			var w kv.Writes
			for range rapid.IntRange(0, 6).Draw(rt, "writes") {
				k := key.Draw(rt, "key")
				if rapid.Bool().Draw(rt, "delete") {
					w.Delete([]byte(k))
					delete(m, k)
				} else {
					v := rapid.StringN(0, 5, 20).Draw(rt, "value")
					w.Put([]byte(k), []byte(v))
					m[k] = v
				}
			}
			if err := s.Apply(&w); err != nil {
				rt.Fatal(err)
			}
			if rapid.IntRange(0, 5).Draw(rt, "restart") == 0 {
				done(t, s)
				s = open(t, false)
			}
		}
		got := map[string]string{}
		if err := s.Scan(nil, nil, func(k, v []byte) bool { got[string(k)] = string(v); return true }); err != nil {
			rt.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(m) {
			rt.Fatalf("store has %v, want %v", got, m)
		}
	})
}
