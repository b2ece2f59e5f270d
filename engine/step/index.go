package step

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// index is an exact set of byte strings, numbered in the order they were added.
// It keeps its memory over reset, and adding allocates only when a buffer grows.
type index struct {
	slots  []uint32 // entry number + 1; 0 is free. The length is a power of two
	hashes []uint64
	ends   []uint64 // of each entry in arena
	arena  []byte
}

// len returns the number of entries.
func (x *index) len() int { return len(x.hashes) }

// largeIndex is the number of slots above which reset lets memory go: one large
// object must not make every small one after it pay for clearing them.
const largeIndex = 1 << 17

// reset empties x.
func (x *index) reset() {
	if len(x.slots) > largeIndex {
		*x = index{}
		return
	}
	clear(x.slots)
	x.hashes, x.ends, x.arena = x.hashes[:0], x.ends[:0], x.arena[:0]
}

// size returns about how many bytes x takes.
func (x *index) size() int { return len(x.arena) + 4*len(x.slots) + 16*len(x.hashes) }

// key returns entry n, valid until the next add.
func (x *index) key(n int) []byte {
	var start uint64
	if n > 0 {
		start = x.ends[n-1]
	}
	return x.arena[start:x.ends[n]]
}

// find returns the number of the entry equal to key, and whether there is one.
func (x *index) find(key []byte) (n int, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	_, n, ok = x.probe(key, xxhash.Sum64(key))
	return n, ok
}

// add returns the number of the entry equal to key, adding it when there is none.
func (x *index) add(key []byte) (n int, added bool) {
	if 4*(x.len()+1) > 3*len(x.slots) {
		x.grow()
	}
	h := xxhash.Sum64(key)
	slot, n, ok := x.probe(key, h)
	if ok {
		return n, false
	}
	n = x.len()
	x.slots[slot] = uint32(n + 1)
	x.hashes = append(x.hashes, h)
	x.arena = append(x.arena, key...)
	x.ends = append(x.ends, uint64(len(x.arena)))
	return n, true
}

// probe finds the entry equal to key, or the slot where it belongs.
func (x *index) probe(key []byte, h uint64) (slot uint64, n int, ok bool) {
	mask := uint64(len(x.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := x.slots[i]
		if s == 0 {
			return i, 0, false
		}
		if n = int(s - 1); x.hashes[n] == h && bytes.Equal(x.key(n), key) {
			return i, n, true
		}
	}
}

func (x *index) grow() {
	x.slots = make([]uint32, max(64, 2*len(x.slots)))
	mask := uint64(len(x.slots) - 1)
	for n, h := range x.hashes {
		i := h & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = uint32(n + 1)
	}
}
