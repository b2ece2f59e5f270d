package compute

import (
	"errors"
	"math"
	"math/bits"

	"weir/engine/record"
)

// Powers of whole numbers are whole as long as the exponent is not negative. Their
// kind is an int where the exponent is known while compiling. Where a column holds it
// some rows may have a fraction, so that the kind is a float: it is then the same
// number, or an error.
var (
	errPower      = errors.New("out of range for a whole number; float(x) ** y keeps the first digits of a power")
	errPowerFloat = errors.New("the power of a whole number has more digits than a float holds; float(x) ** y keeps the first ones")
)

func isPower(op string) bool { return op == "**" || op == "^" }

// wholePower tells whether l ** r is an int: a whole number to the power of one that
// is known not to be negative.
func wholePower(l, r info) bool {
	if l.t.Kind != record.Int || r.t.Kind != record.Int {
		return false
	}
	v, ok := r.known()
	n, whole := v.(int)
	return ok && whole && n >= 0
}

// powInt returns v to the power of n, which is not negative; ok is false where that is no int.
func powInt(v, n int64) (p int64, ok bool) {
	switch v {
	case 0, 1:
		if n == 0 {
			return 1, true
		}
		return v, true
	case -1:
		return 1 - n&1*2, true
	}
	if n > 63 {
		return 0, false // 2 and -2 have the smallest powers
	}
	p = 1
	for {
		if n&1 == 1 {
			if p, ok = mulInt(p, v); !ok {
				return 0, false
			}
		}
		if n >>= 1; n == 0 {
			return p, true
		}
		if v, ok = mulInt(v, v); !ok {
			return 0, false
		}
	}
}

// powWhole is the float that v to the power of n is; when n is negative, the nearest one.
func powWhole(v, n int64) (float64, error) {
	if n < 0 {
		x, err := floatOfInt(v)
		if err != nil {
			return 0, err
		}
		if v == 0 {
			return 0, errDivideByZero
		}
		return math.Pow(x, float64(n)), nil
	}
	if v == 0 || v == 1 || v == -1 {
		p, _ := powInt(v, n)
		return float64(p), nil
	}
	twos := bits.TrailingZeros64(uint64(v))
	odd, ok := powInt(v>>twos, n)
	if !ok || magnitude(odd) > maxExact {
		return 0, errPowerFloat
	}
	if n > 1024 {
		return 0, errFloat
	}
	p := math.Ldexp(float64(odd), twos*int(n))
	if !finite(p) {
		return 0, errFloat
	}
	return p, nil
}

// powIntK is ** of ints where the result is an int.
type powIntK struct {
	a, b kernel
	out  vec
}

func (k *powIntK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	for _, i := range sel {
		p, ok := powInt(a.Ints[i], b.Ints[i])
		if !ok {
			f.fail(i, errPower.Error())
		}
		c.Ints[i] = p
	}
	return c
}

// powWholeK is ** of ints where the result is a float.
type powWholeK struct {
	a, b kernel
	out  vec
}

func (k *powWholeK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tFloat, f.n)
	for _, i := range sel {
		p, err := powWhole(a.Ints[i], b.Ints[i])
		if err != nil {
			f.fail(i, err.Error())
		}
		c.Floats[i] = p
	}
	return c
}
