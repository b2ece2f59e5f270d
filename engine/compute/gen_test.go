package compute

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"weir/engine/record"
)

// gen makes random expressions of a wanted kind over genSchema.
type gen struct {
	r    *rand.Rand
	loop int  // how many loops are around
	body bool // use only what an element of items has: for the bodies of Rows-expressions
}

// leaf picks one of the names and literals ns.
func (g *gen) leaf(ns []string) string {
	if g.body {
		ns = slices.DeleteFunc(ns, func(n string) bool {
			return n != "true" && n != "false" && !strings.ContainsAny(n[:1], ".'0123456789-")
		})
	}
	return pick(g.r, ns...)
}

func genSchema() *record.Schema {
	item := record.ObjectOf([]record.Field{
		field("sku", tString), field("note", record.NullableOf(record.String)), field("qty", tInt), field("price", tDec),
		field("rate", tFloat), field("ok", tBool), field("day", tDate), field("parts", record.ListOf(tInt)),
	})
	sub := record.ObjectOf([]record.Field{field("city", tString), field("zip", record.NullableOf(record.String))})
	return record.NewSchema([]record.Field{
		field("s", tString), field("s2", tString), field("sn", record.NullableOf(record.String)),
		field("i", tInt), field("i2", tInt), field("in_", record.NullableOf(record.Int)),
		field("f", tFloat), field("fn", record.NullableOf(record.Float)),
		field("d", tDec), field("d2", tDec), field("dn", record.NullableOf(record.Decimal)),
		field("b", tBool), field("bn", record.NullableOf(record.Bool)),
		field("day", tDate), field("dayn", record.NullableOf(record.Date)),
		field("at", record.Type{Kind: record.Time, Zone: time.FixedZone("X", 7200)}), field("atn", record.NullableOf(record.Time)),
		field("items", record.ListOf(item)), field("tags", record.ListOf(tString)), field("nums", record.ListOf(tInt)),
		field("addr", sub), field("addrn", record.Type{Kind: record.Object, Nullable: true, Fields: sub.Fields}),
		field("x", tAny),
	})
}

func pick[T any](r *rand.Rand, vs ...T) T { return vs[r.IntN(len(vs))] }

func (g *gen) texts() string {
	return pick(g.r, "", "a", "Zoë Łódź 😀 ab", "1e999", " ", "\t \u00a0", " Jan ", "Öz", "M", "PL", "12", "-7", "x@y.nl", "\u00a0nbsp ", "\xff\xfe", "ŁÓDŹ", "1.5", strings.Repeat("ab", 20))
}

func (g *gen) ints() int {
	return pick(g.r, 0, 1, -1, 2, 7, 100, 1<<53+1, math.MaxInt64, math.MinInt64, g.r.IntN(1000)-500)
}

func (g *gen) decs() record.DecimalValue {
	return pick(g.r, dec("0"), dec("1"), dec("-0.01"), dec("10.5"), dec("9000000000000000000"), dec("0.000000000000000001"), dec("3"), record.DecimalFromInt(math.MinInt64), record.NewDecimal(int64(g.r.IntN(100000)), 2))
}

func (g *gen) floats() float64 {
	return pick(g.r, 0, 1, -1.5, math.NaN(), math.Inf(1), math.Copysign(0, -1), 1e6, 1e21, 0.1, g.r.Float64()*100)
}

// value makes a random value of type t.
func (g *gen) value(t record.Type) any {
	if t.Nullable && g.r.IntN(3) == 0 {
		return nil
	}
	switch t.Kind {
	case record.Bool:
		return g.r.IntN(2) == 0
	case record.Int:
		return g.ints()
	case record.Float:
		return g.floats()
	case record.Decimal:
		return g.decs()
	case record.String:
		return g.texts()
	case record.Date:
		return record.DateValue{Days: int64(g.r.IntN(5) - 2)}
	case record.Time:
		return time.UnixMicro(int64(g.r.IntN(4)) * 86_400_000_000 * 100).UTC()
	case record.List:
		out := []any{}
		for range g.r.IntN(4) {
			out = append(out, g.value(*t.Elem))
		}
		return out
	case record.Object:
		out := map[string]any{}
		for _, f := range t.Fields {
			out[f.Name] = g.value(f.Type)
		}
		return out
	}
	return pick[any](g.r, nil, 1, "a", 2.5, true, map[string]any{"k": "v"})
}

func (g *gen) batch(n int) *record.Batch {
	s := genSchema()
	rows := make([][]any, n)
	for i := range rows {
		for _, f := range s.Fields() {
			rows[i] = append(rows[i], g.value(f.Type))
		}
	}
	b := batchOf(s, rows)
	if g.r.IntN(2) == 0 {
		b.Sel = []int32{}
		for i := range n {
			if g.r.IntN(3) > 0 {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// or picks one of several ways to write something; each is made only when picked.
func (g *gen) or(fs ...func() string) string { return fs[g.r.IntN(len(fs))]() }

func (g *gen) leafOr(depth int, leaf func() string, fs ...func() string) string {
	if depth <= 0 || g.r.IntN(6) == 0 {
		return leaf()
	}
	return g.or(fs...)
}

func (g *gen) expr(k record.Kind, depth int) string {
	switch k {
	case record.Bool:
		return g.bool(depth)
	case record.Int:
		return g.int(depth)
	case record.Float:
		return g.float(depth)
	case record.Decimal:
		return g.dec(depth)
	}
	return g.str(depth)
}

func (g *gen) cond(k record.Kind, d int) func() string {
	return func() string {
		return fmt.Sprintf("(%s ? %s : %s)", g.bool(d-1), g.expr(k, d-1), g.expr(k, d-1))
	}
}

func (g *gen) bin(k record.Kind, d int, ops ...string) func() string {
	return func() string { return fmt.Sprintf("(%s %s %s)", g.expr(k, d-1), pick(g.r, ops...), g.expr(k, d-1)) }
}

// f makes a function that formats the results of others.
func (g *gen) f(format string, parts ...func() string) func() string {
	return func() string {
		args := make([]any, len(parts))
		for i, p := range parts {
			args[i] = p()
		}
		return fmt.Sprintf(format, args...)
	}
}

func (g *gen) of(k record.Kind, d int) func() string { return func() string { return g.expr(k, d-1) } }

func (g *gen) null(d int) string {
	return pick(g.r, "sn", "in_", "fn", "dn", "bn", "dayn", "atn", "addrn", "nil", "addrn?.city", "first(items)?.note", "x", "max(nums)", "email(s)")
}

func (g *gen) bool(d int) string {
	leaf := func() string {
		ns := []string{"b", "true", "false", "b", "(bn ?? false)"}
		if g.loop > 0 {
			ns = append(ns, ".ok", ".ok")
		}
		return g.leaf(ns)
	}
	in := func(k record.Kind, list string) func() string {
		return g.f("(%s "+pick(g.r, "in", "not in")+" "+list+")", g.of(k, d))
	}
	return g.leafOr(d, leaf,
		g.cond(record.Bool, d), g.bin(record.Bool, d, "and", "or", "&&", "||", "==", "!="), g.f("not (%s)", g.of(record.Bool, d)),
		g.bin(record.Int, d, "==", "!=", "<", "<=", ">", ">="), g.bin(record.Float, d, "==", "!=", "<", ">="),
		g.bin(record.Decimal, d, "==", "!=", "<", "<=", ">", ">="), g.bin(record.String, d, "==", "!=", "<", ">=", "contains", "startsWith", "endsWith"),
		g.f("(%s %s %s)", g.of(record.Int, d), func() string { return pick(g.r, "==", "!=", "<", "<=", ">", ">=") }, g.of(record.Float, d)),
		g.f("(%s %s %s)", g.of(record.Float, d), func() string { return pick(g.r, "==", "<", ">=") }, g.of(record.Int, d)), g.f("(fn == %s)", g.of(record.Int, d)), g.f("(%s <= %s)", g.of(record.Int, d), g.of(record.Decimal, d)),
		g.f("(%s == 10.5)", g.of(record.Decimal, d)), g.f("(%s != nil)", func() string { return g.null(d) }),
		g.f("(sn == %s)", g.of(record.String, d)), g.f("(in_ == %s)", g.of(record.Int, d)), g.f("(dn != %s)", g.of(record.Decimal, d)),
		g.f("(sn %s %s)", func() string { return pick(g.r, "contains", "startsWith", "endsWith") }, g.of(record.String, d)),
		in(record.String, "['', 'a', 'PL']"), in(record.Int, "[0, 1, 7]"), in(record.Decimal, "[0, 10.5, 3]"), in(record.Float, "[0, 0.1]"), in(record.Int, "[0, 7.0, 1.5, 1e300]"), in(record.Decimal, "[10.5, 1e300]"),
		func() string { return "(sn in ['a', nil])" }, func() string { return "(s matches '^[a-z]+$')" },
		func() string {
			return pick(g.r, "day == dayn", "day < day", "at == atn", "atn == nil", "at <= at", "bn == b")
		},
		g.f("%s(%s, %s)", func() string { return pick(g.r, "any", "all", "none", "one") }, g.items, g.inLoop(record.Bool, d)),
		func() string { return "blank(" + g.null(d) + ")" },
		g.f("(in_ != nil and in_ > %s)", g.of(record.Int, d)), g.f("(sn == nil or blank(sn) or sn + 'x' == %s)", g.of(record.String, d)), g.f("(not (bn == nil) and (bn or %s))", g.of(record.Bool, d)), g.f("blank(%s)", g.of(record.String, d)), g.let(record.Bool, d),
	)
}

func (g *gen) items() string {
	if g.loop == 0 && g.r.IntN(4) == 0 {
		return g.f("filter(items, %s)", g.inLoop(record.Bool, 1))()
	}
	return "items"
}

// inLoop makes an expression for the body of a loop over items.
func (g *gen) inLoop(k record.Kind, d int) func() string {
	return func() string {
		g.loop++
		defer func() { g.loop-- }()
		return g.expr(k, d-1)
	}
}

func (g *gen) int(d int) string {
	leaf := func() string {
		ns := []string{"i", "i2", "0", "1", "-3", "42", "(in_ ?? 5)", "len(tags)"}
		if g.loop > 0 {
			ns = append(ns, ".qty", "len(.parts)", "sum(.parts)")
		}
		return g.leaf(ns)
	}
	return g.leafOr(d, leaf, g.cond(record.Int, d), g.bin(record.Int, d, "+", "-", "*", "%"), g.f("(-%s)", g.of(record.Int, d)),
		g.f("len(%s)", g.of(record.String, d)), g.f("int(%s)", g.of(record.Decimal, d)), g.f("int(%s)", g.of(record.String, d)), g.f("%s(%s)", func() string { return pick(g.r, "abs", "floor", "ceil") }, g.of(record.Int, d)), g.f("int(%s)", g.of(record.Float, d)),
		g.f("%s(%s, %s)", func() string { return pick(g.r, "indexOf", "lastIndexOf") }, g.of(record.String, d), g.of(record.String, d)),
		g.f("sum(%s, %s)", g.items, g.inLoop(record.Int, d)), g.f("count(%s, %s)", g.items, g.inLoop(record.Bool, d)),
		func() string {
			return pick(g.r, "nums[0]", "(max(nums) ?? 3)", "len(items)", "sum(nums)", "items[-1].qty", "at.Year()", "at.Weekday()")
		},
		g.f("(min(map(%s, %s)) ?? 1)", g.items, g.inLoop(record.Int, d)), g.let(record.Int, d),
		g.f("(in_ == nil ? %s : in_ + %s)", g.of(record.Int, d), g.of(record.Int, d)), g.f("sum(map(filter(%s, .note != nil and %s), len(.note)))", g.items, g.inLoop(record.Bool, d)),
		g.f("(len(items) > 0 ? first(items).qty : %s)", g.of(record.Int, d)), g.f("try(%s, %s)", g.of(record.Int, d), g.of(record.Int, d)), g.f("sum(map(%s, try(%s, %s)))", g.items, g.inLoop(record.Int, d), g.inLoop(record.Int, d)),
		g.f("(find(%s, %s)?.qty ?? %s)", g.items, g.inLoop(record.Bool, d), g.of(record.Int, d)),
		g.f("(%s(%s, %s) ?? 0)", func() string { return pick(g.r, "findIndex", "findLastIndex") }, g.items, g.inLoop(record.Bool, d)),
		g.f("(%s ** %s)", g.of(record.Int, d), func() string { return pick(g.r, "0", "1", "2", "3", "(1 + 1)") }),
		g.f("len(split(%s, %s))", g.of(record.String, d), func() string { return pick(g.r, "','", "'a'", "s") }),
		g.f("coalesce(in_, nullif(%s, %s), %s)", g.of(record.Int, d), g.of(record.Int, d), g.of(record.Int, d)),
		g.f("(%s(%s) ?? 0)", func() string { return pick(g.r, "year", "month", "day") }, g.day),
		g.f("(first(sortBy(items, %s))?.qty ?? %s)", g.inLoop(record.Int, d), g.of(record.Int, d)))
}

func (g *gen) float(d int) string {
	leaf := func() string {
		ns := []string{"f", "f", "0.5", "2.0", "1e6", "(fn ?? 1.5)"}
		if g.loop > 0 {
			ns = append(ns, ".rate")
		}
		return g.leaf(ns)
	}
	return g.leafOr(d, leaf, g.cond(record.Float, d), g.bin(record.Float, d, "+", "-", "*", "/", "**"), g.f("(%s / %s)", g.of(record.Int, d), g.of(record.Int, d)), g.f("(%s ** %s)", g.of(record.Int, d), g.of(record.Int, d)),
		g.f("(%s + %s)", g.of(record.Int, d), g.of(record.Float, d)), g.f("(b ? %s : %s)", g.of(record.Int, d), g.of(record.Float, d)),
		g.f("%s(%s)", func() string { return pick(g.r, "abs", "round", "floor", "ceil", "-") }, g.of(record.Float, d)), g.f("round(%s)", g.of(record.Int, d)),
		g.f("round(%s, 1)", g.of(record.Float, d)), g.f("(nullif(%s, f) ?? 0)", g.of(record.Float, d)), g.f("median(map(items, %s))", g.inLoop(record.Float, d)),
		g.f("float(%s)", g.of(record.Decimal, d)), g.f("float(%s)", g.of(record.Int, d)), g.f("float(%s)", g.of(record.String, d)), g.f("mean(map(items, %s))", g.inLoop(record.Int, d)), g.f("sum(%s, %s)", g.items, g.inLoop(record.Float, d)))
}

func (g *gen) dec(d int) string {
	leaf := func() string {
		ns := []string{"d", "d2", "d", "(dn ?? 0)"}
		if g.loop > 0 {
			ns = append(ns, ".price", ".price")
		}
		return g.leaf(ns)
	}
	return g.leafOr(d, leaf, g.cond(record.Decimal, d), g.bin(record.Decimal, d, "+", "-", "*", "/"), g.f("(%s * 1.21)", g.of(record.Decimal, d)),
		g.f("(%s %s %s)", g.of(record.Decimal, d), func() string { return pick(g.r, "+", "*", "/") }, g.of(record.Int, d)), g.f("(b ? %s : %s)", g.of(record.Int, d), g.of(record.Decimal, d)),
		g.f("%s(%s)", func() string { return pick(g.r, "abs", "round", "floor", "ceil", "-") }, g.of(record.Decimal, d)),
		g.f("sum(%s, %s)", g.items, g.inLoop(record.Decimal, d)), g.f("(max(map(%s, %s)) ?? 0)", g.items, g.inLoop(record.Decimal, d)),
		g.f("(decimal(%s) ?? 1)", g.of(record.String, d)), g.let(record.Decimal, d), g.f("round(%s, 2)", g.of(record.Decimal, d)),
		g.f("(nullif(%s, %s) ?? %s)", g.of(record.Decimal, d), func() string { return pick(g.r, "0", "d", "i") }, g.of(record.Decimal, d)),
		g.f("%s(map(%s, %s))", func() string { return pick(g.r, "mean", "median") }, g.items, g.inLoop(record.Decimal, d)),
		g.f("(dn != nil and %s ? dn + %s : %s)", g.of(record.Bool, d), g.of(record.Decimal, d), g.of(record.Decimal, d)))
}

func (g *gen) str(d int) string {
	leaf := func() string {
		ns := []string{"s", "s2", "'a'", "' M '", "''", "sn ?? 'none'", "addr.city", "addrn?.zip ?? 'z'"}
		if g.loop > 0 {
			ns = append(ns, ".sku", ".note ?? '-'")
		}
		return "(" + g.leaf(ns) + ")"
	}
	return g.leafOr(d, leaf, g.cond(record.String, d), g.bin(record.String, d, "+"), g.bin(record.String, d, "+"),
		g.f("%s(%s)", func() string { return pick(g.r, "lower", "upper", "trim") }, g.of(record.String, d)), g.f("%s(%s, 'a')", func() string { return pick(g.r, "trimPrefix", "trimSuffix") }, g.of(record.String, d)),
		g.f("trim(%s, ' aM')", g.of(record.String, d)), g.f("replace(%s, 'a', 'xy')", g.of(record.String, d)), g.f("replace(%s, 'a', '', 1)", g.of(record.String, d)),
		g.f("string(%s)", g.of(record.Int, d)), g.f("string(%s)", g.of(record.Float, d)), g.f("string(%s)", g.of(record.Decimal, d)), g.f("string(%s)", g.of(record.Bool, d)),
		func() string {
			return pick(g.r, "string(day)", "string(at)", "strftime(at, '2006-01-02')", "s[1:3]", "s[-2:]", "s[:-1]", "s[2:-1]", "s[-3:2]", "s2[indexOf(s2, 'b'):]", "(first(items)?.sku ?? 'q')", "items[0].sku", "(last(tags) ?? '')")
		},
		g.f("(max(map(%s, %s)) ?? '')", g.items, g.inLoop(record.String, d)), g.f("(email(%s) ?? '?')", g.of(record.String, d)),
		g.f("s2[%s:%s]", g.of(record.Int, d), g.of(record.Int, d)), g.f("%s[%s:]", g.of(record.String, d), g.of(record.Int, d)),
		g.let(record.String, d), g.f("join_nonempty(%s, sn, %s, dn, day, nil, %s)", g.of(record.String, d), g.of(record.String, d), g.of(record.Int, d)),
		g.f("(nullif(%s, %s) ?? %s)", g.of(record.String, d), g.of(record.String, d), g.of(record.String, d)),
		g.f("coalesce(sn, %s)", g.of(record.String, d)), g.f("(addrn?.zip != nil ? upper(addrn.zip) + addrn.city : %s)", g.of(record.String, d)),
		g.f("(let z = sn; z == nil or %s ? %s : z + lower(sn))", g.of(record.Bool, d), g.of(record.String, d)), g.f("join(map(items, %s), %s)", g.inLoop(record.String, d), g.of(record.String, d)),
		g.f("(first(split(%s, %s)) ?? '')", g.of(record.String, d), func() string { return pick(g.r, "','", "' '", "''", "s") }),
		g.f("toJSON([%s, %s])", g.of(record.String, d), g.of(record.Int, d)), g.f("string(date(%s) ?? day)", g.day),
		g.f("string(in_zone(%s, 'Asia/Tokyo') ?? at)", func() string { return pick(g.r, "at", "atn", "add_days(at, 3)") }))
}

func (g *gen) day() string {
	return pick(g.r, "day", "dayn", "at", "atn", "in_zone(atn, 'America/New_York')", "add_days(day, 40)")
}

// let binds a variable of some kind and may use it as one of kind k.
func (g *gen) let(k record.Kind, d int) func() string {
	return func() string {
		v := fmt.Sprintf("v%d", g.r.IntN(100))
		body := g.expr(k, d-1)
		switch k {
		case record.String:
			body = fmt.Sprintf("%s + %s + %s", v, body, v)
		case record.Bool:
			body = fmt.Sprintf("%s or (%s) or not %s", v, body, v)
		default:
			body = fmt.Sprintf("%s + sum(items, %s) + (%s)", v, v, body)
		}
		return fmt.Sprintf("(let %s = %s; %s)", v, g.expr(k, d-1), body)
	}
}

// top makes a whole expression, whose result may be of any kind.
func (g *gen) top(d int) string {
	k := pick(g.r, record.Bool, record.Int, record.Float, record.Decimal, record.String)
	return g.or(g.of(k, d+1), g.of(k, d+1), g.of(k, d+1),
		g.f("{a: %s, b: %s, c: items}", g.of(k, d), g.of(record.String, d)), g.f("[%s, %s]", g.of(k, d), g.of(k, d)),
		g.f("map(%s, %s)", g.items, g.inLoop(k, d)), g.f("map(items, {{v: %s, w: s}})", g.inLoop(k, d)), g.f("filter(items, %s)", g.inLoop(record.Bool, d)),
		g.f("(%s ? %s : nil)", g.of(record.Bool, d), g.of(k, d)), func() string { return g.null(d) },
		func() string {
			return pick(g.r, "items", "first(items)", "addrn", "addrn?.city", "row", "x", "items[0]", "fromJSON(s)", "groupBy(items, .sku)")
		},
		g.f("(%s ? %s : %s)", g.of(record.Bool, d), g.whole, g.whole), g.f("(%s ?? %s)", g.whole, g.whole), g.f("coalesce(%s, %s)", g.whole, g.whole),
		g.f("map(items, %s ? # : nil)", g.inLoop(record.Bool, d)), g.f("%s(%s, %s)", func() string { return pick(g.r, "find", "findLast") }, g.items, g.inLoop(record.Bool, d)),
		g.f("split(%s, ',')", g.of(record.String, d)),
	)
}

// whole makes objects, lists and values of other kinds.
func (g *gen) whole() string {
	return pick(g.r, "addr", "addrn", "{city: s, zip: nil}", "{city: sn, zip: s}", "items", "filter(items, .ok)", "[]", "nil", "x", "first(items)", "items[0]", "tags", "nums", "[i]", "[s, sn]",
		"addrn?.city", "dn", "5", "{a: i}", "[[i]]", "map(items, .parts)")
}

func randOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
