package compute

import (
	"math"

	"weir/engine/record"
)

// intK is + - * % of integers, which wrap around as expr's do.
type intK struct {
	a, b kernel
	op   string
	out  vec
}

func (k *intK) eval(f *frame, sel []int32) *record.Column {
	a, b := k.a.eval(f, sel), k.b.eval(f, sel)
	c := k.out.reset(tInt, f.n)
	switch k.op {
	case "+":
		for _, i := range sel {
			c.Ints[i] = a.Ints[i] + b.Ints[i]
		}
	case "-":
		for _, i := range sel {
			c.Ints[i] = a.Ints[i] - b.Ints[i]
		}
	case "*":
		for _, i := range sel {
			c.Ints[i] = a.Ints[i] * b.Ints[i]
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
	return c
}

// floatK is + - * / ** of floats.
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
			c.Floats[i] = a.Floats[i] / b.Floats[i]
		}
	default:
		for _, i := range sel {
			c.Floats[i] = math.Pow(a.Floats[i], b.Floats[i])
		}
	}
	return c
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
				v = -v
			}
			c.Ints[i] = v
		}
	case record.Float:
		op := floatFunction(k.op)
		for _, i := range sel {
			c.Floats[i] = op(x.Floats[i])
		}
	case record.Decimal:
		op := decimalFunctionOf(k.op)
		for _, i := range sel {
			c.SetDec(int(i), op(x.Dec(int(i))))
		}
	}
	return c
}

func floatFunction(op string) func(float64) float64 {
	switch op {
	case "-":
		return func(v float64) float64 { return -v }
	case "round":
		return math.Round
	case "floor":
		return math.Floor
	case "ceil":
		return math.Ceil
	}
	return func(v float64) float64 {
		if v < 0 { // as expr has it: the sign of -0 and NaN stays
			return -v
		}
		return v
	}
}

func decimalFunctionOf(op string) func(record.DecimalValue) record.DecimalValue {
	switch op {
	case "-":
		return record.DecimalValue.Neg
	case "round":
		return func(d record.DecimalValue) record.DecimalValue { return d.Round(0) }
	case "floor":
		return floorDecimal
	case "ceil":
		return ceilDecimal
	}
	return absDecimal
}
