package step

import (
	"fmt"
	"testing"

	"weir/engine/record"
)

func TestFilter(t *testing.T) {
	in := schema("a string", "ok bool?")
	tests := []struct {
		name, src     string
		rows, rejects []string
		filtered      int64
	}{
		{"drop", `drop = "a == 'x'"`, []string{"y|true", "z|~"}, nil, 1},
		{"keep", `keep = "a == 'x'"`, []string{"x|false"}, nil, 2},
		{"nil condition", `keep = "ok"`, []string{"y|true"}, []string{"row 3: row.nil_condition " + reasonNoCondition}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, bind(t, "filter", in, tt.src, nil), Env{}).object(table(in, 1, "x|false", "y|true", "z|~"))
			want(t, "rows", r.rows, tt.rows)
			want(t, "rejects", r.rejects, tt.rejects)
			if r.tally.Filtered != tt.filtered {
				t.Errorf("filtered %d, want %d", r.tally.Filtered, tt.filtered)
			}
		})
	}
}

func TestFilterDiagnostics(t *testing.T) {
	in := schema("a string")
	for src, text := range map[string]string{
		``: "without a condition",
		`drop = "a == 'x'"
		keep = "a == 'y'"`: "Both drop and keep",
		`drop = "a"`: "bool",
	} {
		_, ds := problems(t, "filter", in, src, nil)
		mustMention(t, ds, text)
	}
}

func TestFilterOfNothingSelectsNothing(t *testing.T) {
	in := schema("ok bool")
	b := table(in, 1, "true", "true")
	b.Sel = []int32{}
	r := start(t, bind(t, "filter", in, `keep = "ok"`, nil), Env{}).object(b)
	if len(r.rows) != 0 {
		t.Errorf("rows that were not selected came back: %q", r.rows)
	}
}

func TestFilterAllocatesNothing(t *testing.T) {
	in := schema("ok bool")
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprint(i%3 == 0))
	}
	b := table(in, 1, rows...)
	run := bind(t, "filter", in, `keep = "ok"`, nil).New(Env{}, []record.Slot{0})
	ctx, tally := t.Context(), &Tally{}
	if n := testing.AllocsPerRun(20, func() {
		b.Sel = nil
		if _, err := run.Apply(ctx, b, tally); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch, want none", n)
	}
}
