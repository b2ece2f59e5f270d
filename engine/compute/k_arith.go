package compute

import (
	"math"

	"weir/engine/record"
)

// intK is + - * % of integers, which fail where the result is none.
type intK struct {
	a, b kernel
	op   string
	out  vec
}

func (k *intK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	sign := int64(0) // negative as soon as a result has wrapped
	switch k.op {
	case "+":
		for _, i := range sel {
			x, y := a.Ints[i], b.Ints[i]
			z := x + y
			sign |= (x ^ z) & (y ^ z)
			c.Ints[i] = z
		}
	case "-":
		for _, i := range sel {
			x, y := a.Ints[i], b.Ints[i]
			z := x - y
			sign |= (x ^ y) & (x ^ z)
			c.Ints[i] = z
		}
	case "*":
		for _, i := range sel {
			x, y := a.Ints[i], b.Ints[i]
			if !small(x) || !small(y) {
				sign = -1
			}
			c.Ints[i] = x * y
		}
	default:
		for _, i := range sel {
			if b.Ints[i] == 0 {
				f.fail(i, errDivideByZero.Error())
				c.Ints[i] = 0
				continue
			}
			c.Ints[i] = a.Ints[i] % b.Ints[i]
		}
	}
	if sign < 0 {
		k.recheck(f, a, b, c, sel)
	}
	return c
}

// recheck fails the rows of sel whose results are out of range. Few batches have any.
func (k *intK) recheck(f *frame, a, b, c *record.Column, sel []int32) {
	exact := addInt
	switch k.op {
	case "-":
		exact = subInt
	case "*":
		exact = mulInt
	}
	for _, i := range sel {
		if _, ok := exact(a.Ints[i], b.Ints[i]); !ok {
			f.fail(i, errInt.Error())
			c.Ints[i] = 0
		}
	}
}

// floatK is + - * / ** of floats, which fail where the result is infinite or none.
type floatK struct {
	a, b kernel
	op   string
	out  vec
}

func (k *floatK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tFloat, f.n)
	switch k.op {
	case "+":
		for _, i := range sel {
			c.Floats[i] = a.Floats[i] + b.Floats[i]
		}
	case "-":
		for _, i := range sel {
			c.Floats[i] = a.Floats[i] - b.Floats[i]
		}
	case "*":
		for _, i := range sel {
			c.Floats[i] = a.Floats[i] * b.Floats[i]
		}
	case "/":
		for _, i := range sel {
			if b.Floats[i] == 0 {
				f.fail(i, errDivideByZero.Error())
				c.Floats[i] = 0
				continue
			}
			c.Floats[i] = a.Floats[i] / b.Floats[i]
		}
	default:
		for _, i := range sel {
			c.Floats[i] = math.Pow(a.Floats[i], b.Floats[i])
		}
	}
	failInfinite(f, c.Floats, sel)
	return c
}

// failInfinite fails the rows of sel whose floats are infinite or NaN.
func failInfinite(f *frame, vs []float64, sel []int32) {
	for _, i := range sel {
		if !finite(vs[i]) {
			f.fail(i, errFloat.Error())
			vs[i] = 0
		}
	}
}

// decimalK is + - * / of decimals.
type decimalK struct {
	a, b kernel
	op   string
	out  vec
}

func (k *decimalK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tDec, f.n)
	for _, i := range sel {
		d, err := decimalArith(k.op, a.Dec(int(i)), b.Dec(int(i)))
		if err != nil {
			f.fail(i, err.Error())
		}
		c.SetDec(int(i), d)
	}
	return c
}

// numberK is a function of one number: negation, abs, round, floor and ceil.
type numberK struct {
	x   kernel
	op  string
	typ record.Type
	out vec
}

func (k *numberK) eval(f *frame, sel []int32) *record.Column {
	x := k.x.eval(f, sel)
	c := k.out.reset(k.typ, f.n)
	switch x.Type.Kind {
	case record.Int:
		for _, i := range sel {
			v := x.Ints[i]
			if k.op == "-" || k.op == "abs" && v < 0 {
				if v == math.MinInt64 {
					f.fail(i, errInt.Error())
				}
				v = -v
			}
			c.Ints[i] = v
		}
	case record.Float:
		op := floatFunction(k.op)
		for _, i := range sel {
			c.Floats[i] = op(x.Floats[i])
		}
		failInfinite(f, c.Floats, sel)
	case record.Decimal:
		op := decimalFunctionOf(k.op)
		for _, i := range sel {
			d, err := op(x.Dec(int(i)))
			if err != nil {
				f.fail(i, err.Error())
			}
			c.SetDec(int(i), d)
		}
	}
	return c
}
