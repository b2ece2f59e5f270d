package spec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/spec"
)

// described decodes src and returns its values.
func described(t *testing.T, src string) []spec.Value {
	t.Helper()
	f, hd := hclsyntax.ParseConfig([]byte(src), "p.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	ref := &spec.Ref{Kind: "connection", Module: "acme", Name: "ftp.a", Values: []spec.Value{{Name: "host", Text: "h"}}}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"secret": cty.StringVal("s3cret").Mark(spec.Sensitive),
		"five":   cty.NumberIntVal(5),
		"connection": cty.ObjectVal(map[string]cty.Value{"ftp": cty.ObjectVal(map[string]cty.Value{
			"a": cty.CapsuleVal(spec.RefType, ref),
		})}),
	}}
	c := &settings{}
	body := c.Spec()
	at, ds := body.Decode(f.Body, ctx)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	return body.Values(at)
}

func texts(vs []spec.Value) map[string]string {
	out := map[string]string{}
	for _, v := range vs {
		out[v.Name] = v.Text
		if v.Unset {
			out[v.Name] = "unset"
		}
	}
	return out
}

func TestValuesAsData(t *testing.T) {
	got := texts(described(t, `host = "h"
names = ["a, b", "c"]
password = secret
fields = { b = "x + 1", a = "y" }
connection = connection.ftp.a
raw = { k = "text", n = [1, "1", true, null], o = { z = 1.5 } }
batch {
  rows = five
}
rule "one" {
  that = "x"
}
rule "two" {
  that = "y"
}
rule "two" {
  that = "z"
}
`))
	want := map[string]string{
		"host": "h", "port": "unset", "secure": "true", "timeout": (30 * time.Second).String(), "size": "1048576", "mode": "passive",
		"names": `["a, b", "c"]`, "password": "(secret)", "when": "",
		"fields": `["a", "b"]`, "fields.a": "y", "fields.b": "x + 1", "connection": "connection.acme.ftp.a",
		"raw": `{"k", "n", "o"}`, "raw.k": `"text"`, "raw.n": `[1, "1", true, null]`, "raw.o": `{"z" = 1.5}`,
		"batch": "true", "batch.rows": "5",
		"rule": `["one", "two", "two[1]"]`, "rule.one.that": "x", "rule.two.that": "y", "rule.two[1].that": "z",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestValuesOfReferences(t *testing.T) {
	for _, v := range described(t, "host = \"h\"\nconnection = connection.ftp.a\n") {
		switch {
		case v.Name != "connection" && v.Ref != nil:
			t.Errorf("%s refers to %v", v.Name, v.Ref)
		case v.Name == "connection" && (v.Ref == nil || len(v.Ref.Values) != 1):
			t.Errorf("the reference leads to %v", v.Ref)
		}
	}
}

// TestValuesHaveRanges checks that each value points at where it is written.
func TestValuesHaveRanges(t *testing.T) {
	lines := map[string]int{"host": 1, "fields": 2, "batch.rows": 4, "batch": 3, "mode": 1, "rule.one.that": 7}
	for _, v := range described(t, "host = \"h\"\nfields = { b = \"x + 1\" }\nbatch {\n  rows = 5\n}\nrule \"one\" {\n  that = \"x\"\n}\n") {
		if line, ok := lines[v.Name]; ok && v.Range.Start.Line != line {
			t.Errorf("%s is at %v, want line %d", v.Name, v.Range, line)
		}
	}
}

// TestEqualValues checks what counts and what does not.
func TestEqualValues(t *testing.T) {
	data := func(src string) string {
		var b []byte
		for _, v := range described(t, src) {
			b = append(append(b, v.Name...), 0)
			b = append(v.Append(b, []byte("key")), 0)
		}
		return string(b)
	}
	base := "host = \"h\"\nport = 5\nnames = [\"a\", \"b\"]\npassword = secret\nfields = { a = \"x\", b = \"y\" }\n"
	for _, same := range []string{
		"# a comment\nport     = five\nhost = \"h\"\n\npassword = \"s3cret\"\nnames = [\"a\",\n  \"b\"]\nfields = {\n a = \"x\"\n b = \"y\"\n}\n",
		base + "timeout = \"30s\"\n",
		base + "size = 1048576\nmode = null\n",
	} {
		if data(same) != data(base) {
			t.Errorf("differs from the same:\n%s", same)
		}
	}
	seen := map[string]string{data(base): base}
	for _, edit := range [][2]string{
		{`"h"`, `"g"`}, {"port = 5\n", ""}, {"port = 5", "port = 21"}, {`["a", "b"]`, `["b", "a"]`}, {`["a", "b"]`, `["a\", \"b"]`},
		{"password = secret", `password = "other"`}, {"password = secret\n", ""}, {`a = "x"`, `a = "x "`},
		{`a = "x", `, ""}, {`"h"`, "\"h\"\nbatch {}"}, {`"h"`, "\"h\"\nraw = 1"}, {`"h"`, "\"h\"\nraw = \"1\""}, {`"h"`, "\"h\"\nraw = {}"}, {`"h"`, "\"h\"\nraw = []"},
	} {
		src := strings.Replace(base, edit[0], edit[1], 1)
		d := data(src)
		if other, ok := seen[d]; ok {
			t.Errorf("%q: equal to\n%s\nbut is\n%s", edit, other, src)
		}
		seen[d] = src
	}
}

// TestValuesHideSecrets enforces I9: what leaves spec tells a secret only to who has the key.
func TestValuesHideSecrets(t *testing.T) {
	for _, v := range described(t, "host = \"h\"\npassword = secret\n") {
		if v.Name != "password" {
			continue
		}
		a, b := v.Append(nil, []byte("one")), v.Append(nil, []byte("two"))
		if !v.IsSecret() || v.Text != "(secret)" || strings.Contains(string(a), "s3cret") || string(a) == string(b) {
			t.Errorf("%+v, %x, %x", v, a, b)
		}
		return
	}
	t.Error("there is no password")
}
