package compute

import (
	"errors"
	"math"
	"math/bits"

	"weir/engine/record"
)

var errDivideByZero = errors.New("division by zero")

// significant is the number of digits that a quotient of decimals keeps.
const significant = 18

// divide returns a / b, rounded half away from zero to 18 significant digits
// and at most record.MaxScale digits after the point.
func divide(a, b record.DecimalValue) (record.DecimalValue, error) {
	if b.Coef == 0 {
		return record.DecimalValue{}, errDivideByZero
	}
	num, den := wide{lo: magnitude(a.Coef)}, wide{lo: magnitude(b.Coef)}
	if b.Scale >= a.Scale {
		num = mul64(num.lo, tenTo(b.Scale-a.Scale))
	} else {
		den = mul64(den.lo, tenTo(a.Scale-b.Scale))
	}
	q, rem, ok := num.div(den)
	if !ok || q > math.MaxInt64 {
		return record.DecimalValue{}, record.ErrDecimalRange
	}
	digits, scale := countDigits(q), uint8(0)
	for digits < significant && scale < record.MaxScale && rem != (wide{}) {
		rem = rem.times10()
		d := uint64(0)
		for !rem.less(den) {
			rem = rem.sub(den)
			d++
		}
		q, scale = q*10+d, scale+1
		if q > 0 {
			digits++
		}
	}
	if !rem.double().less(den) && rem != (wide{}) {
		q++
	}
	if q > math.MaxInt64 {
		return record.DecimalValue{}, record.ErrDecimalRange
	}
	c := int64(q)
	if (a.Coef < 0) != (b.Coef < 0) {
		c = -c
	}
	return record.NewDecimal(c, scale), nil
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func tenTo(n uint8) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

func countDigits(q uint64) int {
	n := 0
	for ; q > 0; q /= 10 {
		n++
	}
	return n
}

// wide is an unsigned 128-bit number. What is computed with it here stays below 2^127.
type wide struct{ hi, lo uint64 }

func mul64(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

func (w wide) sub(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	hi, _ := bits.Sub64(w.hi, v.hi, borrow)
	return wide{hi, lo}
}

func (w wide) double() wide { return wide{w.hi<<1 | w.lo>>63, w.lo << 1} }

func (w wide) times10() wide {
	hi, lo := bits.Mul64(w.lo, 10)
	return wide{w.hi*10 + hi, lo}
}

// div returns the quotient and remainder of w / v; ok is false when the quotient exceeds 64 bits.
// One of w and v is below 2^64, as divide makes them.
func (w wide) div(v wide) (q uint64, rem wide, ok bool) {
	switch {
	case w.less(v):
		return 0, w, true
	case v.hi != 0: // w is below 2^64, so it is less than v
		return 0, w, true
	case w.hi >= v.lo:
		return 0, wide{}, false
	}
	q, r := bits.Div64(w.hi, w.lo, v.lo)
	return q, wide{lo: r}, true
}

// decimalOf converts a number to a decimal, a float through its shortest text.
func decimalOf(v any) (record.DecimalValue, error) {
	switch v := v.(type) {
	case record.DecimalValue:
		return v, nil
	case int:
		return record.DecimalFromInt(int64(v)), nil
	case float64:
		return record.DecimalFromFloat(v)
	}
	return record.DecimalValue{}, errors.New("not a number")
}

// floatOfDecimal is the float nearest to d, and an error where that changes its whole part.
func floatOfDecimal(d record.DecimalValue) (float64, error) {
	f := d.Float()
	if magnitude(d.Coef) > maxExact && !record.FloatKeeps(d.String(), f) {
		return 0, errInexact
	}
	return f, nil
}

// truncated returns the integer part of d.
func truncated(d record.DecimalValue) int64 { return d.Coef / int64(tenTo(d.Scale)) }

func floorDecimal(d record.DecimalValue) record.DecimalValue {
	t := truncated(d)
	if d.Coef < 0 && d.Scale > 0 {
		t-- // canonical: a scale above 0 means a fraction
	}
	return record.DecimalFromInt(t)
}

func ceilDecimal(d record.DecimalValue) record.DecimalValue { return floorDecimal(d.Neg()).Neg() }

// negDecimal returns -d; only the least int as a decimal has none.
func negDecimal(d record.DecimalValue) (record.DecimalValue, error) {
	if d.Coef == math.MinInt64 {
		return d, record.ErrDecimalRange
	}
	return d.Neg(), nil
}

func absDecimal(d record.DecimalValue) (record.DecimalValue, error) {
	if d.Coef < 0 {
		return negDecimal(d)
	}
	return d, nil
}
