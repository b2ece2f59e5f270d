package record

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

// ErrFloatDigits is of a float beyond 2^53, as a decimal: its shortest notation ends with
// zeros that are none of its own digits, so that it is not known which number is meant.
var ErrFloatDigits = errors.New("a float this large has no last digits; int() gives the whole number that it is, decimal('...') the one that is written")

// maxWhole is the float from which on there are whole numbers that no float is.
const maxWhole = 1 << 53

// FloatKeeps tells whether f, which is the float nearest to the number s, has the whole
// part of s. Fractions are rounded, as floats have them: 0.1 is nearest to 0.1. A number of
// 2^53 or more is kept when it is f, or the shortest notation that reads back as f.
func FloatKeeps(s string, f float64) bool { return math.Abs(f) < maxWhole || keepsDigits(s, f) }

// keepsDigits tells whether s is written with the digits of f, either those of its
// shortest notation or all that it has.
func keepsDigits(s string, f float64) bool {
	var a, b, d [40]byte
	x, fits := significantDigits(a[:0], s)
	if !fits {
		return false
	}
	y, _ := significantDigits(d[:0], strconv.AppendFloat(b[:0], f, 'e', -1, 64))
	if bytes.Equal(x, y) {
		return true
	}
	if math.Abs(f) >= 1e38 {
		return false
	}
	y, _ = significantDigits(d[:0], strconv.AppendFloat(b[:0], f, 'f', 0, 64))
	return bytes.Equal(x, y)
}

// significantDigits appends the digits of the number s to dst, without zeros around
// them; it reports false where dst has no room for them.
func significantDigits[T string | []byte](dst []byte, s T) ([]byte, bool) {
	zeros := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == 'e' || c == 'E':
			return dst, true
		case c == '0' && len(dst) > 0:
			zeros++
		case c-'1' < 9:
			if len(dst)+zeros >= cap(dst) {
				return dst, false // more than the floats have that are compared with
			}
			for ; zeros > 0; zeros-- {
				dst = append(dst, '0')
			}
			dst = append(dst, c)
		}
	}
	return dst, true
}
