package keyset

import (
	"encoding/binary"
	"math/bits"
)

type kind uint8

const (
	empty  kind = iota // nothing was added
	table              // of fingerprints
	filter             // a Bloom filter
	given              // given up: it knows nothing
)

// part is one of the parts of a set. The memory of a table is an array of slots: 7
// bytes of the hash and 2 of the tag, ascending by hash, each at or after the
// place that its hash has in the array; hash 0 is a free slot. The order ends
// a search for what is not there early, so that six of seven slots can be in use.
// Some slots more than places take what is pushed out at the end.
type part struct {
	kind  kind
	n     int // fingerprints added
	slots int // places of a table
	mem   []byte
}

const (
	slotBytes  = 9
	blockBytes = 64 // of a Bloom filter: one line of the processor's cache
	bloomBytes = 4  // for each key when the filter is made
	bloomBits  = 6  // set for each key
)

func tableBytes(slots int) int64 { return int64(slots+spare(slots)) * slotBytes }

func spare(slots int) int { return min(256, 8+slots/8) }

// kept is the hash as a slot holds it.
func kept(h uint64) uint64 {
	if h &= hashMask; h != 0 {
		return h
	}
	return 1
}

// place is where the search for a hash begins.
func (p *part) place(h uint64) int {
	hi, _ := bits.Mul64(h<<partBits, uint64(p.slots)) //nolint:gosec // positive
	return int(hi)
}

func (p *part) lookup(x Print) Answer {
	switch p.kind {
	case empty:
		return Absent
	case table:
		return p.find(x)
	case filter:
		if at, mask := p.block(x); at.has(mask) {
			return Maybe
		}
		return Absent
	}
	return Maybe
}

// touch reads where x is, or would be.
func (p *part) touch(x Print) byte {
	switch p.kind {
	case table:
		return p.mem[p.place(kept(x.Hash))*slotBytes]
	case filter:
		at, _ := p.block(x)
		return at[0]
	}
	return 0
}

func (p *part) find(x Print) Answer {
	h := kept(x.Hash)
	for i := p.place(h) * slotBytes; i+slotBytes <= len(p.mem); i += slotBytes {
		w := binary.LittleEndian.Uint64(p.mem[i:])
		switch at := w & hashMask; {
		case at == 0 || at > h:
			return Absent
		case at == h && uint16(w>>hashBits)|uint16(p.mem[i+8])<<8 == x.Tag:
			return Present
		}
	}
	return Absent
}

// add reports false when the part has to become another first.
func (p *part) add(x Print) bool {
	switch p.kind {
	case given:
		return true
	case filter:
		return p.addToFilter(x)
	case empty:
		return false
	}
	h := kept(x.Hash)
	i := p.place(h) * slotBytes
	for ; i+slotBytes <= len(p.mem); i += slotBytes {
		w := binary.LittleEndian.Uint64(p.mem[i:])
		at := w & hashMask
		if at == 0 || at > h {
			break
		}
		if at == h && uint16(w>>hashBits)|uint16(p.mem[i+8])<<8 == x.Tag {
			return true
		}
	}
	if p.n >= p.slots*43/50 { // fuller, the search for a free slot gets long
		return false
	}
	j := i
	for j+slotBytes <= len(p.mem) && binary.LittleEndian.Uint64(p.mem[j:])&hashMask != 0 {
		j += slotBytes
	}
	if j+slotBytes > len(p.mem) {
		return false
	}
	copy(p.mem[i+slotBytes:j+slotBytes], p.mem[i:j])
	binary.LittleEndian.PutUint64(p.mem[i:], h|uint64(x.Tag)<<hashBits)
	p.mem[i+8] = byte(x.Tag >> 8)
	p.n++
	return true
}

// copyFrom fills an empty table with what another has, and reports false when
// they do not fit.
func (p *part) copyFrom(old *part) bool {
	next := 0
	for i := 0; i+slotBytes <= len(old.mem); i += slotBytes {
		h := binary.LittleEndian.Uint64(old.mem[i:]) & hashMask
		if h == 0 {
			continue
		}
		to := max(next, p.place(h)*slotBytes)
		if to+slotBytes > len(p.mem) {
			return false
		}
		copy(p.mem[to:to+slotBytes], old.mem[i:i+slotBytes])
		next = to + slotBytes
	}
	p.n = old.n
	return true
}

// block is 512 bits of a Bloom filter.
type block []byte

// block returns the block of a fingerprint and what tells its bits.
func (p *part) block(x Print) (block, uint64) {
	m := kept(x.Hash) ^ uint64(x.Tag)*0x9e3779b97f4a7c15
	m = (m ^ m>>31) * 0xbf58476d1ce4e5b9
	m = (m ^ m>>29) * 0x94d049bb133111eb
	hi, lo := bits.Mul64(m, uint64(len(p.mem)/blockBytes))
	return p.mem[hi*blockBytes : (hi+1)*blockBytes], lo ^ m>>7
}

func (b block) has(mask uint64) bool {
	for range bloomBits {
		if b[mask>>3&63]&(1<<(mask&7)) == 0 {
			return false
		}
		mask >>= 9
	}
	return true
}

func (p *part) addToFilter(x Print) bool {
	// Where nearly every second bit is set the filter spares no reads any more.
	if p.n > len(p.mem)*2 {
		return false
	}
	b, mask := p.block(x)
	isNew := false
	for range bloomBits {
		at, bit := mask>>3&63, byte(1)<<(mask&7)
		isNew = isNew || b[at]&bit == 0
		b[at] |= bit
		mask >>= 9
	}
	if isNew {
		p.n++
	}
	return true
}
