package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// TestRevision changes one input at a time. What is secret shows in Same alone (I9).
func TestRevision(t *testing.T) {
	base := t.TempDir()
	put(t, base, whole())
	from := snapshot(t, base, Inputs{Env: wholeEnv(nil)})
	for _, tc := range []struct {
		name     string
		files    map[string]string
		in       Inputs
		env      map[string]string
		revision bool // it changes
		same     bool
	}{
		{name: "nothing", same: true},
		{name: "a file that is not read", files: map[string]string{"main/readme.md": "y"}, same: true},
		{name: "a source", files: map[string]string{"shop/shop.hcl": "locals {\n  a = 2\n}\n"}, revision: true},
		{name: "a new source", files: map[string]string{"shop/b.hcl": ""}, revision: true},
		{name: "file()", files: map[string]string{"main/certs/ca.pem": "two"}, revision: true},
		{name: "env()", env: map[string]string{"REGION": "us"}, revision: true},
		{name: "env() made empty", env: map[string]string{"REGION": ""}, revision: true},
		{name: "a variable file", files: map[string]string{"main/prod.vars.hcl": "host = \"example.org\"\npassword = \"hunter2\"\n"}, revision: true},
		{name: "a variable by flag", in: Inputs{Vars: []VarFlag{{"host", "example.org"}}}, revision: true},
		{name: "a variable from the environment", env: map[string]string{"WEIR_VAR_host": "overridden by the file"}, same: true},
		{name: "secret()", env: map[string]string{"TOKEN": "t2"}},
		{name: "a secret file", files: map[string]string{"run/key": "s2\n"}},
		{name: "a sensitive variable in a file", files: map[string]string{"main/prod.vars.hcl": "host = \"example.com\"\npassword = \"hunter3, longer\"\n"}},
		{name: "a sensitive variable by flag", in: Inputs{Vars: []VarFlag{{"password", "x"}}}},
		{name: "the name of a secret", files: map[string]string{"main/prod.vars.hcl": "host = \"example.com\"\npassword = secret(\"TOKEN\")\n"}, revision: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "elsewhere", "deeper")
			put(t, dir, whole())
			put(t, dir, tc.files)
			in := tc.in
			in.Env = wholeEnv(tc.env)
			to := snapshot(t, dir, in)
			if got := from.Revision() != to.Revision(); got != tc.revision {
				t.Errorf("another revision: %t", got)
			}
			if len(to.Sources) != len(from.Sources) {
				return // Same is about names too; another folder has others
			}
			moved := rename(to, dir, base)
			if got := from.Same(moved); got != tc.same {
				t.Errorf("Same = %t", got)
			}
		})
	}
}

// rename is s as if it had been read at to instead of from.
func rename(s *Snapshot, from, to string) *Snapshot {
	out := *s
	out.Sources, out.Others = map[string][]byte{}, map[string][]byte{}
	for n, b := range s.Sources {
		out.Sources[to+n[len(from):]] = b
	}
	for n, b := range s.Others {
		out.Others[to+n[len(from):]] = b
	}
	return &out
}

// TestRevisionIsStable reads the same folder by other names, several times: maps
// have no order, and neither has the digest.
func TestRevisionIsStable(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, whole())
	want := snapshot(t, dir, Inputs{Env: wholeEnv(nil)}).Revision()
	t.Chdir(dir)
	for range 10 {
		for _, name := range []string{"main", "./main", filepath.Join(dir, "main"), "../" + filepath.Base(dir) + "/main"} {
			c, ds := Load(name, Inputs{Env: wholeEnv(nil)})
			if ds.HasErrors() {
				t.Fatal(ds.Err())
			}
			if got := c.Snapshot.Revision(); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// TestRevisionAfterDecoding checks that what blocks read while they are decoded
// counts, a file that is both shown and secret included.
func TestRevisionAfterDecoding(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, whole())
	read := func(expr string) string {
		c, _ := Load(filepath.Join(dir, "main"), Inputs{Env: wholeEnv(nil)})
		e, hd := hclsyntax.ParseExpression([]byte(expr), "", hcl.InitialPos)
		if !hd.HasErrors() {
			_, hd = e.Value(c.Root.Scope)
		}
		if hd.HasErrors() {
			t.Fatal(hd)
		}
		return c.Snapshot.Revision()
	}
	none, shown := read(`1`), read(`file("../run/key")`)
	if err := os.WriteFile(filepath.Join(dir, "run/key"), []byte("s2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if none == shown || read(`file("../run/key")`) == shown || read(`1`) != none {
		t.Error("file() while decoding does not count as it should")
	}
}
