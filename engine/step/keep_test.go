package step

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"weir/engine/record"
)

var (
	_ Keeper = (*groupRunner)(nil)
	_ Keeper = (*dedupeRunner)(nil)
	_ Keeper = (*checkRunner)(nil)
)

// keeping are steps that hold something of an object.
var keeping = []struct{ kind, src string }{
	{"group", "within = \"adjacent\"\n" + orderFields},
	{"group", "within = \"object\"\n" + orderFields},
	{"dedupe", "keys = { order = \"order\", sku = \"sku\" }\norder = [\"order\", \"sku\"]\nkeep = \"last\"\nmax_merge = 9"},
	{"dedupe", "keys = { order = \"order\" }\nkeep = \"last\"\nno_key = \"pass\""},
	{"check", "unique = [\"order\", \"amount\"]"},
	{"check", "one_to_one = [\"order\", \"sku\"]"},
	{"check", "unique = [\"amount\", \"sku\"]\none_to_one = [\"order\", \"sku\"]"},
}

// saver saves what a runner holds after a batch, as commits do.
type saver struct {
	t     tester
	parts [][]byte
}

func (s *saver) save(run Runner) {
	s.t.Helper()
	k := run.(Keeper)
	if k.Oldest() == 0 {
		s.parts = nil
		return
	}
	part, anew, err := k.Save(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if anew {
		s.parts = nil
	}
	if len(part) > 0 {
		s.parts = append(s.parts, part)
	}
}

// restore makes a new runner that takes up what was saved.
func (s *saver) restore(r *trial, env Env) {
	s.t.Helper()
	held := r.run.(Keeper).Held()
	r.run = start(s.t, r.step, env).run
	k := r.run.(Keeper)
	for _, p := range s.parts {
		if err := k.Restore(slices.Clone(p), &record.Origin{Name: "file.csv", ID: "file"}); err != nil {
			s.t.Fatal(err)
		}
	}
	if k.Held() != held {
		s.t.Errorf("%d rows are held after a restore, %d were before", k.Held(), held)
	}
}

// A step that is stopped after any batches, and goes on in a new runner with
// what was saved, does what one does that was never stopped.
func TestKeepProperty(t *testing.T) {
	in := schema("order string?", "sku string?", "amount int")
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(keeping).Draw(t, "step")
		s := bind(t, c.kind, in, c.src, nil)
		calm, wild := start(t, s, store{}.env()), store{}
		r := start(t, s, wild.env())
		for range rapid.IntRange(1, 3).Draw(t, "objects") {
			var batches, same []*record.Batch
			no := int64(1)
			for range rapid.IntRange(0, 5).Draw(t, "batches") {
				var rows []string
				for range rapid.IntRange(1, 5).Draw(t, "rows") {
					rows = append(rows, fmt.Sprintf("%s|%s|%d", rapid.SampledFrom([]string{"a", "b", "c", "~", ""}).Draw(t, "order"),
						rapid.SampledFrom([]string{"x", "y", "~"}).Draw(t, "sku"), rapid.IntRange(0, 3).Draw(t, "amount")))
				}
				batches, same = append(batches, table(in, no, rows...)), append(same, table(in, no, rows...))
				no += int64(len(rows))
			}
			calm.object(batches...)
			disturbed(t, r, wild, same)
		}
		want(t, "rows", r.rows, calm.rows)
		want(t, "texts", r.raws, calm.raws)
		want(t, "rejects", r.rejects, calm.rejects)
		if r.tally != calm.tally || fmt.Sprint(r.nos) != fmt.Sprint(calm.nos) {
			t.Errorf("tally %+v, row numbers %v, want %+v, %v", r.tally, r.nos, calm.tally, calm.nos)
		}
	})
}

// disturbed gives the runner of r one object, with commits and restarts between batches.
func disturbed(t *rapid.T, r *trial, env store, batches []*record.Batch) {
	s := saver{t: t}
	for _, b := range batches {
		r.batch(b)
		switch rapid.IntRange(0, 2).Draw(t, "then") {
		case 1:
			s.save(r.run)
		case 2:
			s.save(r.run)
			s.restore(r, env.env())
		}
	}
	r.object()
}

func TestRestoreUnderAnotherConfiguration(t *testing.T) {
	in := schema("order string?", "sku string?", "amount int")
	for i, c := range keeping {
		run := start(t, bind(t, c.kind, in, c.src, nil), store{}.env()).run
		if _, err := run.Apply(t.Context(), table(in, 5, "a|x|1", "a|x|2"), &Tally{}); err != nil {
			t.Fatal(err)
		}
		part, _, err := run.(Keeper).Save(nil)
		if err != nil {
			t.Fatal(err)
		}
		for j, other := range keeping {
			k := start(t, bind(t, other.kind, in, other.src, nil), store{}.env()).run.(Keeper)
			if err := k.Restore(part, &record.Origin{}); i != j && !errors.Is(err, ErrOtherConfig) || i == j && err != nil {
				t.Errorf("%s took up what %s saved: %v", other.src, c.src, err)
			}
			if i != j && k.Oldest() != 0 {
				t.Errorf("%s holds something of what %s saved", other.src, c.src)
			}
		}
		var rows []KeptRow
		if _, err := KeptRows(part, func(r KeptRow) { rows = append(rows, r) }); err != nil || int64(len(rows)) != run.(Keeper).Held() {
			t.Errorf("%s saved %d rows, %v", c.src, len(rows), err)
		}
		if c.kind != "check" {
			if diff := cmp.Diff(KeptRow{6, 7, []byte("a|x|2\n")}, rows[1]); diff != "" {
				t.Error(diff)
			}
		}
		for n := range part { // cut short, it is damaged
			if err := start(t, bind(t, c.kind, in, c.src, nil), store{}.env()).run.(Keeper).Restore(part[:n], &record.Origin{}); err == nil {
				t.Errorf("%s took up %d of %d bytes", c.src, n, len(part))
			}
			_, _ = KeptRows(part[:n], func(KeptRow) {})
		}
	}
}

// Every kind of value comes back as it was.
func TestSavedValues(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 7, 1, 12, 0, 0, 123456000, zone)
	list := record.ListOf(record.ObjectOf([]record.Field{{Name: "a", Type: record.NullableOf(record.Int)}, {Name: "b", Type: record.ListOf(record.Of(record.String))}}))
	s := record.NewSchema([]record.Field{
		{Name: "bool", Type: record.NullableOf(record.Bool)}, {Name: "int", Type: record.NullableOf(record.Int)},
		{Name: "float", Type: record.NullableOf(record.Float)}, {Name: "decimal", Type: record.NullableOf(record.Decimal)},
		{Name: "string", Type: record.NullableOf(record.String)}, {Name: "time", Type: record.Type{Kind: record.Time, Nullable: true, Zone: zone}},
		{Name: "date", Type: record.NullableOf(record.Date)}, {Name: "list", Type: record.Type{Kind: record.List, Nullable: true, Elem: list.Elem}},
		{Name: "any", Type: record.Of(record.Any)}, {Name: "null", Type: record.Of(record.Null)},
	})
	b := &record.Batch{}
	b.Reset(s, 2)
	b.Origin = &record.Origin{Name: "f", Header: []byte("a;b")}
	b.FirstRow, b.FirstLine = 41, 90
	b.Cols[0].Bools[0], b.Cols[1].Ints[0], b.Cols[2].Floats[0] = true, -5, 1.5
	b.Cols[3].SetDec(0, record.DecimalValue{Coef: -1234, Scale: 2})
	b.Cols[4].SetString(0, []byte("a\x00b"))
	b.Cols[5].Ints[0], b.Cols[6].Ints[0] = at.UnixMicro(), 19000
	fillList(&b.Cols[7])
	b.Cols[8].Anys[0] = map[string]any{"n": nil, "t": true, "i": -7, "f": 0.25, "s": "x", "d": record.DecimalValue{Coef: 5, Scale: 1},
		"day": record.DateValue{Days: 3}, "at": at, "off": at.In(time.FixedZone("", 3600)), "l": []any{1, "2", []any{}}}
	for c := range b.Cols {
		if c != 7 {
			setNullAt(&b.Cols[c], 1)
		}
	}
	slots := make([]record.Slot, s.Len())
	for i := range slots {
		slots[i] = record.Slot(i)
	}
	x, y := newRowBuffer(s, slots), newRowBuffer(s, slots)
	for i := range 2 {
		x.append(b, i)
	}
	part, err := x.save(beginSaved(nil, "s"), 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &savedReader{b: part}
	d.begin()
	y.restore(d, &record.Origin{Name: "f", ID: "id"})
	if d.bad || len(d.b) > 0 {
		t.Fatalf("%d bytes are left, bad %v", len(d.b), d.bad)
	}
	for c := range b.Cols {
		for i := range 2 {
			if got, want := show(&y.b.Cols[c], i), show(&x.b.Cols[c], i); got != want {
				t.Errorf("%s of row %d is %s, want %s", s.Fields()[c].Name, i, got, want)
			}
		}
	}
	if diff := cmp.Diff(x.b.Cols[8].Anys, y.b.Cols[8].Anys); diff != "" {
		t.Error(diff)
	}
	if o := y.b.Origin; o.ID != "id" || string(o.Header) != "a;b" || y.b.RowNos[1] != 42 || y.b.Lines[1] != 91 {
		t.Errorf("rows come from %+v, row %d, line %d", o, y.b.RowNos[1], y.b.Lines[1])
	}
}

// fillList makes the first value of c [{a: 1, b: [x, y]}, {a: nil, b: []}], the second null.
func fillList(c *record.Column) {
	c.Offs[1], c.Offs[2] = 2, 2
	var one record.Column
	one.Resize(*c.Type.Elem, 2)
	one.Fields[0].Ints[0] = 1
	one.Fields[0].SetNull(1)
	words := &one.Fields[1]
	var w record.Column
	w.Resize(record.Of(record.String), 2)
	w.SetString(0, []byte("x"))
	w.SetString(1, []byte("y"))
	words.Elem.AppendFrom(&w, 0)
	words.Elem.AppendFrom(&w, 1)
	words.Offs[1], words.Offs[2] = 2, 2
	c.Elem.AppendFrom(&one, 0)
	c.Elem.AppendFrom(&one, 1)
	c.SetNull(1)
}

func setNullAt(c *record.Column, i int) {
	if c.Type.Kind == record.Any {
		c.Anys[i] = nil
		return
	}
	c.SetNull(i)
}
