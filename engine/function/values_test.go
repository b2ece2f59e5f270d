package function

import (
	"strings"
	"testing"

	"weir/engine/record"
)

// TestValues: what the functions make of empty, invalid and non-ASCII values; those
// of nil are TestNull's.
func TestValues(t *testing.T) {
	jan31, _ := record.DateOf(2023, 1, 31)
	for _, tt := range []struct {
		name string
		args []any
		want any
		err  string
	}{
		{"url", []any{"a/b?c#d e+é%"}, "a%2Fb%3Fc%23d%20e%2B%C3%A9%25", ""}, {"url", []any{"-._~AZaz09"}, "-._~AZaz09", ""}, {"url", []any{1.5}, nil, "url() needs text or a whole number"},
		{"match_re", []any{"", "x*"}, "", ""}, {"match_re", []any{"ÅÄÖ", `\p{L}{2}`}, "ÅÄ", ""}, {"match_re", []any{"b", "(a)|b", 1}, nil, ""}, {"match_re", []any{"x", "("}, nil, "is not a regular expression: missing closing )"},
		{"match_re", []any{"x", "x", 1}, nil, "there is no group 1"}, {"match_re", []any{"x", "x", "y"}, nil, `has no group "y"`},
		{"replace_re", []any{"", "^", "x"}, "x", ""}, {"replace_re", []any{"aéa", "a", "ł"}, "łéł", ""}, {"replace_re", []any{"abc", "", "-"}, "-a-b-c-", ""},
		{"replace_re", []any{"ab", "(a)", "$1x"}, nil, "write ${1} for group 1 with text behind it"}, {"replace_re", []any{"a", "a", "$2"}, nil, `no group "2"`},
		{"replace_re", []any{"a", "a", "5$"}, nil, "write $$"}, {"replace_re", []any{"a", "a", "${1"}, nil, "no } closes"}, {"replace_re", []any{"a", "a", "5$$"}, "5$", ""},
		{"substr", []any{"Łódź", 1, 2}, "ód", ""}, {"substr", []any{"Łódź", -9, 2}, "Łó", ""}, {"substr", []any{"", 0}, "", ""}, {"substr", []any{"a", 0, -1}, nil, "a length of 0 or more"},
		{"truncate", []any{"Łódź", 4}, "Łódź", ""}, {"truncate", []any{"Łódź", 3, "…"}, "Łó…", ""}, {"truncate", []any{"a", 2, "..."}, nil, "does not fit"}, {"truncate", []any{"", 0}, "", ""},
		{"unaccent", []any{"ŁÓDŹ ß Œ e\u0301 И\u0306 ǅ"}, "LODZ ss OE e И\u0306 ǅ", ""}, {"unaccent", []any{""}, "", ""}, {"unaccent", []any{"\xffé"}, "\xffe", ""},
		{"fold", []any{"ẞΣς"}, "ssσσ", ""}, {"fold", []any{""}, "", ""}, {"normalize", []any{"e\u0301"}, "é", ""}, {"normalize", []any{"é", "nfc"}, nil, "is not a form"},
		{"add_months", []any{jan31, 1}, record.DateValue{Days: jan31.Days + 28}, ""}, {"add_months", []any{jan31, 0}, jan31, ""}, {"add_months", []any{jan31, 1 << 40}, nil, "at most"},
		{"end_of_month", []any{jan31}, jan31, ""}, {"weekday", []any{record.DateValue{Days: -4}}, 7, ""}, {"week", []any{record.DateValue{Days: -1}}, 1, ""},
		{"base64_decode", []any{"xYHDs2TFug"}, "Łódź", ""}, {"base64_decode", []any{"xYHD s2TFug=\n="}, "Łódź", ""}, {"base64_decode", []any{"a*"}, nil, `"a*" is not base64`}, {"base64_decode", []any{"/w=="}, nil, "not text in UTF-8"},
		{"base64_decode", []any{"YT8-"}, "a?>", ""}, {"base64", []any{"a", "x"}, nil, "is not an alphabet"}, {"base64", []any{""}, "", ""}, {"hex_decode", []any{"ff"}, nil, "not text in UTF-8"}, {"hex_decode", []any{"abc"}, nil, "not hexadecimal"},
		{"csv_row", []any{[]any{" a", "b\n", true, nil}}, "\" a\",\"b\n\",true,", ""}, {"csv_row", []any{[]any{[]any{}}}, nil, "not a list"}, {"csv_row", []any{[]any{1}, ";;"}, nil, "one character"},
		{"iban_ok", []any{"pl61 1090 1014 0000 0712 1981 2874"}, true, ""}, {"iban_ok", []any{"PL61109010140000071219812875"}, false, ""}, {"iban_ok", []any{"NL91ABNA04171643000"}, false, ""}, {"iban_ok", []any{"ŁÓ91"}, false, ""},
		{"ean_ok", []any{""}, false, ""}, {"ean_ok", []any{"036000291452"}, true, ""}, {"ean_ok", []any{"4006381 33931"}, false, ""}, {"ean_ok", []any{"10614141000415"}, true, ""}, {"ean_ok", []any{"٤006381333931"}, false, ""},
		{"parse_json_or_nil", []any{"{} x"}, nil, ""}, {"parse_json_or_nil", []any{`"é"`}, "é", ""},
		{"format", []any{"%d|%5.1f|%-4s|%x|%04d", 3, -2.25, "é", 255, -7}, "3| -2.3|é   |ff|-007", ""}, {"format", []any{"%f", record.NewDecimal(150, 2)}, "1.5", ""}, {"format", []any{"ł%s", ""}, "ł", ""}, {"format", []any{"100%"}, nil, "write %% for"},
		{"format", []any{"%q", 1}, nil, "is no directive"}, {"format", []any{"%d", "1"}, nil, "%d needs a whole number, not text"}, {"format", []any{"%s"}, nil, "more directives"}, {"format", []any{"x", 1}, nil, "1 arguments for 0"}, {"format", []any{"%d", 1.5}, nil, "whole number"},
	} {
		got, err := byName(t, tt.name).Call(tt.args...)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s%q: %v, %v, want an error with %q", tt.name, tt.args, got, err, tt.err)
			}
		case err != nil || got != tt.want:
			t.Errorf("%s%q is %#v, %v, want %#v", tt.name, tt.args, got, err, tt.want)
		}
	}
}
