package compute

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/record"
)

func sampleSchema(loc *time.Location) *record.Schema {
	return record.NewSchema([]record.Field{
		field("first", tString), field("last", tString), field("email", record.NullableOf(record.String)),
		field("n", tInt), field("price", tDec), field("rate", tFloat), field("day", tDate),
		field("at", record.Type{Kind: record.Time, Zone: loc}), field("paid", record.NullableOf(record.Decimal)),
		field("tags", record.ListOf(tString)), field("Odd Name", tString),
		field("items", record.ListOf(record.ObjectOf([]record.Field{field("sku", tString), field("price", tDec), field("qty", tInt)}))),
		{Name: "meta", Type: record.ObjectOf([]record.Field{field("object", tString), field("row", tInt)}), Hidden: true},
		field("extra", tAny),
	})
}

func sampleRows(loc *time.Location) [][]any {
	item := func(sku, price string, qty int) any {
		return map[string]any{"sku": sku, "price": dec(price), "qty": qty}
	}
	meta := map[string]any{"object": "/srs/a.csv", "row": 1}
	return [][]any{
		{" Jan ", "Öz", "jan@x.nl", 3, dec("10.50"), 0.5, day(2024, 2, 29), time.Date(2024, 7, 1, 12, 0, 0, 0, loc), dec("1"),
			[]any{"a", "b"}, "odd", []any{item("s1", "1.10", 2), item("s2", "2.20", 0)}, meta, map[string]any{"k": 1}},
		{"", "", nil, 0, dec("-3"), -1.25, day(1969, 12, 31), time.Date(1960, 1, 1, 0, 0, 0, 0, loc), nil, []any{}, "", []any{}, meta, nil},
	}
}

func TestVM(t *testing.T) {
	loc := amsterdam(t)
	c := New(sampleSchema(loc), Options{Now: fixed, Functions: testFunctions(), Vars: map[string]any{"shop": "PL", "list": []any{"PL", "DE"}, "deep": map[string]any{"n": 2}}})
	b := batchOf(c.schema, sampleRows(loc))
	for _, tt := range []struct {
		src  string
		typ  string
		want [2]any // string starting with "!" is an error
	}{
		{"trim(first) + ' ' + last", "string", [2]any{"Jan Öz", " "}},
		{"email == 'jan@x.nl'", "bool", [2]any{true, false}},
		{"email ?? 'none'", "string", [2]any{"jan@x.nl", "none"}},
		{"email == nil or email startsWith 'jan'", "bool", [2]any{true, true}},
		{"email in ['', 'jan@x.nl']", "bool", [2]any{true, false}},
		{"price * 1.21", "decimal", [2]any{dec("12.705"), dec("-3.63")}},
		{"price / 3", "decimal", [2]any{dec("3.5"), dec("-1")}},
		{"price > 10", "bool", [2]any{true, false}},
		{"price == 10.5", "bool", [2]any{true, false}},
		{"-price", "decimal", [2]any{dec("-10.5"), dec("3")}},
		{"paid == 1", "bool", [2]any{true, false}},
		{"n > 0 ? n : 2.5", "float", [2]any{3.0, 2.5}},
		{"n > 0 ? price : 0", "decimal", [2]any{dec("10.5"), dec("0")}},
		{"n > 0 ? 'x' : nil", "string or nil", [2]any{"x", nil}},
		{"7 % n", "int", [2]any{1, "!division by zero"}},
		{"n / 2", "float", [2]any{1.5, 0.0}},
		{"sum(items, .price * .qty)", "decimal", [2]any{dec("2.2"), dec("0")}},
		{"max(map(items, .price))", "decimal or nil", [2]any{dec("2.2"), nil}},
		{"map(items, .sku)", "list of string", [2]any{[]any{"s1", "s2"}, []any{}}},
		{"first(items)?.sku", "string or nil", [2]any{"s1", nil}},
		{"items[0].sku", "string", [2]any{"s1", "!index out of range: 0 (array length is 0)"}},
		{"{id: n, tags: tags}", "{id int, tags list of string}", [2]any{map[string]any{"id": 3, "tags": []any{"a", "b"}}, map[string]any{"id": 0, "tags": []any{}}}},
		{`row["Odd Name"] + var.shop`, "string", [2]any{"oddPL", "PL"}},
		{"var.shop in var.list and var.deep.n == 2", "bool", [2]any{true, true}},
		{"meta.object", "string", [2]any{"/srs/a.csv", "/srs/a.csv"}},
		{"now()", "datetime", [2]any{fixed(), fixed()}},
		{"now() - duration('24h') < at", "bool", [2]any{true, false}},
		{"(now() - at).Hours() < 1", "bool", [2]any{true, false}},
		{"at.Year()", "int", [2]any{2024, 1960}},
		{"at.Month()", "int", [2]any{7, 1}},
		{"day < day", "bool", [2]any{false, false}},
		{"string(price) + '/' + string(day)", "string", [2]any{"10.5/2024-02-29", "-3/1969-12-31"}},
		{"toJSON({p: price})", "string", [2]any{"{\n  \"p\": 10.5\n}", "{\n  \"p\": -3\n}"}},
		{"extra.k", "any", [2]any{1, "!there is no k in nil"}},
		{"extra?.k", "any", [2]any{1, nil}},
		{"let x = n + 1; x * 2", "int", [2]any{8, 2}},
		{"email(email ?? '')", "string or nil", [2]any{"jan@x.nl", nil}},
		{"first | trim() | upper()", "string", [2]any{"JAN", ""}},
		{"sortBy(items, .price, 'desc') | map(.sku)", "list of string", [2]any{[]any{"s2", "s1"}, []any{}}},
		{"mean(map(items, .price))", "decimal", [2]any{dec("1.65"), dec("0")}},
		{"groupBy(items, .sku)", "any", [2]any{map[string]any{
			"s1": []any{map[string]any{"sku": "s1", "price": dec("1.10"), "qty": 2}},
			"s2": []any{map[string]any{"sku": "s2", "price": dec("2.20"), "qty": 0}}}, map[string]any{}}},
		{"[n, findLastIndex(items, .qty > 0), findLastIndex(items, .qty > 9), n]", "list of int or nil", [2]any{[]any{3, 0, nil, 3}, []any{0, nil, nil, 0}}},
		{"[findLast(tags, # == 'z'), findLast(tags, #index < 1), first]", "list of string or nil", [2]any{[]any{nil, "a", " Jan "}, []any{nil, nil, ""}}},
		{"findLast(tags, any(tags, #index == 1 and # == 'b'))", "string or nil", [2]any{"b", nil}},
		{"round(price)", "decimal", [2]any{dec("11"), dec("-3")}},
		{"[n, 1]", "list of int", [2]any{[]any{3, 1}, []any{0, 1}}},
	} {
		t.Run(tt.src, func(t *testing.T) {
			e := compileRow(t, c, tt.src)
			if got := e.Type().String(); got != tt.typ {
				t.Errorf("type %s, want %s", got, tt.typ)
			}
			for i, o := range outcomes(e, b, false) {
				got := o.v
				if o.err != "" {
					got = "!" + o.err
				}
				if d := cmp.Diff(tt.want[i], got); d != "" {
					t.Errorf("row %d (-want +got):\n%s", i, d)
				}
			}
		})
	}
}
