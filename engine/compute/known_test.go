package compute

import (
	"strings"
	"testing"

	"weir/engine/function"
	"weir/engine/record"
)

func knownSchema() *record.Schema {
	null := func(k record.Kind) record.Type { return record.NullableOf(k) }
	part := record.ObjectOf([]record.Field{field("x", null(record.Int)), field("name", tString)})
	part.Nullable = true
	found := record.ObjectOf([]record.Field{field("body", part), field("tags", record.ListOf(tString))})
	found.Nullable = true
	item := record.ObjectOf([]record.Field{field("price", null(record.Decimal)), field("sku", tString), field("note", null(record.String))})
	items := record.ListOf(item)
	maybe := items
	maybe.Nullable = true
	return record.NewSchema([]record.Field{
		field("n", null(record.Int)), field("m", null(record.Int)), field("i", tInt), field("s", null(record.String)), field("paid", null(record.Bool)),
		field("d", null(record.Decimal)), field("day", null(record.Date)), field("found", found), field("items", items), field("maybe", maybe),
		field("xs", record.ListOf(null(record.Int))), field("x", tAny), field("Odd Name", null(record.Int)),
	})
}

// What a condition finds out is known where it decided that the evaluation goes: the
// expression is taken, its type is as said, and kernels and the VM agree on it.
func TestKnownNotNil(t *testing.T) {
	c := New(knownSchema(), Options{Now: fixed, Functions: function.All(), Vars: map[string]any{"none": nil, "shop": "PL", "table": map[string]any{"PL": 1}}})
	r := randOf(11)
	g := &gen{r: r}
	rows := make([][]any, 60)
	for i := range rows {
		for _, f := range knownSchema().Fields() {
			v := g.value(f.Type)
			switch {
			case f.Type.Kind == record.Int && v != nil:
				v = r.IntN(5)
			case f.Name == "items":
				for _, item := range v.([]any) {
					item.(map[string]any)["price"] = pick[any](r, nil, dec("1.5"), dec("0"))
				}
			case f.Name == "xs":
				v = pick[any](r, []any{}, []any{nil, 1}, []any{1, 2}, []any{nil})
			}
			rows[i] = append(rows[i], v)
		}
	}
	b := batchOf(knownSchema(), rows)
	for _, tt := range []struct{ src, typ string }{
		{"n == nil ? nil : n + 1", "int or nil"}, {"nil != n ? n + 1 : 0", "int"}, {"n != nil and n > 1", "bool"}, {"n == nil or n > 1", "bool"},
		{"not (n == nil) and n > 1", "bool"}, {"!(n == nil or m == nil) && n + m > 1", "bool"}, {"n == nil or m == nil or n + m > 1", "bool"},
		{"n == nil ? nil : m == nil ? nil : n + m", "int or nil"}, {"if n == nil { 0 } else { n + 1 }", "int"},
		{"if n == nil { nil } else if m == nil { n } else { n + m }", "int or nil"}, {"n == i ? n + 1 : 0", "int"}, {"n in [1, 2] ? n + 1 : 0", "int"},
		{"n == 1 or n == 2 ? n + 1 : 0", "int"}, {"(n ?? 0) > 0 ? n + 1 : 0", "int"}, {"(s ?? '') != '' ? upper(s) : ''", "string"}, {"'' == (s ?? '') ? '' : upper(s)", "string"},
		{"blank(s) ? '' : upper(s)", "string"}, {"s contains 'a' ? upper(s) : ''", "string"}, {"paid != nil and paid", "bool"}, {"(paid ?? false) ? (not paid) : true", "bool"},
		{`row["Odd Name"] != nil ? row["Odd Name"] + 1 : 0`, "int"}, {"row.n != nil ? n + 1 : 0", "int"},
		{"found?.body?.x != nil ? found.body.x + len(found.tags) : 0", "int"},
		{"found != nil and found.body != nil and found.body.x == 1", "bool"}, {"found == nil ? '' : found.body == nil ? '' : found.body.name", "string"},
		{"found?.body?.name != nil ? found?.body?.name + '!' : ''", "string"}, {"found != nil ? found?.tags : ['a']", "list of string"},
		{"let v = n; v == nil ? 0 : v + n", "int"}, {"let v = found?.body; v != nil ? v.name + found.body.name : ''", "string"}, {"let ok = n != nil; ok ? n + 1 : 0", "int"},
		{"let ok = n != nil; let v = n; ok and v > 1", "bool"}, {"let v = n ?? m; v != nil ? v + 1 : 0", "int"},
		{"n != nil ? map(items, n + 1) : [0]", "list of int"}, {"filter(items, .price != nil and .price > 1)", "list of {price decimal, sku string, note string or nil}"}, {"sum(filter(items, .price != nil), .price)", "decimal"},
		{"map(filter(xs, # != nil), # + 1)", "list of int"}, {"map(filter(items, .price != nil and not (.note == nil)), .note + string(.price))", "list of string"},
		{"all(xs, # != nil) ? sum(xs) : 0", "int"}, {"none(items, .note == nil) ? map(items, upper(.note)) : ['']", "list of string"}, {"find(items, .note != nil)?.note", "string or nil"},
		{"any(items, .price != nil and any(xs, # != nil and # > 1))", "bool"}, {"map(items, let ok = .note != nil; any(xs, # == 1 and ok) ? .sku : '')", ""},
		{"len(items) > 0 ? first(items).sku : ''", "string"}, {"0 == len(items) ? '' : last(items).sku", "string"}, {"maybe != nil and len(maybe) != 0 ? first(maybe).sku : ''", "string"},
		{"first(items) != nil ? first(items).sku : ''", "string"}, {"len(items) > 0 and items[0].note != nil ? upper(items[0].note) : ''", "string"}, {"any(items, .sku == '') ? first(items).sku : ''", "string"},
		{"email(s) != nil ? upper(email(s)) + s : ''", "string"}, {"date_or_nil(s) == nil ? day : add_days(date_or_nil(s), len(s))", "date or nil"},
		{"lookup(var.table, s) != nil ? lookup(var.table, s) + 1 : 0", "int"}, {"coalesce(n, m) != nil ? coalesce(n, m) + 1 : 0", "int"},
		{"(n == nil ? false : n > 1) ? n + 1 : 0", "int"}, {"(n == nil ? nil : m) != nil ? n + m : 0", "int"},
		{"var.none == nil ? 1 : var.none + 1", "int"}, {"var.none != nil and var.none > 1", "bool"}, {"var.shop == 'PL' ? n : upper(s)", "int or nil"}, {"var.none == nil ? nil : email(var.none)", ""},
		{"date('2026-01-01')", "date"}, {"add_days(date('2026-01-01'), 30) > date('2026-01-02')", "bool"}, {"decimal('1.5') * 2", "decimal"}, {"-decimal('1.5') < 0", "bool"},
		{"day == date('2026-01-01') or day != nil and day < date('1.2.2026', '%-d.%-m.%Y')", "bool"}, {"datetime('2026-01-01T00:00:00Z') in [datetime('2026-01-01T01:00:00+01:00')]", "bool"},
		{"d == decimal('1.50') ? d : decimal('0')", "decimal"}, {"[date('2026-01-01'), date('2026-01-02')]", "list of date"}, {"date('')", "date or nil"},
	} {
		x, ds := c.Row(txt(tt.src), record.Invalid)
		if len(ds) > 0 {
			if tt.typ != "" {
				t.Errorf("%s\n%s", tt.src, marks(tt.src, ds))
			}
			continue
		}
		e := x.(*Expr)
		if got := e.Type().String(); tt.typ != "" && got != tt.typ {
			t.Errorf("%s has type %s, want %s", tt.src, got, tt.typ)
		}
		if e.slow != "" {
			outcomes(e, b, false)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Fatalf("%s\nrow %d %v\n(-VM +kernel):\n%s", tt.src, i, rowOf(b, i), d)
			}
			if err := want[i].err; err != "" && !strings.HasPrefix(err, "out of range") {
				t.Errorf("%s fails in row %d, %v: %s", tt.src, i, rowOf(b, i), want[i].err)
			}
		}
	}
}

// What a condition says nothing about, or says of another value, stays in doubt.
func TestNotKnown(t *testing.T) {
	c := New(knownSchema(), Options{Now: fixed, Functions: function.All()})
	for _, src := range []string{
		"n + 1", "n == nil ? n + 1 : 0", "n != nil ? 0 : n + 1", "n == nil and n > 1", "n != nil or n > 1", "m != nil and n > 1", "n != m ? n + 1 : 0", "n == m ? n + 1 : 0",
		"(n != nil or m != nil) and n > 1", "n != 1 ? n + 1 : 0", "n not in [1] ? n + 1 : 0", "n in xs ? n + 1 : 0",
		"(n ?? 1) > 0 ? n + 1 : 0", "blank(s) ? upper(s) : ''", "not (s contains 'a') ? upper(s) : ''", "n == x ? n + 1 : 0",
		"found?.body?.x == nil ? found.tags : 0", "found != nil ? found.body.name : ''", "found?.body != nil ? found.body.x + 1 : 0",
		"(let v = n; v != nil) ? m + 1 : 0", "let v = n; let ok = m != nil; ok ? v + 1 : 0",
		"any(items, .price != nil) ? sum(items, .price) : 0", "filter(items, .price != nil) == [] ? sum(items, .price) : 0", "map(filter(items, .note != nil), .price + 1)",
		"all(items, .note != nil) ? sum(items, .price) : 0", "not all(xs, # != nil) ? sum(xs) : 0", "map(items, .note != nil) == [] ? map(items, upper(.note)) : []",
		"items[0].note != nil ? upper(items[1].note) : ''", "len(items) >= 0 ? first(items).sku : ''", "email(s) != nil ? upper(email(string(i))) : ''",
		"join_nonempty(s, 'a') != nil ? upper(s) : ''", "coalesce(n, m) != nil ? n + 1 : 0", "(n ?? m) != nil ? n + 1 : 0", "map(xs, # != nil) == [] ? map(xs, # + 1) : []",
		"any(xs, # != nil and any(xs, # > 1))",
	} {
		_, ds := c.Row(txt(src), record.Invalid)
		if len(ds) != 1 || ds[0].Code != "expr.nullable" {
			t.Errorf("%s: %s", src, show(ds))
		}
	}
}

// The advice never puts a value of its own in the place of nil.
func TestAdviceForNil(t *testing.T) {
	c := New(knownSchema(), Options{Functions: function.All()})
	for _, tt := range []struct{ src, want string }{
		{"n + 1", "Write `n == nil ? nil : n + 1` to keep nil, or `(n ?? VALUE)` with what nil stands for."},
		{"n > 1", "Ask for it first: `n != nil and n > 1`. Or write `(n ?? VALUE)` with what nil stands for."},
		{"upper(s)", "Write `s == nil ? nil : upper(s)` to keep nil, or `(s ?? VALUE)` with what nil stands for."},
		{"-(n ?? m)", "Write `(n ?? m) == nil ? nil : -(n ?? m)` to keep nil, or `((n ?? m) ?? VALUE)` with what nil stands for."},
		{"paid ? 1 : 2", "Write `paid == true` when nil shall not count as true, `paid != false` when it shall."},
		{"i > 1 and paid", "Write `paid == true` when nil shall not count as true, `paid != false` when it shall."},
		{"sum(items, .price)", "Leave nil out: `sum(filter(items, .price != nil), .price)`. Or write `(.price ?? VALUE)` with what nil stands for."},
		{"sum(xs)", "Leave nil out: `sum(filter(xs, # != nil))`. Or write `map(xs, # ?? VALUE)` with what nil stands for."},
		{"len(maybe)", "Write `maybe == nil ? nil : len(maybe)` to keep nil, or `(maybe ?? VALUE)` with what nil stands for."},
	} {
		_, ds := c.Row(txt(tt.src), record.Invalid)
		if len(ds) != 1 || ds[0].Code != "expr.nullable" {
			t.Fatalf("%s: %s", tt.src, show(ds))
		}
		if _, got, _ := cutDetail(ds[0].Detail); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.src, got, tt.want)
		}
	}
}

// cutDetail takes the first sentence off.
func cutDetail(s string) (first, rest string, ok bool) { return strings.Cut(s, "never nil. ") }

// A constant that a function refuses is a problem of the plan, at that constant.
func TestBadLiterals(t *testing.T) {
	c := New(knownSchema(), Options{Functions: function.All(), Vars: map[string]any{"day": "s3cret"}})
	for _, tt := range []struct{ src, want string }{
		{"date('2026-13-01')", "     ^^^^^^^^^^^^ expr.argument: This argument cannot be used\n"},
		{"i > 1 ? decimal('1,5') : 0", "                ^^^^^ expr.argument: This argument cannot be used\n"},
		{"add_days(date('2026-02-30'), i)", "              ^^^^^^^^^^^^ expr.argument: This argument cannot be used\n"},
		{"match_re(s, '(')", "            ^^^ expr.argument: This argument cannot be used\n"},
		{"match_re(s, 'a', 1)", "                 ^ expr.argument: This argument cannot be used\n"},
		{"replace_re(s, '(a)', '$1b')", "                     ^^^^^ expr.argument: This argument cannot be used\n"},
		{"format('%d %q', i)", "       ^^^^^^^ expr.argument: This argument cannot be used\n"},
		{"format('%d', sku, i)", "             ^^^ expr.unknown_name: There is no column \"sku\" here\n"},
		{"format('%d %.2f', i, s)", "                     ^ expr.argument: This argument cannot be used\n"},
		{"format('%d', i, 'x')", "                ^^^ expr.argument: This argument cannot be used\n"},
		{"format('%s %s', i)", "       ^^^^^^^ expr.argument: This argument cannot be used\n"},
		{"date(var.day)", "     ^^^^^^^ expr.argument: This argument cannot be used\n"},
	} {
		_, ds := c.Row(txt(tt.src), record.Invalid)
		if got := marks(tt.src, ds); got != tt.want {
			t.Errorf("%s\n%s", tt.src, got)
		}
		if text := show(ds); strings.Contains(text, "s3cret") {
			t.Errorf("%s shows the variable: %s", tt.src, text)
		}
	}
}
