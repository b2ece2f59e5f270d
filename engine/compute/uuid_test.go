package compute

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"weir/engine/function"
	"weir/engine/record"
	"weir/engine/spec"
)

func idRows(n int, first int64, seed string) *record.Batch {
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{i, []any{1, 2}}
	}
	b := batchOf(idSchema(), rows)
	b.Origin, b.FirstRow = &record.Origin{ID: "o", Seed: seed}, first
	return b
}

func idSchema() *record.Schema {
	return record.NewSchema([]record.Field{field("n", tInt), field("list", record.ListOf(tInt))})
}

func idsOf(t *testing.T, src string, b *record.Batch) []string {
	t.Helper()
	c := New(idSchema(), Options{Functions: function.All()})
	var out []string
	for _, v := range everyWay(t, c, b, src) {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// uuid() tells rows, objects and labels apart, and is the same for the same row however the
// rows lie in batches (I7).
func TestRowIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]string{}
	for _, seed := range []string{"p\x00file.in\x00a", "p\x00file.in\x00b", "q\x00file.in\x00a"} {
		for _, src := range []string{"uuid()", "uuid('line')", "uuid('lines')"} {
			for i, id := range idsOf(t, src, idRows(300, 1, seed)) {
				if !form.MatchString(id) {
					t.Fatalf("%s is %q", src, id)
				}
				at := fmt.Sprint(seed, src, i)
				if other := seen[id]; other != "" {
					t.Errorf("%q and %q have one id", at, other)
				}
				seen[id] = at
			}
		}
	}
	all := idsOf(t, "uuid()", idRows(10, 1, "s"))
	if part := idsOf(t, "uuid()", idRows(4, 5, "s")); strings.Join(part, " ") != strings.Join(all[4:8], " ") {
		t.Errorf("rows 5 to 8 are %s, in another batch %s", part, all)
	}
	if all[0] != "685df9f6-f901-5575-a42d-7e9aa3bc53f8" {
		t.Errorf("row 1 has %s: receivers know it by another id", all[0])
	}
	b := idRows(3, 1, "s")
	b.RowNos = []int64{7, 2, 9}
	if got := idsOf(t, "uuid()", b); got[0] != all[6] || got[1] != all[1] || got[2] != all[8] {
		t.Errorf("rows that are not consecutive have %s", got)
	}
	looped := idsOf(t, "let id = uuid(); join(map(list, uuid5(id, string(#))), ' ')", b)
	if len(seen[looped[0]]) > 0 || len(looped[0]) != 73 || looped[0][:36] == looped[0][37:] || looped[0] == looped[1] {
		t.Errorf("elements have %s", looped)
	}
	b.Origin = nil
	if got := idsOf(t, "uuid()", b); got[0] != "error: "+errNoRow.Error() {
		t.Errorf("without an object: %s", got)
	}
}

// A group has the id of its first row, and a set of rows that of the first that is left.
func TestGroupIDs(t *testing.T) {
	c := New(idSchema(), Options{Functions: function.All()})
	x, ds := c.Rows(txt("uuid()"), nil, record.Invalid)
	if len(ds) > 0 {
		t.Fatal(show(ds))
	}
	b := idRows(10, 1, "s")
	ids := idsOf(t, "uuid()", b)
	for _, kernels := range []bool{true, false} {
		e := x.(*Expr).newEval(kernels)
		if got, failed := e.Segments(b, []uint32{0, 3, 4, 10}, "", ""); len(failed) > 0 || string(got.Bytes(0)) != ids[0] || string(got.Bytes(1)) != ids[3] || string(got.Bytes(2)) != ids[4] {
			t.Errorf("kernels %v: %v", kernels, failed)
		}
		some := *b
		some.Sel = []int32{5, 7}
		if got, err := e.Set(&some, nil); err != nil || string(got.Bytes(0)) != ids[5] {
			t.Errorf("kernels %v: %v", kernels, err)
		}
		some.Sel = []int32{}
		if _, err := e.Set(&some, nil); err == nil {
			t.Errorf("kernels %v: no row has an id", kernels)
		}
	}
}

func TestNoRowIDs(t *testing.T) {
	c := New(idSchema(), Options{Functions: function.All()})
	pieces := New(idSchema(), Options{Functions: function.All(), Pieces: true})
	row := func(c *Compiler) func(spec.Text) string {
		return func(s spec.Text) string { _, ds := c.Row(s, record.Invalid); return show(ds) }
	}
	for _, tc := range []struct {
		src, want string
		do        func(spec.Text) string
	}{
		{"uuid()", "the same for all pieces of a row. An expand step", row(pieces)}, {"map(list, uuid())", "the same for all elements of the list", row(c)},
		{"uuid(string(n))", "must be a text in quotes", row(c)}, {"uuid('')", "must be a text in quotes", row(c)}, {"uuid('a', 'b')", "takes at most 1 argument", row(c)},
		{"uuid()", "uuid() has no row here", func(s spec.Text) string { _, ds := c.Value(s, nil, record.Invalid); return show(ds) }},
		{"map(rows, uuid())", "make it a field with a map step before", func(s spec.Text) string { _, ds := c.Rows(s, nil, record.Invalid); return show(ds) }},
	} {
		if got := tc.do(txt(tc.src)); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s", tc.src, got)
		}
	}
}

// An id of a row costs no memory of its own.
func TestRowIDAllocations(t *testing.T) {
	x, _ := New(idSchema(), Options{Functions: function.All()}).Row(txt("uuid()"), record.Invalid)
	e, b := x.New(), idRows(500, 1, "s")
	e.Rows(b, "", "")
	if n := testing.AllocsPerRun(10, func() { e.Rows(b, "", "") }); n > 0 {
		t.Errorf("%v allocations for 500 rows", n)
	}
}
