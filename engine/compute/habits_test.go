package compute

import (
	"strings"
	"testing"

	"weir/engine/function"
	"weir/engine/record"
)

// Habits of other languages meet what is written here.
func TestHabits(t *testing.T) {
	s := record.NewSchema([]record.Field{field("name", tString), field("n", tInt), field("rows", record.ListOf(record.ObjectOf([]record.Field{field("x", tInt)})))})
	c := New(s, Options{Functions: function.All()})
	for src, want := range map[string]string{
		"map(rows, {a: .x})": "({name: .x})", "map(rows, {'a': .x, b: 1})": "({name: .x})", `name matches '\d+'`: "write backticks", "n = 1": `Write "=="`, "n === 1": `Write "=="`,
		"n <> 1": `Write "!="`, "n !== 1": `Write "!="`, "n > 1 AND n < 3": `Write "and", in lower case`, "map(rows, x => x + 1)": "the element is #", "n # what": "A comment begins with //",
		"Jan Kowalski": "'Jan Kowalski'", "Kowalski": "'Kowalski'", "“x”": "no quote that begins a text", "name || 'x'": "write + to put them together", "n & 1": `Write "and"`,
		"substring(name, 1)": "substr(x, start, length)", "ifnull(n, 0)": "a ?? b", "length(name)": "len()", "strip(name)": "trim()", "Upper(name)": "upper()", "regexp_replace(name, 'a', 'b')": "replace_re()",
		"encodeURIComponent(name)": "url()", "nonempty(name)": "join_nonempty()", "uuid4()": "uuid(), which a retry gives", "hmac(name, secret('K'))": `hmac(x, var.k) with a variable "k" that is declared with sensitive = true and default = secret("K")`,
	} {
		_, ds := c.Row(txt(src), record.Invalid)
		if len(ds) != 1 || !strings.Contains(ds[0].Detail, want) {
			t.Errorf("%s: %s, want %q", src, show(ds), want)
		}
	}
}
