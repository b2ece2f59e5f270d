package function

import (
	"errors"
	"fmt"

	"weir/engine/record"
)

func urlFunctions() []Function {
	return []Function{
		urlText("url", "The text x, or the whole number x, as one segment of a path or one value of a query: every byte but letters, digits and `-._~` "+
			"is written as % and two hexadecimal digits (RFC 3986), so that x cannot end the segment or the value that it stands in. "+
			"`''` stays `''`, and the segments `.` and `..` cannot be escaped: check for them where x may be one.", escapeURL,
			Example{"url('8#')", `"8%23"`},
			Example{"'/customers/' + url('a/b?c') + '/orders'", `"/customers/a%2Fb%3Fc/orders"`},
			Example{"url('50%') + '&q=' + url('Łódź 1')", `"50%25&q=%C5%81%C3%B3d%C5%BA%201"`},
			Example{"url('')", `""`},
			Example{"url(42)", `"42"`}),
		urlText("raw", "The text x, or the whole number x as text, unchanged. Where a URL is built and values are escaped without being asked to, "+
			"it marks one that holds URL syntax on purpose: whoever wrote x then decides where the request goes.",
			func(dst, s []byte) ([]byte, bool, error) { return append(dst, s...), true, nil },
			Example{"raw('a/b?c=d')", `"a/b?c=d"`},
			Example{"raw(42)", `"42"`}),
	}
}

func urlText(name, summary string, c core, examples ...Example) Function {
	return Function{
		Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
		Types:   []any{new(func(string) *string), new(func(int) *string)},
		Returns: asArgs(record.String),
		Call: strict(func(args []any) (any, error) {
			switch args[0].(type) {
			case string, int, int64:
				s, _ := appendScalar(nil, args[0])
				return fromCore(c(nil, s))
			}
			return nil, fmt.Errorf("%w; write string() around it", wrongKind(name, 0, "text or a whole number", args[0]))
		}),
		Prepare: textPrepare(c),
	}
}

func escapeURL(dst, s []byte) ([]byte, bool, error) {
	const digits = "0123456789ABCDEF"
	for _, b := range s {
		switch {
		case b-'a' < 26 && b >= 'a', b-'A' < 26 && b >= 'A', b-'0' < 10 && b >= '0', b == '-', b == '.', b == '_', b == '~':
			dst = append(dst, b)
		default:
			dst = append(dst, '%', digits[b>>4], digits[b&15])
		}
	}
	return dst, true, nil
}

// The names of the functions that a compiler puts around the values of a path. No
// expression can name them.
const (
	PathValue   = "$value"   // as url(), but what is of any type must not be null
	PathSegment = "$segment" // its argument, unless that is no segment
)

// errNoSegment tells that values would leave the path that the configuration gives.
var errNoSegment = errors.New("a segment of the path would be empty, \".\" or \"..\": the request would go to another address")

// Path returns the functions for building paths: url and raw, and those that are
// put around values.
func Path() []Function {
	value := urlText(PathValue, "", escapeURL)
	value.Returns = func(args []record.Type) record.Type {
		return record.Type{Kind: record.String, Nullable: args[0].Nullable && args[0].Kind != record.Any}
	}
	segment := urlText(PathSegment, "", func(dst, s []byte) ([]byte, bool, error) {
		switch string(s) {
		case "", ".", "..":
			return dst, false, errNoSegment
		}
		return append(dst, s...), true, nil
	})
	out := append(urlFunctions(), value, segment)
	for i := range out {
		out[i].Types = withNull(out[i].Types)
	}
	return out
}
