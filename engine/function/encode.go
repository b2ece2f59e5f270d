package function

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/engine/record"
)

func encodeFunctions() []Function {
	text := func(name, summary string, c core, examples ...Example) Function {
		return Function{
			Name: name, Usage: name + "(x)", Summary: summary, Examples: examples,
			Types: []any{new(func(string) *string)}, Returns: asArgs(record.String), Call: textCall(name, c), Prepare: textPrepare(c),
		}
	}
	return []Function{
		base64Function(),
		text("base64_decode", "The text of which x is the base64 form, of either alphabet, with or without padding; white space in it is ignored. "+
			"An error when x is anything else, or when what it holds is not text in UTF-8.", decodeBase64,
			Example{"base64_decode('xYHDs2TFug==')", `"Łódź"`},
			Example{"base64_decode('')", `""`}),
		text("hex", "The bytes of the text x (UTF-8) in lower-case hexadecimal.",
			func(dst, s []byte) ([]byte, bool, error) { return hex.AppendEncode(dst, s), true, nil },
			Example{"hex('Łó')", `"c581c3b3"`}),
		text("hex_decode", "The text whose bytes (UTF-8) x has in hexadecimal, in either case. An error when x is anything else.", decodeHex,
			Example{"hex_decode('C581c3b3')", `"Łó"`}),
		csvRowFunction(),
	}
}

func base64Function() Function {
	encoder := func(args []any) (core, error) {
		enc := base64.StdEncoding
		if len(args) > 1 {
			alphabet, err := textArg("base64", args, 1)
			switch {
			case err != nil:
				return nil, err
			case alphabet == "url":
				enc = base64.RawURLEncoding
			case alphabet != "standard":
				return nil, fmt.Errorf("%q is not an alphabet of base64(); there are standard and url", alphabet)
			}
		}
		return func(dst, s []byte) ([]byte, bool, error) { return enc.AppendEncode(dst, s), true, nil }, nil
	}
	return Function{
		Name:  "base64",
		Usage: "base64(x[, alphabet])",
		Summary: "The bytes of the text x (UTF-8) in base64 (RFC 4648), with padding. The alphabet is `standard` (unless given), or `url`: " +
			"with `-` and `_` and without padding.",
		Examples: []Example{
			{"base64('Łódź')", `"xYHDs2TFug=="`},
			{"base64('user:pass')", `"dXNlcjpwYXNz"`},
			{"base64('a?>', 'url')", `"YT8-"`},
		},
		Types:   []any{new(func(string) *string), new(func(string, string) *string)},
		Returns: asArgs(record.String),
		Call:    coreCall("base64", encoder),
		Prepare: func(args []any) (Fast, error) { return prepareAll(args, encoder) },
	}
}

func decodeBase64(dst, s []byte) ([]byte, bool, error) {
	clean := make([]byte, 0, len(s))
	for _, b := range s {
		switch b {
		case ' ', '\t', '\r', '\n':
		case '-':
			clean = append(clean, '+')
		case '_':
			clean = append(clean, '/')
		default:
			clean = append(clean, b)
		}
	}
	enc := base64.StdEncoding
	if len(clean)%4 != 0 {
		enc = base64.RawStdEncoding
	}
	out, err := enc.AppendDecode(dst, clean)
	if err != nil {
		return dst, false, fmt.Errorf("%s is not base64", quoted(s))
	}
	return utf8Only("base64_decode", dst, out)
}

func decodeHex(dst, s []byte) ([]byte, bool, error) {
	out, err := hex.AppendDecode(dst, s)
	if err != nil {
		return dst, false, fmt.Errorf("%s is not hexadecimal", quoted(s))
	}
	return utf8Only("hex_decode", dst, out)
}

// utf8Only gives out, which was appended to dst, unless that is not text.
func utf8Only(name string, dst, out []byte) ([]byte, bool, error) {
	if !utf8.Valid(out[len(dst):]) {
		return dst, false, fmt.Errorf("%s() gives bytes that are not text in UTF-8", name)
	}
	return out, true, nil
}

// quoted is s in quotes, cut when it is long.
func quoted(s []byte) string {
	if n := afterRunes(s, 60); n < len(s) {
		return fmt.Sprintf("%q...", s[:n])
	}
	return fmt.Sprintf("%q", s)
}

func csvRowFunction() Function {
	return Function{
		Name:  "csv_row",
		Usage: "csv_row(values[, delimiter])",
		Summary: "One line of CSV with the values of the list, without a line end (RFC 4180): joined by delimiter, a comma unless given, " +
			"those with a delimiter, a quote, a line end or white space at an end in quotes. nil is an empty cell; dates and datetimes are in ISO form, decimals as string() has them.",
		Examples: []Example{
			{`csv_row(['a', nil, decimal('1.50'), 'say "hi"', 'x,y'])`, `"a,,1.5,\"say \"\"hi\"\"\",\"x,y\""`},
			{"csv_row([1, 'a,b'], ';')", `"1;a,b"`},
			{"csv_row([])", `""`},
			{"csv_row([''])", `"\"\""`},
		},
		Types:   []any{new(func([]any) *string), new(func([]any, string) *string)},
		Returns: asArgs(record.String),
		Call: strict(func(args []any) (any, error) {
			list, isList := args[0].([]any)
			if !isList {
				return nil, wrongKind("csv_row", 0, "a list", args[0])
			}
			delimiter, err := delimiterArg(args)
			if err != nil {
				return nil, err
			}
			return csvRow(list, delimiter)
		}),
		Prepare: func(args []any) (Fast, error) {
			if _, usable, err := constants("csv_row", args); err != nil || !usable {
				return Fast{}, err
			}
			_, err := delimiterArg(args)
			return Fast{}, err
		},
	}
}

func delimiterArg(args []any) (string, error) {
	if len(args) < 2 {
		return ",", nil
	}
	s, err := textArg("csv_row", args, 1)
	if err == nil && (utf8.RuneCountInString(s) != 1 || strings.ContainsAny(s, "\"\r\n")) {
		err = fmt.Errorf("csv_row() takes one character as its delimiter, no quote or line end, not %q", s)
	}
	return s, err
}

func csvRow(list []any, delimiter string) (any, error) {
	var out, cell []byte
	for i, v := range list {
		if i > 0 {
			out = append(out, delimiter...)
		}
		if v == nil {
			continue
		}
		var scalar bool
		if cell, scalar = appendScalar(cell[:0], v); !scalar {
			return nil, fmt.Errorf("csv_row() writes texts, numbers, dates and bools, not %s", kindOf(v))
		}
		// A line that is empty would be no row at all.
		if alone := len(cell) == 0 && len(list) == 1; !alone && !quotes(cell, delimiter) {
			out = append(out, cell...)
			continue
		}
		out = append(out, '"')
		out = append(out, strings.ReplaceAll(string(cell), `"`, `""`)...)
		out = append(out, '"')
	}
	return string(out), nil
}

// quotes tells whether a cell needs quotes.
func quotes(cell []byte, delimiter string) bool {
	if len(cell) == 0 {
		return false
	}
	s := string(cell)
	return strings.Contains(s, delimiter) || strings.ContainsAny(s, "\"\r\n") || strings.TrimSpace(s) != s
}
