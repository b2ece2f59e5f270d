package plan

import (
	"strings"
	"testing"
)

func TestMentions(t *testing.T) {
	for _, tc := range []struct{ expr, want string }{
		{"a + b", ""},
		{"var.x", "x"},
		{"var.b + var.a ?? var?.b", "a b"},
		{"upper(var . x)", "x"},
		{"var.list[0].name", "list"},
		{"my_var.x + variable", ""},
		{`var["x"]`, "all"},
		{"let v = var; v.x", "all"},
		{"keys(var)", "all"},
		{"var", "all"},
		{"var /* said */ .x", "all"},
		{"$env.var", "all"},
		{"var.a + len(var)", "all"},
		{"'the var is' + x", "all"}, // in a text: more than needed does no harm
		{"", ""},
	} {
		names, all := mentions(tc.expr)
		got := strings.Join(names, " ")
		if all {
			got = "all"
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.expr, got, tc.want)
		}
	}
}
