package csv

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const abc = `columns = { a = "text", b = "text", c = "text" }` + "\n"

type decodeCase struct {
	name    string
	options string
	in      string
	rows    []string // line|a|b|c
	rejects []string
	notices []string
}

func (tt decodeCase) run(t *testing.T) {
	options := tt.options
	if !strings.Contains(options, "columns") {
		options += "\n" + abc
	}
	d := mustBind(t, options)
	for _, target := range []int{1, 7, 40, 1 << 20} {
		got, err := decode(t, d, []byte(tt.in), target)
		if err != nil {
			t.Fatalf("target %d: %v", target, err)
		}
		diffLines(t, fmt.Sprintf("target %d rows", target), got.rows, tt.rows)
		diffLines(t, "rejects", got.rejects, tt.rejects)
		diffLines(t, "notices", got.notices, tt.notices)
		if n := len(got.ends); n > 0 && got.ends[n-1] > int64(len(tt.in)) {
			t.Errorf("the last end is %d of %d", got.ends[n-1], len(tt.in))
		}
	}
}

func TestRows(t *testing.T) {
	for _, tt := range []decodeCase{
		{name: "plain", in: "a,b,c\n1,2,3\n4,5,6\n", rows: []string{"2|1|2|3", "3|4|5|6"}},
		{name: "no final newline", in: "a,b,c\n1,2,3", rows: []string{"2|1|2|3"}},
		{name: "crlf", in: "a,b,c\r\n1,2,3\r\n\"4\",5,\"6\"\r\n7,8,9\r", rows: []string{"2|1|2|3", "3|4|5|6", "4|7|8|9"}},
		{name: "lone cr", in: "a,b,c\r1,2,3\r\"4\r\",5,6", rows: []string{"2|1|2|3", "3|4\r|5|6"}},
		{name: "header order and spaces", in: "c , b,\ufeffa\n1,2,3\n", rows: []string{"2|3|2|1"}},
		{name: "byte order mark", in: "\ufeffa,b,c\n1,2,3\n", rows: []string{"2|1|2|3"}},
		{name: "header only", in: "a,b,c\n"},
		{name: "header without end", in: "a,b,c"},
		{name: "empty", in: "", notices: []string{"/in/a.csv is empty"}},
		{name: "only empty lines", in: "\n\r\n\n", notices: []string{"/in/a.csv is empty"}},
		{name: "empty lines", in: "\n\na,b,c\n\n1,2,3\n\r\n4,5,6\n\n", rows: []string{"5|1|2|3", "7|4|5|6"}},
		{name: "leading zeros", in: "a,b,c\n00123,1.0,\n", rows: []string{"2|00123|1.0|"}},
		{name: "undeclared columns", in: "a,x,b,y y,c\n1,2,3,4,5\n", rows: []string{"2|1|3|5"}, notices: []string{"Columns that nobody declared are not read: x, y y"}},
		{name: "quoted", in: "a,b,c\n\"1,1\",\"2\"\"2\",\"3\n3\"\n4,\"\",\"\"\"\"\n", rows: []string{`2|1,1|2"2|3` + "\n3", `4|4||"`}},
		{name: "quote within a cell is text", in: "a,b,c\n5\" nail,2\",\"3\"\n", rows: []string{`2|5" nail|2"|3`}},
		{name: "nul", in: "a,b,c\n1\x00,\x00,3\n", rows: []string{"2|1\x00|\x00|3"}},
		{name: "delimiter at the end of rows", in: "a,b,c\n1,2,3,\n", rows: []string{"2|1|2|3"}},
		{name: "delimiter at the end of the header", in: "a,b,c,\n1,2,3\n4,5,6,\n7,8,9,x\n", rows: []string{"2|1|2|3", "3|4|5|6", "4|7|8|9"}},
		{name: "trim", options: "trim = true", in: "a,b,c\n 1\t, \"2 \" , x y \n  \n\t\"4\",,\" \"\n", rows: []string{"2|1|2 |x y", "4|4|| "}},
		{name: "no trim", in: "a,b,c\n 1, \"2\",3 \n", rows: []string{`2| 1| "2"|3 `}},
		{name: "tab and no quote", options: "delimiter = \"\\t\"\nquote = \"\"", in: "a\tb\tc\n\"1\t\"\"\t3\n", rows: []string{`2|"1|""|3`}},
		{name: "other quote", options: "delimiter = \";\"\nquote = \"'\"", in: "a;b;c\n'1;1';\"2\";'it''s'\n", rows: []string{`2|1;1|"2"|it's`}},
		{name: "escape", options: `escape = "\\"`, in: `a,b,c` + "\n" + `"1\"1","2\\","3\n""x"` + "\n", rows: []string{`2|1"1|2\|3\n"x`}},
		{name: "delimiter of two bytes", options: `delimiter = "§"`, in: "a§b§c\n1§\"2§\"§ÂÃ\n4§§6\n", rows: []string{"2|1|2§|ÂÃ", "3|4||6"}},
		{name: "skip and comment", options: "skip = 2\ncomment = \"#\"", in: "report,\"x\nof today\n# \"comment\na,b,c\n#x\n1,2,3\n", rows: []string{"6|1|2|3"}},
		{name: "match loose", options: `match = "loose"` + "\n" + `columns = { a = "text from 'e-mail'", b = "text from 'Customer No.'" }`, in: "E Mail,customer_no\n1,2\n", rows: []string{"2|1|2"}},
		{name: "optional column", options: `columns = { a = "text", z = "text optional", n = "int optional" }`, in: "a\nx\n", rows: []string{"2|x|~|~"}},
		{name: "types", options: `columns = { n = "int", d = "decimal comma from 'Prijs in €'", k = "bool J N", t = "date '%d-%m-%Y'", s = "text null 'NULL' trim" }`,
			in:   "s,n,Prijs in €,k,t\nNULL,7,\"1.234,50\",j,31-12-2024\n x ,,,,\n",
			rows: []string{"2|7|1234.5|true|2024-12-31|~", "3|~|~|~|~|x"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestRejects(t *testing.T) {
	for _, tt := range []decodeCase{
		{name: "ragged", in: "a,b,c\n1,2\n1,2,3\n1,2,3,4\n1,2,3,\"\",\n", rows: []string{"2|~|~|~", "3|1|2|3", "4|~|~|~", "5|~|~|~"}, rejects: []string{
			"row 1 line 2 : row.ragged: the row has 2 cells, the header has 3", "row 3 line 4 : row.ragged: the row has 4 cells, the header has 3", "row 4 line 5 : row.ragged: the row has 5 cells, the header has 3"}},
		{name: "pad", options: `ragged = "pad"`, in: "a,b,c\n1,2\n1,2,3,,\n1,2,3,4\n", rows: []string{"2|1|2|", "3|1|2|3", "4|~|~|~"}, rejects: []string{
			"row 3 line 4 : row.ragged: the row has 4 cells, the header has 3"}},
		{name: "text after quote", in: "a,b,c\n1,\"2\"x,3\n\"1\" ,2,3\n1,2,3\n", rows: []string{"2|~|~|~", "3|~|~|~", "4|1|2|3"}, rejects: []string{
			`row 1 line 2 : row.bad_quote: text follows the closing quote of cell 2 (b): "x,"`, `row 2 line 3 : row.bad_quote: text follows the closing quote of cell 1 (a): " ,"`}},
		{name: "quote without end at the end", in: "a,b,c\n1,2,3\n1,\"2,3\n4,5,6\n", rows: []string{"2|1|2|3", "3|~|~|~", "4|4|5|6"}, rejects: []string{
			"row 2 line 3 : row.unterminated_quote: a quoted cell that begins in this line does not end within max_row (1048576 bytes) or the file; reading goes on at the next line"}},
		{name: "quote without end within max_row", options: "max_row = 20", in: "a,b,c\n1,\"2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,\"6\"\n", rows: []string{"2|~|~|~", "3|4|5|6", "4|7|8|9", "5|1|2|3", "6|4|5|6"}, rejects: []string{
			"row 1 line 2 : row.unterminated_quote: a quoted cell that begins in this line does not end within max_row (20 bytes) or the file; reading goes on at the next line"}},
		{name: "too long", options: "max_row = 16", in: "a,b,c\n1,2,3\n1,2,345678901234567890123\n1,2,345678901234\n1,\"2\n,\"" + strings.Repeat("x", 50) + "\n4,5,6", rows: []string{"2|1|2|3", "3|~|~|~", "4|1|2|345678901234", "5|~|~|~", "6|~|~|~", "7|4|5|6"}, rejects: []string{
			"row 2 line 3 : row.too_long: the line is longer than max_row allows (16 bytes); its end is not kept",
			"row 4 line 5 : row.unterminated_quote: a quoted cell that begins in this line does not end within max_row (16 bytes) or the file; reading goes on at the next line",
			"row 5 line 6 : row.too_long: the line is longer than max_row allows (16 bytes); its end is not kept"}},
		{name: "bad values", options: `columns = { n = "int", d = "decimal comma required", a = "text" }`, in: "a,d,n\nx,1;5,y\nx,,1\nx,\"1,5\",1\n", rows: []string{"2|~|~|x", "3|1|~|x", "4|1|1.5|x"}, rejects: []string{
			`row 1 line 2 n: row.bad_value: "y" is not a whole number`, `row 1 line 2 d: row.bad_value: "1;5" is not a number (decimal comma)`, "row 2 line 3 d: row.required: the cell is empty, and the column is required"}},
		{name: "not utf-8", in: "a,b,c\n1,caf\xe9,3\n1,\"é\",3\n", rows: []string{"2|~|~|~", "3|1|é|3"}, rejects: []string{
			`row 1 line 2 : row.bad_encoding: cell 2 (b) is not text in the declared character set: "caf` + "\ufffd" + `"`}},
		{name: "replaced", options: `invalid = "replace"` + "\nmax_row = 16", in: "a,b,c\n1,caf\xe9\xe9,\"\xe9\"\n1,2,34567890\xe91234567\n\xe9,\"\n1,2,3\n", rows: []string{"2|1|caf\ufffd|\ufffd", "3|~|~|~", "4|~|~|~", "5|1|2|3"}, rejects: []string{
			"row 2 line 3 : row.too_long: the line is longer than max_row allows (16 bytes); its end is not kept",
			"row 3 line 4 : row.unterminated_quote: a quoted cell that begins in this line does not end within max_row (16 bytes) or the file; reading goes on at the next line"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestRawText(t *testing.T) {
	d := mustBind(t, abc)
	got, err := decode(t, d, []byte("a,b,c\r\n1,2\r\n\"x\r\n\",2,3\r\n\n1,\"2,3\n"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	diffLines(t, "raw", got.raws, []string{"1,2", "\"x\r\n\",2,3", "1,\"2,3"})
}

func TestWithoutHeader(t *testing.T) {
	for _, tt := range []decodeCase{
		{name: "by position", options: "header = false\n" + `columns = { b = "text", a = "int" }`, in: "x,1\ny,2\n", rows: []string{"1|x|1", "2|y|2"}},
		{name: "optional at the end", options: "header = false\n" + `columns = { b = "text", a = "int", z = "text optional" }`, in: "x,1\ny,2,\nz,3,w\nq\n", rows: []string{"1|x|1|~", "2|y|2|", "3|z|3|w", "4|~|~|~"},
			rejects: []string{"row 4 line 4 : row.ragged: the row has 1 cell, 3 are declared"}},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Columns that nobody reads are null, and the cells of every row are still counted.
func TestProjection(t *testing.T) {
	d := mustBind(t, `columns = { a = "text", b = "int", c = "decimal", o = "text optional" }`)
	in := "a,b,c\nx,1,2.5\ny,bad,\"3\"\"\"\nz,1\n"
	for _, tt := range []struct {
		want []int
		rows []string
		bad  int
	}{
		{want: nil, rows: []string{"2|~|~|~|~", "3|~|~|~|~", "4|~|~|~|~"}, bad: 1},
		{want: []int{0}, rows: []string{"2|x|~|~|~", "3|y|~|~|~", "4|~|~|~|~"}, bad: 1},
		{want: []int{1, 3}, rows: []string{"2|~|1|~|~", "3|~|~|~|~", "4|~|~|~|~"}, bad: 2},
	} {
		slots := every(d)[:0]
		for i, s := range every(d) {
			if slices.Contains(tt.want, i) {
				slots = append(slots, s)
			}
		}
		got, err := decodeFrom(t, d, strings.NewReader(in), 1<<20, slots, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		diffLines(t, fmt.Sprint("want ", tt.want), got.rows, tt.rows)
		if len(got.rejects) != tt.bad {
			t.Errorf("want %v: rejects %q", tt.want, got.rejects)
		}
	}
}
