package compute

import (
	"fmt"
	"math"

	"weir/engine/record"
)

// numberOf is abs, round, floor, ceil, int and float of one value, and its negative.
func numberOf(name string, v any) (any, error) {
	switch v := v.(type) {
	case int:
		return intFunction(name, int64(v))
	case float64:
		if name == "int" {
			n, err := intOfFloat(v)
			return int(n), err
		}
		f := floatFunction(name)(v)
		if !finite(f) {
			return nil, errFloat
		}
		return f, nil
	case record.DecimalValue:
		switch name {
		case "int":
			return int(truncated(v)), nil
		case "float":
			return floatOfDecimal(v)
		}
		d, err := decimalFunctionOf(name)(v)
		return d, err
	case string:
		switch name {
		case "int":
			n, err := intOfText(v)
			return int(n), err
		case "float":
			return floatOfText(v)
		}
	}
	if name == "-" {
		return nil, fmt.Errorf(`"-" needs a number, not %s`, kindWord(v))
	}
	return nil, fmt.Errorf("%s() needs a number, not %s", name, kindWord(v))
}

func intFunction(name string, v int64) (any, error) {
	switch {
	case name == "float":
		f, err := floatOfInt(v)
		if err != nil {
			return nil, err
		}
		return f, nil
	case name == "-" || name == "abs" && v < 0:
		n, ok := negInt(v)
		if !ok {
			return nil, errInt
		}
		return int(n), nil
	}
	return int(v), nil
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
	case "abs":
		return func(v float64) float64 {
			if v < 0 { // as expr has it: the sign of -0 stays
				return -v
			}
			return v
		}
	}
	return func(v float64) float64 { return v }
}

func decimalFunctionOf(op string) func(record.DecimalValue) (record.DecimalValue, error) {
	sure := func(f func(record.DecimalValue) record.DecimalValue) func(record.DecimalValue) (record.DecimalValue, error) {
		return func(d record.DecimalValue) (record.DecimalValue, error) { return f(d), nil }
	}
	switch op {
	case "-":
		return negDecimal
	case "round":
		return sure(func(d record.DecimalValue) record.DecimalValue { return d.Round(0) })
	case "floor":
		return sure(floorDecimal)
	case "ceil":
		return sure(ceilDecimal)
	}
	return absDecimal
}
