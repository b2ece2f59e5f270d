package compute

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/function"
	"weir/engine/record"
	"weir/engine/spec"
)

// I9: a sensitive value of the configuration can be the key of hmac() and reaches
// nothing else. What is said of it is that it is sensitive.
func TestSensitiveValues(t *testing.T) {
	o := Options{
		Functions: function.All(),
		Vars:      map[string]any{"pepper": spec.NewSecret("p3pper!"), "table": spec.Sensitive, "prefix": "NL"},
		Locals:    map[string]any{"key": spec.NewSecret("l0cal!"), "list": []any{"a", "b"}},
	}
	s := record.NewSchema([]record.Field{field("s", tString), field("sn", record.NullableOf(record.String))})
	c := New(s, o)
	b := batchOf(s, [][]any{{"jan", nil}, {"", "Łódź"}})
	plain := New(s, Options{Functions: function.All(), Vars: map[string]any{"pepper": "p3pper!", "key": "l0cal!"}})
	for _, src := range []string{
		"hmac(s, %s.pepper)", "hmac(sn, %s.pepper, 'sha1', 'base64')", "hmac(s, %s.pepper, s == '' ? 'md5' : 'sha1')", "hmac('x', %s.pepper)", "hmac(s, %s['pepper'])",
		"upper(hmac(sn ?? s, %s.pepper)) + s", "map([s, sn ?? ''], hmac(#, %s.pepper))",
	} {
		e, want := compileRow(t, c, fmt.Sprintf(src, "var")), compileRow(t, plain, fmt.Sprintf(src, "var"))
		for _, kernels := range []bool{false, e.slow == ""} {
			got, want := outcomes(e, b, kernels), outcomes(want, b, false)
			for i := range want {
				if d := sameOutcome(want[i], got[i]); d != "" || want[i].err != "" {
					t.Errorf("%s, row %d: %s%s", src, i, d, want[i].err)
				}
			}
		}
		if _, why := e.Kernel(); strings.Contains(why, "p3pper!") || strings.Contains(fmt.Sprintf("%+v %#v", e.ck.info, e.program), "p3pper!") {
			t.Errorf("%s shows the key", src)
		}
	}
	compileRow(t, c, "hmac(s, local.key) + local.list[0]")
	for _, tt := range []struct{ src, want string }{
		{"var.pepper", "    ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"s + local.key", "          ^^^ expr.sensitive: The local \"key\" is sensitive\n"},
		{"hmac(var.pepper, s)", "         ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"hmac(s, s, var.pepper)", "               ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"hmac(s, var.pepper + '')", "            ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"hmac(s, s == '' ? var.pepper : s)", "                      ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"let k = var.pepper; hmac(s, k)", "            ^^^^^^ expr.sensitive: The variable \"pepper\" is sensitive\n"},
		{"hmac(s, var.table)", "            ^^^^^ expr.sensitive: The variable \"table\" is sensitive\n"},
		{"hmac(s, var.pepper, 'md4')", "                    ^^^^^ expr.argument: This argument cannot be used\n"},
		{"var.peper", "    ^^^^^ expr.unknown_name: There is no variable \"peper\"\n"},
		{"local.lst", "      ^^^ expr.unknown_name: There is no local \"lst\"\n"},
	} {
		_, ds := c.Row(txt(tt.src), record.Invalid)
		if got := marks(tt.src, ds); got != tt.want {
			t.Errorf("%s\n%s", tt.src, got)
		}
		if text := show(ds); strings.Contains(text, "p3pper!") || strings.Contains(text, "l0cal!") {
			t.Errorf("%s shows the value: %s", tt.src, text)
		}
	}
	e := compileRow(t, c, "toJSON([var, local])")
	if got := outcomes(e, b, false)[0]; !strings.Contains(got.v.(string), "prefix") || strings.Contains(got.v.(string), "pepper") || strings.Contains(got.v.(string), "key") {
		t.Errorf("all of the values: %v", got)
	}
}
