package record

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCSVRows(t *testing.T) {
	b := sample(t)
	for _, tc := range []struct {
		name string
		o    CSVOptions
		want string
	}{
		{"default", CSVOptions{}, "id,qty,ok,rate,total,at,born,items,tags,extra\n" +
			`00123,-7,true,0.1,29.9,2024-07-01T14:03:00+02:00,1985-12-31,"[{""id"":""ABC"",""price"":null}]","[""x"",null]",` +
			`"{""a"":[1,2.5,""z"",1.5,""1985-12-31"",true],""b"":null}"` + "\n"},
		{"semicolon, decimal comma, CRLF", CSVOptions{Delimiter: ';', DecimalComma: true, CRLF: true}, "id;qty;ok;rate;total;at;born;items;tags;extra\r\n" +
			`00123;-7;true;0,1;29,9;2024-07-01T14:03:00+02:00;1985-12-31;"[{""id"":""ABC"",""price"":null}]";"[""x"",null]";` +
			`"{""a"":[1,2.5,""z"",1.5,""1985-12-31"",true],""b"":null}"` + "\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := NewCSVEncoder(b.Schema, tc.o)
			got, err := e.AppendRow(e.AppendHeader(nil), b, 0)
			if d := cmp.Diff(tc.want, string(got)); d != "" || err != nil {
				t.Errorf("error %v, difference:\n%s", err, d)
			}
			b.Sel = []int32{1}
			got, err = e.AppendRows(nil, b)
			if n := bytes.Count(got, []byte{e.o.Delimiter}); err != nil || n != 9 {
				t.Errorf("the second row has %d delimiters: %s, %v", n, got, err)
			}
			b.Sel = nil
		})
	}
}

// What is written reads back cell for cell with a reader that knows RFC 4180.
func TestCSVReadsBack(t *testing.T) {
	s := NewSchema([]Field{{Name: "a", Type: Of(String)}, {Name: "b;,|", Type: Of(String)}})
	cell := rapid.StringMatching(`[a-c;,|"\n\t éż]{0,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		o := CSVOptions{Delimiter: rapid.SampledFrom([]byte(",;|\t")).Draw(rt, "delimiter"), CRLF: rapid.Bool().Draw(rt, "crlf")}
		want := [][]string{{"a", "b;,|"}}
		b := new(Batch)
		n := rapid.IntRange(0, 4).Draw(rt, "rows")
		b.Reset(s, n)
		for i := range n {
			row := []string{cell.Draw(rt, "a"), cell.Draw(rt, "b")}
			b.Cols[0].SetString(i, []byte(row[0]))
			b.Cols[1].SetString(i, []byte(row[1]))
			want = append(want, row)
		}
		e := NewCSVEncoder(s, o)
		text, err := e.AppendRows(e.AppendHeader(nil), b)
		if err != nil {
			rt.Fatal(err)
		}
		r := csv.NewReader(bytes.NewReader(text))
		r.Comma = rune(o.Delimiter)
		got, err := r.ReadAll()
		if d := cmp.Diff(want, got); d != "" || err != nil {
			rt.Fatalf("%q: %v\n%s", text, err, d)
		}
	})
}

func TestCSVEmptyOnlyCellIsARow(t *testing.T) {
	b := new(Batch)
	b.Reset(NewSchema([]Field{{Name: "a", Type: NullableOf(String)}}), 2)
	b.Cols[0].SetString(0, nil)
	b.Cols[0].SetString(1, []byte("x"))
	b.Cols[0].SetNull(0)
	got, err := NewCSVEncoder(b.Schema, CSVOptions{}).AppendRows(nil, b)
	if string(got) != "\"\"\nx\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCSVAllocatesNothing(t *testing.T) {
	b := sample(t)
	b.Sel = []int32{0}
	e := NewCSVEncoder(b.Schema, CSVOptions{DecimalComma: true})
	dst := make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(100, func() {
		var err error
		if dst, err = e.AppendRows(dst[:0], b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 || !strings.Contains(string(dst), "29,9") {
		t.Errorf("encoding allocates %v times: %s", n, dst)
	}
}
