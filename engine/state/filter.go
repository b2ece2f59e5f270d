package state

import (
	"hash/maphash"
	"sync/atomic"

	"weir/engine/state/keyset"
)

// filter knows which keys a space may have, by fingerprints in memory, so that
// looking for a new key costs no read; nor does asking whether there is a known
// one, as long as every fingerprint stands for a key (exact). It is complete from the start for an empty
// space; for another it is built when so many reads were made that scanning the
// space once is worth it. Where its memory does not suffice it answers less
// definitely, see keyset. Its lock is that of the set.
type filter struct {
	*keyset.Set
	store *Store
	sid   uint32

	state  filterState
	reads  int
	scanAt int           // the number of reads that are worth the next scan
	warmth atomic.Uint64 // what warming read, so that it is read
	exact  bool          // complete, and no key in the set was deleted or failed to be written
}

func (s *Store) print(h uint64, k []byte) keyset.Print {
	return keyset.Print{Hash: h, Tag: uint16(maphash.Bytes(s.tagSeed, k) >> 48)} //nolint:gosec // 16 bits are left
}

type filterState uint8

const (
	filterNew      filterState = iota
	filterCounting             // not complete; counting reads
	filterComplete             // every key of the space is in the set
	filterOff                  // no memory
)

const (
	readsBeforeScan = 50_000
	warmed          = 32 // fingerprints that are brought near at a time
	keysForRead     = 64 // that a scan passes in the time of about one read
)

// presence is what the filter says of a key.
type presence uint8

const (
	unknown presence = iota // it has to be looked up
	isAbsent
	isPresent
)

// lookup tells whether the space has the key with the given fingerprint.
func (f *filter) lookup(p keyset.Print) (presence, error) {
	f.RLock()
	st := f.state
	if st == filterComplete {
		answer, exact := f.Lookup(p), f.exact
		f.RUnlock()
		switch {
		case answer == keyset.Absent:
			return isAbsent, nil
		case answer == keyset.Present && exact:
			return isPresent, nil
		}
		return unknown, nil
	}
	f.RUnlock()
	if st == filterOff {
		return unknown, nil
	}
	return f.learn(p)
}

// warm brings what prints are told by near the processor.
func (f *filter) warm(prints []keyset.Print) {
	f.RLock()
	n := f.Warm(prints)
	f.RUnlock()
	f.warmth.Add(uint64(n))
}

// distrust notes that some fingerprint may stand for a key that is not there.
func (f *filter) distrust() {
	f.Lock()
	f.exact = false
	f.Unlock()
}

// learn is lookup while the filter is not complete.
func (f *filter) learn(p keyset.Print) (presence, error) {
	f.Lock()
	defer f.Unlock()
	f.reads++
	var err error
	switch {
	case f.state == filterNew:
		f.scanAt = readsBeforeScan
		err = f.fill(1)
	case f.state == filterCounting && f.reads > f.scanAt:
		// A scan that proves too long for the reads so far is ended, and comes later.
		f.scanAt *= 2
		err = f.fill(f.reads * keysForRead)
	}
	if err != nil || f.state != filterComplete || f.Lookup(p) != keyset.Absent {
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
	}
	if f.state == filterCounting {
		f.Clear()
	}
	return err
}

// add notes keys that a commit is about to write. They stay when it fails, which
// is to be told to distrust: a fingerprint too many then only costs a read.
func (f *filter) add(prints []keyset.Print) {
	f.Lock()
	defer f.Unlock()
	for len(prints) > 0 {
		n := min(warmed, len(prints))
		f.warmth.Add(uint64(f.Warm(prints[:n])))
		for _, p := range prints[:n] {
			f.addLocked(p)
		}
		prints = prints[n:]
	}
}

func (f *filter) addLocked(p keyset.Print) {
	if f.state != filterComplete {
		return
	}
	if f.Add(p); f.Off() {
		f.state = filterOff
	}
}
