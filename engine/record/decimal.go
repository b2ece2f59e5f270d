package record

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
)

// MaxScale is the largest number of digits after the point that a decimal can hold.
const MaxScale = 18

// DecimalValue is an exact decimal number: Coef / 10^Scale. It is canonical: Coef
// has no trailing zero unless Scale is 0, so equal numbers are equal structs.
type DecimalValue struct {
	Coef  int64
	Scale uint8
}

// Errors of decimal arithmetic and parsing.
var (
	ErrDecimalRange  = errors.New("number is out of range for a decimal (18 digits)")
	ErrDecimalSyntax = errors.New("not a number")
)

var pow10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// NewDecimal returns coef / 10^scale in canonical form.
func NewDecimal(coef int64, scale uint8) DecimalValue {
	for scale > 0 && coef%10 == 0 {
		coef, scale = coef/10, scale-1
	}
	return DecimalValue{coef, scale}
}

// DecimalFromInt returns n as a decimal.
func DecimalFromInt(n int64) DecimalValue { return DecimalValue{n, 0} }

// ParseDecimal reads an optional sign and digits with an optional fraction. The
// decimal mark is '.' or, with comma, ','. Between digits before the mark the
// other of the two, a space or an apostrophe may group thousands, in threes.
// It allocates nothing.
func ParseDecimal(s []byte, comma bool) (DecimalValue, error) {
	mark, group := byte('.'), byte(',')
	if comma {
		mark, group = ',', '.'
	}
	i, neg := 0, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	var v int64
	digits, run, groups := 0, 0, 0
	for ; i < len(s); i++ {
		c := s[i]
		if d := c - '0'; d < 10 {
			if v > (math.MaxInt64-9)/10 {
				return DecimalValue{}, ErrDecimalRange
			}
			v = v*10 + int64(d)
			digits++
			run++
			continue
		}
		if c == group || c == ' ' || c == '\'' {
			if run == 0 || run > 3 || groups > 0 && run != 3 {
				return DecimalValue{}, ErrDecimalSyntax
			}
			groups++
			run = 0
			continue
		}
		break
	}
	if groups > 0 && run != 3 {
		return DecimalValue{}, ErrDecimalSyntax
	}
	var scale uint8
	if i < len(s) && s[i] == mark {
		for i++; i < len(s) && s[i]-'0' < 10; i++ {
			digits++
			if scale == MaxScale || v > (math.MaxInt64-9)/10 {
				if s[i] != '0' {
					return DecimalValue{}, ErrDecimalRange
				}
				continue
			}
			v = v*10 + int64(s[i]-'0')
			scale++
		}
	}
	if digits == 0 || i != len(s) {
		return DecimalValue{}, ErrDecimalSyntax
	}
	if neg {
		v = -v
	}
	return NewDecimal(v, scale), nil
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

// Float returns the double nearest to d.
func (d DecimalValue) Float() float64 {
	f, err := strconv.ParseFloat(d.String(), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// Cmp returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d DecimalValue) Cmp(e DecimalValue) int {
	if d.Scale == e.Scale {
		return cmpInt(d.Coef, e.Coef)
	}
	if s, t := sign(d.Coef), sign(e.Coef); s != t {
		return cmpInt(int64(s), int64(t))
	}
	dh, dl := bits.Mul64(abs(d.Coef), uint64(pow10[max(d.Scale, e.Scale)-d.Scale]))
	eh, el := bits.Mul64(abs(e.Coef), uint64(pow10[max(d.Scale, e.Scale)-e.Scale]))
	c := 0
	switch {
	case dh != eh && dh < eh || dh == eh && dl < el:
		c = -1
	case dh != eh || dl != el:
		c = 1
	}
	return c * sign(d.Coef)
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func sign(v int64) int { return cmpInt(v, 0) }

func abs(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// Neg returns -d.
func (d DecimalValue) Neg() DecimalValue { return DecimalValue{-d.Coef, d.Scale} }

// Add returns d + e, or ErrDecimalRange.
func (d DecimalValue) Add(e DecimalValue) (DecimalValue, error) {
	if d.Scale < e.Scale {
		d, e = e, d
	}
	ec, ok := mul(e.Coef, pow10[d.Scale-e.Scale])
	if !ok {
		return DecimalValue{}, ErrDecimalRange
	}
	s := d.Coef + ec
	if (s > d.Coef) != (ec > 0) && ec != 0 {
		return DecimalValue{}, ErrDecimalRange
	}
	return NewDecimal(s, d.Scale), nil
}

// Sub returns d - e, or ErrDecimalRange.
func (d DecimalValue) Sub(e DecimalValue) (DecimalValue, error) { return d.Add(e.Neg()) }

// Mul returns d * e, exact, or ErrDecimalRange when it has more than 18 digits.
func (d DecimalValue) Mul(e DecimalValue) (DecimalValue, error) {
	p, ok := mul(d.Coef, e.Coef)
	if !ok {
		return DecimalValue{}, ErrDecimalRange
	}
	s := d.Scale + e.Scale
	for s > 0 && p%10 == 0 {
		p, s = p/10, s-1
	}
	if s > MaxScale {
		return DecimalValue{}, ErrDecimalRange
	}
	return DecimalValue{p, s}, nil
}

// Round returns d rounded half away from zero to at most places digits after the point.
func (d DecimalValue) Round(places uint8) DecimalValue {
	if d.Scale <= places {
		return d
	}
	p := pow10[d.Scale-places]
	q, r := d.Coef/p, d.Coef%p
	if abs(r) >= uint64(p)-uint64(p)/2 {
		q += int64(sign(d.Coef))
	}
	return NewDecimal(q, places)
}

func mul(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	h, l := bits.Mul64(abs(a), abs(b))
	if h != 0 || l > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(l), true
	}
	return int64(l), true
}
