package function

import (
	"errors"
	"math"
	"strings"
	"testing"

	"weir/engine/record"
)

func TestMoney(t *testing.T) {
	const bad = " is not an amount of money"
	for _, c := range []struct{ in, want string }{
		{"1234", "1234"}, {"12.5", "12.5"}, {"12,5", "12.5"}, {"12,50", "12.5"}, {".5", "0.5"}, {",5", "0.5"}, {"12.", "12"},
		{"1.234", "1234"}, {"1,234", "1234"}, {"-1,234", "-1234"}, {"123.456", "123456"}, {"1234.567", "1234.567"}, {"0.125", "0.125"}, {"0,125", "0.125"},
		{"1.2345", "1.2345"}, {"1.234.567", "1234567"}, {"1,234,567", "1234567"}, {"1.234,5", "1234.5"}, {"1,234.5", "1234.5"},
		{"1.234.567,89", "1234567.89"}, {"1,234,567.89", "1234567.89"}, {"1.234,567", "1234.567"},
		{"1 234,50", "1234.5"}, {"1\u00a0234,50", "1234.5"}, {"1\u202f234.50", "1234.5"}, {"1'234.50", "1234.5"}, {"1’234,50", "1234.5"}, {"1 234.567", "1234.567"},
		{"€ 12", "12"}, {"€12,-", "12"}, {"12,— €", "12"}, {"12:-", "12"}, {"12.-", "12"}, {"EUR 12,50", "12.5"}, {"12,50EUR", "12.5"}, {"US$ 12", "12"}, {"kr. 12", "12"}, {"12 kr.", "12"}, {"SFr. 12.50", "12.5"},
		{"12 zł", "12"}, {"£-12", "-12"}, {"-£12", "-12"}, {"12-", "-12"}, {"+12", "12"}, {"−12", "-12"}, {"(12)", "-12"}, {"€ (12,50)", "-12.5"}, {"(€ 12,50)", "-12.5"}, {"(5.00) EUR", "-5"},
		{" ", "nil"}, {"", "nil"},
		{"abc", bad}, {"€", bad}, {"-", bad}, {"--12", bad}, {"-12-", bad}, {"-(12)", bad}, {"(12", bad}, {"12)", bad}, {"()", bad}, {"€ 12 EUR", bad}, {"(12) 5", bad},
		{"1.23.45", bad}, {"1,234.567.8", bad}, {"1.234,567,8", bad}, {"1.234,567.89", bad}, {"12 34", bad}, {"1,2345,678", bad}, {"12 pieces", bad}, {"1e5", bad}, {"5%", bad}, {"12/13", bad},
		{"9999999999999999999,00", "out of range"},
		{strings.Repeat("9", 100), bad},
	} {
		if got := callText(t, "money", c.in); got != c.want && !(c.want == bad && strings.HasSuffix(got, bad)) && !(c.want == "out of range" && strings.Contains(got, c.want)) {
			t.Errorf("money(%q) is %s, want %s", c.in, got, c.want)
		}
	}
}

func TestDecimalFunction(t *testing.T) {
	for _, c := range []struct {
		in   any
		more []any
		want string
	}{
		{"1.234,5", []any{"comma"}, "1234.5"},
		{"1,234.5", []any{"point"}, "1234.5"},
		{"1,5", nil, `"1,5" is not a number with a decimal point`},
		{"12 EUR", []any{"comma"}, `"12 EUR" is not a number with a decimal comma`},
		{"99999999999999999999", nil, "out of range"},
		{12, nil, "12"},
		{1e30, nil, "out of range"},
		{math.NaN(), nil, "out of range"},
		{true, nil, "decimal() needs text or a number as argument 1, not a bool"},
		{"1", []any{"komma"}, "is not a decimal mark"},
	} {
		v, err := byName(t, "decimal").Call(append([]any{c.in}, c.more...)...)
		if d, isDecimal := v.(record.DecimalValue); isDecimal && d.String() == c.want || err != nil && strings.Contains(err.Error(), c.want) {
			continue
		}
		t.Errorf("decimal(%v, %v) is %v, %v, want %s", c.in, c.more, v, err, c.want)
	}
	if _, err := byName(t, "decimal").Call("99999999999999999999"); !errors.Is(err, record.ErrDecimalRange) {
		t.Errorf("out of range: %v", err)
	}
	if v, err := byName(t, "decimal_or_nil").Call(math.Inf(1)); v != nil || err != nil {
		t.Errorf("decimal_or_nil of infinity is %v, %v", v, err)
	}
}

func TestRound(t *testing.T) {
	for _, c := range []struct {
		x      any
		places int
		want   any
	}{
		{1.005, 2, 1.01}, {-1.5, 0, -2.0}, {0.5, 0, 1.0}, {1e300, 2, 1e300}, {1e-300, 2, 0.0}, {2.5e-17, 18, 2.5e-17}, {math.Inf(-1), 0, math.Inf(-1)},
		{record.NewDecimal(-25, 1), 0, record.NewDecimal(-3, 0)}, {5, 3, 5},
	} {
		if got, err := byName(t, "round").Call(c.x, c.places); err != nil || got != c.want {
			t.Errorf("round(%v, %d) is %v, %v, want %v", c.x, c.places, got, err, c.want)
		}
	}
}

func TestParseJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"b":1,"a":[1.50,1e2,null,true,"x"]}`, `{"a":[1.5,100,null,true,"x"],"b":1}`},
		{"9223372036854775807", "9223372036854775807"},
		{"-0.000000000000000001", "-0.000000000000000001"},
		{`"<é\u0001\n\\"`, `"<é\u0001\n\\"`},
	} {
		v, err := byName(t, "parse_json").Call(c.in)
		if err != nil {
			t.Errorf("parse_json(%s): %v", c.in, err)
			continue
		}
		if got, err := byName(t, "to_json").Call(v); err != nil || got != c.want {
			t.Errorf("%s became %v, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"{", "1 2", "nul", `{"a":1e999}`, "[1,]"} {
		if v, err := byName(t, "parse_json").Call(in); err == nil || !strings.Contains(err.Error(), "is not JSON") {
			t.Errorf("parse_json(%s) is %v, %v", in, v, err)
		}
	}
	if _, err := byName(t, "to_json").Call(math.NaN()); err == nil {
		t.Error("NaN has no JSON")
	}
	deep := any(nil)
	for range 2 * maxDepth {
		deep = []any{deep}
	}
	if _, err := byName(t, "to_json").Call(deep); err == nil {
		t.Error("nesting has a bound")
	}
}
