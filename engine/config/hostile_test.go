package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func lines(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("<i>", fmt.Sprint(i), "<j>", fmt.Sprint(i+1)).Replace(line))
	}
	return b.String()
}

// TestHostile checks that no file, however it was made, exhausts stack, memory
// or patience: each is an error with a place.
func TestHostile(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, tc := range map[string]struct{ file, src, want string }{
		"brackets":           {"a.hcl", "locals {\n a = " + deep(100_000) + "\n}\n", "Nesting is too deep"},
		"open brackets":      {"a.hcl", "locals {\n a = " + strings.Repeat("(", 100_000), "Nesting is too deep"},
		"blocks":             {"a.hcl", strings.Repeat("a {\n", 100_000), "Nesting is too deep"},
		"templates":          {"a.hcl", "locals {\n a = " + strings.Repeat(`"${`, 100_000), "Nesting is too deep"},
		"template controls":  {"a.hcl", "locals {\n a = \"" + strings.Repeat(`%{if true}`, 50_000) + "\"\n}\n", "Nesting is too deep"},
		"JSON brackets":      {"a.hcl.json", `{"locals":[{"a":` + deep(900_000) + `}]}`, "Nesting is too deep"},
		"JSON open brackets": {"a.hcl.json", strings.Repeat("[", 2_000_000), "Nesting is too deep"},
		"JSON broken string": {"a.hcl.json", `{"a": "` + strings.Repeat("[", 1000), "Invalid JSON string"},
		"JSON template":      {"a.hcl.json", `{"locals":[{"a":"${` + deep(100_000) + `}"}]}`, "too complex for JSON"},
		"JSON loop":          {"a.hcl.json", `{"locals":[{"a":"${[for x in range(9) : x]}"}]}`, "too complex for JSON"},
		"JSON number":        {"a.hcl.json", `{"locals":[{"a":1e600000000}]}`, "out of range"},
		"variables file":     {"x.vars.hcl", "a = " + deep(100_000), "Nesting is too deep"},
		"sum":                {"a.hcl", "locals {\n a = " + strings.Repeat("1+", 600_000) + "1\n}\n", "Nesting is too deep"},
		"signs":              {"a.hcl", "locals {\n a = (" + strings.Repeat("-\n", 600_000) + "1)\n}\n", "Nesting is too deep"},
		"signs in for":       {"a.hcl", "locals {\n a = {\nfor k in [1] : k => " + strings.Repeat("-\n", 600_000) + "1}\n}\n", "Nesting is too deep"},
		"indexes":            {"a.hcl", "locals {\n a = f()" + strings.Repeat("[0]", 600_000) + "\n}\n", "Nesting is too deep"},
		"choices":            {"a.hcl", "locals {\n a = (" + strings.Repeat("true ?\n1 :\n", 100_000) + "1)\n}\n", "Nesting is too deep"},
		"50 MB":              {"a.hcl", "# " + strings.Repeat("x", 50_000_000), "File is too large"},
		"not UTF-8":          {"a.hcl", "locals {\n a = \"\xff\"\n}\n", "not UTF-8"},
		"JSON not UTF-8":     {"a.hcl.json", "{\"a\": \"\xff\"}", "not UTF-8"},
		"NUL bytes":          {"a.hcl", "locals {\n b\x00 = 1\n}\n", "main/a.hcl:2"},
		"doubled text":       {"a.hcl", "locals {\n a0 = \"xxxxxxxxxx\"\n" + lines(40, " a<j> = \"${local.a<i>}${local.a<i>}\"\n") + "}\n", "of this configuration would take"},
		"doubled list":       {"a.hcl", "locals {\n a0 = [\"x\"]\n" + lines(60, " a<j> = [local.a<i>, local.a<i>]\n") + "}\n", "of this configuration would take"},
		"doubled object":     {"a.hcl", "locals {\n a0 = {}\n" + lines(60, " a<j> = { x = local.a<i>, y = local.a<i> }\n") + "}\n", "of this configuration would take"},
		"concat":             {"a.hcl", "locals {\n a0 = [1]\n" + lines(60, " a<j> = concat(local.a<i>, local.a<i>)\n") + "}\n", "of this configuration would take"},
		"loops in loops":     {"a.hcl", "locals {\n r = range(1024)\n a = [for a in local.r : [for b in local.r : [for c in local.r : [for d in local.r : 1]]]]\n}\n", "of this configuration would take"},
		"template loops":     {"a.hcl", "locals {\n r = range(1024)\n a = \"%{for a in local.r}%{for b in local.r}%{for c in local.r}x${c}%{endfor}%{endfor}%{endfor}\"\n}\n", "of this configuration would take"},
		"replace":            {"a.hcl", "locals {\n a = replace(join(\"\", [for x in range(1000) : \"xxxxxxxxxxxxxxxxxxxx\"]), \"x\", join(\"\", [for x in range(1000) : \"yyyyyyyyyyyyyyyyyyyyy\"]))\n}\n", "of this configuration would take"},
		"indent":             {"a.hcl", "locals {\n a = indent(2000000000, \"a\\nb\")\n}\n", "of this configuration would take"},
		"padding":            {"a.hcl", "locals {\n a = format(\"%2000000000s\", \"x\")\n}\n", "of this configuration would take"},
		"jsondecode":         {"a.hcl", "locals {\n a = jsondecode(\"" + deep(500_000) + "\")\n}\n", "of this configuration would take"},
		"huge number":        {"a.hcl", "locals {\n a = \"${1e600000000}x\"\n}\n", "out of range"},
		"number in text":     {"a.hcl", "locals {\n a = \"${tonumber(\"1e60000000\")}x\"\n}\n", "of this configuration would take"},
		"number converted":   {"a.hcl", "locals {\n a = upper(\"1e60000000\" * 1)\n}\n", "of this configuration would take"},
		"unused branch":      {"a.hcl", "locals {\n r = range(1024)\n a = true ? 1 : length([for a in local.r : [for b in local.r : [for c in local.r : 1]]])\n}\n", "of this configuration would take"},
		"locals in a circle": {"a.hcl", "locals {\n a = local.b\n b = [local.c]\n c = \"${local.a}\"\n}\n", "depends on itself"},
		"a long circle":      {"a.hcl", "locals {\n" + lines(20_000, " a<i> = local.a<j>\n") + " a20000 = local.a0\n}\n", "depends on itself"},
		"module in itself":   {"a.hcl", "module \"m\" {\n source = \".\"\n}\n", "includes itself"},
		"module by a link":   {"a.hcl", "module \"m\" {\n source = \"./link\"\n}\n", "includes itself"},
		"a pipe":             {"z.hcl", "locals { a = file(\"/dev/zero\") }", "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "main")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "empty.hcl"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, tc.file), []byte(tc.src), 0o600); err != nil {
				t.Fatal(err)
			}
			c, ds := Load(dir, Inputs{})
			if !ds.HasErrors() {
				ds = append(ds, c.Exhausted()...)
			}
			if err := ds.Err(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("want an error with %q, got %.2000v", tc.want, err)
			}
			for _, d := range ds {
				if d.Subject == nil && name != "a pipe" {
					t.Errorf("no range: %v", d)
				}
			}
		})
	}
}

// TestHostileFlags does the same for values from flags and the environment.
func TestHostileFlags(t *testing.T) {
	in := Inputs{
		Vars: []VarFlag{{Name: "x", Value: strings.Repeat("[", 100_000)}},
		Env: func(n string) (string, bool) {
			return strings.Repeat("-", 100_000) + "1", n == "WEIR_VAR_y"
		},
	}
	_, msg := load(t, in, map[string]string{"main/a.hcl": "variable \"x\" {\n type = list(any)\n}\nvariable \"y\" {\n type = number\n}\n"})
	if strings.Count(msg, "nested too deeply") != 2 || strings.Contains(msg, "[[[[") {
		t.Errorf("got %.500s", msg)
	}
}

// TestModuleExplosion checks that modules that contain each other many times end.
func TestModuleExplosion(t *testing.T) {
	files := map[string]string{"main/a.hcl": lines(5, "module \"m<i>\" {\n source = \"../m1\"\n}\n")}
	for i := 1; i < 20; i++ {
		files[fmt.Sprintf("m%d/a.hcl", i)] = lines(5, fmt.Sprintf("module \"m<i>\" {\n source = \"../m%d\"\n}\n", i+1))
	}
	files["m20/a.hcl"] = "locals { a = 1 }\n"
	_, msg := load(t, Inputs{}, files)
	if !strings.Contains(msg, "too many modules") && !strings.Contains(msg, "Modules are nested too deeply") {
		t.Errorf("got %.500s", msg)
	}
}

// TestPlainConfigurations checks that the limits leave ordinary files alone.
func TestPlainConfigurations(t *testing.T) {
	_, msg := load(t, Inputs{}, map[string]string{
		"main/a.hcl": "schema \"s\" {\n" + lines(2000, "  field \"f<i>\" {\n    type = \"text\"\n  }\n") + "}\n" +
			"locals {\n  big = {\n" + lines(5000, "    k<i> = -<i> + 1\n") + "  }\n" +
			"  list = [\n" + lines(5000, "    { a = \"${<i>}\", b = [1, 2, 3] },\n") + "  ]\n" +
			"  names = { for x in local.list : x.a => { for k, v in x : k => v } }\n" +
			"  text = <<-E\n" + strings.Repeat(" ", 50_000) + "x\n" + strings.Repeat(" ", 100_000) + "y\nE\n}\n",
	})
	if msg != "" {
		t.Errorf("got %.500s", msg)
	}
}
