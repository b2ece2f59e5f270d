package compute

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plugin"
	"weir/engine/record"
)

func lineSchema() *record.Schema {
	return record.NewSchema([]record.Field{
		field("order", tString), field("number", tString), field("email", record.NullableOf(record.String)), field("amount", tDec), field("qty", tInt), field("day", tDate),
		field("product", record.ObjectOf([]record.Field{field("id", tString), field("price", tDec)})),
		{Name: "meta", Type: record.ObjectOf([]record.Field{field("object", tString)}), Hidden: true},
	})
}

func lineBatch(s *record.Schema) *record.Batch {
	meta := map[string]any{"object": "f"}
	row := func(order, number string, email any, amount string, qty int, d int, id string) []any {
		return []any{order, number, email, dec(amount), qty, day(2024, 1, d), map[string]any{"id": id, "price": dec(amount)}, meta}
	}
	return batchOf(s, [][]any{
		row("a", "1", "x@y", "10.10", 1, 3, "p1"), row("a", "2", nil, "5", 2, 9, "p2"), row("a", "3", nil, "0.05", 0, 1, "p3"),
		row("b", "4", nil, "-7", 1, 2, "p4"),
		row("c", "5", "q@r", "-1", 0, 5, "p5"), row("c", "6", "s@t", "0", 3, 4, "p6"),
	})
}

// rowsExpr compiles a Rows-expression, failing the test on any diagnostic.
func rowsExpr(t testing.TB, c *Compiler, src string, extra ...record.Field) *Expr {
	t.Helper()
	e, ds := c.Rows(txt(src), extra, record.Invalid)
	if len(ds) > 0 {
		t.Fatalf("%s: %s", src, show(ds))
	}
	return e.(*Expr)
}

func product(id, price string) any { return map[string]any{"id": id, "price": dec(price)} }

func TestSegments(t *testing.T) {
	c := New(lineSchema(), Options{Now: fixed})
	for _, tt := range []struct {
		src, typ string
		fast     bool
		want     [3]any
		reads    []record.Slot
	}{
		{"first(rows).number", "string", true, [3]any{"1", "4", "5"}, []record.Slot{1}},
		{"last(rows).email", "string or nil", true, [3]any{nil, nil, "s@t"}, []record.Slot{2}},
		{"all(rows, .amount <= 0) and any(rows, .amount < 0) ? 'Return' : 'Purchase'", "string", true, [3]any{"Purchase", "Return", "Return"}, []record.Slot{3}},
		{"sum(rows, .amount)", "decimal", true, [3]any{dec("15.15"), dec("-7"), dec("-1")}, []record.Slot{3}},
		{"map(rows, .product)", "list of {id string, price decimal}", true, [3]any{
			[]any{product("p1", "10.10"), product("p2", "5"), product("p3", "0.05")}, []any{product("p4", "-7")}, []any{product("p5", "-1"), product("p6", "0")}}, []record.Slot{6}},
		{"len(rows)", "int", true, [3]any{3, 1, 2}, nil},
		{"max(map(rows, .day))", "date", true, [3]any{day(2024, 1, 9), day(2024, 1, 2), day(2024, 1, 5)}, []record.Slot{5}},
		{"min(map(rows, .amount))", "decimal", true, [3]any{dec("0.05"), dec("-7"), dec("-1")}, []record.Slot{3}},
		{"count(rows, .email != nil)", "int", true, [3]any{1, 0, 2}, []record.Slot{2}},
		{"first(filter(rows, .qty > 1))?.number ?? 'none'", "string", true, [3]any{"2", "none", "6"}, []record.Slot{1, 4}},
		{"sum(filter(rows, .qty > 0), .amount * .qty)", "decimal", true, [3]any{dec("20.10"), dec("-7"), dec("0")}, []record.Slot{3, 4}},
		{"rows[0].number + '/' + string(len(rows))", "string", true, [3]any{"1/3", "4/1", "5/2"}, []record.Slot{1}},
		{"map(rows, {{n: .number, q: .qty * 2}})", "list of {n string, q int}", true, [3]any{
			[]any{map[string]any{"n": "1", "q": 2}, map[string]any{"n": "2", "q": 4}, map[string]any{"n": "3", "q": 0}},
			[]any{map[string]any{"n": "4", "q": 2}}, []any{map[string]any{"n": "5", "q": 0}, map[string]any{"n": "6", "q": 6}}}, []record.Slot{1, 4}},
		{"find(rows, .qty > 1)?.number", "string or nil", true, [3]any{"2", nil, "6"}, []record.Slot{1, 4}},
		{"sum(rows, 6 % .qty)", "int", true, [3]any{"!division by zero", 0, "!division by zero"}, []record.Slot{4}},
		{"any(rows, .qty == 1 or 6 % .qty == 0)", "bool", true, [3]any{true, true, "!division by zero"}, []record.Slot{4}},
		{"{total: sum(rows, .amount), lines: map(rows, .product.id)}", "{total decimal, lines list of string}", true, [3]any{
			map[string]any{"total": dec("15.15"), "lines": []any{"p1", "p2", "p3"}}, map[string]any{"total": dec("-7"), "lines": []any{"p4"}},
			map[string]any{"total": dec("-1"), "lines": []any{"p5", "p6"}}}, []record.Slot{3, 6}},
	} {
		t.Run(tt.src, func(t *testing.T) {
			e := rowsExpr(t, c, tt.src)
			if got := e.Type().String(); got != tt.typ {
				t.Errorf("type %s, want %s", got, tt.typ)
			}
			if fast, why := e.Kernel(); fast != tt.fast {
				t.Errorf("kernel %v (%s), want %v", fast, why, tt.fast)
			}
			if d := cmp.Diff(tt.reads, e.Reads()); d != "" {
				t.Errorf("reads (-want +got):\n%s", d)
			}
			for _, kernels := range []bool{false, tt.fast} {
				if d := cmp.Diff(tt.want, [3]any(segments(e, lineBatch(c.schema), []uint32{0, 3, 4, 6}, kernels))); d != "" {
					t.Errorf("kernels %v (-want +got):\n%s", kernels, d)
				}
			}
		})
	}
}

// segments evaluates group by group; a failure is "!" and its reason.
func segments(e *Expr, b *record.Batch, offs []uint32, kernels bool) []any {
	col, failed := e.newEval(kernels).Segments(b, offs, "group.order", "x")
	out := make([]any, len(offs)-1)
	for g := range out {
		out[g] = valueAt(col, g)
	}
	for _, f := range failed {
		out[f.Group] = "!" + f.Reason
	}
	return out
}

func TestSegmentsReject(t *testing.T) {
	c := New(lineSchema(), Options{})
	b := lineBatch(c.schema)
	ev := rowsExpr(t, c, "sum(rows, 6 % .qty)").New().(plugin.SetEval)
	col, failed := ev.Segments(b, []uint32{0, 3, 4, 6}, "group.order", "total")
	if d := cmp.Diff([]plugin.SegmentError{{Group: 0, Reason: "division by zero"}, {Group: 2, Reason: "division by zero"}}, failed); d != "" {
		t.Error(d)
	}
	var rows []int
	for _, r := range b.Rejects {
		rows = append(rows, r.Row)
		if r.Step != "group.order" || r.Column != "total" || r.Code != "row.expression" {
			t.Errorf("reject %+v", r)
		}
	}
	if d := cmp.Diff([]int{0, 1, 2, 4, 5}, rows); d != "" {
		t.Errorf("rejected rows: %s", d)
	}
	if !col.IsNull(0) || col.IsNull(1) || !col.IsNull(2) {
		t.Error("failed groups must be null, others not")
	}
}

// Segments gives extra fields as nulls.
func TestSegmentsExtra(t *testing.T) {
	c := New(lineSchema(), Options{})
	b := lineBatch(c.schema)
	for _, kernels := range []bool{true, false} {
		e := rowsExpr(t, c, "run == nil ? first(rows).number : 'given'", field("run", tString))
		if d := cmp.Diff([]any{"1", "4", "5"}, segments(e, b, []uint32{0, 3, 4, 6}, kernels)); d != "" {
			t.Errorf("kernels %v: %s", kernels, d)
		}
	}
}

func TestSegmentsKernelVM(t *testing.T) {
	g := &gen{r: rand.New(rand.NewPCG(5, 6)), body: true}
	item := *genSchema().Fields()[17].Type.Elem
	c := New(record.NewSchema(item.Fields), Options{Now: fixed, Functions: testFunctions()})
	fast := 0
	for n := range 800 {
		d := 1 + n%3
		src := g.or(
			g.f("sum(rows, %s)", g.inLoop(record.Decimal, d)), g.f("sum(rows, %s)", g.inLoop(record.Float, d)), g.f("map(rows, %s)", g.inLoop(record.String, d)),
			g.f("any(rows, %s) and all(rows, %s)", g.inLoop(record.Bool, d), g.inLoop(record.Bool, d)), g.f("max(map(rows, %s))", g.inLoop(record.Int, d)),
			g.f("count(filter(rows, %s), %s)", g.inLoop(record.Bool, d), g.inLoop(record.Bool, d)), g.f("last(filter(rows, %s))?.sku", g.inLoop(record.Bool, d)))
		x, ds := c.Rows(txt(src), nil, record.Invalid)
		if len(ds) > 0 {
			continue
		}
		e := x.(*Expr)
		if e.slow != "" {
			continue
		}
		fast++
		var rows [][]any
		offs := []uint32{0}
		for range 4 {
			for range 1 + g.r.IntN(4) {
				var row []any
				for _, f := range item.Fields {
					row = append(row, g.value(f.Type))
				}
				rows = append(rows, row)
			}
			offs = append(offs, uint32(len(rows)))
		}
		b := batchOf(c.schema, rows)
		want, got := segments(e, b, offs, false), segments(e, b, offs, true)
		for i := range want {
			if d := sameOutcome(asOutcome(want[i]), asOutcome(got[i])); d != "" {
				t.Fatalf("%s\ngroup %d\n%s", src, i, d)
			}
		}
	}
	if fast < 400 {
		t.Errorf("only %d expressions were compared", fast)
	}
}

func asOutcome(v any) outcome {
	if s, ok := v.(string); ok && len(s) > 0 && s[0] == '!' {
		return outcome{err: s}
	}
	return outcome{v: v}
}

func TestSet(t *testing.T) {
	c := New(lineSchema(), Options{Vars: map[string]any{"key": "K"}})
	b := lineBatch(c.schema)
	b.Sel = []int32{1, 3, 5}
	run := field("run", tString)
	id := batchOf(record.NewSchema([]record.Field{run}), [][]any{{"r7"}}).Cols
	for _, tt := range []struct {
		src  string
		want any
	}{
		{"map(rows, .number)", []any{"2", "4", "6"}},
		{"{events: map(rows, {{n: .number, p: .product}}), run: run, key: var.key}", map[string]any{"run": "r7", "key": "K", "events": []any{
			map[string]any{"n": "2", "p": product("p2", "5")}, map[string]any{"n": "4", "p": product("p4", "-7")}, map[string]any{"n": "6", "p": product("p6", "0")}}}},
		{"sum(rows, .amount)", dec("-2")},
		{"len(rows) > 2 ? rows[1].number + run : ''", "4r7"},
	} {
		e := rowsExpr(t, c, tt.src, run)
		for _, kernels := range []bool{true, false} {
			if kernels && e.slow != "" {
				t.Errorf("%s has no kernel: %s", tt.src, e.slow)
				continue
			}
			col, err := e.newEval(kernels).Set(b, id)
			if err != nil {
				t.Errorf("%s: %v", tt.src, err)
				continue
			}
			if d := cmp.Diff(tt.want, valueAt(col, 0)); d != "" {
				t.Errorf("%s, kernels %v (-want +got):\n%s", tt.src, kernels, d)
			}
		}
	}
}

// The body of a delivery shows whole rows: all visible fields, no hidden one.
func TestSetWhole(t *testing.T) {
	c := New(lineSchema(), Options{})
	e := rowsExpr(t, c, "{events: rows}")
	if d := cmp.Diff([]record.Slot{0, 1, 2, 3, 4, 5, 6}, e.Reads()); d != "" {
		t.Errorf("reads: %s", d)
	}
	b := lineBatch(c.schema)
	b.Sel = []int32{3}
	for _, kernels := range []bool{true, false} {
		col, err := e.newEval(kernels).Set(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"events": []any{map[string]any{"order": "b", "number": "4", "email": nil, "amount": dec("-7"), "qty": 1, "day": day(2024, 1, 2), "product": product("p4", "-7")}}}
		if d := cmp.Diff(want, valueAt(col, 0)); d != "" {
			t.Errorf("kernels %v: %s", kernels, d)
		}
	}
}
