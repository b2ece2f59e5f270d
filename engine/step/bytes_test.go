package step

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/record"
)

// TestHeldBytes: what a step holds of an object is bounded in bytes as it is in rows.
func TestHeldBytes(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	wide := strings.Repeat("v", 3000)
	for _, tt := range []struct{ kind, src, advice string }{
		{"group", "by = [\"order\"]\nfields = { skus = \"join(map(rows, .sku))\" }\nmax_bytes = \"40KiB\"", "within = \"adjacent\", or raise max_bytes"},
		{"group", "by = [\"order\"]\nwithin = \"adjacent\"\nfields = { skus = \"join(map(rows, .sku))\" }\nmax_bytes = \"40KiB\"", "Raise max_bytes, or group by"},
		{"dedupe", "keys = { sku = \"sku\" }\nkeep = \"last\"\nmax_bytes = \"40KiB\"", "Raise max_bytes, or split the file"},
	} {
		s := bind(t, tt.kind, in, tt.src, nil)
		run := s.New(store{}.env(), []record.Slot{0})
		var err error
		n := 0
		for ; n < 20 && err == nil; n++ {
			_, err = run.Apply(t.Context(), table(in, int64(n+1), fmt.Sprintf("o|%d%s|1", n, wide)), &Tally{})
		}
		var f *plugin.Failure
		if !errors.As(err, &f) || f.Class != plugin.Data || !strings.Contains(err.Error(), "more than max_bytes = 40KiB of file.csv in memory") || !strings.Contains(f.Advice, tt.advice) {
			t.Errorf("%s: error %v", tt.src, err)
		}
		if n < 5 || n > 14 { // a row is there as a value and as the text it came from
			t.Errorf("%s: row %d of 3 kB is one too many", tt.src, n)
		}
	}
}

// TestLooseBytes: values that lie outside of their column count as well.
func TestLooseBytes(t *testing.T) {
	in := record.NewSchema([]record.Field{{Name: "x", Type: record.Of(record.Any)}})
	var b record.Batch
	b.Reset(in, 1)
	b.Cols[0].Anys[0] = map[string]any{"list": []any{strings.Repeat("v", 5000), 1.5, true}}
	x := newRowBuffer(in, []record.Slot{0})
	x.append(&b, 0)
	if n := x.size(); n < 5000 || n > 6000 {
		t.Errorf("a row of 5 kB counts as %d bytes", n)
	}
	if x.reset(); x.size() != 0 {
		t.Errorf("an empty buffer counts as %d bytes", x.size())
	}
}

// TestGroupsOfWideRows: groups that are made at an object's end are emitted by bytes, so
// that their text is not in memory once more.
func TestGroupsOfWideRows(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	run := bind(t, "group", in, "by = [\"order\"]\nfields = { n = \"len(rows)\" }", nil).New(Env{}, []record.Slot{0})
	wide := strings.Repeat("v", 1<<20)
	for i := range 30 {
		if _, err := run.Apply(t.Context(), table(in, int64(i+1), fmt.Sprintf("o%d|%s|1", i, wide)), &Tally{}); err != nil {
			t.Fatal(err)
		}
	}
	groups, batches := 0, 0
	err := run.EndObject(t.Context(), &Tally{}, func(b *record.Batch) error {
		groups, batches = groups+b.Live(), batches+1
		return nil
	})
	if err != nil || groups != 30 || batches < 3 || batches > 15 {
		t.Errorf("%d groups in %d batches, %v", groups, batches, err)
	}
}

// TestLongKeysOfAnObject: what is remembered of keys does not grow with their length, and
// keys that differ at their end stay different.
func TestLongKeysOfAnObject(t *testing.T) {
	in := schema("code string", "email string?", "n int")
	long := strings.Repeat("v", 10_000)
	rows := []string{long + "A|" + long + "1|1", long + "B|" + long + "2|2", long + "A|" + long + "3|3", long + "C|" + long + "1|4"}
	for src, passed := range map[string][]string{
		`unique = ["code"]`:               {rows[0], rows[1], rows[3]},
		`one_to_one = ["code", "email"]`:  {rows[0], rows[1]},
		`unique = ["code", "email", "n"]`: rows,
		"unique = [\"email\"]":            rows[:3],
		`one_to_one = ["n", "code"]`:      {rows[0], rows[1], rows[3]},
		"one_to_one = [\"email\", \"n\"]": rows[:3],
		"unique = [\"n\"]":                rows,
	} {
		s := bind(t, "check", in, src, nil)
		r := start(t, s, Env{})
		for i, row := range rows {
			r.batch(table(in, int64(i+1), row))
		}
		want(t, src, r.rows, passed)
		m := &r.run.(*checkRunner).seen
		if n := m.unique.size() + m.sides[0].size() + m.sides[1].size(); n > 4000 {
			t.Errorf("%s: %d bytes are remembered of four rows", src, n)
		}
	}

	g := bind(t, "group", in, "by = [\"code\"]\nfields = { n = \"len(rows)\" }", nil)
	r := start(t, g, Env{}).object(table(in, 1, rows...))
	want(t, "groups", r.rows, []string{"2", "1", "1"})
}
