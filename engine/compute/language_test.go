package compute

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/function"
	"weir/engine/record"
)

// The expressions of a receipts pipeline, in the order its rows meet them.
func TestReceipts(t *testing.T) {
	loc := amsterdam(t)
	s := record.NewSchema([]record.Field{
		field("ordernummer", tString), field("bonnummer", tString), field("filiaal", tString), field("datumtijd", record.Type{Kind: record.Time, Zone: loc}),
		field("klantnummer", tString), field("email", tString), field("artikelnummer", tString), field("omschrijving", record.NullableOf(record.String)),
		field("aantal", tInt), field("prijs", tDec), field("bedrag", tDec),
	})
	c := New(s, Options{Functions: testFunctions()})
	b := batchOf(s, [][]any{
		{"", "77", "AMS", time.Date(2024, 7, 1, 12, 30, 0, 0, loc), " 12 ", "A@b.nl", "00123", nil, 2, dec("9.95"), dec("19.90")},
		{"o1", "78", "AMS", time.Date(2024, 7, 1, 12, 30, 0, 0, loc), "", "", "9", "Trui", -1, dec("1"), dec("-1")},
	})
	for _, tt := range []struct {
		src  string
		want [2]any
	}{
		{"ordernummer != '' ? ordernummer : bonnummer + '-' + filiaal + '-' + strftime(datumtijd, '20060102150405')", [2]any{"77-AMS-20240701123000", "o1"}},
		{"trim(klantnummer)", [2]any{"12", ""}},
		{"email(email)", [2]any{"a@b.nl", nil}},
		{"trim(klantnummer) == '' and email(email) == nil", [2]any{false, true}},
		{"{id: artikelnummer, name: omschrijving, quantity: aantal, price: prijs}", [2]any{
			map[string]any{"id": "00123", "name": nil, "quantity": 2, "price": dec("9.95")}, map[string]any{"id": "9", "name": "Trui", "quantity": -1, "price": dec("1")}}},
		{"datumtijd", [2]any{time.Date(2024, 7, 1, 12, 30, 0, 0, loc), time.Date(2024, 7, 1, 12, 30, 0, 0, loc)}},
	} {
		e := compileRow(t, c, tt.src)
		if ok, why := e.Kernel(); !ok {
			t.Errorf("%s has no kernel: %s", tt.src, why)
			continue
		}
		for i, o := range outcomes(e, b, true) {
			if d := cmp.Diff(tt.want[i], o.v); d != "" || o.err != "" {
				t.Errorf("%s row %d: %s %s", tt.src, i, o.err, d)
			}
		}
	}
}

// Every fast form is used, and agrees with the function's scalar form.
func TestFastForms(t *testing.T) {
	s := record.NewSchema([]record.Field{field("s", tString), field("sn", record.NullableOf(record.String)), field("day", tDate)})
	parse := func(b []byte) (time.Time, bool, error) {
		if len(b) == 0 {
			return time.Time{}, false, nil
		}
		v, err := time.Parse("2006-01-02", string(b))
		return v, true, err
	}
	fs := []function.Function{
		{Name: "moment", Types: []any{new(func(*string) *time.Time)},
			Call: func(a ...any) (any, error) {
				if a[0] == nil {
					return fixed(), nil
				}
				v, ok, err := parse([]byte(a[0].(string)))
				if !ok || err != nil {
					return nil, err
				}
				return v, nil
			},
			Prepare: func([]any) (function.Fast, error) {
				return function.Fast{Time: func(b []byte) (int64, bool, error) { v, ok, err := parse(b); return v.UnixMicro(), ok, err }}, nil
			}},
		{Name: "day_of", Types: []any{new(func(string) *record.DateValue)},
			Call: func(a ...any) (any, error) {
				v, ok, err := parse([]byte(a[0].(string)))
				if !ok || err != nil {
					return nil, err
				}
				return record.DateValue{Days: v.Unix() / 86400}, nil
			},
			Prepare: func([]any) (function.Fast, error) {
				return function.Fast{Date: func(b []byte) (int64, bool, error) { v, ok, err := parse(b); return v.Unix() / 86400, ok, err }}, nil
			}},
		{Name: "show", Types: []any{new(func(record.DateValue) string)},
			Call: func(a ...any) (any, error) { return a[0].(record.DateValue).String(), nil },
			Prepare: func([]any) (function.Fast, error) {
				return function.Fast{FromDate: func(dst []byte, d int64) ([]byte, error) { return record.DateValue{Days: d}.Append(dst), nil }}, nil
			}},
	}
	c := New(s, Options{Functions: fs})
	b := batchOf(s, [][]any{{"2024-02-29", nil, day(2024, 1, 1)}, {"", "", day(1969, 1, 1)}, {"x", "2024-01-01", day(2024, 1, 1)}})
	for _, src := range []string{"moment(s)", "moment(sn)", "day_of(s)", "show(day)", "day_of(s) ?? day", "string(day) == show(day)"} {
		e := compileRow(t, c, src)
		if e.slow != "" {
			t.Errorf("%s has no kernel: %s", src, e.slow)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d: %s", src, i, d)
			}
		}
	}
	if got := outcomes(compileRow(t, c, "moment(sn)"), b, true)[0].v; got != fixed() {
		t.Errorf("moment(nil) is %v", got)
	}
}

// A function without a fast form keeps the rest of the expression in kernels.
func TestBoxedFunction(t *testing.T) {
	fs := []function.Function{{Name: "either", Types: []any{new(func(a, b any) any)},
		Returns: func(a []record.Type) record.Type { return a[1] },
		Call: func(a ...any) (any, error) {
			if a[0] != nil {
				return a[0], nil
			}
			return a[1], nil
		}}}
	g := &gen{r: randOf(9)}
	c, b := New(genSchema(), Options{Functions: fs}), g.batch(30)
	for _, src := range []string{"upper(either(sn, s)) + '!'", "either(dn, d) * 2", "either(nums, tags)", "6 % i == 1 ? either(sn, s) : 'x'"} {
		e := compileRow(t, c, src)
		if ok, why := e.Kernel(); ok || why != "either() is called row by row" || e.slow != "" {
			t.Errorf("%s: kernel %v, %q", src, ok, why)
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d: %s", src, i, d)
			}
		}
	}
}

// A call with nothing but constants is made once.
func TestFoldedFunction(t *testing.T) {
	c := New(genSchema(), Options{Functions: testFunctions()})
	b := (&gen{r: randOf(3)}).batch(20)
	for _, src := range []string{"(decimal('1,21') ?? 0) * 2", "s + (email('A@b') ?? '')", "email('nobody') == nil"} {
		e := compileRow(t, c, src)
		if ok, why := e.Kernel(); !ok {
			t.Errorf("%s: %s", src, why)
			continue
		}
		want, got := outcomes(e, b, false), outcomes(e, b, true)
		for i := range want {
			if d := sameOutcome(want[i], got[i]); d != "" {
				t.Errorf("%s row %d: %s", src, i, d)
			}
		}
	}
}

// A compiled expression is shared; each goroutine evaluates with an Eval of its own.
func TestConcurrentEvals(t *testing.T) {
	c := New(genSchema(), Options{Now: fixed})
	var wg sync.WaitGroup
	for _, src := range []string{"lower(trim(s)) + s2", "find(items, .qty > 0)?.sku", "sum(items, .price * .qty)", "s in ['a', 'PL'] ? now() : nil"} {
		e := compileRow(t, c, src)
		for n := range 4 {
			wg.Go(func() {
				b := (&gen{r: randOf(uint64(n))}).batch(40)
				want, got := outcomes(e, b, false), outcomes(e, b, e.slow == "")
				for i := range want {
					if d := sameOutcome(want[i], got[i]); d != "" {
						t.Errorf("%s: %s", src, d)
					}
				}
			})
		}
	}
	wg.Wait()
}

// Loops over lists of the row around them stay within the step budget.
func TestNestedLoops(t *testing.T) {
	s := record.NewSchema([]record.Field{field("xs", record.ListOf(tInt))})
	xs := make([]any, 2000)
	for i := range xs {
		xs[i] = i
	}
	e := compileRow(t, New(s, Options{Steps: 100_000}), "any(xs, any(xs, any(xs, # < 0)))")
	if e.slow == "" {
		t.Fatal("a kernel would multiply the list")
	}
	if got := outcomes(e, batchOf(s, [][]any{{xs}}), false)[0].err; got != errSteps.Error() {
		t.Errorf("got %q", got)
	}
}
