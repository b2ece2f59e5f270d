package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What takes the place of files is read like them, and no file is written.
func TestEdited(t *testing.T) {
	dir := t.TempDir()
	name := func(n string) string { return filepath.Join(dir, n) }
	for n, text := range map[string]string{
		"a.hcl": `locals { a = file("a.txt") }`, "b.hcl": `locals { b = "old" }`, "gone.hcl": `locals { gone = 1 }`, "a.txt": "old",
	} {
		if err := os.WriteFile(name(n), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := Inputs{Cache: NewCache(), Edited: map[string][]byte{}}
	load := func() map[string]string {
		t.Helper()
		c, ds := Load(dir, in)
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		if n, changed := c.Snapshot.Changed(); changed {
			t.Errorf("%s counts as changed while it was read", n)
		}
		out := map[string]string{}
		for n, src := range c.Snapshot.Sources {
			out[strings.TrimPrefix(n, dir+string(filepath.Separator))] = string(src)
		}
		for n, src := range c.Snapshot.Others {
			out[filepath.Base(n)] = string(src)
		}
		return out
	}
	if got := load(); len(got) != 4 || got["a.txt"] != "old" {
		t.Errorf("%v", got)
	}
	in.Edited[name("a.txt")] = []byte("new")
	in.Edited[name("b.hcl")] = []byte(`locals { b = "new" }`)
	in.Edited[name("gone.hcl")] = nil
	in.Edited[name("c.hcl")] = []byte{}
	in.Edited[name("c.test.hcl")] = []byte("no configuration")
	got := load()
	if len(got) != 4 || got["a.txt"] != "new" || got["b.hcl"] != `locals { b = "new" }` || got["c.hcl"] != "" {
		t.Errorf("%v", got)
	}
	if _, ok := got["gone.hcl"]; ok {
		t.Error("a file that is not there was read")
	}
	clear(in.Edited)
	if got := load(); len(got) != 4 || got["a.txt"] != "old" || got["gone.hcl"] == "" {
		t.Errorf("%v", got)
	}
}
