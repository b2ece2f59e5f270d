package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"weir/engine/spec"
)

func load(t *testing.T, in Inputs, files map[string]string) (*Config, string) {
	t.Helper()
	dir := t.TempDir()
	for n, s := range files {
		p := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, ds := Load(filepath.Join(dir, "main"), in)
	msg := ""
	if err := ds.Err(); err != nil {
		msg = strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	return c, msg
}

// TestOrigins checks that a literal keeps the place it was written through
// variables, locals, functions and a module, rune by rune.
func TestOrigins(t *testing.T) {
	c, msg := load(t, Inputs{}, map[string]string{
		"main/a.hcl": `
locals {
  base = { a = "naam + 'é' + x", b = <<-E
    first line
      sécond \ line
    third $${x}
  E
  }
}
module "m" {
  source = "../conn"
  fields = merge(local.base, { c = "tab\there \"q\" \u00e9 z" })
}
`,
		"conn/v.hcl": `
variable "fields" { type = map(string) }
`,
	})
	if msg != "" {
		t.Fatal(msg)
	}
	fields, err := spec.NamedTexts(c.Modules[1].Vars["fields"], c.Modules[1].names["variable.fields"])
	if err != nil {
		t.Fatal(err)
	}
	at := func(name, word string) string {
		for _, f := range fields {
			if f.Name == name {
				i := strings.Index(f.Text.S, word)
				if i < 0 || f.Text.Origin == nil {
					t.Fatalf("%s: %q origin %v", name, f.Text.S, f.Text.Origin)
				}
				from := len([]rune(f.Text.S[:i]))
				r := f.Text.RuneRange(from, from+len([]rune(word)))
				src := string(c.Snapshot.Sources[r.Filename][r.Start.Byte:r.End.Byte])
				return strings.Join([]string{strconv.Itoa(r.Start.Line), strconv.Itoa(r.Start.Column), strconv.Itoa(r.End.Column), src}, ":")
			}
		}
		t.Fatal("no field", name)
		return ""
	}
	for _, tc := range []struct{ name, word, want string }{
		{"a", "naam", "3:17:21:naam"},
		{"a", "x", "3:30:31:x"},
		{"b", "first", "4:5:10:first"},
		{"b", "sécond", "5:7:13:sécond"},
		{"b", "line\nthird", "5:16:10:line\n    third"},
		{"b", "{x}", "6:13:16:{x}"},
		{"c", "here", "12:42:46:here"},
		{"c", "q", "12:49:50:q"},
		{"c", "z", "12:60:61:z"},
	} {
		if got := at(tc.name, tc.word); got != tc.want {
			t.Errorf("%s %q: %s, want %s", tc.name, tc.word, got, tc.want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		in    Inputs
		want  string
	}{
		{"cycle of locals", map[string]string{"main/a.hcl": "locals {\n  a = local.b\n  b = local.a\n}\n"}, Inputs{},
			"main/a.hcl:2:3: Local \"a\" depends on itself: a -> b -> a."},
		{"unknown local", map[string]string{"main/a.hcl": "locals {\n  host = 1\n  b = local.hots\n}\n"}, Inputs{},
			"main/a.hcl:3:13: There is no local.hots: Did you mean \"host\"? There is: b, host."},
		{"module in itself", map[string]string{"main/a.hcl": "module \"m\" {\n  source = \"../main\"\n}\n"}, Inputs{},
			"main/a.hcl:2:12: The module includes itself"},
		{"missing variable", map[string]string{"main/a.hcl": "variable \"host\" {\n  type = string\n}\n"}, Inputs{Env: noEnv},
			"main/a.hcl:1:1: No value for variable \"host\": Give one with --var host=VALUE, in a file ending in .vars.hcl, or in the environment as WEIR_VAR_host."},
		{"unknown variable", map[string]string{"main/a.hcl": "variable \"host\" {\n  default = \"\"\n}\n"}, Inputs{Env: noEnv, Vars: []VarFlag{{"hosts", "x"}}},
			"No variable \"hosts\" is declared (--var hosts): Did you mean \"host\"? Variables: host."},
		{"wrong type", map[string]string{"main/a.hcl": "variable \"port\" {\n  type = number\n}\n"}, Inputs{Env: noEnv, Vars: []VarFlag{{"port", "x"}}},
			"main/a.hcl:1:1: Wrong type for variable port: The value from --var port must be of type number: a number is required."},
		{"module argument", map[string]string{"main/a.hcl": "module \"m\" {\n  source = \"../conn\"\n  hots = 1\n}\n", "conn/c.hcl": "variable \"host\" {\n  default = \"\"\n}\n"}, Inputs{},
			"main/a.hcl:3:10: No variable \"hots\" is declared (module m): Did you mean \"host\"? Variables: host."},
		{"validation", map[string]string{"main/a.hcl": "variable \"tls\" {\n  default = \"x\"\n  validation {\n    condition = contains([\"a\"], var.tls)\n    error_message = \"tls must be a\"\n  }\n}\n"}, Inputs{Env: noEnv},
			"main/a.hcl:4:17: Invalid value for variable \"tls\": tls must be a"},
		{"deep nesting", map[string]string{"main/a.hcl": "locals {\n a = " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + "\n}\n"}, Inputs{},
			"main/a.hcl:2:204: Nesting is too deep"},
		{"not UTF-8", map[string]string{"main/a.hcl": "locals {\n  a = \"\xff\"\n}\n"}, Inputs{},
			"main/a.hcl:2:8: File is not UTF-8"},
		{"duplicate", map[string]string{"main/a.hcl": "pipeline \"p\" {}\n", "main/b.hcl": "pipeline \"p\" {}\n"}, Inputs{},
			"main/b.hcl:1:1: Duplicate pipeline \"p\": It is already declared at"},
		{"duplicate of two labels", map[string]string{"main/a.hcl": "connection \"ftp\" \"shop\" {}\nconnection \"ftp\" \"shop\" {}\n"}, Inputs{},
			"main/a.hcl:2:1: Duplicate connection \"ftp\" \"shop\": It is already declared at"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, got := load(t, tc.in, tc.files); !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func noEnv(string) (string, bool) { return "", false }

func TestVariablePrecedence(t *testing.T) {
	env := func(n string) (string, bool) {
		v, ok := map[string]string{"WEIR_VAR_a": "env", "WEIR_VAR_b": "env", "WEIR_VAR_c": "env", "SECRET": "s3cret"}[n]
		return v, ok
	}
	c, msg := load(t, Inputs{Env: env, Vars: []VarFlag{{"c", "flag"}}}, map[string]string{
		"main/a.hcl": `
variable "a" { default = "default" }
variable "b" { type = string }
variable "c" { type = string }
variable "d" {
  type    = map(string)
  default = { x = "1" }
}
locals { pw = secret("SECRET") }
`,
		"main/x.vars.hcl": "b = \"file\"\nc = \"file\"\n",
	})
	if msg != "" {
		t.Fatal(msg)
	}
	for n, want := range map[string]string{"a": "env", "b": "file", "c": "flag"} {
		if v, _ := c.Root.Vars[n].Unmark(); v.AsString() != want {
			t.Errorf("%s = %s, want %s", n, v.AsString(), want)
		}
	}
	pw := c.Root.Scope.Variables["local"].GetAttr("pw")
	if !pw.HasMark(spec.Sensitive) {
		t.Error("a secret must be marked (I9)")
	}
	if v := c.Root.Vars["d"]; !v.Type().Equals(cty.Map(cty.String)) {
		t.Errorf("d is %s", v.Type().FriendlyName())
	}
}
