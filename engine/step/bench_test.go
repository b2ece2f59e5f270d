package step

import (
	"fmt"
	"testing"

	"weir/engine/record"
)

// benchmark feeds one object of n batches of 1024 rows to a step, over and over.
func benchmark(b *testing.B, kind, src string) {
	in := schema("order string", "email string", "sku string", "amount decimal")
	s := bind(b, kind, in, src, nil)
	st := &countingState{memState: memState{}}
	run := s.New(Env{State: func(string) State { return st }}, s.Out().Visible())
	rows := make([]string, 1024)
	for i := range rows {
		rows[i] = fmt.Sprintf("order-%d|customer%d@example.com|sku-%d|%d.25", i/3, i/3, i, i)
	}
	batch, tally, ctx := table(in, 1, rows...), &Tally{}, b.Context()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		batch.Sel = nil
		if _, err := run.Apply(ctx, batch, tally); err != nil {
			b.Fatal(err)
		}
		if err := run.EndObject(ctx, tally, func(*record.Batch) error { return nil }); err != nil {
			b.Fatal(err)
		}
		n += len(rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/row")
}

func BenchmarkSteps(b *testing.B) {
	const total = `
		by     = ["order"]
		fields = { email = "first(rows).email", total = "sum(rows, .amount)" }
	`
	for _, bm := range [][3]string{
		{"map", "map", `fields = { id = "order", mail = "lower(email)", amount = "amount * 2" }`},
		{"filter", "filter", `drop = "sku == 'sku-7'"`},
		{"unique", "check", `unique = ["sku"]`},
		{"dedupe known", "dedupe", `keys = { order = "order" }`},
		{"dedupe changed", "dedupe", "keys = { order = \"order\" }\nkeep = \"changed\""},
		{"dedupe two keys", "dedupe", "keys = { a = \"order\", b = \"email\" }\norder = [\"a\", \"b\"]\nkeep = \"changed\""},
		{"group object", "group", total},
		{"group adjacent", "group", total + `within = "adjacent"`},
	} {
		b.Run(bm[0], func(b *testing.B) { benchmark(b, bm[1], bm[2]) })
	}
}
