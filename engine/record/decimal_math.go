package record

import (
	"math"
	"math/bits"
)

// Cmp returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d DecimalValue) Cmp(e DecimalValue) int {
	if d.Scale == e.Scale {
		return cmpInt(d.Coef, e.Coef)
	}
	if s, t := sign(d.Coef), sign(e.Coef); s != t {
		return cmpInt(int64(s), int64(t))
	}
	x, y := align(d, e)
	switch {
	case x.less(y):
		return -sign(d.Coef)
	case y.less(x):
		return sign(d.Coef)
	}
	return 0
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

// Neg returns -d. The coefficient math.MinInt64, which only DecimalFromInt and
// NewDecimal make, has no negative and stays as it is; 0 minus it is an error.
func (d DecimalValue) Neg() DecimalValue { return DecimalValue{-d.Coef, d.Scale} }

// Abs returns d without its sign; see Neg for math.MinInt64.
func (d DecimalValue) Abs() DecimalValue {
	if d.Coef < 0 {
		return d.Neg()
	}
	return d
}

// Add returns d + e, exact, or ErrDecimalRange.
func (d DecimalValue) Add(e DecimalValue) (DecimalValue, error) {
	return addSigned(d, e, e.Coef < 0)
}

// SumDecimals adds the decimals with the given coefficients and scales in turn,
// as Add does; it stops at the first sum that is out of range, and returns zero then.
func SumDecimals(coefs []int64, scales []uint8) (DecimalValue, error) {
	const small = 1 << 53
	sum, scale := int64(0), uint8(0) // not canonical until the end
	for i, c := range coefs {
		s := scales[i]
		switch d := int(s) - int(scale); {
		case sum >= small || sum <= -small || c >= small || c <= -small || d > 3 || d < -3:
			acc, err := NewDecimal(sum, scale), error(nil)
			for ; i < len(coefs) && err == nil; i++ {
				acc, err = acc.Add(DecimalValue{coefs[i], scales[i]})
			}
			return acc, err
		case d > 0:
			sum, scale = sum*pow10[d]+c, s
		default:
			sum += c * pow10[-d]
		}
	}
	return NewDecimal(sum, scale), nil
}

// Sub returns d - e, exact, or ErrDecimalRange.
func (d DecimalValue) Sub(e DecimalValue) (DecimalValue, error) {
	return addSigned(d, e, e.Coef >= 0)
}

// addSigned adds d and the magnitude of e with the sign given.
func addSigned(d, e DecimalValue, eNeg bool) (DecimalValue, error) {
	x, y, neg := abs(d.Coef), abs(e.Coef), d.Coef < 0
	if d.Scale == e.Scale && x < 1<<62 && y < 1<<62 {
		a, b := d.Coef, int64(y)
		if eNeg {
			b = -b
		}
		return NewDecimal(a+b, d.Scale), nil
	}
	if diff := int(d.Scale) - int(e.Scale); x|y < 1<<50 && -3 <= diff && diff <= 3 {
		a, b, scale := d.Coef, int64(y), d.Scale
		if eNeg {
			b = -b
		}
		if diff > 0 {
			b *= pow10[diff]
		} else {
			a, scale = a*pow10[-diff], e.Scale
		}
		return NewDecimal(a+b, scale), nil
	}
	scale := int(max(d.Scale, e.Scale))
	p, q := align(d, e)
	switch {
	case neg == eNeg:
		p = p.add(q)
	case p.less(q):
		p, neg = q.sub(p), eNeg
	default:
		p = p.sub(q)
	}
	return p.decimal(neg, scale)
}

// Mul returns d * e, exact, or ErrDecimalRange when it has more digits, before or
// after the point, than a decimal holds.
func (d DecimalValue) Mul(e DecimalValue) (DecimalValue, error) {
	hi, lo := bits.Mul64(abs(d.Coef), abs(e.Coef))
	return wide{hi, lo}.decimal((d.Coef < 0) != (e.Coef < 0), int(d.Scale)+int(e.Scale))
}

// Div returns d / e rounded half away from zero to at most places digits after
// the point, places being at most MaxScale. It returns ErrDecimalZero when e is
// zero and ErrDecimalRange when the quotient so rounded has too many digits.
func (d DecimalValue) Div(e DecimalValue, places uint8) (DecimalValue, error) {
	if e.Coef == 0 {
		return DecimalValue{}, ErrDecimalZero
	}
	num, den := align(d, e)
	whole, rem := num.div(den)
	if whole.hi != 0 || whole.lo > math.MaxInt64 {
		return DecimalValue{}, ErrDecimalRange
	}
	frac, scale := uint64(0), 0
	for ; scale < int(places) && rem != (wide{}); scale++ {
		digit := uint64(0)
		for rem = rem.times10(); !rem.less(den); digit++ {
			rem = rem.sub(den)
		}
		frac = frac*10 + digit
	}
	if rem != (wide{}) && !rem.add(rem).less(den) {
		frac++
	}
	hi, lo := bits.Mul64(whole.lo, uint64(pow10[scale]))
	return wide{hi, lo}.add(wide{0, frac}).decimal((d.Coef < 0) != (e.Coef < 0), scale)
}

// Round returns d rounded half away from zero to at most places digits after the point.
func (d DecimalValue) Round(places uint8) DecimalValue {
	if d.Scale <= places {
		return d
	}
	p := pow10[d.Scale-places]
	q, r := d.Coef/p, d.Coef%p
	if abs(r) >= uint64(p)/2 {
		q += int64(sign(d.Coef))
	}
	return NewDecimal(q, places)
}

// wide is an unsigned integer of 128 bits. Coefficients brought to one scale are
// below 2^63 * 10^18, less than 2^123, so that sums and tenfolds still fit.
type wide struct{ hi, lo uint64 }

// align returns the magnitudes of d and e brought to the larger of their scales.
func align(d, e DecimalValue) (x, y wide) {
	scale := max(d.Scale, e.Scale)
	x.hi, x.lo = bits.Mul64(abs(d.Coef), uint64(pow10[scale-d.Scale]))
	y.hi, y.lo = bits.Mul64(abs(e.Coef), uint64(pow10[scale-e.Scale]))
	return x, y
}

func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

func (w wide) add(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	return wide{w.hi + v.hi + carry, lo}
}

func (w wide) sub(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	return wide{w.hi - v.hi - borrow, lo}
}

func (w wide) times10() wide {
	hi, lo := bits.Mul64(w.lo, 10)
	return wide{w.hi*10 + hi, lo}
}

// div10 returns w / 10 and the remainder.
func (w wide) div10() (wide, uint64) {
	hi, r := w.hi/10, w.hi%10
	lo, r := bits.Div64(r, w.lo, 10)
	return wide{hi, lo}, r
}

// div returns w / v and the remainder; v is not zero.
func (w wide) div(v wide) (q, rem wide) {
	if v.hi == 0 {
		hi, r := w.hi/v.lo, w.hi%v.lo
		lo, r := bits.Div64(r, w.lo, v.lo)
		return wide{hi, lo}, wide{0, r}
	}
	// The quotient is below 2^64: one bit at a time from the place where v stands below w.
	shift := bits.LeadingZeros64(v.hi) - bits.LeadingZeros64(w.hi)
	for ; shift >= 0; shift-- {
		s := wide{v.hi<<shift | v.lo>>(64-shift), v.lo << shift}
		if !w.less(s) {
			w = w.sub(s)
			q.lo |= 1 << shift
		}
	}
	return q, w
}

// decimal returns w / 10^scale in canonical form, or ErrDecimalRange when it is
// not exactly a decimal.
func (w wide) decimal(neg bool, scale int) (DecimalValue, error) {
	if w.hi == 0 && w.lo <= math.MaxInt64 && scale <= MaxScale {
		c := int64(w.lo)
		if neg {
			c = -c
		}
		return NewDecimal(c, uint8(scale)), nil
	}
	for scale > 0 && (w.hi != 0 || w.lo > math.MaxInt64 || scale > MaxScale || w.lo%10 == 0) {
		q, r := w.div10()
		if r != 0 {
			return DecimalValue{}, ErrDecimalRange
		}
		w, scale = q, scale-1
	}
	if w.hi != 0 || w.lo > math.MaxInt64 {
		return DecimalValue{}, ErrDecimalRange
	}
	c := int64(w.lo)
	if neg {
		c = -c
	}
	return DecimalValue{c, uint8(scale)}, nil
}
