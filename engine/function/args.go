package function

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"weir/engine/datetime"
	"weir/engine/record"
)

// core turns a text into a text appended to dst; false is null.
type core func(dst, s []byte) ([]byte, bool, error)

// strict makes null of every call with a null argument.
func strict(call func(args []any) (any, error)) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		for _, a := range args {
			if a == nil {
				return nil, nil
			}
		}
		return call(args)
	}
}

// textCall is the scalar form of a function from text to text.
func textCall(name string, c core) func(args ...any) (any, error) {
	return strict(func(args []any) (any, error) {
		s, err := textArg(name, args, 0)
		if err != nil {
			return nil, err
		}
		return fromCore(c(nil, []byte(s)))
	})
}

func fromCore(b []byte, valid bool, err error) (any, error) {
	if err != nil || !valid {
		return nil, err
	}
	return string(b), nil
}

// textPrepare is Prepare for a function of one argument.
func textPrepare(c core) func(args []any) (Fast, error) {
	return func([]any) (Fast, error) { return Fast{Str: c}, nil }
}

// textArg returns argument i, which must be text.
func textArg(name string, args []any, i int) (string, error) {
	if s, ok := args[i].(string); ok {
		return s, nil
	}
	return "", wrongKind(name, i, "text", args[i])
}

// intArg returns argument i, which must be a whole number.
func intArg(name string, args []any, i int) (int, error) {
	switch v := args[i].(type) {
	case int:
		return v, nil
	case int64:
		return int(v), nil
	case record.DecimalValue:
		if v.Scale == 0 {
			return int(v.Coef), nil
		}
	case float64:
		if n := int(v); math.Abs(v) < 1<<62 && float64(n) == v {
			return n, nil
		}
	}
	return 0, wrongKind(name, i, "a whole number", args[i])
}

func wrongKind(name string, i int, want string, got any) error {
	return fmt.Errorf("%s() needs %s as argument %d, not %s", name, want, i+1, kindOf(got))
}

// kindOf names the kind of a value in the words of the language.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string:
		return "text"
	case int, int64:
		return "an int"
	case float64:
		return "a float"
	case bool:
		return "a bool"
	case time.Time:
		return "a datetime"
	case record.DateValue:
		return "a date"
	case record.DecimalValue:
		return "a decimal"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case time.Duration:
		return "a duration"
	}
	return fmt.Sprintf("a %T", v)
}

// shown is the text s as an error shows it: the first 60 characters of a longer one.
func shown(s []byte) string {
	if utf8.RuneCount(s) <= 60 {
		return strconv.Quote(string(s))
	}
	end := 0
	for range 60 {
		_, size := utf8.DecodeRune(s[end:])
		end += size
	}
	return strconv.Quote(string(s[:end])) + "..."
}

// appendScalar appends the text of a scalar, as string columns show it.
func appendScalar(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return append(dst, v...), true
	case int:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case float64:
		return record.AppendFloat(dst, v), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case record.DecimalValue:
		return v.Append(dst), true
	case record.DateValue:
		return v.Append(dst), true
	case time.Time:
		return datetime.AppendRFC3339(dst, v.UnixMicro(), v.Location()), true
	}
	return dst, false
}

// constants returns the text constants among args from index 1 on; usable is
// false when one is not a constant.
func constants(name string, args []any) (texts []string, usable bool, err error) {
	for i := 1; i < len(args); i++ {
		if _, not := args[i].(NotConst); not {
			return nil, false, nil
		}
		if args[i] == nil {
			return nil, false, nil // always null: the scalar form says so
		}
		s, err := textArg(name, args, i)
		if err != nil {
			return nil, false, err
		}
		texts = append(texts, s)
	}
	return texts, true, nil
}

// always returns a non-null type of kind k.
func always(k record.Kind) func([]record.Type) record.Type {
	return func([]record.Type) record.Type { return record.Of(k) }
}

// maybe returns a nullable type of kind k.
func maybe(k record.Kind) func([]record.Type) record.Type {
	return func([]record.Type) record.Type { return record.NullableOf(k) }
}

// asArgs returns a type of kind k that is null when an argument is.
func asArgs(k record.Kind) func([]record.Type) record.Type {
	return func(args []record.Type) record.Type { return record.Type{Kind: k, Nullable: anyNull(args)} }
}

func anyNull(args []record.Type) bool {
	return slices.ContainsFunc(args, canBeNull)
}

func canBeNull(t record.Type) bool {
	return t.Nullable || t.Kind == record.Null || t.Kind == record.Any || t.Kind == record.Invalid
}
