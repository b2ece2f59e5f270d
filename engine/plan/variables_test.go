package plan

import (
	"strings"
	"testing"

	"weir/engine/spec"
)

func TestMentions(t *testing.T) {
	for _, tc := range []struct{ expr, want string }{
		{"a + b", ""},
		{"var.x + local.y", "local.y var.x"},
		{"var.b + var.a ?? var?.b", "var.a var.b"},
		{"upper(var . x)", "var.x"},
		{"var.list[0].name", "var.list"},
		{"my_var.x + variable", ""},
		{`var["x"]`, "all"},
		{"let v = var; v.x", "all"},
		{"keys(var)", "all"},
		{"keys(local)", "all"},
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

// I9: the description of a sensitive value does not show it, and its digest depends on
// the key of descriptions; another value has another digest.
func TestDescribeSensitiveValues(t *testing.T) {
	of := func(secret string) *variables {
		return describeValues(Values{Vars: map[string]any{"a": 1}, Locals: map[string]any{"k": spec.NewSecret(secret), "t": spec.Sensitive}})
	}
	v, w := of("t0psecret"), of("other")
	if strings.Join(v.names, " ") != "local.k local.t var.a" || v.text["local.k"] != "(sensitive)" || v.text["local.t"] != "(sensitive)" || v.text["var.a"] != "1" {
		t.Errorf("described as %v", v.text)
	}
	digest := func(v *variables, key string) string { return string(v.appendValue(nil, "local.k", []byte(key))) }
	if digest(v, "x") != digest(of("t0psecret"), "x") || digest(v, "x") == digest(w, "x") || digest(v, "x") == digest(v, "y") {
		t.Error("the digest does not follow the value and the key")
	}
	if strings.Contains(digest(v, "x"), "t0psecret") {
		t.Error("the digest shows the value")
	}
}
