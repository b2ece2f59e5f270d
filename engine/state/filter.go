package state

import (
	"hash/maphash"
	"sync"
)

// filter knows which keys a space may have, by fingerprints in memory, so that
// looking for a new key costs no read; nor does asking whether there is a known
// one, as long as every fingerprint stands for a key (exact). It is complete from the start for an empty
// space; for another it is built when so many reads were made that scanning the
// space once is worth it. It gives up when its memory does not suffice.
type filter struct {
	store *Store
	sid   uint32

	mu    sync.RWMutex
	state filterState
	table fingerprints
	reads int
	exact bool // complete, and no key in the table was deleted or failed to be written
}

// print is the fingerprint of a key: 96 bits, so that one that is known can be
// taken for the key. Among n keys a new key is mistaken for a known one with a
// probability of n in 2^96, which is less than that of a fault of the memory.
type print struct {
	h   uint64
	tag uint32
}

func (s *Store) print(h uint64, k []byte) print {
	return print{h, uint32(maphash.Bytes(s.tagSeed, k) >> 32)} //nolint:gosec // the half that is wanted
}

type filterState uint8

const (
	filterNew      filterState = iota
	filterCounting             // not complete; counting reads
	filterComplete             // every key of the space is in the table
	filterOff                  // too many keys
)

const (
	readsBeforeScan = 50_000
	fingerprintSize = 12
)

// presence is what the filter says of a key.
type presence uint8

const (
	unknown presence = iota // it has to be looked up
	isAbsent
	isPresent
)

// lookup tells whether the space has the key with the given fingerprint.
func (f *filter) lookup(p print) (presence, error) {
	f.mu.RLock()
	st := f.state
	if st == filterComplete {
		has, exact := f.table.has(p), f.exact
		f.mu.RUnlock()
		switch {
		case !has:
			return isAbsent, nil
		case exact:
			return isPresent, nil
		}
		return unknown, nil
	}
	f.mu.RUnlock()
	if st == filterOff {
		return unknown, nil
	}
	return f.learn(p)
}

// distrust notes that some fingerprint may stand for a key that is not there.
func (f *filter) distrust() {
	f.mu.Lock()
	f.exact = false
	f.mu.Unlock()
}

// learn is lookup while the filter is not complete.
func (f *filter) learn(p print) (presence, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	var err error
	switch {
	case f.state == filterNew:
		err = f.fill(1)
	case f.state == filterCounting && f.reads > readsBeforeScan:
		err = f.fill(1 << 62)
	}
	if err != nil || f.state != filterComplete || f.table.has(p) {
		return unknown, err
	}
	return isAbsent, nil
}

// fill scans the space; the filter is complete when it has fewer than limit keys.
// Commits of other sessions add their keys before they are applied, so none is missed.
func (f *filter) fill(limit int) error {
	prefix, n := key(kindSpace, f.sid), 0
	f.state, f.exact = filterComplete, true
	err := f.store.kv.Scan(prefix, after(prefix), func(k, _ []byte) bool {
		if n++; n >= limit {
			f.state = filterCounting
			return false
		}
		f.addLocked(f.store.print(maphash.Bytes(f.store.seed, k[idLen:]), k[idLen:]))
		return f.state == filterComplete
	})
	if err != nil {
		f.state = filterCounting
		f.reads = 0
	}
	return err
}

// add notes keys that a commit is about to write. They stay when it fails, which
// is to be told to distrust: a fingerprint too many then only costs a read.
func (f *filter) add(prints []print) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range prints {
		f.addLocked(p)
	}
}

func (f *filter) addLocked(p print) {
	if f.state != filterComplete {
		return
	}
	if f.table.full() {
		grown := int64(f.table.grownBytes())
		if f.store.filterBytes.Add(f.table.bytes()-grown) < 0 {
			f.store.filterBytes.Add(grown)
			f.state, f.table = filterOff, fingerprints{}
			return
		}
		f.table.grow()
	}
	f.table.add(p)
}

// fingerprints is an open-addressing set. A free slot has hash 0, which no key
// is given.
type fingerprints struct {
	slots []uint64
	tags  []uint32
	n     int
}

func nonZero(h uint64) uint64 {
	if h == 0 {
		return 1
	}
	return h
}

func (t *fingerprints) bytes() int64    { return int64(len(t.slots)) * fingerprintSize }
func (t *fingerprints) full() bool      { return t.n >= len(t.slots)/4*3 }
func (t *fingerprints) grownBytes() int { return max(1024, 2*len(t.slots)) * fingerprintSize }

func (t *fingerprints) has(p print) bool {
	h := nonZero(p.h)
	mask := uint64(len(t.slots) - 1)
	if len(t.slots) == 0 {
		return false
	}
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			return false
		case h:
			if t.tags[i] == p.tag {
				return true
			}
		}
	}
}

func (t *fingerprints) add(p print) {
	h := nonZero(p.h)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			t.slots[i], t.tags[i] = h, p.tag
			t.n++
			return
		case h:
			if t.tags[i] == p.tag {
				return
			}
		}
	}
}

func (t *fingerprints) grow() {
	slots, tags := t.slots, t.tags
	n := t.grownBytes() / fingerprintSize
	t.slots, t.tags, t.n = make([]uint64, n), make([]uint32, n), 0
	for i, h := range slots {
		if h != 0 {
			t.add(print{h, tags[i]})
		}
	}
}
