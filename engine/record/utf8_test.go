package record

import (
	"encoding/binary"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestPairs: what pairs accepts is UTF-8, and all text of ASCII and two-byte
// characters is accepted, wherever words begin.
func TestPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s []byte
		if rapid.Bool().Draw(t, "text") {
			s = []byte(rapid.StringOf(rapid.RuneFrom([]rune("ab 0éłŻ\u0080\u07ff\u0800€𝄞"))).Draw(t, "s"))
		} else {
			s = rapid.SliceOf(rapid.SampledFrom([]byte{'a', 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xC3, 0xDF, 0xE0, 0xEF, 0xF0, 0xFF})).Draw(t, "s")
		}
		padded := append(append([]byte(nil), s...), "        "...)
		var u pairs
		for i := 0; i <= len(s); i += 8 {
			u.next(binary.LittleEndian.Uint64(padded[i:]))
		}
		accepted, short := u.bad&tops == 0, true
		for _, r := range string(s) {
			short = short && r < 0x800 && r != utf8.RuneError
		}
		if ValidText(s) != utf8.Valid(s) {
			t.Fatalf("%q: valid %v", s, ValidText(s))
		}
		if accepted && !utf8.Valid(s) || !accepted && short && utf8.Valid(s) {
			t.Fatalf("%q: accepted %v", s, accepted)
		}
	})
}

// TestRowsAsOne: rows of a batch are what its rows are one by one, whatever the
// text and however full the output is.
func TestRowsAsOne(t *testing.T) {
	schema := NewSchema([]Field{{Name: "a", Type: NullableOf(String)}, {Name: "longer name", Type: NullableOf(String)}, {Name: "n", Type: NullableOf(Decimal)}, {Name: "d", Type: Of(Date)}})
	text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("ab\"\\\n\x01éł€𝄞"))),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		var b Batch
		n := rapid.IntRange(0, 5).Draw(t, "rows")
		b.Reset(schema, n)
		for i := range n {
			for k := range 2 {
				if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
					b.Cols[k].Views[i] = View{}
					b.Cols[k].SetNull(i)
				} else {
					b.Cols[k].SetString(i, []byte(text.Draw(t, "text")))
				}
			}
			b.Cols[2].SetDec(i, NewDecimal(rapid.Int64().Draw(t, "coef"), uint8(rapid.IntRange(0, 18).Draw(t, "scale"))))
			b.Cols[3].Ints[i] = rapid.Int64Range(minDay, maxDay).Draw(t, "day")
		}
		for _, omit := range []bool{false, true} {
			e := NewEncoder(schema, JSONOptions{OmitNull: omit})
			var want []byte
			for i := range n {
				var err error
				if want, err = e.AppendRow(want, &b, i); err != nil {
					t.Fatal(err)
				}
				want = append(want, '\n')
			}
			got, err := e.AppendLines(make([]byte, 0, rapid.IntRange(0, 300).Draw(t, "room")), &b)
			if err != nil || string(got) != string(want) {
				t.Fatalf("%v\n%q\nnot\n%q", err, got, want)
			}
		}
	})
}
