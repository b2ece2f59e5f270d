package csv

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/record"
)

func TestBindErrors(t *testing.T) {
	for _, tt := range []struct {
		options string
		at      string // the text at fault
		want    string
	}{
		{"", "", "Columns must be declared: This decoder needs columns"},
		{"columns = null", "null", "Columns must be declared"},
		{"columns = {}", "{}", "No columns are declared"},
		{`columns = "a"`, `"a"`, "Invalid value for columns"},
		{`columns = { a = "txt" }`, "txt", `There is no column type "txt": Column a: did you mean "text"?`},
		{`columns = { a = "datetime '%d-%m-%Y %H:%M'" }`, "'%d-%m-%Y %H:%M'", "The time zone is missing"},
		{abc + `delimiter = ""`, `""`, "delimiter must be one character"},
		{abc + `delimiter = "||"`, `"||"`, "delimiter must be one character"},
		{abc + `delimiter = "\n"`, `"\n"`, "delimiter must not be a line end"},
		{abc + `quote = "''"`, `"''"`, "quote must be one visible ASCII character"},
		{abc + `delimiter = "\""`, ``, "Quote and delimiter are the same"},
		{abc + `escape = "\""`, `"\""`, "The escape character has another meaning"},
		{abc + "quote = \"\"\nescape = \"x\"", `"x"`, "There is nothing to escape"},
		{abc + `charset = "windows-1525"`, `"windows-1525"`, `did you mean "windows-125`},
		{abc + `ragged = "padd"`, `"padd"`, `Did you mean "pad"?`},
		{abc + `max_row = 1`, `1`, "max_row must be between"},
		{abc + `member = "[a"`, `"[a"`, "member must be a pattern"},
		{abc + `delimeter = ";"`, "delimeter", `Did you mean "delimiter"?`},
		{"header = false\n" + `columns = { a = "text", b = "text optional", c = "text" }`, `"text"`, "Only the last columns can be optional"},
		{"header = false\n" + `columns = { a = "text from 'x'" }`, `"text from 'x'"`, "There is no header to find a name in"},
	} {
		_, diags := bind(t, tt.options)
		if len(diags) != 1 || diags[0].Subject == nil {
			t.Errorf("%s: %v", tt.options, diags)
			continue
		}
		d := diags[0]
		at := tt.options[d.Subject.Start.Byte:d.Subject.End.Byte]
		if tt.at != "" && at != tt.at || !strings.Contains(d.Summary+": "+d.Detail, tt.want) {
			t.Errorf("%s: at %q: %s: %s", tt.options, at, d.Summary, d.Detail)
		}
	}
}

// Without a header the order of the columns must be that of one place in a file.
func TestPositionsNeedAnOrder(t *testing.T) {
	d, diags := bind(t, positional)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d.Columns, _ = d.Columns.UnmarkDeep()
	_, diags = d.Bind(nil)
	if len(diags) != 1 || diags[0].Summary != "The order of the columns is not known" {
		t.Errorf("%v", diags)
	}
}

func TestSchema(t *testing.T) {
	d := mustBind(t, `columns = { b = "text optional", a = "decimal comma", t = "datetime '%d-%m-%Y %H:%M' Europe/Amsterdam required" }`)
	var got []string
	for _, f := range d.set.Schema.Fields() {
		got = append(got, f.Name+" "+f.Type.String())
	}
	diffLines(t, "schema", got, []string{"b string or nil", "a decimal or nil", "t datetime"})
	if z := d.set.Schema.Fields()[2].Type.Location().String(); z != "Europe/Amsterdam" {
		t.Errorf("zone %s", z)
	}
}

// Every option is documented, and its default is what decoding an empty block gives.
func TestOptionsAreDocumented(t *testing.T) {
	for _, o := range new(Decoder).Spec().Describe() {
		if !strings.HasSuffix(o.Doc, ".") {
			t.Errorf("%s: doc %q", o.Name, o.Doc)
		}
		if o.Default == "" || o.Name == "columns" {
			continue
		}
		given, diags := bind(t, abc+o.Name+" = "+o.Default)
		if len(diags) > 0 {
			t.Errorf("default of %s: %v", o.Name, diags)
			continue
		}
		usual := mustBind(t, abc)
		if g, u := *given, *usual; g.Text != u.Text || g.Delimiter != u.Delimiter || g.Quote != u.Quote || g.Header != u.Header || g.Match != u.Match || g.Ragged != u.Ragged || g.Skip != u.Skip || g.Trim != u.Trim || g.MaxRow != u.MaxRow {
			t.Errorf("%s: documented default differs from that in use", o.Name)
		}
	}
}

// The decode block of the example binds, and reads what it claims to.
func TestExample(t *testing.T) {
	f, hd := hclsyntax.ParseConfig([]byte(Plugin().Example), "e.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	for _, b := range f.Body.(*hclsyntax.Body).Blocks[0].Body.Blocks {
		if b.Type != "decode" {
			continue
		}
		r := b.Body.SrcRange
		src := strings.Trim(strings.TrimSpace(Plugin().Example[r.Start.Byte:r.End.Byte]), "{}")
		got, err := decode(t, mustBind(t, src), []byte("Artikel-Nr.;name;price;stock;active;changed\n007; caf\xe9 ;1.234,5;3;J;01-07-2024 12:00\n"), 100)
		if err != nil {
			t.Fatal(err)
		}
		diffLines(t, "rows", got.rows, []string{"2|007|café|1234.5|3|true|1719828000000000|~"})
		return
	}
	t.Error("the example has no decode block")
}

func TestSpectrum(t *testing.T) {
	files, err := filepath.Glob("testdata/spectrum/*.csv")
	if err != nil || len(files) != 11 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []map[string]string
		raw, err := os.ReadFile(strings.TrimSuffix(file, ".csv") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(text), "\n")
		var decls []string
		for name := range strings.SplitSeq(strings.TrimSpace(header), ",") {
			decls = append(decls, name+` = "text"`)
		}
		d := mustBind(t, "columns = { "+strings.Join(decls, ", ")+" }")
		got, err := decode(t, d, text, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.rows) != len(want) || len(got.rejects) > 0 {
			t.Errorf("%s: %d rows, want %d; %q", file, len(got.rows), len(want), got.rejects)
			continue
		}
		for i, row := range got.rows {
			_, cells, _ := strings.Cut(row, "|")
			var wanted []string
			for _, name := range d.set.Schema.Names() {
				wanted = append(wanted, want[i][name])
			}
			if cells != strings.Join(wanted, "|") {
				t.Errorf("%s row %d: %q, want %q", file, i+1, cells, wanted)
			}
		}
	}
}

func TestUnreadColumnsAreDefined(t *testing.T) {
	d := mustBind(t, `columns = { a = "text", b = "decimal" }`)
	var b record.Batch
	b.Reset(d.set.Schema, 2)
	b.Cols[0].Views[1] = record.View{Off: 1 << 20, Len: 7}
	b.Cols[1].Scale[1] = 99
	decodeInto(t, d, "a,b\nx,1\ny,2\n", nil, &b)
	if !b.Cols[0].IsNull(1) || !b.Cols[1].IsNull(1) || len(b.Cols[0].Bytes(1)) != 0 || b.Cols[1].Dec(1).Scale != 0 {
		t.Errorf("unread cells hold leftovers: %+v", b.Cols)
	}
}
