package compute

import (
	"testing"

	"weir/engine/function"
	"weir/engine/record"
)

// nativeExprs have kernels of their own, without a box or an allocation for a row.
var nativeExprs = [...]string{
	"coalesce(sn, s)", "coalesce(in_, i)", "coalesce(addrn, addr)", "coalesce(nil, dayn, day)", "coalesce(sn, nil)", "coalesce(d, dn)",
	"nullif(s, '')", "nullif(trim(s), s2)", "nullif(i, 0)", "nullif(d, 0)", "nullif(dn, 10.5)", "nullif(f, f)", "nullif(day, dayn)", "nullif(at, atn)", "nullif(b, true)", "nullif(sn, nil)",
	"blank(s)", "blank(sn)", "blank(i)", "blank(in_)", "blank(x)", "blank(addrn)", "not blank(trim(s))",
	"round(d, 1)", "round(f, 2)", "round(fn, 0)", "round(dn, 2)", "round(i, 2)", "fixed(d, 2)", "fixed(dn, 0)", "fixed(in_, 3)", "round(d)", "abs(d)", "abs(i)", "abs(f)",
	"year(day)", "month(dayn)", "day(at)", "year(atn)", "month(in_zone(at, 'Pacific/Auckland'))",
	"in_zone(at, 'Asia/Tokyo')", "in_zone(atn, 'UTC')", "date(at)", "date(atn)", "date(day)", "date(in_zone(atn, 'Pacific/Auckland'))",
	"join_nonempty(' ', s, sn, s2)", "join_nonempty(sn, s, nil, i, d, b, day, ' ')", "join_nonempty(nil, s, s2)",
	"b ? addr : addrn", "addrn ?? addr", "b ? items : filter(items, .ok)", "b ? tags : nil", "b ? {city: s, zip: sn} : addr", "b ? first(items) : last(items)",
	"find(items, .qty > 5)?.sku", "findLast(tags, # != '')", "findIndex(nums, # > 2)", "findLastIndex(items, .ok)", "mean(nums)", "mean(map(items, .rate))", "split(s, ',')", "first(split(s, ' '))", "split(s, '')", "split(s, s2)", "len(split(sn ?? 'a b', ' '))", "join(tags, '-')", "join(tags)", "join(map(items, .sku), s)",
	"let y = lower(s); y == s2 ? y : y + y",
}

func TestNative(t *testing.T) {
	c := New(genSchema(), Options{Now: fixed, Functions: function.All()})
	g := &gen{r: randOf(5)}
	b := g.batch(200)
	for _, src := range nativeExprs {
		e := compileRow(t, c, src)
		if ok, why := e.Kernel(); !ok {
			t.Errorf("%s: %s", src, why)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d %v: %s", src, i, rowOf(b, i), d)
				break
			}
		}
		ev := e.New()
		ev.Rows(b, "map.t", "x")
		if n := testing.AllocsPerRun(20, func() { ev.Rows(b, "map.t", "x") }); n != 0 {
			t.Errorf("%s: %v allocations a batch", src, n)
		}
	}
}

// Values of types that have nothing in common are a column of Any.
func TestMixedTypes(t *testing.T) {
	c := New(genSchema(), Options{Now: fixed, Functions: function.All()})
	b := (&gen{r: randOf(6)}).batch(100)
	for _, src := range []string{
		"b ? s : i", "b ? x : d", "x ?? s", "x ?? items", "sn ?? i", "b ? addr : {zip: i}", "b ? items : []", "b ? [s] : [sn]", "b ? [[i]] : [[in_]]", "coalesce(x, items, s)",
		"coalesce(addr, {other: i})", "coalesce(6 % i, 5)", "b ? nil : {a: nil, b: [addrn]}", "map(items, .ok ? # : nil)", "map(items, .ok ? .parts : [])",
		"b ? {n: i} : {n: d}", "nullif(i, d)", "nullif(s, i)", "mean(map(items, .price))", "coalesce(s, 6 % i)",
	} {
		e := compileRow(t, c, src)
		if e.slow != "" {
			t.Errorf("%s: %s", src, e.slow)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d %v: %s", src, i, rowOf(b, i), d)
				break
			}
		}
	}
	if e := compileRow(t, c, "b ? addr : {zip: i}"); e.Type().Kind != record.Any {
		t.Errorf("type %s", e.Type())
	}
}
