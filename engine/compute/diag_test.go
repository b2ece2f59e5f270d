package compute

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine/diag"
	"weir/engine/record"
)

// marks renders diagnostics under the expression: one line of carets each.
func marks(src string, ds diag.List) string {
	var sb strings.Builder
	for _, d := range ds {
		from, to := d.Subject.Start.Column-1, d.Subject.End.Column-1
		sb.WriteString(strings.Repeat(" ", from) + strings.Repeat("^", to-from) + " " + string(d.Code) + ": " + d.Summary + "\n")
	}
	return sb.String()
}

func TestDiagnostics(t *testing.T) {
	c := New(sampleSchema(amsterdam(t)), Options{Now: fixed, Functions: testFunctions(), Vars: map[string]any{"shop": "PL", "long": TooLong("12345678901234567890")}})
	for _, tt := range []struct{ src, want string }{
		{"trim(emial)", "     ^^^^^ expr.unknown_name: There is no column \"emial\" here\n"},
		{"frist + 'Łódź' + lst", "^^^^^ expr.unknown_name: There is no column \"frist\" here\n                 ^^^ expr.unknown_name: There is no column \"lst\" here\n"},
		{"'Łódź' + nmae", "         ^^^^ expr.unknown_name: There is no column \"nmae\" here\n"},
		{"lowwer(first)", "^^^^^^ expr.unknown_function: There is no function lowwer()\n"},
		{"first + n", "      ^ expr.type: string and int cannot be combined with \"+\"\n"},
		{"n == 'a'", "  ^^ expr.type: int and string are never equal\n"},
		{"price * rate", "      ^ expr.type: decimal and float do not mix\n"},
		{"email + 'x'", "^^^^^ expr.nullable: This value may be nil\n"},
		{"lower(email)", "      ^^^^^ expr.nullable: This value may be nil\n"},
		{"paid > 3", "^^^^ expr.nullable: This value may be nil\n"},
		{"first(items).sku", "^^^^^^^^^^^^ expr.nullable: This value may be nil\n"},
		{"items[0].skuu", "         ^^^^ expr.unknown_name: There is no field \"skuu\" here\n"},
		{"sum(items, .sku)", "           ^^^^ expr.type: sum() needs numbers\n"},
		{"all(items, .qty)", "           ^^^^ expr.type: The condition of all() must be a bool\n"},
		{"n ? 1 : 2", "^ expr.type: A condition must be a bool\n"},
		{"var.shp", "    ^^^ expr.unknown_name: There is no variable \"shp\"\n"},
		{`row["Odd Nam"]`, "    ^^^^^^^^^ expr.unknown_name: There is no column \"Odd Nam\" here\n"},
		{"first = 'a'", "      ^ expr.syntax: Did not expect \"=\" here\n"},
		{"first + ", "       ^ expr.syntax: The expression ends too early\n"},
		{"", " expr.syntax: This expression is empty\n"},
		{"first matches '['", "              ^^^ expr.type: This is not a regular expression\n"},
		{"trim()", "^^^^ expr.type: trim() takes 1 or 2 arguments\n"},
		{"strftime(n, 'x')", "         ^ expr.type: strftime() needs datetime here\n"},
		{"duration('1h')", "^^^^^^^^^^^^^^ expr.type: A duration cannot be the result\n"},
		{"$env", "^^^^ expr.unknown_name: $env does not exist here\n"},
		{"9223372036854775807 + 1", "^^^^^^^^^^^^^^^^^^^^^^^ expr.constant: This calculation has no value\n"},
		{"n + 2 * -9223372036854775807 - 9", "    ^^^^^^^^^^^^^^^^^^^^^^^^ expr.constant: This calculation has no value\n"},
		{"n / 0", "^^^^^ expr.constant: This calculation has no value\n"},
		{"n % (1 - 1)", "^^^^^^^^^^^ expr.constant: This calculation has no value\n"},
		{"1e308 * 10", "^^^^^^^^^^ expr.constant: This calculation has no value\n"},
		{"n + 9223372036854775808", "    ^^^^^^^^^^^^^^^^^^^ expr.constant: This number is out of range for a whole number\n"},
		{"n > 1e400", "    ^^^^^ expr.constant: This number is out of range for a float\n"},
		{"n > 0.1234567890123456789", "    ^^^^^^^^^^^^^^^^^^^^^ expr.constant: This number has more digits than a float keeps\n"},
		{"[9007199254740993, 0.5]", " ^^^^^^^^^^^^^^^^ expr.constant: This calculation has no value\n"},
		{"var.long + 1", "^^^^^^^^ expr.constant: This number has more digits than are kept\n"},
		{"string([1])", "       ^^^ expr.type: string() needs one value; to_json() writes lists and objects\n"},
		{"get('abc', 0)", "    ^^^^^ expr.type: get() needs a list or an object\n"},
		{"trimPrefix(first)", "^^^^^^^^^^ expr.type: trimPrefix() takes 2 arguments\n"},
		{"first.x", "      ^ expr.type: A string has no fields or elements\n"},
		{"timezone('UTC')", "^^^^^^^^ expr.unknown_function: There is no function timezone()\n"},
		{"trim", "^^^^ expr.unknown_name: \"trim\" is a function\n"},
		{"{a: 1, a: 2}", "       ^ expr.type: The field \"a\" is given twice\n"},
		{"'abc", "^^^^ expr.syntax: This string has no end\n"},
	} {
		t.Run(tt.src, func(t *testing.T) {
			e, ds := c.Row(txt(tt.src), record.Invalid)
			if e != nil {
				t.Errorf("an expression came back beside diagnostics")
			}
			if d := cmp.Diff(tt.want, marks(tt.src, ds)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDiagnosticTexts(t *testing.T) {
	c := New(record.NewSchema([]record.Field{field("klantnummer", tString), field("email", record.NullableOf(record.String))}), Options{})
	for src, want := range map[string]string{
		"klantnumer":   `expr.unknown_name: There is no column "klantnumer" here. Did you mean "klantnummer"? Columns: klantnummer, email.` + "\n",
		"upper(email)": "expr.nullable: This value may be nil. upper() needs a value that is never nil. Write `email == nil ? nil : upper(email)` to keep nil, or `(email ?? VALUE)` with what nil stands for.\n",
		"uper(email)":  "expr.unknown_function: There is no function uper(). Did you mean upper()?\n",
	} {
		_, ds := c.Row(txt(src), record.Invalid)
		if d := cmp.Diff(want, show(ds)); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
	_, ds := c.Row(txt("klantnumer"), record.Invalid)
	if ds[0].Fix != "klantnummer" {
		t.Errorf("fix %q", ds[0].Fix)
	}
}

func TestRowsDiagnostics(t *testing.T) {
	c := New(lineSchema(), Options{})
	for src, want := range map[string]string{
		"number":                 "^^^^^^ expr.unknown_name: There is no column \"number\" here\n",
		"sum(rows, amount)":      "          ^^^^^^ expr.unknown_name: There is no column \"amount\" here\n",
		"first(rows).numbr":      "            ^^^^^ expr.unknown_name: There is no field \"numbr\" here\n",
		"sum(rows, .email)":      "          ^^^^^^ expr.nullable: This value may be nil\n",
		"max(map(rows, .email))": "    ^^^^^^^^^^^^^^^^^ expr.type: max() needs numbers, strings, dates or lists of them\n",
	} {
		_, ds := c.Rows(txt(src), nil, record.Invalid)
		if d := cmp.Diff(want, marks(src, ds)); d != "" {
			t.Errorf("%s (-want +got):\n%s", src, d)
		}
	}
	_, ds := c.Rows(txt("number"), nil, record.Invalid)
	if ds[0].Fix != "first(rows).number" {
		t.Errorf("fix %q", ds[0].Fix)
	}
}

// A computed expression has no origin: problems are reported at the whole of it.
func TestComputedText(t *testing.T) {
	whole := txt("nmae")
	whole.Origin = nil
	_, ds := New(record.NewSchema(nil), Options{}).Row(whole, record.Invalid)
	if len(ds) != 1 || *ds[0].Subject != whole.Range {
		t.Errorf("diagnostics %+v", ds)
	}
}

func TestValue(t *testing.T) {
	c := New(nil, Options{})
	env := []record.Field{field("status", tInt), field("body", tAny)}
	cols := batchOf(record.NewSchema(env), [][]any{{400, map[string]any{"errors": []any{"bad"}, "n": 2}}}).Cols
	for _, tt := range []struct {
		src  string
		want record.Kind
		v    any
		err  string
	}{
		{"status in [200, 201]", record.Bool, false, ""},
		{"status == 400 ? body.errors : []", record.List, []any{"bad"}, ""},
		{"body.n + 1", record.Int, 3, ""},
		{"body.errors", record.Bool, nil, "the result is list, not bool"},
		{"body.none.x", record.Any, nil, "there is no x in nil"},
	} {
		e, ds := c.Value(txt(tt.src), env, tt.want)
		if len(ds) > 0 {
			t.Errorf("%s: %s", tt.src, show(ds))
			continue
		}
		col, err := e.New().Value(cols)
		if err != nil {
			if err.Error() != tt.err {
				t.Errorf("%s: %v, want %q", tt.src, err, tt.err)
			}
			continue
		}
		if d := cmp.Diff(tt.v, valueAt(col, 0)); d != "" || tt.err != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, d)
		}
	}
}

func TestWanted(t *testing.T) {
	c := New(sampleSchema(amsterdam(t)), Options{})
	for _, tt := range []struct {
		src  string
		want record.Kind
		typ  string // "" for a diagnostic
	}{
		{"n", record.Int, "int"}, {"n", record.Decimal, "decimal"}, {"n", record.Float, "float"}, {"n > 1", record.Bool, "bool"},
		{"n", record.Bool, ""}, {"first", record.Decimal, ""}, {"price", record.Float, ""}, {"email", record.String, "string or nil"},
		{"nil", record.String, "string or nil"}, {"extra", record.String, "string or nil"}, {"tags", record.List, "list of string"},
	} {
		e, ds := c.Row(txt(tt.src), tt.want)
		if (len(ds) == 0) != (tt.typ != "") {
			t.Errorf("%s as %s: %s", tt.src, tt.want, show(ds))
			continue
		}
		if e != nil && e.Type().String() != tt.typ {
			t.Errorf("%s as %s has type %s, want %s", tt.src, tt.want, e.Type(), tt.typ)
		}
	}
}
