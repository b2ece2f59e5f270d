package compute

import (
	"reflect"
	"slices"
	"time"

	"weir/engine/record"
)

// duration is the kind of a span of time inside an expression. No column has it.
const duration record.Kind = 100

var (
	tAny    = record.Of(record.Any)
	tBool   = record.Of(record.Bool)
	tInt    = record.Of(record.Int)
	tFloat  = record.Of(record.Float)
	tDec    = record.Of(record.Decimal)
	tString = record.Of(record.String)
	tTime   = record.Of(record.Time)
	tDate   = record.Of(record.Date)
	tNull   = record.Of(record.Null)
	tDur    = record.Of(duration)
	tBad    = record.Type{} // the type of what was already complained about
)

// words names t as diagnostics do.
func words(t record.Type) string {
	if t.Kind == duration {
		return "duration"
	}
	if t.Kind == record.Null {
		return "nil"
	}
	if t.Kind == record.List && t.Elem.Kind == duration {
		return "list of duration"
	}
	return t.String()
}

func nullable(t record.Type) record.Type {
	if t.Kind != record.Any && t.Kind != record.Null && t.Kind != record.Invalid {
		t.Nullable = true
	}
	return t
}

func nonNull(t record.Type) record.Type {
	t.Nullable = false
	return t
}

// dynamic tells that a value's type shows only at run time, or that a problem was reported already.
func dynamic(t record.Type) bool { return t.Kind == record.Any || t.Kind == record.Invalid }

// plainNumber tells whether expr itself calculates with t.
func plainNumber(t record.Type) bool { return t.Kind == record.Int || t.Kind == record.Float }

func number(t record.Type) bool { return plainNumber(t) || t.Kind == record.Decimal }

// unify returns the type that holds the values of both a and b. Datetimes of two
// zones are shown in that of a.
func unify(a, b record.Type) record.Type {
	switch {
	case a.Kind == record.Invalid:
		return b
	case b.Kind == record.Invalid:
		return a
	case a.Kind == record.Null:
		return nullable(b)
	case b.Kind == record.Null:
		return nullable(a)
	case a.Kind == record.Any || b.Kind == record.Any:
		return tAny
	}
	null := a.Nullable || b.Nullable
	out := a
	switch {
	case a.Kind == b.Kind && a.Kind == record.List:
		out = record.ListOf(unifyInner(*a.Elem, *b.Elem))
	case a.Kind == b.Kind && a.Kind == record.Object:
		fs, ok := unifyFields(a.Fields, b.Fields)
		if !ok {
			return tAny
		}
		out = record.ObjectOf(fs)
	case a.Kind == b.Kind:
	case plainNumber(a) && plainNumber(b):
		out = tFloat
	case a.Kind == record.Int && b.Kind == record.Decimal || a.Kind == record.Decimal && b.Kind == record.Int:
		out = tDec
	default:
		return tAny
	}
	out.Nullable = null
	return out
}

func unifyFields(a, b []record.Field) ([]record.Field, bool) {
	if len(a) != len(b) {
		return nil, false
	}
	out := slices.Clone(a)
	for i := range a {
		if a[i].Name != b[i].Name {
			return nil, false
		}
		out[i].Type = unifyInner(a[i].Type, b[i].Type)
	}
	return out, true
}

// unifyInner is unify for what lies inside lists and objects, where nothing is
// converted: an int stays an int beside floats and a datetime keeps its zone, so
// the common type is Any.
func unifyInner(a, b record.Type) record.Type {
	if a.Kind != b.Kind && number(a) && number(b) || a.Kind == record.Time && b.Kind == record.Time && !sameZone(a, b) {
		return tAny
	}
	return unify(a, b)
}

// comparable tells whether == between values of a and b can ever hold.
func comparable(a, b record.Type) bool {
	if dynamic(a) || dynamic(b) || a.Kind == record.Null || b.Kind == record.Null {
		return true
	}
	return a.Kind == b.Kind || number(a) && number(b)
}

// storable tells whether a column can hold t.
func storable(t record.Type) bool {
	switch t.Kind {
	case duration:
		return false
	case record.List:
		return storable(*t.Elem)
	case record.Object:
		return !slices.ContainsFunc(t.Fields, func(f record.Field) bool { return !storable(f.Type) })
	}
	return true
}

// typeOfValue returns the type of a constant.
func typeOfValue(v any) record.Type {
	switch v := v.(type) {
	case nil:
		return tNull
	case string:
		return tString
	case int:
		return tInt
	case float64:
		return tFloat
	case bool:
		return tBool
	case record.DecimalValue:
		return tDec
	case record.DateValue:
		return tDate
	case time.Time:
		return record.Type{Kind: record.Time, Zone: v.Location()}
	case []any:
		elem := tBad
		for _, e := range v {
			elem = unifyInner(elem, typeOfValue(e))
		}
		if len(v) == 0 {
			elem = tAny
		}
		return record.ListOf(elem)
	case map[string]any:
		names := make([]string, 0, len(v))
		for k := range v {
			names = append(names, k)
		}
		slices.Sort(names)
		fs := make([]record.Field, len(names))
		for i, k := range names {
			fs[i] = record.Field{Name: k, Type: typeOfValue(v[k])}
		}
		return record.ObjectOf(fs)
	}
	return tAny
}

// typeOfGo returns the type for a function's parameter or result; a pointer may be nil.
func typeOfGo(t reflect.Type) record.Type {
	switch t {
	case reflect.TypeFor[string]():
		return tString
	case reflect.TypeFor[int]():
		return tInt
	case reflect.TypeFor[float64]():
		return tFloat
	case reflect.TypeFor[bool]():
		return tBool
	case reflect.TypeFor[time.Time]():
		return tTime
	case reflect.TypeFor[time.Duration]():
		return tDur
	case reflect.TypeFor[record.DecimalValue]():
		return tDec
	case reflect.TypeFor[record.DateValue]():
		return tDate
	case reflect.TypeFor[[]any]():
		return record.ListOf(tAny)
	case reflect.TypeFor[[]string]():
		return record.ListOf(tString)
	}
	if t.Kind() == reflect.Pointer {
		return nullable(typeOfGo(t.Elem()))
	}
	return tAny
}
