package step

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/record"
)

// orders is a batch of two fields: id, and lines, a list of objects.
func orders(t *testing.T, lines map[string][]string, ids ...string) *record.Batch {
	t.Helper()
	line := record.ObjectOf([]record.Field{{Name: "sku", Type: record.Of(record.String)}, {Name: "n", Type: record.Of(record.Int)}})
	list := record.ListOf(line)
	list.Nullable = true
	s := record.NewSchema([]record.Field{{Name: "id", Type: record.Of(record.String)}, {Name: "lines", Type: list}})
	b := &record.Batch{}
	b.Reset(s, 0)
	b.FirstRow = 1
	for _, id := range ids {
		appendCell(&b.Cols[0], id)
		c := &b.Cols[1]
		ls, ok := lines[id]
		if !ok {
			c.AppendNull()
			b.N++
			continue
		}
		one := &record.Column{}
		one.Resize(list, 1)
		for _, l := range ls {
			elem := record.Column{}
			elem.Resize(line, 1)
			sku, n, _ := strings.Cut(l, " ")
			elem.Fields[0].SetString(0, []byte(sku))
			_, _ = fmt.Sscan(n, &elem.Fields[1].Ints[0])
			one.Elem.AppendFrom(&elem, 0)
		}
		one.Offs[1] = uint32(len(ls))
		c.AppendFrom(one, 0)
		b.N++
	}
	return b
}

func TestExpand(t *testing.T) {
	lines := map[string][]string{"o1": {"a 1", "b 2"}, "o2": {}, "o4": {"c 3"}}
	ids := []string{"o1", "o2", "o3", "o4"}
	tests := []struct {
		name, src, names string
		rows             []string
	}{
		{"fields of both", `rows = "lines"
			keep = ["id"]
			fields = { what = "item.sku + '/' + id", twice = "item.n * 2" }`, "id twice what", []string{"o1|2|a/o1", "o1|4|b/o1", "o4|6|c/o4"}},
		{"the element's own fields", `rows = "lines"`, "sku n", []string{"a|1", "b|2", "c|3"}},
		{"another name, an expression", `rows = "filter(lines ?? [], .n > 1)"
			as = "line"
			fields = { sku = "line.sku" }`, "sku", []string{"b", "c"}},
		{"plain values", `rows = "map(lines ?? [], .sku)"
			keep = ["id"]`, "id item", []string{"o1|a", "o1|b", "o4|c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := orders(t, lines, ids...)
			s := bind(t, "expand", b.Schema, tt.src, nil)
			if got := strings.Join(s.Out().Names(), " "); got != tt.names {
				t.Errorf("fields %s, want %s", got, tt.names)
			}
			r := start(t, s, Env{}).object(b)
			want(t, "rows", r.rows, tt.rows)
			if n := int64(len(tt.rows) - len(ids)); r.tally.Expanded != n {
				t.Errorf("expanded %d, want %d", r.tally.Expanded, n)
			}
		})
	}
}

func TestExpandRejectsOnlyTheElement(t *testing.T) {
	b := orders(t, map[string][]string{"o1": {"1 1", "x 2", "3 3"}}, "o1")
	r := start(t, bind(t, "expand", b.Schema, `rows = "lines"
		fields = { n = "int(item.sku)" }`, nil), Env{}).object(b)
	want(t, "rows", r.rows, []string{"1", "3"})
	if len(r.rejects) != 1 || r.tally.Expanded != 2 {
		t.Errorf("rejects %q, expanded %d", r.rejects, r.tally.Expanded)
	}
}

func TestExpandUntypedList(t *testing.T) {
	in := schema("id string", "list any")
	b := table(in, 1, "o1|-", "o2|~", "o3|text")
	b.Cols[1].Anys[0] = []any{"a", nil, 7}
	r := start(t, bind(t, "expand", in, `rows = "list"
		keep = "*"`, nil), Env{})
	r.object(b)
	if len(r.rows) != 3 || len(r.rejects) != 1 || r.tally.Expanded != 1 {
		t.Errorf("rows %q, rejects %q, expanded %d", r.rows, r.rejects, r.tally.Expanded)
	}
}

func TestExpandReads(t *testing.T) {
	b := orders(t, nil)
	s := bind(t, "expand", b.Schema, `rows = "lines"
		fields = { a = "item.sku", b = "id" }`, nil)
	if got := fmt.Sprint(s.Reads([]record.Slot{0}), s.Reads([]record.Slot{0, 1})); got != "[1] [0 1]" {
		t.Errorf("reads %s", got)
	}
}

func TestExpandDiagnostics(t *testing.T) {
	in := orders(t, nil).Schema
	for src, text := range map[string]string{
		`rows = "id"`: "not a list",
		`rows = "lines"
		as = "id"`: `The row has a field "id"`,
		`rows = "lines"
		fields = { x = "item.skuu" }`: "skuu",
		`rows = "lines"
		as = "a b"`: "plain name",
	} {
		_, ds := problems(t, "expand", in, src, nil)
		mustMention(t, ds, text)
	}
}
