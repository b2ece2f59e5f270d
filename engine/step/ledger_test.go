package step

import (
	"testing"

	"pgregory.net/rapid"

	"weir/engine/record"
)

// Whatever rows come, cut into whatever batches, with whatever rows left out
// before: each is on its way, counted or rejected (I3). The trial checks the sum
// after every object; here every step meets rows that fail in its expressions.
func TestLedgerBalances(t *testing.T) {
	in := schema("id string?", "n string?", "ok bool?", "list any")
	steps := map[string][]string{
		"map":    {`fields = { n = "int(n ?? '')", id = "id" }`, `keep = "*"`},
		"filter": {`drop = "ok"`, `keep = "int(n ?? '') > 1"`},
		"check": {`rule "r" { that = "int(n ?? '') < 2" }
			unique = ["id"]`, `one_to_one = ["id", "n"]
			rule "ok" {
				that    = "ok"
				message = "{int(n ?? '')} of {id}"
			}`, `in {
				field  = "id"
				values = ["1", "2"]
			}`},
		"dedupe": {`keys = { id = "id" }`, `keys = { n = "int(n ?? '')" }
			keep = "changed"`, `keys = { id = "id", n = "n" }
			order = ["n", "id"]
			keep = "last"
			no_key = "pass"
			max_merge = 2`},
		"group": {`by = ["id"]
			fields = { n = "sum(rows, int(.n ?? ''))", all = "rows" }`, `by = ["id", "int(n ?? '')"]
			within = "adjacent"
			fields = { n = "len(rows)", first = "first(rows).id" }`},
		"expand": {`rows = "list"
			fields = { x = "int(item)", n = "n" }`, `rows = "split(n ?? '', '')"
			keep = "*"`},
	}
	cell := rapid.SampledFrom([]string{"~", "", "1", "2", "x", "3"})
	flag := rapid.SampledFrom([]string{"~", "true", "false"})
	for kind, sources := range steps {
		for _, src := range sources {
			t.Run(kind, func(t *testing.T) {
				s := bind(t, kind, in, src, nil)
				rapid.Check(t, func(rt *rapid.T) {
					r := start(rt, s, store{}.env())
					for range rapid.IntRange(1, 3).Draw(rt, "objects") {
						var batches []*record.Batch
						next := int64(1)
						for range rapid.IntRange(0, 3).Draw(rt, "batches") {
							b := randomBatch(rt, in, next, cell, flag)
							next += int64(b.N)
							batches = append(batches, b)
						}
						r.object(batches...)
					}
				})
			})
		}
	}
}

func randomBatch(rt *rapid.T, in *record.Schema, first int64, cell, flag *rapid.Generator[string]) *record.Batch {
	var rows []string
	lists := []any{nil, "text", []any{}, []any{"1"}, []any{"2", "x", nil, "4"}}
	for range rapid.IntRange(0, 8).Draw(rt, "rows") {
		rows = append(rows, cell.Draw(rt, "id")+"|"+cell.Draw(rt, "n")+"|"+flag.Draw(rt, "ok")+"|-")
	}
	b := table(in, first, rows...)
	for i := range rows {
		b.Cols[3].Anys[i] = rapid.SampledFrom(lists).Draw(rt, "list")
	}
	if rapid.Bool().Draw(rt, "selected") {
		b.Sel = []int32{}
		for i := range rows {
			if rapid.Bool().Draw(rt, "row") {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}
