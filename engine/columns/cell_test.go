package columns

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/record"
)

// show1 returns value 0 of a column as text.
func show1(c *record.Column) string {
	if c.IsNull(0) {
		return "null"
	}
	switch c.Type.Kind {
	case record.Bool:
		return strconv.FormatBool(c.Bools[0])
	case record.Int:
		return strconv.FormatInt(c.Ints[0], 10)
	case record.Time:
		return record.DateValue{Days: c.Ints[0] / 86400e6}.String() + "+" + strconv.FormatInt(c.Ints[0]%86400e6/1e6, 10)
	case record.Date:
		return record.DateValue{Days: c.Ints[0]}.String()
	case record.Decimal:
		return c.Dec(0).String()
	case record.Float:
		return strconv.FormatFloat(c.Floats[0], 'g', -1, 64)
	}
	return "'" + string(c.Bytes(0)) + "'"
}

// cell parses one cell both ways, which must agree.
func cell(t *testing.T, decl, s string) (string, error) {
	t.Helper()
	c := parse(t, decl)
	p := c.NewParser()
	var copied, viewed record.Column
	copied.Resize(c.Type, 1)
	err := p.Parse([]byte(s), &copied, 0)
	data := []byte("##" + s + "##")
	viewed.Resize(c.Type, 1)
	viewed.ShareBytes(data)
	err2 := p.View(data, record.View{Off: 2, Len: uint32(len(s))}, &viewed, 0)
	if (err == nil) != (err2 == nil) || show1(&copied) != show1(&viewed) {
		t.Errorf("%s %q: Parse %s %v, View %s %v", decl, s, show1(&copied), err, show1(&viewed), err2)
	}
	return show1(&copied), err
}

func TestCells(t *testing.T) {
	for _, tt := range []struct{ decl, cell, want string }{
		{"text", "00123", "'00123'"}, // I6
		{"text", "", "''"},
		{"text", " a ", "' a '"},
		{"text trim", " a\u00a0", "'a'"},
		{"text null 'NULL'", "NULL", "null"},
		{"text null ''", "", "null"},
		{"text trim null '-'", " - ", "null"},
		{"text optional", "", "''"},
		{"int", "", "null"},
		{"int", " -007 ", "-7"},
		{"int", "-9223372036854775808", "-9223372036854775808"},
		{"int", "+9223372036854775807", "9223372036854775807"},
		{"decimal", "1,234.50", "1234.5"},
		{"decimal comma", "1.234,50", "1234.5"},
		{"decimal comma null 'n/a'", "n/a", "null"},
		{"float", "-1.5e3", "-1500"},
		{"float comma", "1,25", "1.25"},
		{"bool", "TRUE", "true"},
		{"bool", "0", "false"},
		{"bool", "", "null"},
		{"bool J N", "j", "true"},
		{"bool J N", "n", "false"},
		{"bool 'ja,j,1' 'nee,n,0'", "Nee", "false"},
		{"bool X ''", "", "false"},
		{"bool '' X", "", "true"},
		{"date '%d-%m-%Y'", "01-07-2024", "2024-07-01"},
		{"date", "2024-07-01", "2024-07-01"},
		{"datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam", "01-07-2024 12:00:00", "2024-07-01+36000"},
		{"datetime", "2024-07-01T12:00:00+02:00", "2024-07-01+36000"},
		{"datetime '%s'", "1719828000", "2024-07-01+36000"},
	} {
		if got, err := cell(t, tt.decl, tt.cell); err != nil || got != tt.want {
			t.Errorf("%s %q: %s, %v, want %s", tt.decl, tt.cell, got, err, tt.want)
		}
	}
}

func TestCellErrors(t *testing.T) {
	for _, tt := range []struct{ decl, cell, want string }{
		{"decimal comma", "12,x", `"12,x" is not a number (decimal comma)`},
		{"decimal", "12,5", `"12,5" is not a number (decimal point)`},
		{"decimal", "12345678901234567890", `"12345678901234567890" is out of range for a decimal (18 digits)`},
		{"int", "1.0", `"1.0" is not a whole number`},
		{"int", "-", `"-" is not a whole number`},
		{"int", "9223372036854775808", `"9223372036854775808" is too large for a whole number of 64 bits`},
		{"int", "99999999999999999999999", `"99999999999999999999999" is too large for a whole number of 64 bits`},
		{"float", "NaN", `"NaN" is not a number (decimal point)`},
		{"float", "1e999", `"1e999" is out of range for a double`},
		{"float", "9007199254740993", `"9007199254740993" has more digits than a float holds; int keeps 19 and decimal 18`},
		{"float comma", "9007199254740993,0", `"9007199254740993,0" has more digits than a float holds; int keeps 19 and decimal 18`},
		{"bool J N", "x", `"x" is neither true (J) nor false (N)`},
		{"bool X ''", "y", `"y" is neither true (X) nor false (an empty cell)`},
		{"date '%d-%m-%Y'", "31-02-2024", `"31-02-2024" is not a date in the form %d-%m-%Y: February 2024 has 29 days`},
		{"text required", "", "the cell is empty, and the column is required"},
		{"int required", " ", "the cell is empty, and the column is required"},
		{"int required null '-'", "-", `"-" means null, and the column is required`},
		{"int", strings.Repeat("é", 100), `"` + strings.Repeat("é", 30) + `"... is not a whole number`},
	} {
		got, err := cell(t, tt.decl, tt.cell)
		var ce *CellError
		if !errors.As(err, &ce) || ce.Reason != tt.want || got != "null" {
			t.Errorf("%s %q: %s, %v, want %s", tt.decl, tt.cell, got, err, tt.want)
		}
	}
}

func TestIntAgreesWithStrconv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[+-]?[0-9]{1,21}`).Draw(t, "s")
		want, wantErr := strconv.ParseInt(s, 10, 64)
		got, err := parseInt([]byte(s))
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Fatalf("%s: %d %v, want %d %v", s, got, err, want, wantErr)
		}
	})
}

func TestParsersDoNotAllocate(t *testing.T) {
	for decl, cells := range map[string][]string{
		"text": {"abc", ""}, "text trim null 'x'": {" abc ", "y"}, "int": {"12", "-345"}, "decimal comma": {"1.234,5", "0,99"}, "float": {"1.5", "2e9"},
		"bool J N": {"j", "N"}, "date '%d-%m-%Y'": {"01-07-2024", "02-07-2024"},
		"datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam": {"01-07-2024 12:00:00", "01-01-2024 12:00:00"},
	} {
		c := parse(t, decl)
		p := c.NewParser()
		var dst record.Column
		data := []byte(strings.Join(cells, ""))
		views := []record.View{{Off: 0, Len: uint32(len(cells[0]))}, {Off: uint32(len(cells[0])), Len: uint32(len(cells[1]))}}
		run := func() {
			dst.Resize(c.Type, 2)
			dst.ShareBytes(data)
			for i, v := range views {
				if err := p.View(data, v, &dst, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		run()
		if n := testing.AllocsPerRun(50, run); n != 0 {
			t.Errorf("%s: %v allocations", decl, n)
		}
	}
}

func BenchmarkCells(b *testing.B) {
	for _, decl := range []string{"int", "decimal comma", "date '%d-%m-%Y'", "datetime '%d-%m-%Y %H:%M:%S' Europe/Amsterdam"} {
		b.Run(strings.ReplaceAll(decl, " ", "_"), func(b *testing.B) {
			c := parse(b, decl)
			p := c.NewParser()
			var dst record.Column
			dst.Resize(c.Type, 1024)
			cells := make([][]byte, 1024)
			for i := range cells {
				d := strconv.Itoa(10 + rand.IntN(18))
				cells[i] = []byte(map[string]string{"int": "7" + d, "decimal comma": "12" + d + ",95", "date '%d-%m-%Y'": d + "-07-2024"}[decl])
				if len(cells[i]) == 0 {
					cells[i] = []byte(d + "-07-2024 12:34:56")
				}
			}
			for b.Loop() {
				for i, cell := range cells {
					if err := p.Parse(cell, &dst, i); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/cell")
		})
	}
}
