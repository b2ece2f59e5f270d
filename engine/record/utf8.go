package record

import (
	"encoding/binary"
	"unicode/utf8"
)

// ValidText is utf8.Valid, faster for text whose letters are mostly of one or two bytes.
func ValidText(s []byte) bool {
	var u pairs
	i := 0
	for ; i < len(s)-31; i += 32 {
		a, b := binary.LittleEndian.Uint64(s[i:]), binary.LittleEndian.Uint64(s[i+8:])
		c, d := binary.LittleEndian.Uint64(s[i+16:]), binary.LittleEndian.Uint64(s[i+24:])
		if (a|b|c|d|u.open)&tops == 0 {
			continue
		}
		before := u.open
		u.next(a)
		u.next(b)
		u.next(c)
		if u.next(d); u.bad&tops != 0 {
			if before != 0 {
				i--
			}
			return utf8.Valid(s[i:])
		}
	}
	for ; i < len(s)-7; i += 8 {
		before := u.open
		if u.next(binary.LittleEndian.Uint64(s[i:])); u.bad&tops != 0 {
			if before != 0 {
				i--
			}
			return utf8.Valid(s[i:])
		}
	}
	if u.open != 0 {
		i--
	}
	return utf8.Valid(s[i:])
}

// pairs checks words of text for UTF-8 as far as it is ASCII and characters of
// two bytes, which most other letters of Europe are. The text ends in ASCII.
type pairs struct {
	open uint64 // the top bit of its last byte: the word ended within a pair
	bad  uint64 // some top bit: something else was found, or something wrong
}

func (u *pairs) next(w uint64) {
	second := w << 1 // whether the bit below the top one is set
	leads := w & second & tops
	tails := w &^ second & tops
	// A lead with the third bit set begins a longer character; C0 and C1 begin none.
	low := (w&(ones*0x1E) + ones*0x7E) & tops
	u.bad |= leads & (w<<2 | ^low)
	u.bad |= tails ^ (leads<<8 | u.open>>56)
	u.open = leads & (0x80 << 56)
}
