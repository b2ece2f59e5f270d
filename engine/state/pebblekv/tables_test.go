package pebblekv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"weir/engine/state/kv"
)

// putKeys commits n new keys, as long as a dedupe step's.
func putKeys(t *testing.T, s *Store, n int, r *rand.Rand) (keys [][]byte) {
	t.Helper()
	var w kv.Writes
	for range n {
		k := fmt.Appendf(nil, "\x20....kcustomer\x00c%010d", r.Uint64N(1e10))
		keys = append(keys, k)
		w.Put(k, []byte{1})
	}
	if err := s.Apply(&w); err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestCommitsShareTables: with the default memory, commits of as many keys as a
// pipeline commits by default are collected, and not each made into a table, for those
// would have to be merged many times over.
func TestCommitsShareTables(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const commits = 12
	r := rand.New(rand.NewPCG(1, 2))
	for range commits {
		putKeys(t, s, 50_000, r)
	}
	m := s.db.Metrics()
	if m.Flush.Count > commits/4 || m.Compact.Count > 0 {
		t.Errorf("%d commits were made into tables in %d turns, and those merged in %d", commits, m.Flush.Count, m.Compact.Count)
	}
}

// TestBlocksAreKept: what is read stays in memory beside what is written, and both
// together keep to what they were given.
func TestBlocksAreKept(t *testing.T) {
	o := Options{CacheBytes: 4 << 20, MemTableBytes: 8 << 20}
	s, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r := rand.New(rand.NewPCG(3, 4))
	first := putKeys(t, s, 20_000, r)
	for range 8 {
		putKeys(t, s, 20_000, r)
	}
	for range 2 {
		for _, k := range first[:2000] {
			if _, ok, err := s.Get(k, nil); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	m := s.db.Metrics()
	if c := m.BlockCache; c.Size == 0 || c.Hits < 10*c.Misses {
		t.Errorf("%d bytes are kept of what was read: %d hits and %d misses", c.Size, c.Hits, c.Misses)
	}
	if used := m.BlockCache.Size + int64(m.MemTable.Size); used > o.CacheBytes+o.MemTableBytes {
		t.Errorf("%d bytes are in use, more than %d", used, o.CacheBytes+o.MemTableBytes)
	}
}
