package state_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/state"
)

func TestSpacesAreApart(t *testing.T) {
	s, db := newStore(t)
	a, b := session(t, s, "a"), session(t, s, "b")
	a.Space("dedupe.x").Put([]byte("k"), []byte("1"))
	a.Space("dedupe.y").Put([]byte("k"), []byte("2"))
	must(t, a.Commit(t.Context()))
	b.Space("dedupe.x").Put([]byte("k"), []byte("3"))
	must(t, b.Commit(t.Context()))
	must(t, s.Close())
	s = reopen(t, db)
	a, b = session(t, s, "a"), session(t, s, "b")
	got := get(t, a.Space("dedupe.x"), "k") + get(t, a.Space("dedupe.y"), "k") + get(t, b.Space("dedupe.x"), "k") + get(t, b.Space("dedupe.y"), "k")
	if got != "123-" {
		t.Fatal(got)
	}
	infos, err := s.Spaces()
	must(t, err)
	if fmt.Sprint(infos) != "[a/dedupe.x a/dedupe.y b/dedupe.x b/dedupe.y]" {
		t.Fatal(infos)
	}
}

// TestSharedSpace: what one pipeline learned about an entity is seen by another
// after the commit, and two that learn at the same time cannot both commit.
func TestSharedSpace(t *testing.T) {
	s, _ := newStore(t)
	a, b := session(t, s, "a"), session(t, s, "b")
	ea, eb := a.Space("entity.profile"), b.Space("entity.profile")
	if get(t, ea, "k")+get(t, eb, "k") != "--" {
		t.Fatal("not empty")
	}
	ea.Put([]byte("k"), []byte("a"))
	if get(t, eb, "k") != "-" {
		t.Fatal("a pending change is seen elsewhere")
	}
	must(t, a.Commit(t.Context()))
	eb.Put([]byte("k"), []byte("b"))
	if err := b.Commit(t.Context()); !errors.Is(err, state.ErrShared) {
		t.Fatalf("got %v, want ErrShared", err)
	}
	b.Discard()
	if got := get(t, eb, "k"); got != "a" {
		t.Fatal(got)
	}
	eb.Put([]byte("k"), []byte("ab"))
	must(t, b.Commit(t.Context()))
	if got := get(t, ea, "k"); got != "ab" {
		t.Fatalf("a still sees %q, which it committed itself", got)
	}
	// Looking without changing does not stand in the way of anybody.
	eb.Put([]byte("k2"), nil)
	must(t, b.Commit(t.Context()))
	must(t, a.Commit(t.Context()))
}

func TestHold(t *testing.T) {
	s, _ := newStore(t)
	release, err := s.Hold(t.Context(), []string{"b", "a", "a"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Hold(ctx, []string{"c", "a"}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		r, err := s.Hold(t.Context(), []string{"a", "b", "c"})
		if err == nil {
			r()
		}
		done <- err
	}()
	select {
	case <-done:
		t.Fatal("held twice")
	default:
	}
	release()
	must(t, <-done)
}

// TestSpaceLikeAMap compares a space with a map under random changes, commits,
// discards and restarts.
func TestSpaceLikeAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, db := newStore(t)
		name := rapid.SampledFrom([]string{"dedupe.a", "entity.e"}).Draw(rt, "space")
		se := session(t, s, "p")
		committed, now := map[string]string{}, map[string]string{}
		key := rapid.StringMatching(`[a-d]{0,2}`)
		copyOf := func(m map[string]string) map[string]string {
			c := map[string]string{}
			maps.Copy(c, m)
			return c
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				k, v := key.Draw(rt, "key"), rapid.StringN(0, 8, 30).Draw(rt, "value")
				if rapid.Bool().Draw(rt, "after a look") {
					has(t, se.Space(name), k)
				}
				se.Space(name).Put([]byte(k), []byte(v))
				now[k] = v
			},
			"delete": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				se.Space(name).Delete([]byte(k))
				delete(now, k)
			},
			"commit":  func(*rapid.T) { must(t, se.Commit(t.Context())); committed = copyOf(now) },
			"discard": func(*rapid.T) { se.Discard(); now = copyOf(committed) },
			"restart": func(*rapid.T) {
				must(t, s.Close())
				s = reopen(t, db)
				se, now = session(t, s, "p"), copyOf(committed)
			},
			"": func(rt *rapid.T) {
				k := key.Draw(rt, "look")
				want, there := now[k]
				if rapid.Bool().Draw(rt, "only whether") {
					if has(t, se.Space(name), k) != there {
						rt.Fatalf("Has(%q) is not %v", k, there)
					}
					return
				}
				v, ok, err := se.Space(name).Get([]byte(k))
				if err != nil || ok != there || ok && string(v) != want {
					rt.Fatalf("Get(%q) = %q, %v, %v; want %q, %v", k, v, ok, err, want, there)
				}
			},
		})
	})
}

func has(t *testing.T, sp *state.Space, k string) bool {
	t.Helper()
	sp.Soon([]byte(k))
	sp.Soon([]byte("another"))
	sp.Prefetch()
	ok, err := sp.Has([]byte(k))
	must(t, err)
	return ok
}

// TestFilterIsBuilt reads an existing space so often that its fingerprints are
// collected, and checks that every answer stays right before and after.
func TestFilterIsBuilt(t *testing.T) {
	for name, cache := range map[string]int64{"enough memory": 0, "too little": 1 << 12} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			const n = 3000
			for pass := range 2 {
				s, err := state.Open(dir, state.Options{Memory: cache})
				must(t, err)
				se := session(t, s, "p")
				sp := se.Space("dedupe.a")
				for round := range 20 * pass {
					for i := range n {
						if got, want := get(t, sp, fmt.Sprint("k", i)), fmt.Sprint(i); got != want {
							t.Fatalf("round %d: key %d is %s", round, i, got)
						}
						if got := get(t, sp, fmt.Sprint("new", i)); got != "-" {
							t.Fatalf("round %d: a key nobody set is %s", round, got)
						}
					}
				}
				for i := range n {
					sp.Put(fmt.Append(nil, "k", i), fmt.Append(nil, i))
				}
				must(t, se.Commit(t.Context()))
				must(t, s.Close())
			}
		})
	}
}

func TestSpaceAllocations(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	se := session(t, s, "p")
	sp := se.Space("dedupe.a")
	for i := range 20_000 {
		sp.Put(fmt.Appendf(nil, "%020d", i), []byte("value"))
	}
	key, val := []byte("00000000000000000000"), []byte("other")
	if n := testing.AllocsPerRun(1000, func() {
		_, _, _ = sp.Get(key)
		sp.Put(key, val)
	}); n != 0 {
		t.Errorf("pending key: %v allocations", n)
	}
	must(t, se.Commit(t.Context()))
	missing := []byte("x0000000000000000000")
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = sp.Get(missing) }); n != 0 {
		t.Errorf("new key: %v allocations", n)
	}
	se.Discard() // forgets what is in memory
	if n := testing.AllocsPerRun(1000, func() { _, _, _ = sp.Get(key) }); n > 1 {
		t.Errorf("committed key: %v allocations", n)
	}
}

// BenchmarkGetOrInsert is one million get-or-insert operations, 15% of them of
// a key seen before, with a durable commit every 50,000.
func BenchmarkGetOrInsert(b *testing.B) {
	const ops = 1_000_000
	for b.Loop() {
		s, err := state.Open(b.TempDir(), state.Options{})
		if err != nil {
			b.Fatal(err)
		}
		se, err := s.Pipeline(b.Context(), "p", 1, "r")
		if err != nil {
			b.Fatal(err)
		}
		getOrInsert(b, se, ops)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(ops)*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func getOrInsert(b *testing.B, se *state.Session, ops int) {
	b.Helper()
	sp := se.Space("dedupe.a")
	var key []byte
	val := []byte("12345678")
	for i := range ops {
		n := uint64(i)
		if i%100 < 15 {
			n = n * 7919 % uint64(i+1)
		}
		key = fmt.Appendf(key[:0], "%016x", n*0x9e3779b97f4a7c15) // random order
		_, ok, err := sp.Get(key)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			sp.Put(key, val)
		}
		if (i+1)%50_000 == 0 {
			if err := se.Commit(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
