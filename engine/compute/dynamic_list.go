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

func (r *run) mean(k record.Kind, args []any) (any, error) {
	vs, err := r.flat(nil, args)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(vs, isDecimal) {
		k = record.Decimal
	}
	if k != record.Decimal {
		k = record.Float
	}
	total, err := r.sum(k, vs)
	if err != nil || len(vs) == 0 {
		return total, err
	}
	return r.arith("/", total, len(vs))
}

func (r *run) median(k record.Kind, args []any) (any, error) {
	vs, err := r.flat(nil, args)
	if err != nil {
		return nil, err
	}
	dec := k == record.Decimal || slices.ContainsFunc(vs, isDecimal)
	for i, v := range vs {
		switch n := v.(type) {
		case int:
			if vs[i] = float64(n); dec {
				vs[i] = record.DecimalFromInt(int64(n))
			}
		case float64, record.DecimalValue:
		default:
			return nil, fmt.Errorf("median() needs numbers, not %s", kindWord(v))
		}
	}
	if len(vs) == 0 {
		if dec {
			return record.DecimalValue{}, nil
		}
		return 0.0, nil
	}
	if err := sortValues(vs, false); err != nil {
		return nil, err
	}
	mid := vs[len(vs)/2]
	if len(vs)%2 == 1 {
		return mid, nil
	}
	pair, err := r.arith("+", vs[len(vs)/2-1], mid)
	if err != nil {
		return nil, err
	}
	return r.arith("/", pair, 2)
}

func sortValues(vs []any, desc bool) error {
	var first error
	slices.SortStableFunc(vs, func(a, b any) int {
		under, err := less(a, b)
		over, err2 := less(b, a)
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

func (r *run) sort(args []any) (any, error) {
	l, ok := asList(args[0])
	if !ok {
		return nil, fmt.Errorf("sort() needs a list, not %s", kindWord(args[0]))
	}
	if err := r.step(4 * len(l)); err != nil {
		return nil, err
	}
	desc := false
	if len(args) == 2 {
		switch args[1] {
		case "asc":
		case "desc":
			desc = true
		default:
			return nil, errors.New(`the order of sort() is "asc" or "desc"`)
		}
	}
	out := slices.Clone(l)
	return out, sortValues(out, desc)
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

// sortKey turns v into something that expr's sortBy orders as less does.
func sortKey(v any) any {
	switch v := v.(type) {
	case record.DateValue:
		return int(v.Days)
	case record.DecimalValue:
		// A 128-bit number of 10^-18ths with its sign bit flipped orders as its bytes do.
		w := mul64(magnitude(v.Coef), tenTo(record.MaxScale-v.Scale))
		if v.Coef < 0 {
			w = wide{}.sub(w)
		}
		w.hi ^= 1 << 63
		var b [16]byte
		for i := range 8 {
			b[i], b[8+i] = byte(w.hi>>(56-8*i)), byte(w.lo>>(56-8*i))
		}
		return string(b[:])
	}
	return v
}
