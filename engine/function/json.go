package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"weir/engine/datetime"
	"weir/engine/record"
)

func jsonFunctions() []Function {
	return []Function{{
		Name:  "parse_json",
		Usage: "parse_json(x)",
		Summary: "The value of the JSON text x. Whole numbers are ints, others decimals, and floats only where a decimal cannot hold them. " +
			"Nothing is rounded: a number with more digits than these keep is an error, such as an id of 20 digits that was not sent as text. " +
			"nil when x is `''`; an error when x is anything else than one JSON value, or gives a name twice in one object.",
		Examples: []Example{
			{`parse_json('{"a": [1, 2.50]}').a[1]`, "2.5"},
			{"parse_json('')", "null"},
		},
		Types:   []any{new(func(string) any)},
		Returns: maybe(record.Any),
		Call: strict(func(args []any) (any, error) {
			s, err := textArg("parse_json", args, 0)
			if err != nil || s == "" {
				return nil, err
			}
			return parseJSON(s)
		}),
	}, {
		Name:    "parse_json_or_nil",
		Usage:   "parse_json_or_nil(x)",
		Summary: "As parse_json(), with nil instead of an error when the text x is not one JSON value. A number with more digits than are kept is an error here, too.",
		Examples: []Example{
			{`parse_json_or_nil('{"a": 1}')?.a`, "1"},
			{"parse_json_or_nil('{')", "null"},
		},
		Types:   []any{new(func(string) any)},
		Returns: maybe(record.Any),
		Call: strict(func(args []any) (any, error) {
			s, err := textArg("parse_json_or_nil", args, 0)
			if err != nil || s == "" {
				return nil, err
			}
			v, err := parseJSON(s)
			if err != nil && !errors.Is(err, record.ErrJSONNumber) { // such a number is JSON, and not nil
				return nil, nil
			}
			return v, err
		}),
	}, {
		Name:  "to_json",
		Usage: "to_json(x)",
		Summary: "The JSON text of x, without spaces and with the names of an object in order, so that equal values give equal texts. " +
			"Decimals are numbers as exact as they are, dates and datetimes texts in ISO form; nil is `null`.",
		Examples: []Example{
			{"to_json({b: decimal('1.50'), a: [nil, true, date('2024-07-01')]})", `"{\"a\":[null,true,\"2024-07-01\"],\"b\":1.5}"`},
		},
		Types:   []any{new(func(any) string)},
		Returns: always(record.String),
		Call: func(args ...any) (any, error) {
			b, err := appendJSON(nil, args[0], 0)
			if err != nil {
				return nil, err
			}
			return string(b), nil
		},
	}}
}

func parseJSON(s string) (any, error) {
	v, err := record.ParseJSON([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("%s is %w", shown([]byte(s)), err)
	}
	return v, nil
}

// maxDepth bounds the nesting of what to_json() writes.
const maxDepth = 1000

// appendJSON appends v, which a row expression made.
func appendJSON(dst []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, fmt.Errorf("to_json() writes at most %d levels", maxDepth)
	}
	var err error
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendQuoted(dst, v), nil
	case record.DateValue:
		return append(v.Append(append(dst, '"')), '"'), nil
	case time.Time:
		return append(datetime.AppendRFC3339(append(dst, '"'), v.UnixMicro(), v.Location()), '"'), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, fmt.Errorf("%v is not a JSON number", v)
		}
		return record.AppendFloat(dst, v), nil
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, e, depth+1); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, k), ':')
			if dst, err = appendJSON(dst, v[k], depth+1); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	if out, scalar := appendScalar(dst, v); scalar {
		return out, nil
	}
	// What row expressions hand over otherwise, such as the texts that a test knows.
	b, err := json.Marshal(v)
	if err != nil || isDuration(v) {
		return dst, fmt.Errorf("to_json() cannot write %s", kindOf(v))
	}
	return append(dst, b...), nil
}

func isDuration(v any) bool { _, yes := v.(time.Duration); return yes }

// appendQuoted appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
