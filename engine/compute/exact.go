package compute

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"strconv"

	"weir/engine/record"
)

// Numbers never change silently: a result that its kind cannot hold is one of these.
var (
	errInt     = errors.New("out of range for a whole number")
	errFloat   = errors.New("out of range for a float")
	errInexact = errors.New("a whole number has more digits than a float holds; convert it with decimal()")
)

// addInt, subInt and mulInt report false where the result is no int.
func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (a^c)&(b^c) >= 0
}

func subInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (a^b)&(a^c) >= 0
}

func mulInt(a, b int64) (int64, bool) {
	if small(a) && small(b) {
		return a * b, true
	}
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	neg := (a < 0) != (b < 0)
	if hi != 0 || lo > 1<<63 || lo == 1<<63 && !neg {
		return 0, false
	}
	if neg {
		return -int64(lo), true
	}
	return int64(lo), true
}

// small tells whether v has 32 bits.
func small(v int64) bool { return v == int64(int32(v)) }

func negInt(v int64) (int64, bool) { return -v, v != math.MinInt64 }

// maxExact is the int up to which, and down to whose negative, every int is a float.
const maxExact = 1 << 53

// exactFloat tells whether the float nearest to v is v.
func exactFloat(v int64) bool {
	if -maxExact <= v && v <= maxExact {
		return true
	}
	m := magnitude(v)
	return bits.Len64(m)-bits.TrailingZeros64(m) <= 53
}

func floatOfInt(v int64) (float64, error) {
	if !exactFloat(v) {
		return 0, errInexact
	}
	return float64(v), nil
}

// finite tells whether f is neither infinite nor NaN.
func finite(f float64) bool { return f-f == 0 }

// intOfFloat cuts off the fraction of f.
func intOfFloat(f float64) (int64, error) {
	if !(f >= -1<<63 && f < 1<<63) {
		return 0, errInt
	}
	return int64(f), nil
}

// intOfText reads what int() takes.
func intOfText(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errInt
	case err != nil:
		return 0, errors.New(notInt)
	}
	return n, nil
}

// floatOfText reads what float() takes: none of the notations that only strconv
// knows, such as Inf, NaN and hexadecimal digits.
func floatOfText(s string) (float64, error) {
	for i := range len(s) {
		switch c := s[i]; {
		case c-'0' < 10, c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return 0, errors.New(notFloat)
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errFloat
	case err != nil:
		return 0, errors.New(notFloat)
	case !record.FloatKeeps(s, f):
		return 0, errInexact
	}
	return f, nil
}

func intArith(op string, a, b int64) (any, error) {
	c, ok := int64(0), false
	switch op {
	case "+":
		c, ok = addInt(a, b)
	case "-":
		c, ok = subInt(a, b)
	case "*":
		c, ok = mulInt(a, b)
	case "%":
		if b == 0 {
			return nil, errDivideByZero
		}
		c, ok = a%b, true
	case "**", "^": // power() is for those that are ints
		p, err := powWhole(a, b)
		if err != nil {
			return nil, err
		}
		return p, nil
	default: // "/" gives a float
		x, err := floatOfInt(a)
		if err != nil {
			return nil, err
		}
		y, err := floatOfInt(b)
		if err != nil {
			return nil, err
		}
		return floatArith(op, x, y)
	}
	if !ok {
		return nil, errInt
	}
	return int(c), nil
}

func floatArith(op string, a, b float64) (any, error) {
	c := 0.0
	switch op {
	case "+":
		c = a + b
	case "-":
		c = a - b
	case "*":
		c = a * b
	case "/":
		if b == 0 {
			return nil, errDivideByZero
		}
		c = a / b
	case "**", "^":
		c = math.Pow(a, b)
	default:
		return nil, badOperands(op, a, b)
	}
	if !finite(c) {
		return nil, errFloat
	}
	return c, nil
}

// compareIntFloat orders v and f, which is not NaN, by value.
func compareIntFloat(v int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	t := math.Trunc(f)
	switch w := int64(t); {
	case v < w || v == w && f > t:
		return -1
	case v > w || f < t:
		return 1
	}
	return 0
}

// compareDecimalFloat orders d and f, which is not NaN. A float with a fraction counts as
// the number that its shortest notation is, as it does where it meets a decimal elsewhere.
func compareDecimalFloat(d record.DecimalValue, f float64) int {
	switch g, err := record.DecimalFromFloat(f); {
	case err == nil:
		return d.Cmp(g)
	case errors.Is(err, record.ErrFloatDigits):
		return d.Cmp(record.DecimalFromInt(int64(f))) // as an int compares with it
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	x, _ := new(big.Rat).SetString(d.String())
	y, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return x.Cmp(y)
}
