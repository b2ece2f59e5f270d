package compute

import (
	"errors"
	"fmt"
	"time"

	"github.com/expr-lang/expr/vm"

	"github.com/expr-lang/expr/vm/runtime"

	"weir/engine/record"
)

// run is what one evaluation may still use, and the time it sees.
type run struct {
	steps, bytes int
	now          time.Time

	env      map[string]any // of the evaluation; what try() runs sees it, too
	vms      []*vm.VM       // for calls of try() in each other
	depth    int
	elements uint
}

var (
	errSteps = errors.New("the expression takes too many steps")
	errBytes = errors.New("the expression builds too much text")

	errElements = errors.New("the expression makes too many list elements")
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

func isDecimal(a any) bool { _, ok := a.(record.DecimalValue); return ok }

// arith applies op to values whose types show only now.
func (r *run) arith(op string, a, b any) (any, error) {
	if isDecimal(a) || isDecimal(b) {
		x, err := decimalOf(a)
		if err != nil {
			return nil, badOperands(op, a, b)
		}
		y, err := decimalOf(b)
		if err != nil {
			return nil, badOperands(op, a, b)
		}
		return decimalArith(op, x, y)
	}
	switch op {
	case "+":
		if x, ok := a.(string); ok {
			y, ok := b.(string)
			if !ok {
				return nil, badOperands(op, a, b)
			}
			if err := r.grow(len(x) + len(y)); err != nil {
				return nil, err
			}
			return x + y, nil
		}
		return runtime.Add(a, b), nil
	case "-":
		return runtime.Subtract(a, b), nil
	case "*":
		return runtime.Multiply(a, b), nil
	}
	return runtime.Divide(a, b), nil
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

// less orders two values of one kind; numbers of different kinds mix.
func less(a, b any) (bool, error) {
	switch x := a.(type) {
	case record.DateValue:
		if y, ok := b.(record.DateValue); ok {
			return x.Days < y.Days, nil
		}
	case int, float64, record.DecimalValue:
		switch b.(type) {
		case int, float64, record.DecimalValue:
			if isDecimal(a) || isDecimal(b) {
				c, err := compareDecimal(a, b)
				return c < 0, err
			}
			return runtime.Less(a, b), nil
		}
	case string:
		if y, ok := b.(string); ok {
			return x < y, nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Before(y), nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return x < y, nil
		}
	}
	return false, fmt.Errorf("%s and %s cannot be ordered", kindWord(a), kindWord(b))
}

func compareDecimal(a, b any) (int, error) {
	x, err := decimalOf(a)
	if err != nil {
		return 0, err
	}
	y, err := decimalOf(b)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y), nil
}

// ordered applies < <= > >= to values whose types show only now.
func ordered(op string, a, b any) (bool, error) {
	if fa, ok := a.(float64); ok && fa != fa {
		return false, nil
	}
	if fb, ok := b.(float64); ok && fb != fb {
		return false, nil
	}
	switch op {
	case "<":
		return less(a, b)
	case ">":
		return less(b, a)
	case "<=":
		more, err := less(b, a)
		return !more && err == nil, err
	}
	under, err := less(a, b)
	return !under && err == nil, err
}

// equal is expr's == that knows decimals.
func equal(a, b any) bool {
	if isDecimal(a) || isDecimal(b) {
		switch b.(type) {
		case int, float64, record.DecimalValue:
		default:
			return false
		}
		switch a.(type) {
		case int, float64, record.DecimalValue:
		default:
			return false
		}
		c, err := compareDecimal(a, b)
		return err == nil && c == 0
	}
	return runtime.Equal(a, b)
}

func (r *run) in(needle, list any) (bool, error) {
	l, ok := asList(list)
	if !ok {
		return runtime.In(needle, list), nil
	}
	if err := r.step(len(l)); err != nil {
		return false, err
	}
	for _, e := range l {
		if equal(e, needle) {
			return true, nil
		}
	}
	return false, nil
}
