package compute

import (
	"errors"
	"strings"
	"testing"

	"weir/engine/diag"
	"weir/engine/record"
)

func TestSourceLimits(t *testing.T) {
	c := New(genSchema(), Options{})
	for _, tt := range []struct {
		name, src string
		code      diag.Code
	}{
		{"a million brackets", strings.Repeat("(", 1_000_000), "expr.too_long"},
		{"nested brackets", strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), "expr.too_deep"},
		{"nested lists", strings.Repeat("[", 5000), "expr.too_deep"},
		{"many nots", strings.Repeat("!", 16000) + "b", "expr.too_long"},
		{"many nodes", "i" + strings.Repeat("+1", 5000), "expr.too_long"},
		{"long text", "'" + strings.Repeat("x", 20000) + "'", "expr.too_long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, ds := c.Row(txt(tt.src), record.Invalid)
			if len(ds) != 1 || ds[0].Code != tt.code {
				t.Errorf("got %s, want %s", show(ds), tt.code)
			}
		})
	}
	if _, ds := c.Row(txt("'"+strings.Repeat("(", 5000)+"' == s"), record.Invalid); len(ds) > 0 {
		t.Errorf("brackets inside a string are no nesting: %s", show(ds))
	}
}

func TestRuntimeLimits(t *testing.T) {
	g := record.NewSchema([]record.Field{field("s", tString), field("xs", record.ListOf(tInt))})
	xs := make([]any, 1000)
	for i := range xs {
		xs[i] = i
	}
	b := batchOf(g, [][]any{{"aaaaaaaa", xs}})
	c := New(g, Options{Steps: 200_000, Bytes: 1 << 20, Elements: 100_000})
	for src, want := range map[string]string{
		"any(xs, any(xs, any(xs, # + 0 * len(s) < 0 and fromJSON('1') == 1)))": errSteps.Error(),
		"len(reduce(1..60, #acc + #acc, s))":                                   errBytes.Error(),
		"len(repeat(s, 1000000))":                                              errBytes.Error(),
		"len(repeat(repeat(s, 1000), 1000000000))":                             errBytes.Error(),
		"len(replace(repeat(s, 30000), 'a', s))":                               errBytes.Error(),
		"len(1..200000)":                                                       "the expression makes too many list elements",
		"toJSON(reduce(1..60, [#acc, #acc], [1]))":                             errSteps.Error(),
		"reduce(1..60, [#acc, #acc], [1])":                                     errSteps.Error(),
		"flatten(reduce(1..60, [#acc, #acc], [1]))":                            errSteps.Error(),
		"reduce(1..60, [#acc, #acc], [1]) == reduce(1..60, [#acc, #acc], [1])": errSteps.Error(),
		"len(uniq(1..50000))":                                                  errSteps.Error(),
		"count(1..50000, # in xs)":                                             errSteps.Error(),
	} {
		e := compileRow(t, c, src)
		if got := outcomes(e, b, false)[0]; got.err != want {
			t.Errorf("%s: got %v %q, want %q", src, got.v, got.err, want)
		}
	}
}

// A branch that is not taken does not fail.
func TestShortCircuit(t *testing.T) {
	s := record.NewSchema([]record.Field{field("n", tInt), field("t", tString), field("nn", record.NullableOf(record.Int))})
	b := batchOf(s, [][]any{{0, "x", 5}, {3, "12", nil}})
	c := New(s, Options{})
	for _, tt := range []struct {
		src  string
		want [2]string // the reasons, "" for a value
	}{
		{"n != 0 and 6 % n == 0", [2]string{"", ""}},
		{"n == 0 or 6 % n == 0", [2]string{"", ""}},
		{"n == 0 ? 1 : 6 % n", [2]string{"", ""}},
		{"nn ?? int(t)", [2]string{"", ""}},
		{"t == 'x' ? 0 : int(t)", [2]string{"", ""}},
		{"6 % n", [2]string{"division by zero", ""}},
		{"int(t)", [2]string{"invalid operation: int(x)", ""}},
		{"6 % n == 1 and t == 'y'", [2]string{"division by zero", ""}},
	} {
		e := compileRow(t, c, tt.src)
		if e.slow != "" {
			t.Errorf("%s has no kernel: %s", tt.src, e.slow)
			continue
		}
		for _, kernels := range []bool{true, false} {
			for i, o := range outcomes(e, b, kernels) {
				if o.err != tt.want[i] {
					t.Errorf("%s, kernels %v, row %d: %q, want %q", tt.src, kernels, i, o.err, tt.want[i])
				}
			}
		}
	}
}

func TestRejects(t *testing.T) {
	s := record.NewSchema([]record.Field{field("n", tInt)})
	b := batchOf(s, [][]any{{0}, {4}, {0}})
	b.Sel = []int32{0, 1}
	col := compileRow(t, New(s, Options{}), "6 % n").New().Rows(b, "map.line", "rest")
	want := record.Reject{Row: 0, Step: "map.line", Column: "rest", Code: "row.expression", Reason: "division by zero"}
	if len(b.Rejects) != 1 || b.Rejects[0] != want {
		t.Errorf("rejects %+v", b.Rejects)
	}
	if !col.IsNull(0) || col.IsNull(1) || col.Ints[1] != 2 {
		t.Error("a failed row is null, the others keep their values")
	}
}

func TestDivide(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"1", "3", "0.333333333333333333"}, {"2", "3", "0.666666666666666667"}, {"-2", "3", "-0.666666666666666667"}, {"10", "4", "2.5"},
		{"1", "7", "0.142857142857142857"}, {"100", "3", "33.3333333333333333"}, {"1", "0.000000000000000003", "333333333333333333"},
		{"0.000000000000000001", "2", "0.000000000000000001"}, {"0.000000000000000001", "3", "0"}, {"9223372036854775807", "1", "9223372036854775807"},
		{"12.5", "-0.5", "-25"}, {"0", "5", "0"}, {"999999999999999999", "1000", "999999999999999.999"},
	} {
		got, err := divide(dec0(t, tt.a), dec0(t, tt.b))
		if err != nil || got.String() != tt.want {
			t.Errorf("%s / %s = %s, %v; want %s", tt.a, tt.b, got, err, tt.want)
		}
	}
	if _, err := divide(dec("1"), dec("0")); !errors.Is(err, errDivideByZero) {
		t.Errorf("1 / 0: %v", err)
	}
	if _, err := divide(dec("9000000000000000000"), dec("0.01")); !errors.Is(err, record.ErrDecimalRange) {
		t.Errorf("a quotient beyond 64 bits: %v", err)
	}
}

func dec0(t *testing.T, s string) record.DecimalValue {
	t.Helper()
	if s == "9223372036854775807" {
		return record.DecimalFromInt(9223372036854775807)
	}
	return dec(s)
}
