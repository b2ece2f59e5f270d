package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whole is a configuration that reads by every way there is.
func whole() map[string]string {
	return map[string]string{
		"main/weir.hcl": `
variable "host" { type = string }
variable "password" {
  type      = string
  sensitive = true
}
locals {
  ca      = file("certs/ca.pem")
  key     = secret("file:../run/key")
  region  = env("REGION")
  token   = secret("TOKEN")
}
module "shop" {
  source = "../shop"
}
`,
		"main/prod.vars.hcl": "host = \"example.com\"\npassword = \"hunter2\"\n",
		"main/certs/ca.pem":  "one",
		"run/key":            "s1\n",
		"shop/shop.hcl":      "locals {\n  a = 1\n}\n",
		"main/readme.md":     "x",
		"main/a.test.hcl":    "",
	}
}

func wholeEnv(over map[string]string) func(string) (string, bool) {
	return func(n string) (string, bool) {
		if v, ok := over[n]; ok {
			return v, true
		}
		v, ok := map[string]string{"REGION": "eu", "TOKEN": "t1"}[n]
		return v, ok
	}
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for n, s := range files {
		p := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func snapshot(t *testing.T, dir string, in Inputs) *Snapshot {
	t.Helper()
	c, _ := Load(filepath.Join(dir, "main"), in)
	if c == nil {
		t.Fatal("nothing was read")
	}
	return c.Snapshot
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	files := whole()
	files["main/gone.hcl"] = "locals {\n  g = file(\"gone.txt\")\n  h = secret(\"file:/nowhere/key\")\n}\nmodule \"gone\" {\n  source = \"../gone\"\n}\n"
	files["extra/x.vars.hcl"] = "host = \"other\"\n"
	put(t, dir, files)
	got := snapshot(t, dir, Inputs{Env: wholeEnv(nil), VarFiles: []string{dir + "/extra/x.vars.hcl", dir + "/extra/none.vars.hcl"}}).Paths()
	for _, l := range [][]string{got.Files, got.Folders} {
		for i := range l {
			l[i] = strings.TrimPrefix(l[i], dir+"/")
		}
	}
	slices.Sort(got.Files)
	want := Paths{
		Files: []string{"/nowhere/key", "extra/none.vars.hcl", "extra/x.vars.hcl", "main/certs/ca.pem", "main/gone.hcl", "main/gone.txt",
			"main/prod.vars.hcl", "main/weir.hcl", "run/key", "shop/shop.hcl"},
		Folders: []string{"gone", "main", "shop"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestListed(t *testing.T) {
	for name, want := range map[string]bool{
		"a.hcl": true, "a.hcl.json": true, "prod.vars.hcl": true, "a.test.hcl": false, "a.json": false,
		".a.hcl.swp": false, "4913": false, "a.hcl~": false, "#a.hcl#": false, ".#a.hcl": false, "a.hcl.tmp": false,
		".goutputstream-AB12": false, "a.hcl.part": false, ".a.hcl": false, "a.hcl.bak": false, "..data": false,
	} {
		if got := Listed(name); got != want {
			t.Errorf("Listed(%q) = %t", name, got)
		}
	}
}

// TestChanged changes one thing between reading and looking again.
func TestChanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string // the name reported, "" for none
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"a file that is no configuration", func(t *testing.T, dir string) {
			put(t, dir, map[string]string{"main/readme.md": "y", "main/.weir.hcl.swp": ""})
		}, ""},
		{"other content", func(t *testing.T, dir string) { put(t, dir, map[string]string{"shop/shop.hcl": "locals {\n}\n"}) }, "shop/shop.hcl"},
		{"same size, same time", func(t *testing.T, dir string) {
			p := filepath.Join(dir, "shop/shop.hcl")
			st, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			put(t, dir, map[string]string{"shop/shop.hcl": "locals {\n  a = 2\n}\n"})
			if err := os.Chtimes(p, st.ModTime(), st.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "shop/shop.hcl"},
		{"renamed over with the same content", func(t *testing.T, dir string) {
			put(t, dir, map[string]string{"shop/x.tmp": whole()["shop/shop.hcl"]})
			if err := os.Rename(dir+"/shop/x.tmp", dir+"/shop/shop.hcl"); err != nil {
				t.Fatal(err)
			}
		}, "shop/shop.hcl"},
		{"a file gone", func(t *testing.T, dir string) { remove(t, dir+"/run/key") }, "run/key"},
		{"a new file in a module", func(t *testing.T, dir string) { put(t, dir, map[string]string{"shop/b.hcl": ""}) }, "shop"},
		{"a new variable file", func(t *testing.T, dir string) { put(t, dir, map[string]string{"main/b.vars.hcl": ""}) }, "main"},
		{"a missing file made", func(t *testing.T, dir string) { put(t, dir, map[string]string{"main/none.txt": ""}) }, "main/none.txt"},
		{"a missing module made", func(t *testing.T, dir string) { put(t, dir, map[string]string{"none/b.hcl": ""}) }, "none"},
		{"a folder gone", func(t *testing.T, dir string) { remove(t, dir+"/shop") }, "shop"},
		{"a secret", func(t *testing.T, dir string) { put(t, dir, map[string]string{"run/key": "s2\n"}) }, "run/key"},
		{"permission", func(t *testing.T, dir string) {
			if err := os.Chmod(dir+"/main/certs/ca.pem", 0o600); err != nil {
				t.Fatal(err)
			}
		}, "main/certs/ca.pem"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			files := whole()
			files["main/gone.hcl"] = "locals {\n  g = file(\"none.txt\")\n}\nmodule \"gone\" {\n  source = \"../none\"\n}\n"
			put(t, dir, files)
			s := snapshot(t, dir, Inputs{Env: wholeEnv(nil)})
			tc.change(t, dir)
			got, changed := s.Changed()
			if got = strings.TrimPrefix(got, dir+"/"); got != tc.want || changed != (tc.want != "") {
				t.Errorf("Changed = %q, %t; want %q", got, changed, tc.want)
			}
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

// TestChangedBySymlinkSwap switches a folder of links to another version, as a
// mounted ConfigMap does, with files of the same size.
func TestChangedBySymlinkSwap(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"main/..1/a.hcl": "locals {\n  a = 1\n}\n", "main/..2/a.hcl": "locals {\n  a = 2\n}\n"})
	for _, l := range [][2]string{{"..1", "..data"}, {"..data/a.hcl", "a.hcl"}, {"..2", "..data_tmp"}} {
		if err := os.Symlink(l[0], filepath.Join(dir, "main", l[1])); err != nil {
			t.Fatal(err)
		}
	}
	s := snapshot(t, dir, Inputs{})
	if n, changed := s.Changed(); changed {
		t.Fatalf("%s changed by itself", n)
	}
	if err := os.Rename(dir+"/main/..data_tmp", dir+"/main/..data"); err != nil {
		t.Fatal(err)
	}
	if n, changed := s.Changed(); !changed || !strings.HasSuffix(n, "a.hcl") {
		t.Errorf("Changed = %q, %t", n, changed)
	}
}

// TestListedOnce checks that two modules of one folder are made from the same files.
func TestListedOnce(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a/x.hcl": "", "a/y.hcl": ""})
	s := newSnapshot()
	first := s.files(dir+"/a", isSource)
	put(t, dir, map[string]string{"a/z.hcl": ""})
	if second := s.files(dir+"/a", isSource); !slices.Equal(first, second) {
		t.Errorf("%v, then %v", first, second)
	}
}
