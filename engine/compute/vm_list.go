package compute

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// listFunctions are expr's built-ins of lists and objects: an object's fields come
// in the order of their names, an empty list is not nil, and what is dropped or
// taken for something else elsewhere is an error.
func listFunctions(add func(name string, f func(r *run, a []any) (any, error))) {
	add("list", func(_ *run, a []any) (any, error) { return listArg(a[0].(string), a[1]) })
	add("reversed", func(r *run, a []any) (any, error) { return r.reverse("findLast", a[0]) })
	add("back", func(_ *run, a []any) (any, error) {
		i, found := a[1].(int)
		if !found {
			return nil, nil
		}
		l, _ := asList(a[0])
		return len(l) - 1 - i, nil
	})
	add("range", func(r *run, a []any) (any, error) { return r.span(a[0], a[1]) })
	add("sort", func(r *run, a []any) (any, error) { return r.sort(a) })
	add("sortBy", func(r *run, a []any) (any, error) { return r.sortBy(a) })
	add("groupBy", func(r *run, a []any) (any, error) { return r.groupBy(a[0], a[1]) })
	add("uniq", func(r *run, a []any) (any, error) { return r.uniq(a[0]) })
	add("reverse", func(r *run, a []any) (any, error) { return r.reverse("reverse", a[0]) })
	add("concat", func(r *run, a []any) (any, error) { return r.concat(a) })
	add("flatten", func(r *run, a []any) (any, error) { return r.flatten(a[0]) })
	add("first", func(_ *run, a []any) (any, error) { return end("first", a[0], 0) })
	add("last", func(_ *run, a []any) (any, error) { return end("last", a[0], -1) })
	add("get", func(_ *run, a []any) (any, error) { return get(a[0], a[1]) })
	add("take", func(_ *run, a []any) (any, error) { return take(a[0], a[1]) })
	add("keys", func(r *run, a []any) (any, error) {
		return r.fields("keys", a[0], func(name string, _ any) any { return name })
	})
	add("values", func(r *run, a []any) (any, error) {
		return r.fields("values", a[0], func(_ string, v any) any { return v })
	})
	add("toPairs", func(r *run, a []any) (any, error) {
		return r.fields("toPairs", a[0], func(name string, v any) any { return []any{name, v} })
	})
	add("fromPairs", func(_ *run, a []any) (any, error) { return fromPairs(a[0]) })
	add("bitshl", func(_ *run, a []any) (any, error) { return shiftLeft(a[0], a[1]) })
}

func listArg(name string, v any) ([]any, error) {
	l, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("%s() needs a list, not %s", name, kindWord(v))
	}
	return l, nil
}

// span is from..to.
func (r *run) span(from, to any) (any, error) {
	a, ok1 := from.(int)
	z, ok2 := to.(int)
	if !ok1 || !ok2 {
		return nil, badOperands("..", from, to)
	}
	if a > z {
		return []any{}, nil
	}
	n, ok := subInt(int64(z), int64(a))
	if !ok || n >= int64(r.elements) {
		return nil, errMany
	}
	out := make([]int, n+1)
	for i := range out {
		out[i] = a + i
	}
	return out, r.more(len(out))
}

func (r *run) reverse(name string, v any) (any, error) {
	l, err := listArg(name, v)
	if err != nil {
		return nil, err
	}
	out := append(make([]any, 0, len(l)), l...)
	slices.Reverse(out)
	return out, r.step(len(l))
}

func (r *run) concat(lists []any) (any, error) {
	out := []any{}
	for _, v := range lists {
		l, err := listArg("concat", v)
		if err != nil {
			return nil, err
		}
		if err := r.more(len(l)); err != nil {
			return nil, err
		}
		out = append(out, l...)
	}
	return out, nil
}

func (r *run) flatten(v any) (any, error) {
	l, err := listArg("flatten", v)
	if err != nil {
		return nil, err
	}
	out, err := r.flat([]any{}, l)
	if err != nil {
		return nil, err
	}
	return out, r.more(len(out))
}

// end is first() and last(): nil for an empty list and for nil.
func end(name string, v any, at int) (any, error) {
	if v == nil {
		return nil, nil
	}
	l, err := listArg(name, v)
	if err != nil || len(l) == 0 {
		return nil, err
	}
	if at < 0 {
		at += len(l)
	}
	return l[at], nil
}

// get is get(): nil for what is not there.
func get(v, key any) (any, error) {
	switch m := v.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		name, err := fieldName(key)
		return m[name], err
	}
	l, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("get() needs a list or an object, not %s", kindWord(v))
	}
	at, err := wholeArg("get", key)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		at += len(l)
	}
	if at < 0 || at >= len(l) {
		return nil, nil
	}
	return l[at], nil
}

func take(v, count any) (any, error) {
	l, err := listArg("take", v)
	if err != nil {
		return nil, err
	}
	n, err := wholeArg("take", count)
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errors.New("take() needs a number that is not negative")
	}
	return l[:min(n, len(l))], nil
}

// fields makes a list of an object's fields, in the order of their names.
func (r *run) fields(name string, v any, of func(name string, v any) any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s() needs an object, not %s", name, kindWord(v))
	}
	if err := r.more(len(m)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, of(k, m[k]))
	}
	return out, nil
}

var errTwice = errors.New("one name is given twice to an object")

// object makes an object of names and values that follow one another.
func object(pairs []any) (any, error) {
	out := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("a field's name must be a string, not %s", kindWord(pairs[i]))
		}
		if _, twice := out[name]; twice {
			return nil, errTwice
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

func fromPairs(v any) (any, error) {
	l, err := listArg("fromPairs", v)
	if err != nil {
		return nil, err
	}
	flat := make([]any, 0, 2*len(l))
	for _, e := range l {
		pair, ok := asList(e)
		if !ok || len(pair) != 2 {
			return nil, errors.New("fromPairs() needs pairs: lists of a name and a value")
		}
		flat = append(flat, pair...)
	}
	return object(flat)
}

// sortBy sorts a list by the keys of its elements; equal ones keep their order.
func (r *run) sortBy(a []any) (any, error) {
	l, err := listArg("sortBy", a[0])
	if err != nil {
		return nil, err
	}
	keys, _ := asList(a[1])
	desc, err := descending("sortBy", a[2:])
	if err != nil {
		return nil, err
	}
	if err := r.step(4 * len(l)); err != nil {
		return nil, err
	}
	order := make([]int, len(l))
	for i := range order {
		order[i] = i
	}
	if err := sortFunc(order, func(i int) any { return keys[i] }, desc); err != nil {
		return nil, err
	}
	out := make([]any, len(l))
	for i, at := range order {
		out[i] = l[at]
	}
	return out, r.more(len(out))
}

// groupBy makes an object of lists, by the texts of the elements' keys.
func (r *run) groupBy(list, keys any) (any, error) {
	l, err := listArg("groupBy", list)
	if err != nil {
		return nil, err
	}
	ks, _ := asList(keys)
	out, kinds := map[string]any{}, map[string]string{}
	for i, e := range l {
		name, kind := "", kindWord(ks[i])
		switch k := ks[i].(type) {
		case string:
			name = k
		case nil:
			return nil, errors.New("groupBy() needs a key for every element, not nil")
		default:
			text, scalar := scalarText(k)
			if !scalar {
				return nil, fmt.Errorf("groupBy() needs keys that have one text, not %s", kind)
			}
			name = text
		}
		if was, known := kinds[name]; known && was != kind {
			return nil, fmt.Errorf("groupBy() has keys of two kinds, %s and %s, with one text", was, kind)
		}
		kinds[name] = kind
		group, _ := out[name].([]any)
		out[name] = append(group, e)
	}
	return out, r.more(len(l))
}

func shiftLeft(x, by any) (any, error) {
	v, ok1 := x.(int)
	n, ok2 := by.(int)
	switch {
	case !ok1 || !ok2:
		return nil, fmt.Errorf("bitshl() needs whole numbers, not %s and %s", kindWord(x), kindWord(by))
	case n < 0:
		return nil, errors.New("bitshl() needs a number that is not negative")
	case v != 0 && (n > 63 || v<<n>>n != v):
		return nil, errInt
	}
	return v << n, nil
}

// fieldName is the name that key is: a text or, such as what groupBy() made of
// keys that are ints, an int.
func fieldName(key any) (string, error) {
	switch k := key.(type) {
	case string:
		return k, nil
	case int:
		return strconv.Itoa(k), nil
	}
	return "", fmt.Errorf("a field's name must be a string, not %s", kindWord(key))
}

// fetch is base[key] and base.key.
func fetch(base, key any) (any, error) {
	switch m := base.(type) {
	case nil:
		return nil, fmt.Errorf("there is no %v in nil", key)
	case map[string]any:
		name, err := fieldName(key)
		return m[name], err
	case string:
		return nil, errors.New("a string has no fields or elements; x[0:1] is its first character")
	}
	l, ok := asList(base)
	if !ok {
		return nil, fmt.Errorf("%s has no fields", kindWord(base))
	}
	at, ok := key.(int)
	if !ok {
		return nil, fmt.Errorf("a list is indexed by an int, not %s", kindWord(key))
	}
	if at < 0 {
		at += len(l)
	}
	if at < 0 || at >= len(l) {
		return nil, fmt.Errorf("index out of range: %d (array length is %d)", at, len(l))
	}
	return l[at], nil
}

// noEnd stands for the end of a slice that is not given.
type noEnd struct{}

// slice is v[from:to].
func slice(v, from, to any) (any, error) {
	a, z, open := 0, 0, false
	for i, e := range []any{from, to} {
		_, none := e.(noEnd)
		n, whole := e.(int)
		switch {
		case !none && !whole:
			return nil, fmt.Errorf("a slice is cut at an int, not %s", kindWord(e))
		case i == 0:
			a = n
		default:
			z, open = n, none
		}
	}
	if s, ok := v.(string); ok {
		a, z = part(view(s), a, z, open)
		return s[a:z], nil
	}
	l, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("only strings and lists can be sliced, not %s", kindWord(v))
	}
	if a < 0 {
		a = max(0, a+len(l))
	}
	switch {
	case open:
		z = len(l)
	case z < 0:
		z = max(0, z+len(l))
	}
	z = min(z, len(l))
	return l[min(a, z):z], nil
}

// moment passes what has functions of its own: datetimes and durations.
func moment(v any) (any, error) {
	switch v.(type) {
	case time.Time, time.Duration:
		return v, nil
	}
	return nil, fmt.Errorf("%s has no functions of its own", kindWord(v))
}
