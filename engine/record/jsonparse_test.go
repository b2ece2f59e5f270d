package record

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func decimalText(s string) DecimalValue {
	d, err := ParseDecimal([]byte(s), false)
	if err != nil {
		panic(err)
	}
	return d
}

// A number that is read and written again is the same number, or it is refused.
func TestParseJSONNumber(t *testing.T) {
	for s, want := range map[string]any{
		"0": 0, "-0": 0, "7": 7, "9007199254740993": 9007199254740993, "9223372036854775807": 9223372036854775807, "-9223372036854775808": -9223372036854775808,
		"1.50": decimalText("1.5"), "1.0": decimalText("1"), "0.1": decimalText("0.1"), "1e5": decimalText("100000"), "2.5E-3": decimalText("0.0025"),
		"0.0": decimalText("0"), "0e999999999": decimalText("0"), "1e300": 1e300, "-1.5e-30": -1.5e-30, "12345678901234.5678": decimalText("12345678901234.5678"),
		"9223372036854775808": nil, "12345678901234567890": nil, "18446744073709551615": nil, "10000000000000000000": nil,
		"3.14159265358979323846": nil, "12345678901234567890.5": nil, "1e400": nil, "1e-400": nil, "1e-999999999": nil, "1e999999999": nil, "0.1000000000000000000000000001": nil,
	} {
		got, err := ParseJSONNumber([]byte(s))
		if want == nil {
			if err == nil {
				t.Errorf("%s is %v (%T): it is not exact", s, got, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s is %v (%T), %v; want %v", s, got, got, err, want)
		}
	}
	if _, err := ParseJSONNumber([]byte("12345678901234567890")); !errors.Is(err, ErrJSONNumber) {
		t.Errorf("an id of 20 digits: %v", err)
	}
}

func TestParseJSON(t *testing.T) {
	for s, want := range map[string]any{
		`null`: nil, ` true `: true, `false`: false, `"Łódź \u00e9\n\/ \ud83d\ude00"`: "Łódź é\n/ 😀", `""`: "",
		`[1, 2.5, "a", null]`:                    []any{1, decimalText("2.5"), "a", nil},
		`{"a": {"b": [ ]}, "ü" : {} }`:           map[string]any{"a": map[string]any{"b": []any{}}, "ü": map[string]any{}},
		"\t{\"sscc\": \"12345678901234567890\"}": map[string]any{"sscc": "12345678901234567890"},
	} {
		got, err := ParseJSON([]byte(s))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		``: "character 1: it ends too early", `{"a":1,"a":2}`: "character 9: this name was given before", `["é", nope]`: "character 7: a value is expected",
		`"\ud83d"`: "half a character", `"\ud83dx"`: "half a character", `"\ude00"`: "half a character", "\"\xff\"": "not UTF-8", "\"a\nb\"": "control character", `"\x"`: "no such escape",
		`{"id": 12345678901234567890}`: "character 8: a number of 20 digits has more digits than a number keeps", `01`: "this is no number", `1.`: "this is no number", `-`: "this is no number",
		`1 2`: "something follows", `[1,]`: "a value is expected", `{"a" 1}`: `":" is expected`, `{a: 1}`: "a name in double quotes", `[1`: `"," or "]"`, `"a`: "no end", `{"a":1`: `"," or "}"`,
		strings.Repeat("[", 2000): "more than 1000 levels", `"\`: "no end", `"\u12`: "no such escape",
	} {
		v, err := ParseJSON([]byte(s))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s gives %v, %v; want %s", s, v, err, want)
		}
	}
}

// FuzzParseJSON compares with encoding/json: what is read was JSON, and is the same value.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"\u00e9",null,true]}`, `"\ud83d\ude00"`, `[-0.0, 1e-7]`, `{"a":{"b":{}}}`, `12345678901234567890`} {
		f.Add(s)
	}
	enc := NewValueEncoder(Of(Any), JSONOptions{})
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseJSON([]byte(s))
		if err != nil {
			return
		}
		var want, got any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%q was read as %v, but is no JSON: %v", s, v, err)
		}
		c := Column{}
		c.Resize(Of(Any), 1)
		c.Anys[0] = v
		text, err := enc.AppendValue(nil, &c, 0)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %s: %v", s, text, err)
		}
	})
}
