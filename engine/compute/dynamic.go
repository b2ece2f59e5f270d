package compute

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/expr-lang/expr/vm"

	"weir/engine/record"
)

// run is what one evaluation may still use, and the time it sees.
type run struct {
	steps, bytes, elements int
	now                    time.Time
	origin                 *record.Origin // of the row
	row                    int64          // its number there
	ids                    ids

	env   map[string]any // of the evaluation; what try() runs sees it, too
	vms   []*vm.VM       // for calls of try() in each other
	depth int
	most  uint // elements that the evaluation may make
}

var (
	errSteps = errors.New("the expression takes too many steps")
	errBytes = errors.New("the expression builds too much text")
	errMany  = errors.New("the expression makes too many list elements")
)

func (r *run) step(n int) error {
	if r.steps -= n; r.steps < 0 {
		return errSteps
	}
	return nil
}

func (r *run) grow(n int) error {
	if r.bytes -= n; r.bytes < 0 || n < 0 {
		return errBytes
	}
	return nil
}

// uuid is uuid() of the row.
func (r *run) uuid(label string) (any, error) {
	id, err := r.ids.of(r.origin, r.row, label)
	if err != nil {
		return nil, err
	}
	return string(id), r.grow(len(id))
}

// more charges n elements of a new list.
func (r *run) more(n int) error {
	if r.elements -= n; r.elements < 0 || n < 0 {
		return errMany
	}
	return nil
}

// bound charges a step for each value inside v, so that what later walks v
// ends: lists made by reduce() can share parts and be exponentially large.
func (r *run) bound(v any) error {
	switch v := v.(type) {
	case []any:
		if err := r.step(len(v)); err != nil {
			return err
		}
		for _, e := range v {
			if err := r.bound(e); err != nil {
				return err
			}
		}
	case map[string]any:
		if err := r.step(len(v)); err != nil {
			return err
		}
		for _, e := range v {
			if err := r.bound(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// power is ** of two ints, the second of which is not negative.
func power(a, b any) (any, error) {
	v, whole := a.(int)
	n, both := b.(int)
	if !whole || !both {
		return nil, badOperands("**", a, b)
	}
	p, ok := powInt(int64(v), int64(n))
	if !ok {
		return nil, errPower
	}
	return int(p), nil
}

func isDecimal(a any) bool { _, ok := a.(record.DecimalValue); return ok }

// arith applies op to values whose types show only now.
func (r *run) arith(op string, a, b any) (any, error) {
	switch x := a.(type) {
	case int:
		if y, ok := b.(int); ok {
			return intArith(op, int64(x), int64(y))
		}
	case string:
		y, ok := b.(string)
		if !ok || op != "+" {
			return nil, badOperands(op, a, b)
		}
		if err := r.grow(len(x) + len(y)); err != nil {
			return nil, err
		}
		return x + y, nil
	case time.Time, time.Duration:
		return timeArith(op, a, b)
	}
	if !isNumber(a) || !isNumber(b) {
		return nil, badOperands(op, a, b)
	}
	if isDecimal(a) || isDecimal(b) {
		return mixedDecimal(op, a, b)
	}
	x, err := floatOf(a)
	if err != nil {
		return nil, err
	}
	y, err := floatOf(b)
	if err != nil {
		return nil, err
	}
	return floatArith(op, x, y)
}

// floatOf converts an int or a float.
func floatOf(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return floatOfInt(int64(v))
	case float64:
		return v, nil
	}
	return 0, fmt.Errorf("%s is not a number", kindWord(v))
}

func mixedDecimal(op string, a, b any) (any, error) {
	x, err := decimalOf(a)
	if err != nil {
		return nil, err
	}
	y, err := decimalOf(b)
	if err != nil {
		return nil, err
	}
	switch op {
	case "+", "-", "*", "/":
		return decimalArith(op, x, y)
	}
	return nil, badOperands(op, a, b)
}

// errSpan is a time, or a span of time, that no value can say.
var errSpan = errors.New("out of range for a span of time")

func timeArith(op string, a, b any) (any, error) {
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Duration:
			if op == "+" {
				return x.Add(y), nil
			}
			if op == "-" && y != math.MinInt64 {
				return x.Add(-y), nil
			}
		case time.Time:
			if op != "-" {
				break
			}
			d := x.Sub(y)
			if !y.Add(d).Equal(x) { // it is cut to what a duration holds
				return nil, errSpan
			}
			return d, nil
		}
	case time.Duration:
		y, ok := b.(time.Duration)
		if !ok || op != "+" && op != "-" {
			break
		}
		sum := addInt
		if op == "-" {
			sum = subInt
		}
		d, ok := sum(int64(x), int64(y))
		if !ok {
			return nil, errSpan
		}
		return time.Duration(d), nil
	}
	return nil, badOperands(op, a, b)
}

func decimalArith(op string, x, y record.DecimalValue) (record.DecimalValue, error) {
	switch op {
	case "+":
		return x.Add(y)
	case "-":
		return x.Sub(y)
	case "*":
		return x.Mul(y)
	}
	return divide(x, y)
}

func badOperands(op string, a, b any) error {
	return fmt.Errorf("%q cannot combine %s and %s", op, kindWord(a), kindWord(b))
}

// kindWord names the type of a value as diagnostics do.
func kindWord(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case time.Duration:
		return "duration"
	case []string, []int, []float64:
		return "list"
	}
	switch t := typeOfValue(v); t.Kind {
	case record.List, record.Object:
		return t.Kind.String()
	default:
		return t.String()
	}
}
