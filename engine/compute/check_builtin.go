package compute

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// class is what a built-in takes at one place.
type class uint8

const (
	aAny class = iota
	aString
	aInt
	aNumber  // int, float or decimal
	aConvert // a number or a string
	aList
	aObject
	aSized   // string, list or object
	aMinMax  // a list of comparable values, or such a value
	aStrings // a list of strings
	aTextual // anything that has one text: not nil, no list, no object
	aHolder  // a list or an object, or nil
)

// rule describes a built-in of expr that is not a loop.
type rule struct {
	least, most int // most < 0: any number
	args        []class
	result      func(args []info) info
}

func always(t record.Type) func([]info) info { return func([]info) info { return info{t: t} } }

func rules() map[string]rule {
	s, i, l := []class{aString}, []class{aInt}, []class{aList}
	str := rule{1, 1, s, always(tString)}
	str12, str2 := rule{1, 2, s, always(tString)}, rule{2, 2, s, always(tString)}
	pairInt := rule{2, 2, s, always(tInt)}
	pairBool := rule{2, 2, s, always(tBool)}
	split := rule{2, 3, []class{aString, aString, aInt}, always(record.ListOf(tString))}
	bits := rule{2, 2, i, always(tInt)}
	rounding := rule{1, 1, []class{aNumber}, roundResult}
	minmax := rule{1, -1, []class{aMinMax}, minMaxResult}
	mean := rule{1, -1, []class{aMinMax}, meanResult}
	sameList := rule{1, 1, l, func(a []info) info { return info{t: a[0].t, nonEmpty: a[0].nonEmpty} }}
	return map[string]rule{
		"len": {1, 1, []class{aSized}, always(tInt)}, "type": {1, 1, []class{aAny}, always(tString)},
		"abs": {1, 1, []class{aNumber}, func(a []info) info { return info{t: a[0].t} }}, "ceil": rounding, "floor": rounding, "round": rounding,
		"int": {1, 1, []class{aConvert}, always(tInt)}, "float": {1, 1, []class{aConvert}, always(tFloat)}, "string": {1, 1, []class{aTextual}, always(tString)},
		"trim": str12, "trimPrefix": str2, "trimSuffix": str2, "upper": str, "lower": str, "split": split, "splitAfter": split,
		"replace": {3, 4, []class{aString, aString, aString, aInt}, always(tString)}, "repeat": {2, 2, []class{aString, aInt}, always(tString)},
		"join":    {1, 2, []class{aStrings, aString}, always(tString)},
		"indexOf": pairInt, "lastIndexOf": pairInt, "hasPrefix": pairBool, "hasSuffix": pairBool,
		"max": minmax, "min": minmax, "mean": mean, "median": mean,
		"toJSON": {1, 1, []class{aAny}, always(tString)}, "fromJSON": {1, 1, s, always(tAny)}, "toBase64": str, "fromBase64": str,
		"duration": {1, 1, s, always(tDur)},
		"first":    {1, 1, l, endResult}, "last": {1, 1, l, endResult}, "get": {2, 2, []class{aHolder, aAny}, getResult},
		"take": {2, 2, []class{aList, aInt}, func(a []info) info { return info{t: a[0].t} }},
		"keys": {1, 1, []class{aObject}, always(record.ListOf(tString))}, "values": {1, 1, []class{aObject}, always(record.ListOf(tAny))},
		"toPairs": {1, 1, []class{aObject}, always(record.ListOf(tAny))}, "fromPairs": {1, 1, l, always(tAny)},
		"reverse": sameList, "uniq": sameList, "sort": {1, 2, []class{aList, aString}, sameList.result},
		"concat": {1, -1, l, concatResult}, "flatten": {1, 1, l, always(record.ListOf(tAny))},
		"bitand": bits, "bitor": bits, "bitxor": bits, "bitnand": bits, "bitshl": bits, "bitshr": bits, "bitushr": bits, "bitnot": {1, 1, i, always(tInt)},
	}
}

func roundResult(a []info) info {
	return info{t: a[0].t} // an int is round already
}

// elemOf is the type of l's elements, Any when that is not known.
func elemOf(t record.Type) record.Type {
	if t.Kind == record.List {
		return *t.Elem
	}
	return tAny
}

func minMaxResult(a []info) info {
	t, empty := tBad, true
	for _, in := range a {
		if in.t.Kind == record.List {
			t = unify(t, nonNull(*in.t.Elem))
			empty = empty && !in.nonEmpty
			if in.t.Elem.Kind == record.List {
				return info{t: tAny}
			}
			continue
		}
		t, empty = unify(t, in.t), false
	}
	if dynamic(t) {
		return info{t: tAny}
	}
	if empty {
		t = nullable(t)
	}
	return info{t: t}
}

func meanResult(a []info) info {
	t := minMaxResult(a).t
	switch t.Kind {
	case record.Decimal:
		return info{t: tDec}
	case record.Any:
		return info{t: tAny}
	}
	return info{t: tFloat}
}

func endResult(a []info) info {
	if t := elemOf(a[0].t); a[0].nonEmpty {
		return info{t: t}
	} else {
		return info{t: nullable(t)}
	}
}

func getResult(a []info) info {
	t := a[0].t
	if name, ok := a[1].k.(string); ok && t.Kind == record.Object {
		for _, f := range t.Fields {
			if f.Name == name {
				return info{t: nullable(f.Type)}
			}
		}
	}
	return info{t: nullable(elemOf(t))}
}

func concatResult(a []info) info {
	t, some := tBad, false
	for _, in := range a {
		t = unify(t, elemOf(in.t))
		some = some || in.nonEmpty
	}
	if t.Kind == record.Invalid {
		t = tAny
	}
	return info{t: record.ListOf(t), nonEmpty: some}
}

func (c *checker) builtin(n *ast.BuiltinNode) info {
	if l, ok := loopOf(n); ok {
		return c.loop(n, l)
	}
	r, ok := c.rules[n.Name]
	if !ok {
		return c.fail(n, "expr.unknown_function", fmt.Sprintf("There is no function %s()", n.Name), "")
	}
	args, fine := make([]info, len(n.Arguments)), true
	for i, a := range n.Arguments {
		args[i] = c.expr(a)
	}
	if len(args) < r.least || r.most >= 0 && len(args) > r.most {
		return c.fail(n, "expr.type", fmt.Sprintf("%s() takes %s", n.Name, r.arity()), "It was given %d.", len(args))
	}
	for i := range args {
		fine = c.accepts(n, i, args[i], r.args[min(i, len(r.args)-1)]) && fine
	}
	if !fine {
		return info{t: tBad}
	}
	return r.result(args)
}

func (r rule) arity() string {
	switch {
	case r.most < 0:
		return fmt.Sprintf("at least %d argument", r.least)
	case r.least != r.most:
		return fmt.Sprintf("%d or %d arguments", r.least, r.most)
	case r.least == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", r.least)
}

func (c *checker) accepts(n *ast.BuiltinNode, i int, in info, want class) bool {
	t := in.t
	if want == aAny || dynamic(t) {
		return true
	}
	if want == aHolder {
		if ok := t.Kind == record.List || t.Kind == record.Object || t.Kind == record.Null; !ok {
			c.failSpan(n.Arguments[i], "expr.type", n.Name+"() needs a list or an object", "This is %s.", words(t))
			return false
		}
		return true
	}
	if t.Kind == record.Null {
		return c.solid(n.Arguments[i], in, n.Name+"()", n)
	}
	need, ok := "", true
	switch want {
	case aString:
		need, ok = "a string", t.Kind == record.String
	case aInt:
		need, ok = "an int", t.Kind == record.Int
	case aNumber:
		need, ok = "a number", number(t)
	case aConvert:
		need, ok = "a number or a string", number(t) || t.Kind == record.String
	case aList:
		need, ok = "a list", t.Kind == record.List
	case aStrings:
		need, ok = "a list of strings", t.Kind == record.List && (t.Elem.Kind == record.String && !t.Elem.Nullable || dynamic(*t.Elem))
	case aObject:
		need, ok = "an object", t.Kind == record.Object
	case aSized:
		need, ok = "a string, a list or an object", t.Kind == record.String || t.Kind == record.List || t.Kind == record.Object
	case aTextual:
		need, ok = "one value; to_json() writes lists and objects", t.Kind != record.List && t.Kind != record.Object
	case aMinMax:
		need, ok = "numbers, strings, dates or lists of them", measurable(t, n.Name == "mean" || n.Name == "median")
	}
	if !ok {
		c.failSpan(n.Arguments[i], "expr.type", fmt.Sprintf("%s() needs %s", n.Name, need), "This is %s.", words(t))
		return false
	}
	return c.solid(n.Arguments[i], in, n.Name+"()", n)
}

func measurable(t record.Type, numbers bool) bool {
	if t.Kind == record.List {
		t = *t.Elem
		if t.Nullable {
			return false
		}
	}
	switch t.Kind {
	case record.Int, record.Float, record.Decimal, record.Any, record.Invalid:
		return true
	case record.String, record.Time, record.Date:
		return !numbers
	case record.List:
		return measurable(t, numbers)
	}
	return false
}
