package state

import (
	"hash/maphash"
	"sync"
)

// filter knows which keys a space may have, by fingerprints in memory, so that
// looking for a new key costs no read. It is complete from the start for an empty
// space; for another it is built when so many reads were made that scanning the
// space once is worth it. It gives up when its memory does not suffice.
type filter struct {
	store *Store
	sid   uint32

	mu    sync.RWMutex
	state filterState
	table fingerprints
	reads int
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
	fingerprintSize = 8
)

// absent reports whether the space certainly lacks the key with hash h.
func (f *filter) absent(h uint64) (bool, error) {
	f.mu.RLock()
	st := f.state
	if st == filterComplete {
		has := f.table.has(h)
		f.mu.RUnlock()
		return !has, nil
	}
	f.mu.RUnlock()
	if st == filterOff {
		return false, nil
	}
	return f.learn(h)
}

// learn is absent while the filter is not complete.
func (f *filter) learn(h uint64) (bool, error) {
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
	return err == nil && f.state == filterComplete && !f.table.has(h), err
}

// fill scans the space; the filter is complete when it has fewer than limit keys.
// Commits of other sessions add their keys before they are applied, so none is missed.
func (f *filter) fill(limit int) error {
	prefix, n := key(kindSpace, f.sid), 0
	f.state = filterComplete
	err := f.store.kv.Scan(prefix, after(prefix), func(k, _ []byte) bool {
		if n++; n >= limit {
			f.state = filterCounting
			return false
		}
		f.addLocked(maphash.Bytes(f.store.seed, k[idLen:]))
		return f.state == filterComplete
	})
	if err != nil {
		f.state = filterCounting
		f.reads = 0
	}
	return err
}

// add notes keys that a commit is about to write. They stay when it fails: a
// fingerprint too many only costs a read.
func (f *filter) add(hashes []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range hashes {
		f.addLocked(h)
	}
}

func (f *filter) addLocked(h uint64) {
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
	f.table.add(h)
}

// fingerprints is an open-addressing set of hashes; 0 is not stored.
type fingerprints struct {
	slots []uint64
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

func (t *fingerprints) has(h uint64) bool {
	h = nonZero(h)
	mask := uint64(len(t.slots) - 1)
	if len(t.slots) == 0 {
		return false
	}
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			return false
		case h:
			return true
		}
	}
}

func (t *fingerprints) add(h uint64) {
	h = nonZero(h)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			t.slots[i] = h
			t.n++
			return
		case h:
			return
		}
	}
}

func (t *fingerprints) grow() {
	old := t.slots
	t.slots, t.n = make([]uint64, t.grownBytes()/fingerprintSize), 0
	for _, h := range old {
		if h != 0 {
			t.add(h)
		}
	}
}
