package compute

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"weir/engine/record"
)

// asList returns the elements of any list; nil and other values are none.
func asList(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []string:
		return boxed(v), true
	case []int:
		return boxed(v), true
	case nil, string, map[string]any:
		return nil, false
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array {
		return nil, false
	}
	out := make([]any, rv.Len())
	for i := range out {
		out[i] = rv.Index(i).Interface()
	}
	return out, true
}

func boxed[T any](s []T) []any {
	out := make([]any, len(s))
	for i, v := range s {
		out[i] = v
	}
	return out
}

// flat appends the values of nested lists, in order.
func (r *run) flat(out []any, vs []any) ([]any, error) {
	if err := r.step(len(vs)); err != nil {
		return nil, err
	}
	for _, v := range vs {
		l, ok := asList(v)
		if !ok {
			out = append(out, v)
			continue
		}
		var err error
		if out, err = r.flat(out, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// extreme returns the largest or smallest value, the first of equal ones; nil for none.
func (r *run) extreme(name string, args []any) (any, error) {
	vs, err := r.flat(nil, args)
	if err != nil || len(vs) == 0 {
		return nil, err
	}
	best := vs[0]
	for i, v := range vs {
		better, err := beats(name, best, v)
		if err != nil {
			return nil, fmt.Errorf("%s(): %w", name, err)
		}
		if i > 0 && better {
			best = v
		}
	}
	return best, nil
}

func beats(name string, best, v any) (bool, error) {
	if name == "max" {
		return less(best, v)
	}
	return less(v, best)
}

// zero is the sum of nothing.
func zero(k record.Kind) any {
	switch k {
	case record.Decimal:
		return record.DecimalValue{}
	case record.Float:
		return 0.0
	}
	return 0
}

func (r *run) sum(k record.Kind, list any) (any, error) {
	l, ok := asList(list)
	if !ok {
		return nil, fmt.Errorf("sum() needs a list, not %s", kindWord(list))
	}
	acc := zero(k)
	for _, v := range l {
		switch v.(type) {
		case int, float64, record.DecimalValue:
		default:
			return nil, fmt.Errorf("sum() needs numbers, not %s", kindWord(v))
		}
		var err error
		if acc, err = r.arith("+", acc, v); err != nil {
			return nil, err
		}
	}
	return acc, nil
}

// mean is mean(): of whole numbers it divides their exact sum.
func (r *run) mean(k record.Kind, args []any) (any, error) {
	vs, err := r.flat(nil, args)
	if err != nil {
		return nil, err
	}
	dec := k == record.Decimal || slices.ContainsFunc(vs, isDecimal)
	sumKind := record.Int // floats join in as they come
	if dec {
		sumKind = record.Decimal
	}
	total, err := r.sum(sumKind, vs)
	switch {
	case err != nil:
		return nil, err
	case len(vs) == 0 && dec:
		return record.DecimalValue{}, nil
	case len(vs) == 0:
		return 0.0, nil
	}
	return r.arith("/", total, len(vs))
}

func (r *run) median(k record.Kind, args []any) (any, error) {
	vs, err := r.flat(nil, args)
	if err != nil {
		return nil, err
	}
	dec := k == record.Decimal || slices.ContainsFunc(vs, isDecimal)
	for _, v := range vs {
		if !isNumber(v) {
			return nil, fmt.Errorf("median() needs numbers, not %s", kindWord(v))
		}
	}
	if len(vs) == 0 {
		if dec {
			return record.DecimalValue{}, nil
		}
		return 0.0, nil
	}
	if err := sortFunc(vs, func(v any) any { return v }, false); err != nil {
		return nil, err
	}
	n := len(vs)
	low, err := midValue(vs[(n-1)/2], dec)
	if err != nil || n%2 == 1 {
		return low, err
	}
	high, err := midValue(vs[n/2], dec)
	if err != nil {
		return nil, err
	}
	pair, err := r.arith("+", low, high)
	if err != nil {
		return nil, err
	}
	return r.arith("/", pair, 2)
}

// midValue is a number as median() gives it.
func midValue(v any, dec bool) (any, error) {
	if dec {
		return decimalOf(v)
	}
	return floatOf(v)
}

// sortFunc sorts s by the values that of gives; equal ones keep their order.
func sortFunc[T any](s []T, of func(T) any, desc bool) error {
	var first error
	slices.SortStableFunc(s, func(a, b T) int {
		under, err := less(of(a), of(b))
		over, err2 := less(of(b), of(a))
		if first == nil && (err != nil || err2 != nil) {
			first = errors.New("the list has values that cannot be ordered with one another")
		}
		c := 0
		switch {
		case under:
			c = -1
		case over:
			c = 1
		}
		if desc {
			return -c
		}
		return c
	})
	return first
}

// descending reads the order that is given last to sort() and sortBy().
func descending(name string, order []any) (bool, error) {
	if len(order) == 0 || order[0] == "asc" {
		return false, nil
	}
	if order[0] != "desc" {
		return false, fmt.Errorf(`the order of %s() is "asc" or "desc"`, name)
	}
	return true, nil
}

func (r *run) sort(args []any) (any, error) {
	l, err := listArg("sort", args[0])
	if err != nil {
		return nil, err
	}
	if err := r.step(4 * len(l)); err != nil {
		return nil, err
	}
	desc, err := descending("sort", args[1:])
	if err != nil {
		return nil, err
	}
	out := append(make([]any, 0, len(l)), l...)
	return out, sortFunc(out, func(v any) any { return v }, desc)
}

func (r *run) uniq(list any) (any, error) {
	l, ok := asList(list)
	if !ok {
		return nil, fmt.Errorf("uniq() needs a list, not %s", kindWord(list))
	}
	out := []any{}
	for _, v := range l {
		if err := r.step(len(out) + 1); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(u any) bool { return equal(v, u) }) {
			out = append(out, v)
		}
	}
	return out, nil
}
