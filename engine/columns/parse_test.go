package columns

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// text returns s as if written in a file at line 3, column 11.
func text(s string) spec.Text {
	src := []byte(s)
	var offs []int
	for i := range s {
		offs = append(offs, i)
	}
	rng := hcl.Range{Filename: "a.hcl", Start: hcl.Pos{Line: 3, Column: 11}, End: hcl.Pos{Line: 3, Column: 11 + len(s), Byte: len(s)}}
	return spec.Text{S: s, Range: rng, Origin: spec.NewOrigin(s, rng, src, append(offs, len(s)))}
}

func parse(t testing.TB, s string) *Column {
	t.Helper()
	c, ds := Parse("x", text(s))
	if len(ds) > 0 {
		t.Fatalf("%s: %v", s, ds.Err())
	}
	return &c
}

func TestParseTypes(t *testing.T) {
	for decl, want := range map[string]string{
		"text":                     "string",
		"  text\n optional ":       "string or nil",
		"text required":            "string",
		"text null 'NULL'":         "string or nil",
		"text null NULL required":  "string",
		"text required optional":   "string or nil",
		"int":                      "int or nil",
		"int required":             "int",
		"decimal":                  "decimal or nil",
		"decimal comma":            "decimal or nil",
		"float comma required":     "float",
		"bool":                     "bool or nil",
		"bool J N":                 "bool or nil",
		"bool X ''":                "bool",
		"bool X '' null '?'":       "bool or nil",
		"bool 'ja,j' 'nee,'":       "bool",
		"date":                     "date or nil",
		"date '%d-%m-%Y' required": "date",
		"datetime":                 "datetime or nil",
		"datetime '%d-%m-%Y %H:%M' Europe/Amsterdam": "datetime or nil",
		"datetime '%Y%m%d%H%M%S%z'":                  "datetime or nil",
		"datetime '%s'":                              "datetime or nil",
		"text from 'E-Mail ''x''' trim":              "string",
	} {
		if got := parse(t, decl).Type.String(); got != want {
			t.Errorf("%s: %s, want %s", decl, got, want)
		}
	}
	c := parse(t, "text from 'E-Mail ''x''' trim optional")
	if c.From != "E-Mail 'x'" || !c.Trim || !c.Optional || c.Name != "x" {
		t.Errorf("%+v", c)
	}
	if z := parse(t, "datetime '%d-%m-%Y %H:%M' Europe/Amsterdam").Type.Location().String(); z != "Europe/Amsterdam" {
		t.Errorf("zone %s", z)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ decl, at, summary, detail string }{
		{"", "", "The column declaration is empty", "Types: text, int"},
		{"txt", "txt", `There is no column type "txt"`, `did you mean "text"?`},
		{"varchar trim", "varchar", `There is no column type "varchar"`, `did you mean "text"?`},
		{"qqqqq", "qqqqq", "There is no column type", "Column x: Types: text"},
		{"optional text", "optional", "A column declaration begins with a type", `such as "text optional"`},
		{"'text'", "'text'", "A column declaration begins with a type", ""},
		{"decimal coma", "coma", `"coma" is not understood here`, `did you mean "comma"?`},
		{"text optionl", "optionl", `"optionl" is not understood here`, `did you mean "optional"?`},
		{"text 'NULL'", "'NULL'", "A text in quotes does not belong here", ""},
		{"text null", "null", "The column declaration is incomplete", "such as null 'NULL'"},
		{"text from", "from", "The column declaration is incomplete", "such as from 'E-Mail'"},
		{"text from ''", "from", "The column declaration is incomplete", "such as from 'E-Mail'"},
		{"text null 'NULL", "'NULL", "A quote is not closed", ""},
		{"bool J", "bool", "The column declaration is incomplete", `only "J" is given`},
		{"bool J optional", "bool", "The column declaration is incomplete", `only "J" is given`},
		{"bool 'ja,j' 'nee,J'", "'nee,J'", "A word means both true and false", `"J"`},
		{"bool '' ''", "''", "A word means both true and false", "empty cell"},
		{"date '%d-%Q'", "'%d-%Q'", "The format is not understood", "%Q"},
		{"date '%d-%m'", "'%d-%m'", "Dates cannot be read with this format", "year"},
		{"date '%Y-%m-%d %H:%M'", "'%Y-%m-%d %H:%M'", "The format holds a time of day", "datetime"},
		{"datetime '%Y-%m-%d %H:%M'", "'%Y-%m-%d %H:%M'", "The time zone is missing", "%z"},
		{"datetime '%Y-%m-%d' optional", "'%Y-%m-%d'", "The time zone is missing", "Europe/Amsterdam"},
		{"datetime '%Y-%m-%d' Europe/Amsterdm", "Europe/Amsterdm", `There is no time zone "Europe/Amsterdm"`, `did you mean "Europe/Amsterdam"?`},
		{"datetime '%Y-%m-%d' Amsterdam", "Amsterdam", `There is no time zone "Amsterdam"`, `did you mean "Europe/Amsterdam"?`},
		{"datetime '%Y-%m-%d' Local", "Local", `There is no time zone "Local"`, ""},
		{"datetime '%Y' UTC", "'%Y'", "Times cannot be read with this format", ""},
	} {
		_, ds := Parse("x", text(tt.decl))
		if len(ds) != 1 {
			t.Errorf("%s: %d diagnostics: %v", tt.decl, len(ds), ds)
			continue
		}
		d := ds[0]
		at := tt.decl[d.Subject.Start.Byte:d.Subject.End.Byte]
		if tt.decl == "bool '' ''" && d.Subject.Start.Byte == 8 {
			at = "''"
		}
		if at != tt.at || !strings.Contains(d.Summary, tt.summary) || !strings.Contains(d.Detail, tt.detail) || !strings.HasPrefix(d.Detail, "Column x: ") {
			t.Errorf("%s: at %q: %s: %s", tt.decl, at, d.Summary, d.Detail)
		}
		if d.Subject.Start.Line != 3 || d.Subject.Start.Column != 11+d.Subject.Start.Byte {
			t.Errorf("%s: place %v", tt.decl, d.Subject)
		}
	}
}

func TestFixIsCertain(t *testing.T) {
	_, ds := Parse("x", text("string optional"))
	if len(ds) != 1 || ds[0].Fix != "text" {
		t.Errorf("%+v", ds)
	}
	if _, ds = Parse("x", text("txt")); len(ds) != 1 || ds[0].Fix != "" {
		t.Errorf("%+v", ds)
	}
}

// Every zone that may be proposed exists.
func TestZoneNames(t *testing.T) {
	for z := range strings.FieldsSeq(zoneNames) {
		if _, err := loadZone(z); err != nil {
			t.Error(err)
		}
	}
}

func marked(file string, at int, s string) cty.Value {
	rng := hcl.Range{Filename: file, Start: hcl.Pos{Byte: at, Line: at, Column: 1}, End: hcl.Pos{Byte: at + len(s), Line: at, Column: 1 + len(s)}}
	return cty.StringVal(s).Mark(spec.NewOrigin(s, rng, nil, make([]int, len(s)+1)))
}

func TestFromMap(t *testing.T) {
	use := hcl.Range{Filename: "use.hcl"}
	for _, tt := range []struct {
		name    string
		v       cty.Value
		order   string
		ordered bool
		diags   diag.List
	}{
		{name: "as written", order: "b string, a int or nil", ordered: true,
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 50, "int"), "b": marked("f", 10, "text")})},
		{name: "two files", order: "a string, b string, c string",
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 50, "text"), "b": marked("g", 10, "text"), "c": cty.StringVal("text")})},
		{name: "one literal", order: "a string, b string",
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 50, "text"), "b": marked("f", 50, "text")})},
		{name: "removed by null", order: "a string", ordered: true,
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 50, "text"), "b": cty.NullVal(cty.String)})},
		{name: "not a string", order: "a string", ordered: true, diags: diag.List{{Summary: "A column declaration is not a string"}},
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 50, "text"), "b": cty.NumberIntVal(1)})},
		{name: "not a map", v: cty.StringVal("a"), diags: diag.List{{Summary: "Invalid value for columns"}}},
		{name: "same source", order: "a string, b string", ordered: true, diags: diag.List{{Summary: `Two columns read "a"`}},
			v: cty.ObjectVal(map[string]cty.Value{"a": marked("f", 1, "text"), "b": marked("f", 5, "text from 'a'")})},
	} {
		s, ds := FromMap(tt.v, use, nil)
		var got []string
		for _, f := range s.Schema.Fields() {
			got = append(got, f.Name+" "+f.Type.String())
		}
		if strings.Join(got, ", ") != tt.order || len(s.Columns) > 0 && s.Ordered != tt.ordered {
			t.Errorf("%s: %v, ordered %v", tt.name, got, s.Ordered)
		}
		if len(ds) != len(tt.diags) || len(ds) > 0 && ds[0].Summary != tt.diags[0].Summary {
			t.Errorf("%s: %v", tt.name, ds)
		}
	}
}

func TestPlainMeansViewsAreValues(t *testing.T) {
	for decl, want := range map[string]bool{"text": true, "text optional": true, "text trim": false, "text null 'x'": false, "text required": false, "int": false} {
		if got := parse(t, decl).NewParser().Plain(); got != want {
			t.Errorf("%s: %v", decl, got)
		}
	}
}
