package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// secretText is a secret that is wrong for most of what could be done with it.
const secretText = "zqxwv(5*é"

// leaked returns the part of the secret that text shows, "" when it shows none.
func leaked(text string) string {
	text = strings.ToLower(text)
	for _, part := range []string{"zq", "qx", "xw", "wv", "(5*", "*é"} {
		if strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

// printed is all of what a configuration's problems show anywhere.
func printed(t *testing.T, ds diag.List, sources map[string][]byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := diag.Text(&out, ds, sources, diag.TextOptions{Width: 4000}); err != nil {
		t.Fatal(err)
	}
	if err := diag.JSON(&out, ds); err != nil {
		t.Fatal(err)
	}
	if err := ds.Err(); err != nil {
		out.WriteString(err.Error())
	}
	return out.String()
}

// TestFunctionsKeepSecrets (I9): whatever function is called with a secret in whatever
// place, with the other arguments of every kind, its problems show no part of it.
func TestFunctionsKeepSecrets(t *testing.T) {
	env := func(string) (string, bool) { return secretText, true }
	others := []string{`"x"`, "1", `["a"]`, "{ a = 1 }", "null"}
	forms := []string{"%s", "[%s]", "{ (%s) = 1 }", "{ a = %s }", `"a${%s}b"`, "upper(%s)"}
	secrets := []string{`secret("PW")`, "var.given", "local.deep.b"}
	snap := newSnapshot()
	fns := functions(t.TempDir(), snap, Inputs{Env: env}, newReads())
	ctx := &hcl.EvalContext{Functions: fns, Variables: map[string]cty.Value{
		"var":   cty.ObjectVal(map[string]cty.Value{"given": cty.StringVal(secretText).Mark(spec.Unquoted)}),
		"local": cty.ObjectVal(map[string]cty.Value{"deep": cty.ObjectVal(map[string]cty.Value{"b": cty.StringVal(secretText).Mark(spec.Sensitive)})}),
	}}
	calls, failed := 0, map[string]int{}
	try := func(name, text string) {
		snap.budget.left, snap.budget.spent = maxValues, nil
		e, hd := hclsyntax.ParseExpression([]byte(text), "main.hcl", hcl.InitialPos)
		if hd.HasErrors() {
			t.Fatal(text, hd)
		}
		_, hd = e.Value(ctx)
		calls++
		if hd.HasErrors() {
			failed[name]++
		}
		if got := printed(t, spec.FromHCL(hd), nil); leaked(got) != "" {
			t.Errorf("%s shows %q: %s", text, leaked(got), got)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fns)) {
		for _, s := range secrets {
			for i, form := range forms {
				arg := fmt.Sprintf(form, s)
				try(name, fmt.Sprintf("%s(%s)", name, arg))
				for _, o := range others {
					if i > 1 && o != others[0] {
						continue
					}
					try(name, fmt.Sprintf("%s(%s, %s)", name, arg, o))
					try(name, fmt.Sprintf("%s(%s, %s)", name, o, arg))
					try(name, fmt.Sprintf("%s(%s, %s, 2)", name, arg, o))
					try(name, fmt.Sprintf(`%s("s", %s, %s)`, name, o, arg))
				}
			}
		}
	}
	if calls < 5_000 || len(failed) < len(fns)-3 {
		t.Errorf("%d calls, of which those of %d of %d functions failed: too few to tell", calls, len(failed), len(fns))
	}
}

// TestExpressionsKeepSecrets (I9): the same for operators, indexes, conditions, loops and
// references.
func TestExpressionsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		`"a" + %s`, `-%s`, `!%s`, `%s ? 1 : 2`, `[1][%s]`, `{a = 1}[%s]`, `{(%s) = 1}.nosuch`, `{(%s) = 1}["nosuch"]`, `%s.a`, `%s[0]`, `%s.*.a`,
		`{for x in ["a", "b"] : %s => x}`, `[for x in [1] : x if %s]`, `[for x in %s : x]`, `{for k, v in {a = 1, b = 2} : "${%s}" => v}`,
		`{for k in [%s] : {} => k}`, `true ? {(%s) = 1} : [1]`, `true ? {a = 1} : {(%s) = "x"}`, `"%%{ for x in %s }${x}%%{ endfor }"`, `"%%{ if %s }a%%{ endif }"`,
		`%s == {} ? 1 : nosuch`, `{a = 1, (%s) = 2, (%s) = 3}`, `%s...`, `max(%s...)`, `local.made.nosuch`, `local.made["nosuch"]`, `local.deep.nosuch`, `secret(%s)`, `file(%s)`, `env(%s)`,
	} {
		for _, s := range []string{`secret("PW")`, "var.given", "var.sealed"} {
			expr := strings.ReplaceAll(strings.ReplaceAll(text, "%%", "%"), "%s", s)
			main := "variable \"given\" {\n  default = \"x\"\n}\nvariable \"sealed\" {\n  default = \"zqxwv(5*é\"\n  sensitive = true\n}\nlocals {\n  made = { (" + s + ") = 1 }\n  deep = { b = " + s + " }\n  x = " + expr + "\n}\n"
			c, ds := loadText(t, map[string]string{"main.hcl": main, "a.vars.hcl": "given = \"" + secretText + "\"\n"})
			if got := printed(t, ds, c.Snapshot.Shown()); leaked(got) != "" {
				t.Errorf("%s shows %q: %s", expr, leaked(got), got)
			}
		}
	}
}

// TestFilesOfVariablesAreNotShown (I9): whatever is wrong with what a file of variables
// holds, neither its text nor its line is shown, and the place is told.
func TestFilesOfVariablesAreNotShown(t *testing.T) {
	const main = `
variable "a" {
  type = string
  sensitive = true
}
variable "n" {
  type = number
}
variable "o" {
  type = object({ user = string, pw = string })
}
variable "l" {
  type = list(number)
}
`
	for _, text := range []string{
		`a = zqxwv(5*é`, `a = "zqxwv(5*é`, `a = zqxwv`, `a = 'zqxwv(5*é'`, `a = zqxwv(5)`, `a = p@zqxwv`, `zqxwv(5*é`, `"zqxwv(5*é"`, `a = zqxwv.qxwv`, `a = "${zqxwv}"`, `a = "\zqxwv"`,
		`a = {zqxwv = 1, zqxwv = 2}`, `a "zqxwv" {}`, "a = <<zqxwv\n", `a = ["zqxwv(5*é"`, `a = tonumber("zqxwv(5*é")`, `a = file("zqxwv(5*é")`, `a = secret("PW", 2)`, `a = "zqxwv(5*é".xwv`,
		`n = "zqxwv(5*é"`, `o = "zqxwv(5*é"`, `o = { user = "zqxwv(5*é" }`, `o = { user = "zqxwv(5*é", pw = ["zqxwv(5*é"] }`, `l = ["zqxwv(5*é"]`, `n = tonumber("zqxwv(5*é")`, "\xffzqxwv(5*é",
		`a = "zqxwv(5*é" "zqxwv(5*é"`, "a = \"zqxwv(5*é\"\na = \"zqxwv(5*é\"", `a == zqxwv(5*é`, `a: zqxwv`,
	} {
		for _, name := range []string{"a.vars.hcl", "given.txt"} {
			files := map[string]string{"main.hcl": main, name: text + "\n"}
			c, ds := loadText(t, files)
			got := printed(t, ds, c.Snapshot.Shown())
			if leaked(got) != "" {
				t.Errorf("%q in %s shows %q: %s", text, name, leaked(got), got)
			}
			if !strings.Contains(got, name) {
				t.Errorf("%q in %s: nothing tells of the file: %s", text, name, got)
			}
		}
	}
}

// TestValuesOfVariablesAreNotQuoted (I9): what main.hcl makes of a value from a file of
// variables is not quoted either, by a function or a validation; one that is given
// elsewhere is.
func TestValuesOfVariablesAreNotQuoted(t *testing.T) {
	const main = "variable \"a\" {\n  type = string\n  validation {\n    condition = tonumber(var.a) > 1\n    error_message = \"a must be a number\"\n  }\n}\n"
	c, ds := loadText(t, map[string]string{"main.hcl": main, "a.vars.hcl": "a = \"" + secretText + "\"\n"})
	if got := printed(t, ds, c.Snapshot.Shown()); leaked(got) != "" || !strings.Contains(got, spec.NotQuoted) {
		t.Error(got)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	c, ds = Load(dir, Inputs{Env: noEnv, Vars: []VarFlag{{"a", "seven"}}})
	if got := printed(t, ds, c.Snapshot.Shown()); !strings.Contains(got, `"seven"`) {
		t.Errorf("a value of the command line is quoted, where it is on the screen: %s", got)
	}
}

// loadText loads files, those that are neither .hcl as files of variables.
func loadText(t *testing.T, files map[string]string) (*Config, diag.List) {
	t.Helper()
	dir := t.TempDir()
	in := Inputs{Env: func(name string) (string, bool) { return secretText, name == "PW" }}
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) != ".hcl" {
			in.VarFiles = append(in.VarFiles, full)
		}
	}
	c, ds := Load(dir, in)
	return c, ds.Sort()
}

// TestPrintable (I9): of a file that is read for its lines alone.
func TestPrintable(t *testing.T) {
	const main = "variable \"a\" {\n  default   = \"zqxwv(5*é\"\n  sensitive = true\n}\nvariable \"b\" {\n  default = \"shown\"\n}\n"
	got := string(Printable("main.hcl", []byte(main)))
	if leaked(got) != "" || !strings.Contains(got, `"shown"`) || strings.Count(got, "\n") != strings.Count(main, "\n") {
		t.Error(got)
	}
	for name, text := range map[string]string{"a.vars.hcl": "pipeline \"p\" {}", "x.hcl": "a = \"zqxwv(5*é\"", "y.hcl": "a = zqxwv(5*é", "z.hcl": "\"zqxwv(5*é"} {
		if got := Printable(name, []byte(text)); got != nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestSecretArgument (I9): a secret among the arguments works and is told of; one that
// is missing is not asked for there.
func TestSecretArgument(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("variable \"pw\" {\n  type = string\n  sensitive = true\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ds := Load(dir, Inputs{Env: noEnv, Vars: []VarFlag{{"pw", secretText}}})
	if len(ds) != 1 || ds[0].Code != "config.secret_argument" || ds.HasErrors() || leaked(printed(t, ds, nil)) != "" {
		t.Errorf("%v", ds)
	}
	_, ds = Load(dir, Inputs{Env: noEnv})
	if len(ds) != 1 || strings.Contains(ds[0].Detail, "--var ") || !strings.Contains(ds[0].Detail, "WEIR_VAR_pw") {
		t.Errorf("%v", ds)
	}
}

// TestEmptySecret: a secret that is set and empty is mostly a slip, and as a key protects nothing.
func TestEmptySecret(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("locals {\n  a = secret(\"PW\")\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ds := Load(dir, Inputs{Env: func(string) (string, bool) { return "", true }})
	if len(ds) != 1 || !strings.Contains(ds[0].Detail, "set and empty") {
		t.Errorf("%v", ds)
	}
	if _, ds := Load(dir, Inputs{AllowMissing: true, Env: func(string) (string, bool) { return "", false }}); ds.HasErrors() {
		t.Errorf("%v", ds)
	}
}
