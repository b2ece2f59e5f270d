package keyset_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"weir/engine/state/keyset"
)

func prints(seed uint64, n int) []keyset.Print {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]keyset.Print, n)
	for i := range out {
		out[i] = keyset.Print{Hash: r.Uint64(), Tag: uint16(r.Uint32())}
	}
	return out
}

func count(s *keyset.Set, list []keyset.Print) (n [3]int) {
	for _, p := range list {
		n[s.Lookup(p)]++
	}
	return n
}

// TestExact: with memory enough, every answer is a definite one.
func TestExact(t *testing.T) {
	for _, n := range []int{0, 1, 100, 4096, 4097, 300_000} {
		b := keyset.NewBudget(1 << 30)
		s := b.NewSet()
		in, out := prints(1, n), prints(2, 10_000)
		for range 2 { // adding again changes nothing
			for _, p := range in {
				s.Add(p)
			}
		}
		if got := count(s, in); got[keyset.Present] != n {
			t.Errorf("%d keys: %v, all are present", n, got)
		}
		if got := count(s, out); got[keyset.Absent] != len(out) {
			t.Errorf("%d keys: %v of others, all are absent", n, got)
		}
		used := 1<<30 - b.Free()
		if n > 200_000 && used > int64(n)*13 {
			t.Errorf("%d keys need %d bytes", n, used)
		}
		s.Clear()
		if b.Free() != 1<<30 {
			t.Errorf("%d keys: %d bytes were not given back", n, 1<<30-b.Free())
		}
	}
}

// TestNearHashes: keys whose hashes crowd, or differ in their tag alone, are kept apart.
func TestNearHashes(t *testing.T) {
	s := keyset.NewBudget(1 << 30).NewSet()
	for _, p := range prints(20, 50_000) {
		s.Add(p)
	}
	const crowd = 60
	near := func(i int) []keyset.Print {
		n := uint64(i)
		return []keyset.Print{{Hash: 1<<64 - 1 - n, Tag: uint16(i)}, {Hash: 1<<63 | n, Tag: uint16(i)}, {Hash: n, Tag: uint16(i)}, {Hash: 7 << 40, Tag: uint16(i)}}
	}
	for i := range crowd {
		for _, p := range near(i) {
			s.Add(p)
		}
	}
	for i := range crowd {
		if got := count(s, near(i)); got[keyset.Present] != 4 {
			t.Fatalf("crowd %d: %v", i, got)
		}
	}
	other := near(crowd)
	other[0].Hash++ // the same as one that is there, but for the tag
	if got := count(s, other); got[keyset.Absent] != 4 {
		t.Fatalf("keys that are not there: %v", got)
	}
}

// TestCrowd: keys that all want the same place are given up, not grown for.
func TestCrowd(t *testing.T) {
	b := keyset.NewBudget(1 << 30)
	s := b.NewSet()
	for i := range uint64(20_000) {
		s.Add(keyset.Print{Hash: 1<<64 - 1 - i})
	}
	for i := range uint64(20_000) {
		if s.Lookup(keyset.Print{Hash: 1<<64 - 1 - i}) == keyset.Absent {
			t.Fatalf("key %d is lost", i)
		}
	}
	if used := 1<<30 - b.Free(); used > 4<<20 {
		t.Errorf("%d bytes", used)
	}
}

// TestBounded: a set that outgrows its memory never needs more than was given, never
// calls a key absent that is there, and is good for less and less.
func TestBounded(t *testing.T) {
	const budget = 2 << 20
	b := keyset.NewBudget(budget)
	s := b.NewSet()
	in, others := prints(3, 2_500_000), prints(4, 20_000)
	lowest, lastMaybe, share := b.Free(), 0, 1.0
	for i, p := range in {
		s.Add(p)
		lowest = min(lowest, b.Free())
		if i%250_000 != 249_999 {
			continue
		}
		got := count(s, in[:i+1])
		known := float64(got[keyset.Present]) / float64(i+1)
		if got[keyset.Absent] != 0 || known > share+0.01 {
			t.Fatalf("%d keys: %v, after a share of %v", i+1, got, share)
		}
		share, got = known, count(s, others)
		if got[keyset.Present] != 0 || got[keyset.Maybe] < lastMaybe-200 {
			t.Fatalf("%d keys: %v of others, %d before", i+1, got, lastMaybe)
		}
		if i < 1_000_000 && got[keyset.Maybe] > len(others)/10 {
			t.Errorf("%d keys: %v of others would be looked up", i+1, got)
		}
		lastMaybe = got[keyset.Maybe]
	}
	if lowest < 0 {
		t.Errorf("%d bytes more than were given", -lowest)
	}
	b.Close()
	if b.Free() != budget || s.Lookup(in[0]) != keyset.Maybe {
		t.Errorf("%d bytes free after Close", b.Free())
	}
}

// TestShared: a set that comes late gets memory from the one that has it all.
func TestShared(t *testing.T) {
	b := keyset.NewBudget(2 << 20)
	first, late := b.NewSet(), b.NewSet()
	for _, p := range prints(5, 400_000) {
		first.Add(p)
	}
	in := prints(6, 5000)
	for _, p := range in {
		late.Add(p)
	}
	if got := count(late, in); got[keyset.Present] != len(in) {
		t.Errorf("the late set says %v", got)
	}
	if b.Free() < 0 {
		t.Errorf("%d bytes too many", -b.Free())
	}
}

// TestNoMemory: without memory nothing is known, and nothing is wrong.
func TestNoMemory(t *testing.T) {
	s := keyset.NewBudget(100).NewSet()
	in := prints(7, 10)
	for _, p := range in {
		s.Add(p)
	}
	if got := count(s, in); got[keyset.Maybe] != len(in) || !s.Off() {
		t.Errorf("%v, off %v", got, s.Off())
	}
}

// TestConcurrent: sets that take memory from each other under load stay right.
func TestConcurrent(t *testing.T) {
	b := keyset.NewBudget(1 << 20)
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			s := b.NewSet()
			in := prints(10+g, 60_000)
			for i, p := range in {
				s.Lock()
				s.Add(p)
				s.Unlock()
				s.RLock()
				if s.Lookup(in[i/2]) == keyset.Absent {
					t.Error("a key is lost")
				}
				s.RUnlock()
			}
		})
	}
	wg.Wait()
	if b.Free() < 0 {
		t.Errorf("%d bytes too many", -b.Free())
	}
}

func TestAllocations(t *testing.T) {
	s := keyset.NewBudget(1 << 30).NewSet()
	in := prints(8, 100_000)
	for _, p := range in {
		s.Add(p)
	}
	i := 0
	if n := testing.AllocsPerRun(10_000, func() {
		s.Lookup(in[i])
		s.Add(in[i])
		i++
	}); n != 0 {
		t.Errorf("%v allocations for a key", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	s := keyset.NewBudget(1 << 30).NewSet()
	in, others := prints(9, 4_000_000), prints(10, 1<<20)
	for _, p := range in {
		s.Add(p)
	}
	for i := 0; b.Loop(); i++ {
		s.Lookup(others[i&(1<<20-1)])
	}
}

func BenchmarkAdd(b *testing.B) {
	s := keyset.NewBudget(1 << 30).NewSet()
	in := prints(9, 5_000_000)
	for i := 0; b.Loop(); i++ {
		s.Add(in[i%len(in)])
	}
}
