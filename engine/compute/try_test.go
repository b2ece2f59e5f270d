package compute

import (
	"testing"

	"weir/engine/function"
	"weir/engine/record"
)

// try() gives the fallback where its first argument fails, and only there: by kernels
// and by the VM, in loops, with variables of let, and in each other.
func TestTry(t *testing.T) {
	s := record.NewSchema([]record.Field{field("s", tString), field("n", tInt), field("sn", record.NullableOf(record.String)), field("tags", record.ListOf(tString)), field("x", tAny)})
	c := New(s, Options{Functions: function.All(), Vars: map[string]any{"bad": "x"}, Steps: 10_000})
	b := batchOf(s, [][]any{
		{"12", 3, nil, []any{"1", "x", "3"}, map[string]any{"a": 1}}, {"abc", 0, "7", []any{}, nil}, {"", 1, "é", []any{"é"}, "text"},
	})
	for _, tt := range []struct {
		src, typ string
		want     []any
	}{
		{"try(int(s), -1)", "int", []any{12, -1, -1}},
		{"try(int(s), nil)", "int or nil", []any{12, nil, nil}},
		{"try(int(s), 0.5)", "float", []any{12.0, 0.5, 0.5}},
		{"try(6 % n, n)", "int", []any{0, 0, 0}},
		{"try(date(s), nil) == nil", "bool", []any{true, true, true}},
		{"try(decimal(var.bad), decimal('1.5'))", "decimal or nil", []any{dec("1.5"), dec("1.5"), dec("1.5")}},
		{"try(s, 'never')", "string", []any{"12", "abc", ""}},
		{"try(sn, 'never')", "string or nil", []any{nil, "7", "é"}},
		{"map(tags, try(int(#), 0))", "list of int", []any{[]any{1, 0, 3}, []any{}, []any{0}}},
		{"map(tags, try(int(#) + int(s), #index))", "list of int", []any{[]any{13, 1, 15}, []any{}, []any{0}}},
		{"sum(tags, try(int(#), 0)) + try(int(s), 100)", "int", []any{16, 100, 100}},
		{"let k = s + '0'; try(int(k), len(k))", "int", []any{120, 4, 0}},
		{"let k = 2; map(tags, let j = k + 1; try(int(#) * j, k))", "list of int", []any{[]any{3, 2, 9}, []any{}, []any{2}}},
		{"try(int(s) + try(int(sn ?? 'x'), 1000), -1)", "int", []any{1012, -1, -1}},
		{"try(map(tags, int(#)), [0])", "list of int", []any{[]any{0}, []any{}, []any{0}}},
		{"map(tags, try(sum(map(tags, int(#))) + int(#), -1))", "list of int", []any{[]any{-1, -1, -1}, []any{}, []any{-1}}},
		{"try(x.a + 1, 'none')", "any", []any{2, "none", "none"}},
		{"{v: try(int(s), nil)}.v", "int or nil", []any{12, nil, nil}},
		{"reduce(tags, #acc + try(int(#), 5), 0)", "any", []any{9, 0, 5}},
		{"findLast(tags, try(int(#) > 0, false)) ?? ''", "string", []any{"3", "", ""}},
	} {
		e := compileRow(t, c, tt.src)
		if got := e.Type().String(); got != tt.typ {
			t.Errorf("%s has type %s, want %s", tt.src, got, tt.typ)
		}
		for _, kernels := range []bool{false, e.slow == ""} {
			for i, got := range outcomes(e, b, kernels) {
				if d := sameOutcome(outcome{v: tt.want[i]}, got); d != "" {
					t.Errorf("%s, row %d, kernels %v: %s", tt.src, i, kernels, d)
				}
			}
		}
	}
	// A fallback that fails fails the row, and limits are no errors to go on behind.
	for _, src := range []string{"try(int('x' + s), int('y' + s))", "try(sum(1..200, sum(1..200, 1)), 0)"} {
		e := compileRow(t, c, src)
		for _, kernels := range []bool{false, e.slow == ""} {
			if got := outcomes(e, b, kernels)[0]; got.err == "" {
				t.Errorf("%s, kernels %v, is %v", src, kernels, got.v)
			}
		}
	}
	for _, src := range []string{"try(int(s))", "try()", "try(int(nme), 0)", "try(s + n, 0)"} {
		if _, ds := c.Row(txt(src), record.Invalid); len(ds) != 1 {
			t.Errorf("%s: %s", src, show(ds))
		}
	}
}
