package state

import (
	"bytes"
	"hash/maphash"

	"weir/engine/state/keyset"
)

// Space is a set of keys as one session sees it: the store, under the changes
// that are pending. It implements step.State. Get and Put allocate only when
// memory must grow. A Space belongs to the goroutine of its session.
type Space struct {
	store  *Store
	name   string
	shared bool
	sid    uint32 // 0 until it is first used
	ready  bool   // nothing stands in the way of looking things up
	err    error  // why the space cannot be used
	filter *filter

	slots   []uint64 // open addressing: index into entries, plus 1, below the first half of the hash
	entries []spaceEntry
	arena   []byte   // full keys and values of entries
	dirty   []uint32 // entries that the next commit writes
	settled int      // length of arena at the last commit
	again   int      // times since then that a committed key was found here, or had to be read
	prints  []keyset.Print
	order   []sortKey
	soon    []keyset.Print // of keys that are about to be looked up

	missed     bool // the key in key has no entry
	fresh      bool // the key looked up last is pending
	missedHash uint64

	key   []byte // scratch: prefix and the key looked for
	value []byte // scratch: what was read

	version []byte // of a shared space when the pending changes began
}

// spaceEntry is a key that is pending, or that was committed by this session
// and is kept because it may be asked for again.
type spaceEntry struct {
	hash           uint64
	keyOff, valOff int
	keyLen, valLen int32
	valCap         int32
	tag            uint16 // of the fingerprint
	dirty, deleted bool
}

// sortKey stands for an entry while the dirty ones are sorted: 8 bytes of its key,
// after what all have in common.
type sortKey struct {
	part uint64
	i    uint32
}

const (
	keepArena    = 8 << 20  // committed entries are kept while they need less than this
	keepWorth    = 64       // and while one of so many new ones is asked for again
	releaseArena = 64 << 20 // memory that is given back after a commit that needed more
)

// Get returns the value of key, valid until the next call of any method, and
// whether there is one.
func (s *Space) Get(k []byte) ([]byte, bool, error) {
	if err := s.begin(); err != nil {
		return nil, false, err
	}
	h := maphash.Bytes(s.store.seed, k)
	if i := s.look(h, k); i >= 0 {
		e := &s.entries[i]
		return s.arena[e.valOff : e.valOff+int(e.valLen) : e.valOff+int(e.valLen)], !e.deleted, nil
	}
	is, err := s.filter.lookup(s.store.print(h, k))
	if is == isAbsent || err != nil {
		return nil, false, err
	}
	return s.read()
}

// Has reports whether there is a value of key. It costs a read less than Get when
// the keys of the space fit in memory.
func (s *Space) Has(k []byte) (bool, error) {
	if err := s.begin(); err != nil {
		return false, err
	}
	h := maphash.Bytes(s.store.seed, k)
	if i := s.look(h, k); i >= 0 {
		return !s.entries[i].deleted, nil
	}
	is, err := s.filter.lookup(s.store.print(h, k))
	// In a shared space the fingerprint may be of a key that another session has
	// not committed yet.
	if is == isAbsent || is == isPresent && !s.shared || err != nil {
		return is == isPresent, err
	}
	_, ok, err := s.read()
	return ok, err
}

// read reads the key in s.key from the store.
func (s *Space) read() ([]byte, bool, error) {
	v, ok, err := s.store.kv.Get(s.key, s.value[:0])
	if s.value = v; ok {
		s.again++
	}
	return v, ok, err
}

// Soon notes that Has is about to be called with k; see Prefetch.
func (s *Space) Soon(k []byte) {
	if s.ready {
		s.soon = append(s.soon, s.store.print(maphash.Bytes(s.store.seed, k), k))
	}
}

// Prefetch brings what tells of the keys given to Soon near the processor: one by
// one, Has would wait for the memory of each.
func (s *Space) Prefetch() {
	if len(s.soon) > 0 {
		s.filter.warm(s.soon)
		s.soon = s.soon[:0]
	}
}

// look is find for a key that is looked up, which is then in s.key. A new one is
// mostly put right afterwards.
func (s *Space) look(h uint64, k []byte) int {
	i := s.find(h, k)
	if s.missed = i < 0; s.missed {
		s.key, s.missedHash, s.fresh = append(s.key[:idLen], k...), h, false
	} else if s.fresh = s.entries[i].dirty; !s.fresh {
		s.again++
	}
	return i
}

// Fresh reports whether the key that Get or Has looked for last was set since the last commit.
func (s *Space) Fresh() bool { return s.fresh }

// Put sets key to value, copying both.
func (s *Space) Put(k, value []byte) { s.set(k, value, false) }

// Delete removes key.
func (s *Space) Delete(k []byte) { s.set(k, nil, true) }

func (s *Space) set(k, value []byte, del bool) {
	if s.begin() != nil {
		return // the commit reports it
	}
	var i int
	if s.missed && bytes.Equal(s.key[idLen:], k) {
		i = s.insert(s.missedHash, k)
	} else {
		h := maphash.Bytes(s.store.seed, k)
		if i = s.find(h, k); i < 0 {
			i = s.insert(h, k)
		}
	}
	s.missed = false
	e := &s.entries[i]
	if len(value) > int(e.valCap) {
		e.valOff, e.valCap = len(s.arena), int32(len(value))
		s.arena = append(s.arena, value...)
	} else {
		copy(s.arena[e.valOff:], value)
	}
	e.valLen, e.deleted = int32(len(value)), del
	if !e.dirty {
		e.dirty = true
		s.dirty = append(s.dirty, uint32(i))
	}
}

// begin makes the space ready: it finds its number, and notes the version of a
// shared one before it is looked at for the first time since the last commit.
func (s *Space) begin() error {
	if s.ready || s.err != nil {
		return s.err
	}
	if s.sid == 0 {
		if s.sid, s.err = s.store.number(kindSpaces, s.name); s.err != nil {
			return s.err
		}
		s.key, s.filter = key(kindSpace, s.sid), s.store.filter(s.sid)
	}
	if s.shared {
		v, ok, err := s.store.kv.Get(key(kindVersion, s.sid), nil)
		if err != nil {
			s.err = err
			return err
		}
		if !ok {
			v = nil
		}
		if !bytes.Equal(v, s.version) {
			s.reset() // another session changed what is kept here
		}
		s.version = v
	}
	s.ready = true
	return nil
}

func (s *Space) find(h uint64, k []byte) int {
	if len(s.slots) == 0 {
		return -1
	}
	mask := uint64(len(s.slots) - 1)
	for p := h & mask; ; p = (p + 1) & mask {
		slot := s.slots[p]
		if slot == 0 {
			return -1
		}
		if slot>>32 != h>>32 {
			continue
		}
		i := uint32(slot) //nolint:gosec // the lower half
		e := &s.entries[i-1]
		if e.hash == h && bytes.Equal(s.arena[e.keyOff+idLen:e.keyOff+int(e.keyLen)], k) {
			return int(i - 1)
		}
	}
}

func (s *Space) insert(h uint64, k []byte) int {
	if len(s.entries) >= len(s.slots)/2 {
		s.grow()
	}
	off := len(s.arena)
	s.arena = append(append(s.arena, s.key[:idLen]...), k...)
	s.entries = append(s.entries, spaceEntry{hash: h, keyOff: off, keyLen: int32(idLen + len(k)), tag: s.store.print(h, k).Tag})
	s.place(h, uint32(len(s.entries)))
	return len(s.entries) - 1
}

func (s *Space) place(h uint64, i uint32) {
	mask := uint64(len(s.slots) - 1)
	p := h & mask
	for s.slots[p] != 0 {
		p = (p + 1) & mask
	}
	s.slots[p] = h>>32<<32 | uint64(i)
}

func (s *Space) grow() {
	s.slots = make([]uint64, max(1024, 2*len(s.slots)))
	for i := range s.entries {
		s.place(s.entries[i].hash, uint32(i+1))
	}
}

func (s *Space) keyOf(i uint32) []byte {
	e := &s.entries[i]
	return s.arena[e.keyOff : e.keyOff+int(e.keyLen)]
}

// settle makes pending changes part of what is kept, after they were committed.
func (s *Space) settle() {
	if len(s.dirty) > 0 && s.shared {
		s.version = nextVersion(s.version)
	}
	s.ready = s.ready && !s.shared
	for _, i := range s.dirty {
		s.entries[i].dirty = false
	}
	// Looking through what nobody asks for again takes more time than it spares.
	if len(s.arena) > keepArena || s.again < len(s.dirty)/keepWorth {
		s.reset()
	}
	s.dirty, s.again, s.settled = s.dirty[:0], 0, len(s.arena)
}

// reset forgets everything that is in memory.
func (s *Space) reset() {
	s.ready, s.err, s.settled, s.missed = s.ready && !s.shared, nil, 0, false
	if cap(s.arena) > releaseArena {
		s.slots, s.entries, s.arena, s.dirty = nil, nil, nil, nil
	}
	clear(s.slots)
	s.entries, s.arena, s.dirty = s.entries[:0], s.arena[:0], s.dirty[:0]
}

// rest gives back the memory of keys that are committed.
func (s *Space) rest() {
	if cap(s.arena) <= restBytes && len(s.slots) <= restBytes/8 {
		return
	}
	s.slots, s.entries, s.arena, s.dirty, s.prints, s.order, s.value = nil, nil, nil, nil, nil, nil, nil
	s.settled, s.missed = 0, false
}
