package compute

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/function"
	"weir/engine/record"
)

// The examples of what the language itself has, by kernels and by the VM.
func TestLanguageExamples(t *testing.T) {
	one := record.NewSchema([]record.Field{field("x", tInt)})
	c, b := New(one, Options{Functions: function.All()}), batchOf(one, [][]any{{1}})
	b.Origin, b.FirstRow = &record.Origin{Seed: "s"}, 1
	for _, f := range function.Language() {
		if f.Usage == "" || f.Summary == "" || len(f.Examples) == 0 {
			t.Errorf("%s is not described", f.Name)
		}
		for _, x := range f.Examples {
			e := compileRow(t, c, "to_json("+x.Expr+")")
			for _, kernels := range []bool{false, e.slow == ""} {
				if got := outcomes(e, b, kernels)[0]; got.v != x.Result {
					t.Errorf("%s, kernels %v, is %v %s, want %s", x.Expr, kernels, got.v, got.err, x.Result)
				}
			}
		}
	}
}

// Built-ins go by names with underscores, too; places of problems stay where they are,
// and texts and names of other things are left alone.
func TestOwnNames(t *testing.T) {
	s := record.NewSchema([]record.Field{field("tags", record.ListOf(tString)), field("sort_by", tInt), field("o", record.ObjectOf([]record.Field{field("index_of", tInt)}))})
	c, b := New(s, Options{Functions: function.All()}), batchOf(s, [][]any{{[]any{"b", "a"}, 5, map[string]any{"index_of": 6}}})
	for src, want := range map[string]any{
		"sort_by(tags, #)[0] + 'sort_by(x)'": "asort_by(x)", "sort_by + 1": 6, "o.index_of": 6, "to_json(tags)": `["b","a"]`, "find_last(tags, true)": "a",
		"group_by (tags, #).a[0]": "a", `from_json('"a"')`: "a", "has_prefix('ab', 'a')": true,
	} {
		e := compileRow(t, c, src)
		if got := outcomes(e, b, false)[0]; cmp.Diff(want, got.v) != "" {
			t.Errorf("%s is %v %s", src, got.v, got.err)
		}
	}
	src := "sort_by(tags, #) == nme"
	if _, ds := c.Row(txt(src), record.Invalid); marks(src, ds) != "                    ^^^ expr.unknown_name: There is no column \"nme\" here\n" {
		t.Error(marks(src, ds))
	}
}
