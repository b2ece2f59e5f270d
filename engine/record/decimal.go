package record

import (
	"errors"
	"math"
	"strconv"
)

// MaxScale is the largest number of digits after the point that a decimal can hold.
const MaxScale = 18

// DecimalValue is an exact decimal number: Coef / 10^Scale. It is canonical: Coef
// has no trailing zero unless Scale is 0, so equal numbers are equal structs, and
// Scale is at most MaxScale. The functions of this package return such values.
type DecimalValue struct {
	Coef  int64
	Scale uint8
}

// Errors of decimal arithmetic and parsing.
var (
	ErrDecimalRange  = errors.New("number is out of range for a decimal (18 digits)")
	ErrDecimalSyntax = errors.New("not a number")
	ErrDecimalZero   = errors.New("division by zero")
)

var pow10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// NewDecimal returns coef / 10^scale in canonical form; scale is at most MaxScale.
func NewDecimal(coef int64, scale uint8) DecimalValue {
	for scale > 0 && coef%10 == 0 {
		coef, scale = coef/10, scale-1
	}
	return DecimalValue{coef, scale}
}

// DecimalFromInt returns n as a decimal.
func DecimalFromInt(n int64) DecimalValue { return DecimalValue{n, 0} }

// DecimalFromFloat returns the decimal with the shortest notation that reads back
// as f: 0.1 is 0.1. It returns ErrDecimalRange when that has too many digits, and
// for infinities and NaN, and ErrFloatDigits when f is a whole number and its shortest
// notation another one. It allocates nothing.
func DecimalFromFloat(f float64) (DecimalValue, error) {
	if math.Abs(f) >= 1e19 || math.IsNaN(f) {
		return DecimalValue{}, ErrDecimalRange
	}
	var buf [400]byte
	d, err := ParseDecimal(strconv.AppendFloat(buf[:0], f, 'f', -1, 64), false)
	if err == nil && math.Abs(f) > maxWhole && (math.Abs(f) >= 1<<63 || d.Coef != int64(f)) {
		return DecimalValue{}, ErrFloatDigits
	}
	return d, err
}

// ParseDecimal reads an optional sign (+, -, or the minus sign of Unicode) and
// digits with an optional fraction. The decimal mark is '.' or, with comma, ','.
// Digits before the mark may be grouped in threes by the other of the two, by
// spaces, also those that do not break, or by apostrophes, one kind in a number;
// the first group is not a lone 0, since 0,125 is no thousand. It allocates nothing.
func ParseDecimal(s []byte, comma bool) (DecimalValue, error) {
	mark, group := byte('.'), byte(',')
	if comma {
		mark, group = ',', '.'
	}
	if d, ok := parseShort(s, mark); ok {
		return d, nil
	}
	neg, i := parseSign(s)
	v, i, digits, err := parseWhole(s, i, group)
	if err != nil {
		return DecimalValue{}, err
	}
	scale := 0
	if i < len(s) && s[i] == mark {
		for i++; i < len(s) && s[i]-'0' < 10; i++ {
			digits++
			if scale == MaxScale || v > (math.MaxUint64-9)/10 {
				if s[i] != '0' {
					return DecimalValue{}, ErrDecimalRange
				}
				continue
			}
			v = v*10 + uint64(s[i]-'0')
			scale++
		}
	}
	if digits == 0 || i != len(s) {
		return DecimalValue{}, ErrDecimalSyntax
	}
	return wide{0, v}.decimal(neg, scale)
}

// parseShort is ParseDecimal for what most numbers are: at most 18 digits, with a
// minus sign or none, without groups. false says nothing about s.
func parseShort(s []byte, mark byte) (d DecimalValue, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	v, point := int64(0), -1
	for i, c := range s {
		switch {
		case c-'0' < 10:
			v = v*10 + int64(c-'0')
		case c == mark && point < 0:
			point = i
		default:
			return d, false
		}
	}
	scale := 0
	if point >= 0 {
		scale = len(s) - 1 - point
	}
	if len(s) > 18 || len(s) == 0 || len(s) == 1 && point == 0 {
		return d, false
	}
	if neg {
		v = -v
	}
	return NewDecimal(v, uint8(scale)), true
}

// parseSign returns whether s starts with a minus sign, and where its digits begin.
func parseSign(s []byte) (neg bool, i int) {
	switch {
	case len(s) == 0:
		return false, 0
	case s[0] == '-' || s[0] == '+':
		return s[0] == '-', 1
	case len(s) > 2 && s[0] == 0xE2 && s[1] == 0x88 && s[2] == 0x92: // U+2212
		return true, 3
	}
	return false, 0
}

// parseWhole reads the digits before the decimal mark from s[i] on and returns
// the place after them and their number.
func parseWhole(s []byte, i int, group byte) (v uint64, end, digits int, err error) {
	first := i
	run, by := 0, byte(0) // digits since the last group mark, and that mark
	for i < len(s) {
		if d := s[i] - '0'; d < 10 {
			if v > (math.MaxUint64-9)/10 {
				return 0, 0, 0, ErrDecimalRange
			}
			v = v*10 + uint64(d)
			digits, run, i = digits+1, run+1, i+1
			continue
		}
		c, size := groupMark(s[i:], group)
		if size == 0 {
			break
		}
		if run == 0 || run > 3 || by != 0 && (run != 3 || c != by) || by == 0 && s[first] == '0' {
			return 0, 0, 0, ErrDecimalSyntax
		}
		by, run, i = c, 0, i+size
	}
	if by != 0 && run != 3 {
		return 0, 0, 0, ErrDecimalSyntax
	}
	return v, i, digits, nil
}

// groupMark returns the mark of thousands that s starts with, ' ' for every
// space, and its length; 0 when there is none.
func groupMark(s []byte, group byte) (mark byte, size int) {
	switch c := s[0]; {
	case c == group || c == ' ' || c == '\'':
		return c, 1
	case c == 0xC2 && len(s) > 1 && s[1] == 0xA0: // U+00A0
		return ' ', 2
	case c == 0xE2 && len(s) > 2 && s[1] == 0x80 && s[2] == 0xAF: // U+202F
		return ' ', 3
	}
	return 0, 0
}

// Append appends d in plain notation with a point, as JSON wants it.
func (d DecimalValue) Append(b []byte) []byte {
	if d.Scale == 0 {
		return strconv.AppendInt(b, d.Coef, 10)
	}
	u := uint64(d.Coef)
	if d.Coef < 0 {
		b = append(b, '-')
		u = -u
	}
	switch d.Scale {
	case 1:
		return append(strconv.AppendUint(b, u/10, 10), '.', byte('0'+u%10))
	case 2:
		return append(strconv.AppendUint(b, u/100, 10), '.', byte('0'+u/10%10), byte('0'+u%10))
	}
	p := uint64(pow10[d.Scale])
	b = strconv.AppendUint(b, u/p, 10)
	b = append(b, '.')
	frac := u % p
	for s := int(d.Scale) - 1; s > 0 && frac < uint64(pow10[s]); s-- {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, frac, 10)
}

// String returns d in plain notation with a point.
func (d DecimalValue) String() string { return string(d.Append(nil)) }

// Float returns the double nearest to d. It allocates nothing for coefficients
// below 2^53.
func (d DecimalValue) Float() float64 {
	if -1<<53 < d.Coef && d.Coef < 1<<53 {
		// Both are exact doubles, so that their quotient is rounded once.
		return float64(d.Coef) / float64(pow10[d.Scale])
	}
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}
