package step

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/plugin"
	"weir/engine/record"
)

const orderFields = `
	by = ["order"]
	fields = {
		id    = "first(rows).order"
		lines = "len(rows)"
		skus  = "map(rows, .sku)"
		total = "sum(rows, .amount)"
	}`

func TestGroup(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	rows := []string{"o1|a|1", "o2|b|2", "o1|c|3", "o3|d|4", "o3|e|5"}
	tests := []struct {
		name, within string
		rows, raws   []string
		nos          string
	}{
		{"object", "object", []string{"o1|2|[a, c]|4", "o2|1|[b]|2", "o3|2|[d, e]|9"}, []string{"o1|a|1\no1|c|3\n", "o2|b|2\n", "o3|d|4\no3|e|5\n"}, "[1 2 4]"},
		{"adjacent", "adjacent", []string{"o1|1|[a]|1", "o2|1|[b]|2", "o1|1|[c]|3", "o3|2|[d, e]|9"}, []string{"o1|a|1\n", "o2|b|2\n", "o1|c|3\n", "o3|d|4\no3|e|5\n"}, "[1 2 3 4]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, bind(t, "group", in, orderFields+"\nwithin = \""+tt.within+"\"", nil), Env{}).object(table(in, 1, rows...))
			want(t, "rows", r.rows, tt.rows)
			want(t, "text", r.raws, tt.raws)
			if got := fmt.Sprint(r.nos); got != tt.nos {
				t.Errorf("row numbers %s, want %s", got, tt.nos)
			}
			if g := int64(len(rows) - len(tt.rows)); r.tally.Grouped != g {
				t.Errorf("grouped %d, want %d", r.tally.Grouped, g)
			}
			r.object(table(in, 1, "o3|x|1"))
			if got := r.rows[len(r.rows)-1]; got != "o3|1|[x]|1" {
				t.Errorf("a group spans two objects: %s", got)
			}
		})
	}
}

func TestGroupRejectsAsAWhole(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	s := bind(t, "group", in, `
		by     = ["order"]
		fields = { n = "sum(rows, int(.sku))" }`, nil)
	r := start(t, s, Env{}).object(table(in, 1, "o1|1|1", "o2|x|1", "o2|7|1", "~|5|1", "|5|1", "o1|2|1"))
	want(t, "rows", r.rows, []string{"3"})
	if len(r.rejects) != 3 || r.tally.Grouped != 2 {
		t.Fatalf("rejects %q, grouped %d", r.rejects, r.tally.Grouped)
	}
	for i, prefix := range []string{"row 4: row.no_key", "row 5: row.no_key", "row 2: row.expression"} {
		if !strings.HasPrefix(r.rejects[i], prefix) {
			t.Errorf("reject %q, want %s", r.rejects[i], prefix)
		}
	}
}

func TestGroupRejectKeepsTheTextOfAllRows(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	run := bind(t, "group", in, `
		by     = ["order"]
		fields = { n = "sum(rows, int(.sku))" }`, nil).New(Env{}, []record.Slot{0})
	if _, err := run.Apply(t.Context(), table(in, 1, "o|1|1", "o|x|2"), &Tally{}); err != nil {
		t.Fatal(err)
	}
	err := run.EndObject(t.Context(), &Tally{}, func(b *record.Batch) error {
		if len(b.Rejects) != 1 || b.Live() != 0 || string(b.RawText(0)) != "o|1|1\no|x|2\n" {
			t.Errorf("rejects %v, text %q", b.Rejects, b.RawText(0))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGroupBound(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	for within, advice := range map[string]string{"object": "within = \"adjacent\"", "adjacent": "Raise max_rows"} {
		run := bind(t, "group", in, orderFields+"\nmax_rows = 2\nwithin = \""+within+"\"", nil).New(Env{}, []record.Slot{0})
		_, err := run.Apply(t.Context(), table(in, 1, "o|a|1", "o|b|1", "o|c|1"), &Tally{})
		var f *plugin.Failure
		if !errors.As(err, &f) || f.Class != plugin.Data || !strings.Contains(err.Error(), "file.csv") || !strings.Contains(f.Advice, advice) {
			t.Errorf("%s: error %v", within, err)
		}
	}
}

func TestGroupHoldsTheCursor(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	for within, oldest := range map[string]int64{"object": 1, "adjacent": 3} {
		run := bind(t, "group", in, orderFields+"\nwithin = \""+within+"\"", nil).New(Env{}, []record.Slot{0})
		if _, err := run.Apply(t.Context(), table(in, 1, "o1|a|1", "o1|b|1", "o2|c|1"), &Tally{}); err != nil {
			t.Fatal(err)
		}
		if got := run.(Holder).Oldest(); got != oldest {
			t.Errorf("%s: oldest row %d, want %d", within, got, oldest)
		}
	}
}

func TestGroupReadsOnlyWhatItNeeds(t *testing.T) {
	in := record.NewSchema(append(schema("order string", "sku string", "amount int", "note string").Fields(),
		record.Field{Name: "meta", Hidden: true, Type: record.ObjectOf([]record.Field{{Name: "row", Type: record.Of(record.Int)}})}))
	s := bind(t, "group", in, orderFields, nil)
	if got := fmt.Sprint(s.Reads([]record.Slot{0, 3})); got != "[0 2]" {
		t.Errorf("reads %s, want order and amount", got)
	}
	if n := s.Out().Names(); n[len(n)-1] != "meta" {
		t.Errorf("fields %v", n)
	}
}

// Cutting the rows of an object into other batches makes no difference.
func TestGroupCutting(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	for _, within := range []string{"object", "adjacent"} {
		s := bind(t, "group", in, orderFields+"\nwithin = \""+within+"\"", nil)
		rapid.Check(t, func(rt *rapid.T) {
			rows := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
				return rapid.SampledFrom([]string{"o1", "o2", "o3", "~"}).Draw(rt, "order") + "|" + rapid.StringMatching(`[a-c]{0,3}`).Draw(rt, "sku") + "|1"
			}), 0, 40).Draw(rt, "rows")
			whole := start(t, s, Env{}).object(table(in, 1, rows...))
			var parts []*record.Batch
			for at := 0; at < len(rows); {
				n := rapid.IntRange(1, len(rows)-at).Draw(rt, "cut")
				parts = append(parts, table(in, int64(at+1), rows[at:at+n]...))
				at += n
			}
			cut := start(t, s, Env{}).object(parts...)
			want(rt, "rows", cut.rows, whole.rows)
			want(rt, "text", cut.raws, whole.raws)
			want(rt, "rejects", cut.rejects, whole.rejects)
		})
	}
}

func TestGroupDiagnostics(t *testing.T) {
	in := schema("order string", "sku string")
	for src, text := range map[string]string{
		`fields = { n = "len(rows)" }`: "by",
		`by = []
		fields = { n = "len(rows)" }`: "Nothing to group by",
		`by = ["ordre"]
		fields = { n = "len(rows)" }`: "ordre",
		`by = ["order"]
		fields = { n = "first(rows).skuu" }`: "skuu",
		`by = ["order"]
		within = "objekt"
		fields = { n = "len(rows)" }`: `Did you mean "object"?`,
	} {
		_, ds := problems(t, "group", in, src, nil)
		mustMention(t, ds, text)
	}
}

// Objects with more groups than are made at once come out whole and in order.
func TestGroupManySlices(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	const groups = 3*sliceRows + 7
	var batches []*record.Batch
	for round := range 3 {
		rows := make([]string, groups)
		for g := range rows {
			rows[g] = fmt.Sprintf("o%d|s%d|%d", g, round, g*round)
		}
		batches = append(batches, table(in, int64(round*groups+1), rows...))
	}
	r := start(t, bind(t, "group", in, orderFields, nil), Env{}).object(batches...)
	if len(r.rows) != groups {
		t.Fatalf("%d groups, want %d", len(r.rows), groups)
	}
	for g, row := range r.rows {
		if exp := fmt.Sprintf("o%d|3|[s0, s1, s2]|%d", g, 3*g); row != exp || r.nos[g] != int64(g+1) {
			t.Fatalf("group %d is %s in row %d, want %s", g, row, r.nos[g], exp)
		}
	}
}

func TestGroupAllocatesNothingPerRow(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	rows := make([]string, 1000)
	for i := range rows {
		rows[i] = fmt.Sprintf("o%d|s|1", i/4)
	}
	for _, within := range []string{"object", "adjacent"} {
		run := bind(t, "group", in, `
			by     = ["order"]
			within = "`+within+`"
			fields = { total = "sum(rows, .amount)" }`, nil).New(Env{}, []record.Slot{0})
		b, tally, ctx := table(in, 1, rows...), &Tally{}, t.Context()
		drop := func(*record.Batch) error { return nil }
		object := func() {
			if _, err := run.Apply(ctx, b, tally); err != nil {
				t.Fatal(err)
			}
			if err := run.EndObject(ctx, tally, drop); err != nil {
				t.Fatal(err)
			}
		}
		object()
		if n := testing.AllocsPerRun(10, object); n > 12 {
			t.Errorf("%s: %v allocations for an object of %d rows in 250 groups", within, n, len(rows))
		}
	}
}
