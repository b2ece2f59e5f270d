package record

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no zone data: %v", err)
	}
	return loc
}

// sample is a batch with every kind, nulls and nesting.
func sample(t *testing.T) *Batch {
	t.Helper()
	item := ObjectOf([]Field{{Name: "id", Type: Of(String)}, {Name: "price", Type: NullableOf(Decimal)}})
	at := Type{Kind: Time, Nullable: true, Zone: mustZone(t, "Europe/Amsterdam")}
	s := NewSchema([]Field{
		{Name: "id", Type: Of(String)},
		{Name: "meta", Type: Of(Int), Hidden: true},
		{Name: "qty", Type: NullableOf(Int)},
		{Name: "ok", Type: Of(Bool)},
		{Name: "rate", Type: Of(Float)},
		{Name: "total", Type: NullableOf(Decimal)},
		{Name: "at", Type: at},
		{Name: "born", Type: NullableOf(Date)},
		{Name: "items", Type: ListOf(item)},
		{Name: "tags", Type: ListOf(NullableOf(String))},
		{Name: "extra", Type: NullableOf(Any)},
	})
	b := new(Batch)
	b.Reset(s, 2)
	col := func(name string) *Column { k, _ := s.Slot(name); return &b.Cols[k] }
	col("id").SetString(0, []byte("00123"))
	col("id").SetString(1, []byte("a\"b\\c\n\x01é\xff"))
	col("qty").Ints[0] = -7
	col("qty").SetNull(1)
	col("ok").Bools[0], col("ok").Bools[1] = true, false
	col("rate").Floats[0], col("rate").Floats[1] = 0.1, 1e-9
	col("total").SetDec(0, NewDecimal(2990, 2))
	col("total").SetNull(1)
	col("at").Ints[0] = time.Date(2024, 7, 1, 12, 3, 0, 0, time.UTC).UnixMicro()
	col("at").Ints[1] = time.Date(2024, 1, 1, 0, 0, 0, 250_000_000, time.UTC).UnixMicro()
	d, _ := DateOf(1985, 12, 31)
	col("born").Ints[0] = d.Days
	col("born").SetNull(1)
	items := col("items")
	items.Elem.Resize(item, 1)
	items.Elem.Fields[0].SetString(0, []byte("ABC"))
	items.Elem.Fields[1].SetNull(0)
	items.Offs[1], items.Offs[2] = 1, 1
	tags := col("tags")
	tags.Elem.Resize(NullableOf(String), 2)
	tags.Elem.SetString(0, []byte("x"))
	tags.Elem.SetNull(1)
	tags.Offs[1], tags.Offs[2] = 2, 2
	col("extra").Anys[0] = map[string]any{"b": nil, "a": []any{1, 2.5, "z", NewDecimal(15, 1), d, true}}
	col("extra").Anys[1] = nil
	return b
}

func TestEncoderRows(t *testing.T) {
	b := sample(t)
	for _, tc := range []struct {
		name string
		o    JSONOptions
		want []string
	}{
		{"keep nulls", JSONOptions{}, []string{
			`{"id":"00123","qty":-7,"ok":true,"rate":0.1,"total":29.9,"at":"2024-07-01T14:03:00+02:00","born":"1985-12-31",` +
				`"items":[{"id":"ABC","price":null}],"tags":["x",null],"extra":{"a":[1,2.5,"z",1.5,"1985-12-31",true],"b":null}}`,
			`{"id":"a\"b\\c\n\u0001é` + "\uFFFD" + `","qty":null,"ok":false,"rate":1e-09,"total":null,"at":"2024-01-01T01:00:00.25+01:00","born":null,` +
				`"items":[],"tags":[],"extra":null}`,
		}},
		{"omit nulls", JSONOptions{OmitNull: true}, []string{
			`{"id":"00123","qty":-7,"ok":true,"rate":0.1,"total":29.9,"at":"2024-07-01T14:03:00+02:00","born":"1985-12-31",` +
				`"items":[{"id":"ABC"}],"tags":["x",null],"extra":{"a":[1,2.5,"z",1.5,"1985-12-31",true]}}`,
			`{"id":"a\"b\\c\n\u0001é` + "\uFFFD" + `","ok":false,"rate":1e-09,"at":"2024-01-01T01:00:00.25+01:00","items":[],"tags":[]}`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := NewEncoder(b.Schema, tc.o)
			for i, want := range tc.want {
				got, err := e.AppendRow([]byte("<"), b, i)
				if err != nil || string(got) != "<"+want {
					t.Errorf("row %d:\n got %s\nwant <%s\nerror %v", i, got, want, err)
				}
				if n, err := e.RowSize(b, i); n != len(want) || err != nil {
					t.Errorf("RowSize(%d) = %d, %v; want %d", i, n, err, len(want))
				}
			}
			list, err := e.AppendRows(nil, b)
			if want := "[" + strings.Join(tc.want, ",") + "]"; string(list) != want || err != nil {
				t.Errorf("AppendRows = %s, %v", list, err)
			}
			b.Sel = []int32{1}
			lines, err := e.AppendLines(nil, b)
			if string(lines) != tc.want[1]+"\n" || err != nil {
				t.Errorf("AppendLines of the second row = %s, %v", lines, err)
			}
			b.Sel = nil
		})
	}
}

func TestEncoderAllocatesNothing(t *testing.T) {
	b := sample(t)
	e := NewEncoder(b.Schema, JSONOptions{OmitNull: true})
	long := strings.Repeat("a long text without anything to escape ", 100)
	dst := make([]byte, 0, 16<<10)
	if n := testing.AllocsPerRun(100, func() {
		var err error
		if dst, err = e.AppendRows(dst[:0], b); err != nil {
			t.Fatal(err)
		}
		dst = AppendJSONString(dst, long)
	}); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
}

func TestEncoderRefusesWhatJSONCannotSay(t *testing.T) {
	for _, tc := range []struct {
		name string
		typ  Type
		set  func(c *Column)
		want string
	}{
		{"nan", Of(Float), func(c *Column) { c.Floats[0] = math.NaN() }, "x: the number NaN cannot be written as JSON"},
		{"infinity", Of(Float), func(c *Column) { c.Floats[0] = math.Inf(-1) }, "x: the number -Inf cannot be written as JSON"},
		{"year 10000", Of(Time), func(c *Column) { c.Ints[0] = 253402300800e6 }, "x: the day 2932897 of the calendar cannot be written as JSON: years have four digits"},
		{"date", Of(Date), func(c *Column) { c.Ints[0] = minDay - 1 }, "x: the day -719529 of the calendar cannot be written as JSON: years have four digits"},
		{"inside any", Of(Any), func(c *Column) { c.Anys[0] = map[string]any{"a": []any{1, math.NaN()}} }, "x: a: [1]: the number NaN cannot be written as JSON"},
		{"foreign type", Of(Any), func(c *Column) { c.Anys[0] = struct{}{} }, "x: a value of type struct {} cannot be written as JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := new(Batch)
			b.Reset(NewSchema([]Field{{Name: "x", Type: tc.typ}}), 1)
			tc.set(&b.Cols[0])
			e := NewEncoder(b.Schema, JSONOptions{})
			got, err := e.AppendRow([]byte("kept"), b, 0)
			if !errors.Is(err, ErrNotJSON) || err.Error() != tc.want {
				t.Errorf("error = %v, want %s", err, tc.want)
			}
			var fe *FieldError
			if string(got) != "kept" || !errors.As(err, &fe) || fe.Field != "x" {
				t.Errorf("dst = %q, error %v", got, err)
			}
			if len(e.w.keys) != 0 {
				t.Errorf("the stack of names holds %d after an error", len(e.w.keys))
			}
		})
	}
}

func TestTimesAreRFC3339(t *testing.T) {
	zones := []*time.Location{time.UTC, mustZone(t, "Europe/Amsterdam"), mustZone(t, "America/St_Johns"), mustZone(t, "Asia/Kathmandu"), mustZone(t, "Europe/London")}
	rapid.Check(t, func(rt *rapid.T) {
		z := zoneSpan{loc: rapid.SampledFrom(zones).Draw(rt, "zone")}
		for range 4 { // several instants, so that the remembered span is entered and left
			us := rapid.Int64Range(-62167132800e6, 253402214400e6-1).Draw(rt, "micros")
			got, err := appendTime(nil, us, &z)
			if err != nil {
				rt.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339Nano, string(got))
			if err != nil || at.UnixMicro() != us {
				rt.Fatalf("%d in %v is written %s, which reads as %v, %v", us, z.loc, got, at.UnixMicro(), err)
			}
			want := time.UnixMicro(us).In(z.loc)
			if _, off := want.Zone(); off%60 == 0 && string(got) != want.Format(time.RFC3339Nano) {
				rt.Fatalf("%d in %v is written %s, want %s", us, z.loc, got, want.Format(time.RFC3339Nano))
			}
		}
	})
}

func TestFloatsReadBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := rapid.Float64().Draw(rt, "f")
		got, err := appendJSONFloat(nil, f)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			if err == nil {
				rt.Fatalf("%v is written %s", f, got)
			}
			return
		}
		var back float64
		if err := json.Unmarshal(got, &back); err != nil || back != f {
			rt.Fatalf("%v is written %s, which reads as %v, %v", f, got, back, err)
		}
	})
}

func FuzzJSONString(f *testing.F) {
	for _, s := range []string{"", "plain", "12345678", "1234567\"", "ab\x00cd\x1fefgh", "żółć ąęś", "\xff\xfe12345678", "\u2028", "\xed\xa0\x80", "\\u0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := AppendJSONString(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q is written %s: %v", s, got, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && back != want {
			t.Fatalf("%q reads back as %q", s, back)
		}
		var want string
		std, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(std, &want); err != nil || want != back {
			t.Fatalf("%q reads back as %q, by the standard library as %q, %v", s, back, want, err)
		}
	})
}

func FuzzAnyReadsBack(f *testing.F) {
	f.Add(`{"a":[1,2.5,"x",null,true,{"b":{}}],"":""}`)
	f.Add(`[[],{},"\u0000"]`)
	f.Add(`-0.0`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			return
		}
		c := Column{Type: Of(Any), Anys: []any{v}}
		got, err := NewValueEncoder(c.Type, JSONOptions{}).AppendValue(nil, &c, 0)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
		if d := cmp.Diff(v, back); d != "" {
			t.Fatalf("%s reads back differently:\n%s", got, d)
		}
	})
}

func BenchmarkEncoderRow(b *testing.B) {
	s := NewSchema([]Field{{Name: "id", Type: Of(String)}, {Name: "name", Type: Of(String)}, {Name: "qty", Type: Of(Int)}, {Name: "price", Type: Of(Decimal)}, {Name: "at", Type: Of(Time)}})
	batch := new(Batch)
	batch.Reset(s, 1)
	batch.Cols[0].SetString(0, []byte("0004711"))
	batch.Cols[1].SetString(0, []byte("a jumper with long sleeves, blue"))
	batch.Cols[2].Ints[0] = 12
	batch.Cols[3].SetDec(0, NewDecimal(2999, 2))
	batch.Cols[4].Ints[0] = 1719835380e6
	e := NewEncoder(s, JSONOptions{})
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendRow(dst[:0], batch, 0)
	}
	b.SetBytes(int64(len(dst)))
}
