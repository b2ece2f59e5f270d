package salvage

import (
	"bytes"
	"math/big"
	"slices"
)

// Range is of the keys from <= k < to; a nil To is the end of all keys.
type Range struct{ From, To []byte }

// Touches reports whether a key that begins with prefix may be in the range.
func (r Range) Touches(prefix []byte) bool {
	if r.To != nil && bytes.Compare(r.To, prefix) <= 0 {
		return false
	}
	return bytes.Compare(r.From, prefix) <= 0 || bytes.HasPrefix(r.From, prefix)
}

// merge sorts ranges and joins those that meet.
func merge(all []Range) []Range {
	slices.SortFunc(all, func(a, b Range) int { return bytes.Compare(a.From, b.From) })
	var out []Range
	for _, r := range all {
		if r.To != nil && bytes.Compare(r.From, r.To) >= 0 {
			continue
		}
		if n := len(out); n > 0 && (out[n-1].To == nil || bytes.Compare(r.From, out[n-1].To) <= 0) {
			if out[n-1].To != nil && (r.To == nil || bytes.Compare(r.To, out[n-1].To) > 0) {
				out[n-1].To = r.To
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// How exactly bisect finds a key: this many bytes after what both ends share.
const bisectBytes = 24

// bisect returns a key lo < k <= hi, as small as it finds one, for which good holds. It holds for hi.
func bisect(lo, hi []byte, good func(k []byte) bool) []byte {
	shared := 0
	for shared < min(len(lo), len(hi)) && lo[shared] == hi[shared] {
		shared++
	}
	number := func(k []byte) *big.Int {
		b := make([]byte, bisectBytes)
		copy(b, k[shared:])
		return new(big.Int).SetBytes(b)
	}
	a, b := number(lo), number(hi)
	found := hi
	for one := big.NewInt(1); new(big.Int).Sub(b, a).Cmp(one) > 0; {
		mid := new(big.Int).Add(a, b)
		mid.Rsh(mid, 1)
		k := append(slices.Clone(hi[:shared]), mid.FillBytes(make([]byte, bisectBytes))...)
		if good(k) {
			b, found = mid, k
		} else {
			a = mid
		}
	}
	return found
}
