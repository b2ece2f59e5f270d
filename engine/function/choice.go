package function

import (
	"reflect"
	"strings"
	"time"

	"weir/engine/record"
)

func choiceFunctions() []Function {
	return []Function{{
		Name:    "coalesce",
		Usage:   "coalesce(a, b, ...)",
		Summary: "The first argument that is not nil; nil when all are. An empty text is not nil: `coalesce(nullif(a, ''), b)` passes over it.",
		Examples: []Example{
			{"coalesce(nil, 'b', 'c')", `"b"`},
			{"coalesce('', 'b')", `""`},
			{"coalesce(nil, nil)", "null"},
		},
		Types:   []any{new(func(...any) any)},
		Returns: coalesceType,
		Meaning: Coalesce,
		Call: func(args ...any) (any, error) {
			for _, a := range args {
				if a != nil {
					return a, nil
				}
			}
			return nil, nil
		},
	}, {
		Name:    "nullif",
		Usage:   "nullif(a, b)",
		Summary: "nil when a equals b, else a. Numbers of different kinds are compared by value.",
		Examples: []Example{
			{"nullif('', '')", "null"},
			{"nullif('x', '')", `"x"`},
			{"nullif(decimal('0.00'), 0)", "null"},
		},
		Types: []any{new(func(any, any) any)},
		Returns: func(args []record.Type) record.Type {
			t := args[0]
			t.Nullable = true
			return t
		},
		Call: func(args ...any) (any, error) {
			if args[0] == nil || equal(args[0], args[1]) {
				return nil, nil
			}
			return args[0], nil
		},
		Meaning: Nullif,
		Prepare: prepareNullif,
	}, blankFunction()}
}

func blankFunction() Function {
	return Function{
		Name:    "blank",
		Usage:   "blank(x)",
		Summary: "true when x is nil or a text of nothing but white space, else false; never nil.",
		Examples: []Example{
			{"blank(nil)", "true"},
			{`blank(" \t")`, "true"},
			{"blank('x')", "false"},
			{"blank(0)", "false"},
		},
		Types:   []any{new(func(any) bool)},
		Meaning: Blank,
		Returns: always(record.Bool),
		Call: func(args ...any) (any, error) {
			s, isText := args[0].(string)
			return args[0] == nil || isText && strings.TrimSpace(s) == "", nil
		},
	}
}

func prepareNullif(args []any) (Fast, error) {
	null, isText := args[1].(string)
	if !isText {
		return Fast{}, nil
	}
	return Fast{Str: func(dst, s []byte) ([]byte, bool, error) {
		if string(s) == null {
			return dst, false, nil
		}
		return append(dst, s...), true, nil
	}}, nil
}

// coalesceType is the common type of the arguments, which is null only when all can be.
func coalesceType(args []record.Type) record.Type {
	out, null := record.Of(record.Null), true
	for _, a := range args {
		out = common(out, a)
		if !canBeNull(a) {
			null = false
			break // what follows is never reached
		}
	}
	if out.Kind != record.Null {
		out.Nullable = null
	}
	return out
}

// common returns the type of values that are of type a or b, Any when they have
// nothing in common; a null literal takes the type of the other.
func common(a, b record.Type) record.Type {
	null := a.Nullable || b.Nullable || a.Kind == record.Null || b.Kind == record.Null
	out := a
	switch x, y := a, b; {
	case a.Kind == record.Null:
		out = b
	case b.Kind == record.Null:
	default:
		x.Nullable, y.Nullable = false, false
		if !x.Equal(y) {
			out = record.Of(record.Any)
		}
	}
	out.Nullable = null && out.Kind != record.Null
	return out
}

// equal compares two values that are not both nil, numbers by value.
func equal(a, b any) bool {
	if x, isNumber := number(a); isNumber {
		if y, isNumber := number(b); isNumber {
			return x == y
		}
	}
	switch x := a.(type) {
	case string:
		y, same := b.(string)
		return same && x == y
	case time.Time:
		y, same := b.(time.Time)
		return same && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}

// number returns a number as a decimal; those that no decimal can hold are none.
func number(v any) (record.DecimalValue, bool) {
	switch v := v.(type) {
	case int:
		return record.DecimalFromInt(int64(v)), true
	case int64:
		return record.DecimalFromInt(v), true
	case record.DecimalValue:
		return v, true
	case float64:
		d, err := record.DecimalFromFloat(v)
		return d, err == nil
	}
	return record.DecimalValue{}, false
}
