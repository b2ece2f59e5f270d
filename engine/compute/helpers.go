package compute

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"

	"weir/engine/record"
)

// vmFunctions are the "$" functions that rewritten trees call.
func vmFunctions() conf.FunctionsTable {
	t := conf.FunctionsTable{}
	add := func(name string, f func(r *run, a []any) (any, error)) {
		t["$"+name] = &builtin.Function{Name: "$" + name, Func: func(p ...any) (any, error) { return f(p[0].(*run), p[1:]) }}
	}
	add("tick", func(r *run, a []any) (any, error) { return a[0], r.step(1) })
	add("bound", func(r *run, a []any) (any, error) { return a[0], r.bound(a[0]) })
	add("now", func(r *run, _ []any) (any, error) { return r.now, nil })
	add("arith", func(r *run, a []any) (any, error) { return r.arith(a[0].(string), a[1], a[2]) })
	add("ordered", func(_ *run, a []any) (any, error) { return ordered(a[0].(string), a[1], a[2]) })
	add("equal", func(r *run, a []any) (any, error) {
		if err := errors.Join(r.bound(a[0]), r.bound(a[1])); err != nil {
			return nil, err
		}
		return equal(a[0], a[1]), nil
	})
	add("in", func(r *run, a []any) (any, error) { return r.in(a[0], a[1]) })
	add("float", func(_ *run, a []any) (any, error) {
		if i, ok := a[0].(int); ok {
			return float64(i), nil
		}
		return a[0], nil
	})
	add("decimal", func(_ *run, a []any) (any, error) {
		if a[0] == nil {
			return nil, nil
		}
		return decimalOf(a[0])
	})
	add("zone", func(_ *run, a []any) (any, error) {
		if t, ok := a[0].(time.Time); ok {
			return t.In(a[1].(*time.Location)), nil
		}
		return a[0], nil
	})
	listFunctions(add)
	tryFunctions(add)
	add("sum", func(r *run, a []any) (any, error) { return r.sum(record.Kind(a[0].(int)), a[1]) })
	add("measure", func(r *run, a []any) (any, error) { return r.measure(a[0].(string), record.Kind(a[1].(int)), a[2:]) })
	add("number", func(_ *run, a []any) (any, error) { return numberOf(a[0].(string), a[1]) })
	add("sortKey", func(_ *run, a []any) (any, error) { return sortKey(a[0]), nil })
	add("sort", func(r *run, a []any) (any, error) { return r.sort(a) })
	add("uniq", func(r *run, a []any) (any, error) { return r.uniq(a[0]) })
	add("type", func(_ *run, a []any) (any, error) { return typeWord(a[0]), nil })
	add("string", func(r *run, a []any) (any, error) { return r.text(a[0]) })
	add("toJSON", func(r *run, a []any) (any, error) { return r.toJSON(a[0]) })
	add("repeat", func(r *run, a []any) (any, error) { return r.repeat(a) })
	add("replace", func(r *run, a []any) (any, error) { return r.replace(a) })
	add("join", func(r *run, a []any) (any, error) { return r.join(a) })
	return t
}

// listFunctions are those for findLast() and findLastIndex().
func listFunctions(add func(name string, f func(r *run, a []any) (any, error))) {
	add("reversed", func(r *run, a []any) (any, error) {
		l, ok := asList(a[0])
		if !ok {
			return nil, fmt.Errorf("findLast() needs a list, not %s", kindWord(a[0]))
		}
		out := slices.Clone(l)
		slices.Reverse(out)
		return out, r.step(len(l))
	})
	add("back", func(_ *run, a []any) (any, error) {
		i, found := a[1].(int)
		if !found {
			return nil, nil
		}
		l, _ := asList(a[0])
		return len(l) - 1 - i, nil
	})
}

func (r *run) measure(name string, k record.Kind, args []any) (any, error) {
	switch name {
	case "mean":
		return r.mean(k, args)
	case "median":
		return r.median(k, args)
	}
	v, err := r.extreme(name, args)
	switch n := v.(type) {
	case int:
		if k == record.Float {
			return float64(n), err
		}
		if k == record.Decimal {
			return record.DecimalFromInt(int64(n)), err
		}
	}
	return v, err
}

// numberOf is abs, round, floor, ceil, int and float for values that may be decimals.
func numberOf(name string, v any) (any, error) {
	d, ok := v.(record.DecimalValue)
	if !ok {
		return builtin.Builtins[builtin.Index[name]].Fast(v), nil
	}
	switch name {
	case "abs":
		return absDecimal(d), nil
	case "round":
		return d.Round(0), nil
	case "floor":
		return floorDecimal(d), nil
	case "ceil":
		return ceilDecimal(d), nil
	case "int":
		return int(truncated(d)), nil
	}
	return d.Float(), nil
}

func typeWord(v any) string {
	switch v.(type) {
	case record.DecimalValue, record.DateValue, time.Time, time.Duration:
		return kindWord(v)
	}
	return builtin.Type(v).(string)
}

// text is string(): datetimes as RFC 3339, everything else as expr has it.
func (r *run) text(v any) (any, error) {
	if err := r.bound(v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, errors.New("string() needs a value, not nil")
	case string:
		return v, nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	}
	s := fmt.Sprint(v)
	return s, r.grow(len(s))
}

func (r *run) toJSON(v any) (any, error) {
	if err := r.bound(v); err != nil {
		return nil, err
	}
	plain, err := jsonValue(v)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(plain, "", "  ")
	if err != nil {
		return nil, errors.New("toJSON(): the value has no JSON form")
	}
	return string(b), r.grow(len(b))
}

// jsonValue replaces the values that encoding/json does not know.
func jsonValue(v any) (any, error) {
	switch v := v.(type) {
	case record.DecimalValue:
		return json.Number(v.String()), nil
	case record.DateValue:
		return v.String(), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("toJSON(): %s has no JSON form", strconv.FormatFloat(v, 'g', -1, 64))
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			j, err := jsonValue(e)
			if err != nil {
				return nil, err
			}
			out[k] = j
		}
		return out, nil
	}
	l, ok := asList(v)
	if !ok {
		return v, nil
	}
	out := make([]any, len(l))
	for i, e := range l {
		j, err := jsonValue(e)
		if err != nil {
			return nil, err
		}
		out[i] = j
	}
	return out, nil
}

func (r *run) repeat(a []any) (any, error) {
	s, n := a[0].(string), a[1].(int)
	if n < 0 {
		return nil, errors.New("repeat() needs a number that is not negative")
	}
	if len(s) > 0 && n > r.bytes/len(s) {
		return nil, errBytes
	}
	return strings.Repeat(s, n), r.grow(len(s) * n)
}

func (r *run) replace(a []any) (any, error) {
	s, from, to := a[0].(string), a[1].(string), a[2].(string)
	limit := -1
	if len(a) == 4 {
		limit = a[3].(int)
	}
	n := strings.Count(s, from)
	if limit >= 0 {
		n = min(n, limit)
	}
	if err := r.grow(len(s) + n*max(0, len(to)-len(from))); err != nil {
		return nil, err
	}
	return strings.Replace(s, from, to, limit), nil
}

func (r *run) join(a []any) (any, error) {
	l, ok := asList(a[0])
	if !ok {
		return nil, fmt.Errorf("join() needs a list, not %s", kindWord(a[0]))
	}
	glue := ""
	if len(a) == 2 {
		glue = a[1].(string)
	}
	parts := make([]string, len(l))
	for i, e := range l {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("join() needs strings, not %s", kindWord(e))
		}
		if err := r.grow(len(s) + len(glue)); err != nil {
			return nil, err
		}
		parts[i] = s
	}
	return strings.Join(parts, glue), nil
}
