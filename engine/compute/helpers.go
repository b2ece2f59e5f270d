package compute

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
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
	add("uuid", func(r *run, a []any) (any, error) { return r.uuid(a[0].(string)) })
	add("arith", func(r *run, a []any) (any, error) { return r.arith(a[0].(string), a[1], a[2]) })
	add("power", func(_ *run, a []any) (any, error) { return power(a[0], a[1]) })
	add("ordered", func(_ *run, a []any) (any, error) { return ordered(a[0].(string), a[1], a[2]) })
	add("equal", func(r *run, a []any) (any, error) {
		if err := errors.Join(r.bound(a[0]), r.bound(a[1])); err != nil {
			return nil, err
		}
		return equal(a[0], a[1]), nil
	})
	add("in", func(r *run, a []any) (any, error) { return r.in(a[0], a[1]) })
	add("toFloat", func(_ *run, a []any) (any, error) {
		if i, ok := a[0].(int); ok {
			return floatOfInt(int64(i))
		}
		return a[0], nil
	})
	add("neg", func(_ *run, a []any) (any, error) { return numberOf("-", a[0]) })
	add("isNil", func(_ *run, a []any) (any, error) { return a[0] == nil, nil })
	add("fetch", func(_ *run, a []any) (any, error) { return fetch(a[0], a[1]) })
	add("slice", func(_ *run, a []any) (any, error) { return slice(a[0], a[1], a[2]) })
	add("moment", func(_ *run, a []any) (any, error) { return moment(a[0]) })
	add("object", func(_ *run, a []any) (any, error) { return object(a) })
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
	textFunctions(add)
	add("sum", func(r *run, a []any) (any, error) { return r.sum(record.Kind(a[0].(int)), a[1]) })
	add("measure", func(r *run, a []any) (any, error) { return r.measure(a[0].(string), record.Kind(a[1].(int)), a[2:]) })
	for _, name := range []string{"abs", "round", "floor", "ceil", "int", "float"} {
		add(name, func(_ *run, a []any) (any, error) { return numberOf(name, a[0]) })
	}
	add("type", func(_ *run, a []any) (any, error) { return typeWord(a[0]), nil })
	add("string", func(r *run, a []any) (any, error) { return r.text(a[0]) })
	add("toJSON", func(r *run, a []any) (any, error) { return r.toJSON(a[0]) })
	return t
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
		if k == record.Float && err == nil {
			return floatOfInt(int64(n))
		}
		if k == record.Decimal {
			return record.DecimalFromInt(int64(n)), err
		}
	}
	return v, err
}

func typeWord(v any) string {
	switch v.(type) {
	case record.DecimalValue, record.DateValue, time.Time, time.Duration:
		return kindWord(v)
	}
	return builtin.Type(v).(string)
}

// text is string(): the text of one value, as it is in JSON but for the quotes.
func (r *run) text(v any) (any, error) {
	if err := r.bound(v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, errors.New("string() needs a value, not nil")
	case string:
		return v, nil
	}
	s, ok := scalarText(v)
	if !ok {
		return nil, fmt.Errorf("string() needs one value, not %s; to_json() writes lists and objects", kindWord(v))
	}
	return s, r.grow(len(s))
}

// scalarText is the text of what is no list and no object.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return string(record.AppendFloat(nil, v)), true
	case record.DecimalValue:
		return v.String(), true
	case record.DateValue:
		return v.String(), true
	case time.Time:
		return v.Format(time.RFC3339Nano), true
	case time.Duration:
		return v.String(), true
	}
	return "", false
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
	case time.Duration:
		return nil, errors.New("toJSON(): a duration has no JSON form; turn it into a number or a string")
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
