package compute

import (
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"
	"github.com/google/go-cmp/cmp"

	"weir/engine/function"
	"weir/engine/record"
)

// everyWay evaluates src over b with the VM and, where there are any, with kernels, which
// must agree; an error is "error: " and its reason.
func everyWay(t *testing.T, c *Compiler, b *record.Batch, src string) []any {
	t.Helper()
	x, ds := c.Row(txt(src), record.Invalid)
	if len(ds) > 0 {
		t.Errorf("%s: %s", src, show(ds))
		return nil
	}
	e := x.(*Expr)
	slow := outcomes(e, b, false)
	if e.slow == "" {
		for i, fast := range outcomes(e, b, true) {
			if d := sameOutcome(slow[i], fast); d != "" || slow[i].err != fast.err {
				t.Errorf("%s, row %d: VM %v %q, kernel %v %q %s", src, i, slow[i].v, slow[i].err, fast.v, fast.err, d)
			}
		}
	}
	out := make([]any, len(slow))
	for i, o := range slow {
		if out[i] = o.v; o.err != "" {
			out[i] = "error: " + o.err
		}
	}
	return out
}

func toJSONText(t *testing.T, v any) string {
	t.Helper()
	for _, f := range function.All() {
		if f.Name == "to_json" {
			s, err := f.Call(v)
			if err != nil {
				t.Fatal(err)
			}
			return s.(string)
		}
	}
	t.Fatal("no to_json()")
	return ""
}

// TestBuiltins evaluates what the documentation says of every built-in.
func TestBuiltins(t *testing.T) {
	s := record.NewSchema([]record.Field{field("one", tInt)})
	c, b := New(s, Options{Now: fixed, Functions: function.All()}), batchOf(s, [][]any{{1}})
	for _, f := range function.Builtins() {
		if len(f.Examples) == 0 {
			t.Errorf("%s has no example", f.Name)
		}
		for _, e := range f.Examples {
			got := everyWay(t, c, b, e.Expr)
			if got == nil {
				continue
			}
			text, failed := got[0].(string)
			if !failed || !strings.HasPrefix(text, "error: ") {
				text = toJSONText(t, got[0])
			}
			if text != e.Result {
				t.Errorf("%s is %s, documented as %s", e.Expr, text, e.Result)
			}
		}
	}
}

// TestBuiltinsDocumented: what expr has is documented, hidden by a function of ours, or not there.
func TestBuiltinsDocumented(t *testing.T) {
	var known []string
	for _, f := range function.Builtins() {
		known = append(known, f.Name)
	}
	c := New(nil, Options{Functions: function.All()})
	for _, name := range builtin.Names {
		_, ours := c.funcs[name]
		if !slices.Contains(known, name) && !ours && !slices.Contains(removed[:], name) {
			t.Errorf("%s() is a built-in that function.Builtins does not document", name)
		}
	}
	for _, name := range known {
		if _, ours := c.funcs[name]; ours || !slices.Contains(builtin.Names, name) {
			t.Errorf("%s() is documented as a built-in", name)
		}
		if _, rule := c.rules[name]; !rule {
			if _, loop := loops()[name]; !loop {
				t.Errorf("%s() is documented but not known to the checker", name)
			}
		}
	}
}

// valueSchema has a column of every kind, and one of any.
func valueSchema() *record.Schema {
	return record.NewSchema([]record.Field{
		field("s", tString), field("n", tInt), field("f", tFloat), field("d", tDec), field("x", tAny), field("nums", record.ListOf(tInt)), field("rates", record.ListOf(tFloat)), field("maybe", record.NullableOf(record.Int)),
	})
}

const maxInt, minInt = 1<<63 - 1, -1 << 63

// TestValues: text is characters, numbers are exact, and what has no value is a
// rejected row, whether kernels or the VM evaluate.
func TestValues(t *testing.T) {
	s := valueSchema()
	c := New(s, Options{Now: fixed, Functions: function.All()})
	b := batchOf(s, [][]any{
		{"Zoë Müller-Łukasiewicz", maxInt, 1e308, record.DecimalFromInt(minInt), "Zoë", []any{maxInt, 1}, []any{1e308, 1e308}, nil},
		{"", minInt, 0.0, dec("0.1"), map[string]any{"b": 1, "a": dec("1.0")}, []any{}, []any{}, 1<<53 + 1},
		{"a", 0, -0.5, dec("10.5"), []any{1, 2.0, dec("3")}, []any{1, 2}, []any{0.5, 1.0}, 2},
	})
	const over, overFloat, zero, inexact = "error: out of range for a whole number", "error: out of range for a float", "error: division by zero", "error: a whole number has more digits than a float holds; convert it with decimal()"
	list, object := "error: a list is indexed by an int, not string", "error: a field's name must be a string, not float"
	for src, want := range map[string][3]any{
		// text
		"s[0:3]": {"Zoë", "", "a"}, "s[0:len(s)]": {"Zoë Müller-Łukasiewicz", "", "a"}, "s[len(s)-3:]": {"icz", "", "a"}, "s[-3:]": {"icz", "", "a"}, "s[2:5]": {"ë M", "", ""},
		"indexOf(s, 'M')": {4, -1, -1}, "s[indexOf(s, 'M'):]": {"Müller-Łukasiewicz", "", "a"}, "lastIndexOf(s, 'i')": {19, -1, -1}, "len(s)": {22, 0, 1}, "s[:n]": {"Zoë Müller-Łukasiewicz", "", ""}, "s[n:]": {"", "", "a"},
		"x[0:2]":    {"Zo", "error: only strings and lists can be sliced, not object", []any{1, 2.0}},
		"x[0]":      {"error: a string has no fields or elements; x[0:1] is its first character", nil, 1},
		"get(x, 0)": {"error: get() needs a list or an object, not string", nil, 1}, "x.a": {"error: a string has no fields or elements; x[0:1] is its first character", dec("1"), list}, "x?.[f]": {"error: a string has no fields or elements; x[0:1] is its first character", object, "error: a list is indexed by an int, not float"},
		"map(x, #)": {"error: map() needs a list, not string", "error: map() needs a list, not object", []any{1, 2.0, dec("3")}}, "first(x)": {"error: first() needs a list, not string", "error: first() needs a list, not object", 1}, "len(x)": {3, 2, 3},
		// whole numbers
		"n + 1": {over, minInt + 1, 1}, "n - 2": {maxInt - 2, over, -2}, "n * 2": {over, over, 0}, "-n": {-maxInt, over, 0}, "-n - 2": {over, over, -2}, "abs(n)": {maxInt, over, 0}, "n * n": {over, over, 0}, "n * -1": {-maxInt, over, 0},
		"7 % n": {7, 7, zero}, "n % -1": {0, 0, 0}, "sum(nums)": {over, 0, 3}, "sum(nums, # * 2)": {over, 0, 6}, "reduce(nums, #acc + #, 0)": {over, 0, 3}, "reduce(nums, #acc + #)": {over, "error: reduce of empty array with no initial value", 3},
		"len(n..n)": {1, 1, 1}, "n..(n+1)": {over, []any{minInt, minInt + 1}, []any{0, 1}}, "len(-9223372036854775807..n)": {"error: the expression makes too many list elements", 0, "error: the expression makes too many list elements"},
		"mean(nums)": {over, 0.0, 1.5}, "median(nums)": {inexact, 0.0, 1.5}, "bitshl(n, 1)": {over, over, 0}, "int(f)": {over, 0, 0}, "int(d)": {minInt, 0, 10},
		// floats
		"n / 2": {inexact, float64(minInt) / 2, 0.0}, "6 / n": {inexact, 6 / float64(minInt), zero}, "f * 10": {overFloat, 0.0, -5.0}, "1 / f": {1e-308, zero, -2.0}, "f ** 2": {overFloat, 0.0, 0.25}, "(f - 1) ** 0.5": {1e154, overFloat, overFloat},
		"f ** -1": {1e-308, overFloat, -2.0}, "sum(rates)": {overFloat, 0.0, 1.5}, "mean(rates)": {overFloat, 0.0, 0.75}, "f + n": {inexact, float64(minInt), -0.5}, "(maybe ?? 0) + 0.5": {0.5, inexact, 2.5}, "float(n)": {inexact, float64(minInt), 0.0}, "float(string(n))": {inexact, float64(minInt), 0.0}, "float(decimal(n))": {inexact, float64(minInt), 0.0},
		"string(f)": {"1e+308", "0", "-0.5"},
		// decimals
		"-d": {"error: " + record.ErrDecimalRange.Error(), dec("-0.1"), dec("-10.5")}, "abs(d)": {"error: " + record.ErrDecimalRange.Error(), dec("0.1"), dec("10.5")}, "d / (n - n)": {zero, zero, zero}, "d * 2 + n": {"error: " + record.ErrDecimalRange.Error(), "error: " + record.ErrDecimalRange.Error(), dec("21")},
		// comparisons
		"n == 9.223372036854776e18": {false, false, false}, "n < 9.223372036854776e18": {true, true, true}, "n >= -9.223372036854776e18": {true, true, true}, "n == -9.223372036854776e18": {false, true, false}, "maybe == 9007199254740992.0": {false, false, false},
		"maybe in [9007199254740992.0, 2.0]": {false, false, true}, "n in [0.0, 1.5]": {false, false, true}, "f in [0, 1]": {false, true, false}, "d == 0.1": {false, true, false}, "d in [0.1, 1e300]": {false, true, false}, "d < 1e300": {true, true, true},
		"x == [1, 2, 3]": {false, false, true}, "x == {a: 1, b: 1}": {false, true, false}, "x == 'Zoë'": {true, false, false}, "'a' in x": {"error: \"in\" needs a list or an object at its right, not string", true, false}, "3.0 in x": {"error: \"in\" needs a list or an object at its right, not string", "error: a field's name must be a string, not float", true},
		"keys(x)": {"error: keys() needs an object, not string", []any{"a", "b"}, "error: keys() needs an object, not list"}, "{(s): 1, (string(n)): 2, b: 3}": {map[string]any{"Zoë Müller-Łukasiewicz": 1, "9223372036854775807": 2, "b": 3}, map[string]any{"": 1, "-9223372036854775808": 2, "b": 3}, map[string]any{"a": 1, "0": 2, "b": 3}},
		"{(s): 1, a: 2}": {map[string]any{"Zoë Müller-Łukasiewicz": 1, "a": 2}, map[string]any{"": 1, "a": 2}, "error: one name is given twice to an object"},
	} {
		if d := cmp.Diff(want[:], everyWay(t, c, b, src)); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
}
