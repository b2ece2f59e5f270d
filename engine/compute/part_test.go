package compute

import (
	"testing"

	"weir/engine/record"
)

// What has no kernel runs row by row alone; the rest stays in kernels.
func TestParts(t *testing.T) {
	s := record.NewSchema([]record.Field{
		field("s", tString), field("n", tInt), field("d", tDec), field("xs", record.ListOf(tInt)),
		field("at", tTime), field("x", tAny), field("items", record.ListOf(record.ObjectOf([]record.Field{field("sku", tString), field("qty", tInt)}))),
	})
	item := func(sku string, qty int) any { return map[string]any{"sku": sku, "qty": qty} }
	b := batchOf(s, [][]any{
		{"a,b", 0, dec("1.5"), []any{3, 1, 2}, fixed(), map[string]any{"k": "v"}, []any{item("a", 1), item("b", 2)}},
		{"", 2, dec("-2"), []any{}, fixed(), nil, []any{}},
		{"[1]", 3, dec("0"), []any{5}, fixed(), 7, []any{item("c", 0)}},
	})
	c := New(s, Options{Now: fixed})
	for _, tt := range []struct{ src, why string }{
		{"lower(s) + toJSON(xs)", "toJSON() runs row by row, in toJSON(xs)"},
		{"n == 0 ? 'none' : fromBase64(s)", "fromBase64() runs row by row, in fromBase64(s)"},
		{"n == 0 or median(xs) > 1", "median() runs row by row, in median(xs)"},
		{"n != 0 and get(xs, n - 3) == nil", "get() with computed arguments runs row by row, in get(xs, n - 3)"},
		{"first(sort(xs)) ?? n", "sort() runs row by row, in sort(xs)"},
		{"sum(sortBy(items, .qty), .qty) + n", "sortBy() runs row by row, in sortBy(items, .qty)"},
		{"{id: n, js: fromJSON(s), up: upper(s)}", "fromJSON() runs row by row, in fromJSON(s)"},
		{"string(n) + toJSON(x?.k)", "toJSON() of a value whose type shows only at run time runs row by row, in toJSON(x?.k)"},
		{"x?.k == nil ? n : n * 2", "a field of a value whose type shows only at run time runs row by row, in x?.k"},
		{"let y = n + 1; let z = 6 % n; y * z + y", ""},
		{"let y = sort(xs); len(y) + sum(y)", "sort() runs row by row, in sort(xs)"},
		{"let y = s + '!'; map(items, .sku + y)", ""},
		{"map(items, let q = .qty; q * q + n)", ""},
		{"1 + (let d1 = at - at; d1.Hours() + n)", "- between datetime and datetime runs row by row, in let d1 = at - at; d1.Hours() + n"},
		{"let y = n; upper(s) + toJSON([y])", "toJSON() runs row by row, in toJSON([y])"},
		{"(at - at).Hours() + n", "a datetime's own function runs row by row, in (at - at).Hours()"},
		{"reduce(xs, #acc + #, 0) == 6 and s != ''", "== between any and int runs row by row, in reduce(xs, #acc + #, 0) == 6"},
	} {
		e := compileRow(t, c, tt.src)
		_, why := e.Kernel()
		if why != tt.why {
			t.Errorf("%s: %q, want %q", tt.src, why, tt.why)
		}
		if e.slow != "" {
			t.Errorf("%s: all of it is slow: %s", tt.src, e.slow)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d: %s", tt.src, i, d)
			}
		}
	}
}
