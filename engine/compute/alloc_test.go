package compute

import (
	"fmt"
	"testing"

	"weir/engine/function"
	"weir/engine/plugin"
	"weir/engine/record"
)

// jobA are the expressions of a customers' mapping.
var jobA = [...]string{
	"lower(trim(email))",
	"trim(first + ' ' + last)",
	"gender == 'M' ? 'male' : gender in ['F','K'] ? 'female' : gender == 'X' ? 'other' : 'unknown'",
	"street + ' ' + house_no",
	"country == '' ? 'PL' : country",
	"customer_no == '' and email == ''",
	"customer_no",
	"decimal(total)",
	"phone ?? ''",
	"{no: customer_no, name: {first: trim(first), last: last}}",
	"strftime(at, '2006-01-02')",
	"points * 2 > 10 and not (phone == nil)",
	"replace(upper(city), 'A', 'X') contains 'X'",
	"paid * 1.21 + fee",
	"email(email)",
}

func customerSchema() *record.Schema {
	fields := []record.Field{{Name: "at", Type: tTime}, {Name: "points", Type: tInt}, {Name: "paid", Type: tDec}, {Name: "fee", Type: tDec}, {Name: "phone", Type: record.NullableOf(record.String)}}
	for _, n := range []string{"customer_no", "email", "first", "last", "gender", "street", "house_no", "country", "city", "total"} {
		fields = append(fields, field(n, tString))
	}
	return record.NewSchema(fields)
}

func customers(n int) *record.Batch {
	var rows [][]any
	for i := range n {
		var phone any
		if i%3 == 0 {
			phone = fmt.Sprint("+48", i)
		}
		rows = append(rows, []any{fixed(), i % 9, dec("10.5"), dec("0.25"), phone, fmt.Sprintf("%05d", i), fmt.Sprintf(" Jan.%d@Example.nl ", i), " Jan", "Kowalski ",
			[]string{"M", "K", "X", ""}[i%4], "Długa", fmt.Sprint(i % 90), []string{"", "DE"}[i%2], "Łódź", fmt.Sprintf("1.%03d,56", i%1000)})
	}
	return batchOf(customerSchema(), rows)
}

func TestJobA(t *testing.T) {
	c := New(customerSchema(), Options{Now: fixed, Functions: testFunctions()})
	b := customers(50)
	for _, src := range jobA {
		e := compileRow(t, c, src)
		if ok, why := e.Kernel(); !ok {
			t.Errorf("%s has no kernel: %s", src, why)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d: %s", src, i, d)
			}
		}
	}
	e := compileRow(t, c, jobA[2])
	for i, want := range []string{"male", "female", "other", "unknown"} {
		if got := outcomes(e, b, true)[i].v; got != want {
			t.Errorf("gender of row %d is %v, want %s", i, got, want)
		}
	}
}

// A kernel keeps its buffers: after the first batch it allocates nothing.
func TestNoAllocation(t *testing.T) {
	c := New(customerSchema(), Options{Now: fixed, Functions: steadyFunctions()})
	b := customers(1024)
	for _, src := range jobA {
		ev := compileRow(t, c, src).New()
		ev.Rows(b, "map.t", "x")
		if n := testing.AllocsPerRun(20, func() { ev.Rows(b, "map.t", "x") }); n != 0 {
			t.Errorf("%s: %v allocations a batch", src, n)
		}
	}
	b.Sel = []int32{1, 5, 900}
	ev := compileRow(t, c, jobA[2]).New()
	ev.Rows(b, "map.t", "x")
	if n := testing.AllocsPerRun(20, func() { ev.Rows(b, "map.t", "x") }); n != 0 {
		t.Errorf("with a selection: %v allocations a batch", n)
	}
}

// steadyFunctions are testFunctions whose fast forms allocate nothing themselves.
func steadyFunctions() []function.Function {
	fs := testFunctions()
	for i := range fs {
		if fs[i].Name == "email" {
			fs[i].Prepare = func([]any) (function.Fast, error) {
				return function.Fast{Str: func(dst, s []byte) ([]byte, bool, error) { return append(dst, s...), len(s)%2 == 0, nil }}, nil
			}
		}
	}
	return fs
}

func TestNoAllocationSegments(t *testing.T) {
	c := New(lineSchema(), Options{})
	b := lineBatch(c.schema)
	offs := []uint32{0, 3, 4, 6}
	for _, src := range []string{
		"first(rows).number", "all(rows, .amount <= 0) and any(rows, .amount < 0) ? 'Return' : 'Purchase'", "sum(rows, .amount)",
		"map(rows, .product)", "len(rows)", "last(rows).email", "max(map(rows, .day))", "sum(filter(rows, .qty > 0), .amount * .qty)", "count(rows, .order == 'a')",
	} {
		ev := rowsExpr(t, c, src).New().(plugin.SetEval)
		ev.Segments(b, offs, "g", "x")
		if n := testing.AllocsPerRun(20, func() { ev.Segments(b, offs, "g", "x") }); n != 0 {
			t.Errorf("%s: %v allocations a batch", src, n)
		}
	}
}

func BenchmarkJobA(b *testing.B) {
	c := New(customerSchema(), Options{Now: fixed, Functions: steadyFunctions()})
	batch := customers(1024)
	for _, src := range jobA {
		for _, kernels := range []bool{true, false} {
			ev := compileRow(b, c, src).newEval(kernels)
			b.Run(fmt.Sprintf("kernels=%v/%s", kernels, src), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ev.Rows(batch, "map.t", "x")
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1024), "ns/row")
			})
		}
	}
}
