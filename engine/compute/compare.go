package compute

import (
	"cmp"
	"fmt"
	"time"

	"weir/engine/record"
)

// compareNumbers orders two numbers by value, whatever their kinds; comparable is
// false when one is no number or NaN.
func compareNumbers(a, b any) (c int, comparable bool) {
	switch x := a.(type) {
	case int:
		switch y := b.(type) {
		case int:
			return cmp.Compare(x, y), true
		case float64:
			return compareIntFloat(int64(x), y), y == y
		case record.DecimalValue:
			return record.DecimalFromInt(int64(x)).Cmp(y), true
		}
	case float64:
		if x != x {
			return 0, false
		}
		switch y := b.(type) {
		case int:
			return -compareIntFloat(int64(y), x), true
		case float64:
			return cmp.Compare(x, y), y == y
		case record.DecimalValue:
			return -compareDecimalFloat(y, x), true
		}
	case record.DecimalValue:
		switch y := b.(type) {
		case int:
			return x.Cmp(record.DecimalFromInt(int64(y))), true
		case float64:
			return compareDecimalFloat(x, y), y == y
		case record.DecimalValue:
			return x.Cmp(y), true
		}
	}
	return 0, false
}

func isNumber(v any) bool {
	switch v.(type) {
	case int, float64, record.DecimalValue:
		return true
	}
	return false
}

// less orders two values of one kind; numbers of different kinds mix.
func less(a, b any) (bool, error) {
	switch x := a.(type) {
	case record.DateValue:
		if y, ok := b.(record.DateValue); ok {
			return x.Days < y.Days, nil
		}
	case int, float64, record.DecimalValue:
		if isNumber(b) {
			c, ok := compareNumbers(a, b)
			return ok && c < 0, nil
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

// equal is ==: numbers by value, instants whatever their zones, lists and objects
// by what is in them. Values of different kinds are not equal.
func equal(a, b any) bool {
	if isNumber(a) && isNumber(b) {
		c, ok := compareNumbers(a, b)
		return ok && c == 0
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case string:
		y, ok := b.(string)
		return ok && x == y
	case record.DateValue:
		y, ok := b.(record.DateValue)
		return ok && x == y
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case time.Duration:
		y, ok := b.(time.Duration)
		return ok && x == y
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && equalObjects(x, y)
	}
	x, ok := asList(a)
	if !ok {
		return false
	}
	y, ok := asList(b)
	if !ok || len(x) != len(y) {
		return false
	}
	for i := range x {
		if !equal(x[i], y[i]) {
			return false
		}
	}
	return true
}

func equalObjects(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok || !equal(v, w) {
			return false
		}
	}
	return true
}

// in tells whether list holds an element equal to needle, or an object a field of that name.
func (r *run) in(needle, list any) (bool, error) {
	switch m := list.(type) {
	case nil:
		return false, nil
	case map[string]any:
		name, err := fieldName(needle)
		_, found := m[name]
		return found && err == nil, err
	}
	l, ok := asList(list)
	if !ok {
		return false, fmt.Errorf(`"in" needs a list or an object at its right, not %s`, kindWord(list))
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
