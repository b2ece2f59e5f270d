// Package keyset remembers which keys there are, by fingerprints, in an amount of
// memory that is given once for any number of sets.
//
// A [Set] starts as a small map. From some thousands of keys on it is divided
// into parts, by the first bits of the hash, each a table of fingerprints so long
// that one that is found stands for its key. When the memory is used up, one part
// after the other becomes a Bloom filter of less than half the size: a key that is
// not there is still told without a read in all but few cases, and only a
// key that is there has to be looked up. A part whose filter is full of
// bits is given up. So a set never needs more memory than was given, and what
// it is good for decreases step by step.
package keyset

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// Print is the fingerprint of a key: two independent hashes.
type Print struct {
	Hash uint64
	Tag  uint16
}

// Answer is what a set says of a key.
type Answer uint8

// The answers.
const (
	Maybe   Answer = iota // it has to be looked up
	Absent                // it was never added
	Present               // it was added; wrong for a new key with a probability of (number of keys) in 2^80
)

const (
	smallKeys  = 4096 // kept in a map
	smallBytes = 40   // that an entry of the map is counted as
	partBits   = 8
	parts      = 1 << partBits
	hashBits   = 64 - partBits // of the hash that a slot holds
	hashMask   = 1<<hashBits - 1
)

// Set is a set of fingerprints. It does not lock by itself: Lookup and Warm need RLock, all
// other methods need Lock, which the sets of one Budget also take from each other.
type Set struct {
	sync.RWMutex
	budget *Budget
	small  map[uint64]uint16 // until there are parts
	room   int               // entries of small that memory is reserved for
	parts  []part
	off    bool
	tables atomic.Int64 // bytes in tables, which a need of memory can make smaller
}

// Lookup tells whether p was added.
func (s *Set) Lookup(p Print) Answer {
	if s.parts != nil {
		return s.parts[p.Hash>>hashBits].lookup(p)
	}
	if s.off {
		return Maybe
	}
	tag, ok := s.small[p.Hash]
	switch {
	case !ok:
		return Absent
	case tag == p.Tag:
		return Present
	}
	return Maybe // another key with this hash pushed it out
}

// Off reports whether the set was given up for want of memory: it only ever answers Maybe.
func (s *Set) Off() bool { return s.off }

// Add adds p. When there is no memory for it, the set becomes less exact, never wrong.
func (s *Set) Add(p Print) {
	switch {
	case s.off:
	case s.parts != nil:
		s.addTo(&s.parts[p.Hash>>hashBits], p)
	case len(s.small) == s.room && !s.more():
	case s.parts != nil: // more made them
		s.addTo(&s.parts[p.Hash>>hashBits], p)
	default:
		s.small[p.Hash] = p.Tag
	}
}

// Warm brings what is about to be looked up or added near the processor. One after the
// other, each would be waited for; this way the waits overlap. The result has no
// meaning, but it must be used, or nothing is read.
func (s *Set) Warm(list []Print) (sum byte) {
	if s.parts != nil {
		for _, p := range list {
			sum += s.parts[p.Hash>>hashBits].touch(p)
		}
	}
	return sum
}

// more makes room for another small key, and reports false when the set is given up.
func (s *Set) more() bool {
	if s.room >= smallKeys {
		s.divide()
		return true
	}
	room := max(16, 2*s.room)
	if !s.budget.take(s, int64(room-s.room)*smallBytes) {
		s.Clear()
		s.off = true
		return false
	}
	if s.small == nil {
		s.small = map[uint64]uint16{}
	}
	s.room = room
	return true
}

// divide makes parts of the small keys.
func (s *Set) divide() {
	s.parts = make([]part, parts)
	for h, tag := range s.small {
		s.addTo(&s.parts[h>>hashBits], Print{h, tag})
	}
	s.small = nil
	s.budget.give(int64(s.room) * smallBytes)
	s.room = 0
}

// Clear makes the set empty and gives its memory back.
func (s *Set) Clear() {
	for i := range s.parts {
		s.release(&s.parts[i])
	}
	s.budget.give(int64(s.room) * smallBytes)
	s.small, s.parts, s.room, s.off = nil, nil, 0, false
}

// release gives back the memory of a part.
func (s *Set) release(p *part) {
	n := int64(len(p.mem))
	free(p.mem)
	s.budget.give(n)
	if p.kind == table {
		s.tables.Add(-n)
	}
	*p = part{}
}

// addTo adds to a part, making it larger when it must be, or less exact when it cannot be.
func (s *Set) addTo(p *part, x Print) {
	for !p.add(x) {
		if p.kind == filter {
			s.release(p)
			p.kind = given
			return
		}
		// Hashes that crowd, which ones of random seed do not, would have it grow for ever.
		crowded := p.slots > 1024 && p.n < p.slots/4
		if crowded || !s.grow(p) {
			s.blur(p)
		}
	}
}

// grow makes the table of a part larger, and reports false when there is no memory.
func (s *Set) grow(p *part) bool {
	for size := p.slots; ; {
		// Large tables grow by little: they are many, and copying them is sequential.
		size += max(16, size/7)
		if p.slots < 1024 {
			size += size / 3
		}
		n := tableBytes(size)
		if !s.budget.take(s, n-int64(len(p.mem))) {
			return false
		}
		q := part{kind: table, slots: size, mem: allocate(int(n))}
		if q.mem == nil {
			s.budget.give(n - int64(len(p.mem)))
			return false
		}
		if !q.copyFrom(p) {
			free(q.mem) // the keys crowd at the end: larger still
			s.budget.give(n - int64(len(p.mem)))
			continue
		}
		s.tables.Add(n - int64(len(p.mem)))
		free(p.mem)
		*p = q
		return true
	}
}

// blur makes a Bloom filter of the table of a part.
func (s *Set) blur(p *part) {
	n := int64(max(8, p.n*bloomBytes/blockBytes+1)) * blockBytes
	q := part{kind: filter}
	// The table is released right after: the sum exceeds the budget for that moment
	// by one part of a set.
	if n < int64(len(p.mem)) {
		q.mem = allocate(int(n))
	}
	if q.mem == nil {
		s.release(p)
		p.kind = given
		return
	}
	for i := 0; i+slotBytes <= len(p.mem); i += slotBytes {
		w := binary.LittleEndian.Uint64(p.mem[i:])
		if w&hashMask != 0 {
			q.add(Print{w & hashMask, uint16(w>>hashBits) | uint16(p.mem[i+8])<<8})
		}
	}
	s.release(p)
	s.budget.force(n)
	*p = q
}

// blurOne is blur for any part that is a table, and reports false when there is none.
func (s *Set) blurOne() bool {
	for i := range s.parts {
		if p := &s.parts[i]; p.kind == table && len(p.mem) > 8*blockBytes {
			s.blur(p)
			return true
		}
	}
	return false
}

// Budget is the memory of any number of sets. Its methods may be called by any
// number of goroutines.
type Budget struct {
	free atomic.Int64
	mu   sync.Mutex
	sets []*Set
}

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget {
	b := &Budget{}
	b.free.Store(bytes)
	return b
}

// NewSet returns an empty set.
func (b *Budget) NewSet() *Set {
	s := &Set{budget: b}
	b.mu.Lock()
	b.sets = append(b.sets, s)
	b.mu.Unlock()
	return s
}

// Free returns how many bytes are not in use.
func (b *Budget) Free() int64 { return b.free.Load() }

// Close gives all memory back. The sets only answer Maybe from then on.
func (b *Budget) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sets {
		s.Lock()
		s.Clear()
		s.off = true
		s.Unlock()
	}
	b.sets = nil
}

func (b *Budget) give(n int64)  { b.free.Add(n) }
func (b *Budget) force(n int64) { b.free.Add(-n) }

// take reserves n bytes for s, which is locked, at the cost of the set that has the
// largest tables. It reports false when that is s itself, or when nothing can be had.
func (b *Budget) take(s *Set, n int64) bool {
	for tries := 0; b.free.Add(-n) < 0; tries++ {
		b.free.Add(n)
		if tries == parts {
			return false
		}
		v := b.largest()
		// The other set may wait for this one; it is then left alone.
		if v == nil || v == s || !v.TryLock() {
			return false
		}
		ok := v.blurOne()
		v.Unlock()
		if !ok {
			return false
		}
	}
	return true
}

func (b *Budget) largest() (v *Set) {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := int64(0)
	for _, s := range b.sets {
		if n := s.tables.Load(); n > most {
			v, most = s, n
		}
	}
	return v
}
