package engine_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine"
	"weir/plugins/all"
)

// TestOneTargetThroughLinks: what only the disk tells, that two paths are one place, is
// found before anything is written.
func TestOneTargetThroughLinks(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	pipe := func(name, path string) string {
		return "pipeline \"" + name + "\" {\n source \"file\" \"in\" {\n path = \"in/*.csv\"\n ready = \"now\"\n}\n decode \"csv\" {\n columns = { id = \"text\" }\n}\n" +
			" sink \"file\" \"out\" {\n path = \"" + path + "\"\n}\n}\n"
	}
	for _, d := range []string{"in", "real"} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("real", "link"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"in/1.csv": "id\n1\n", "p.hcl": pipe("a", "real/out.json") + pipe("b", "link/out.json") + pipe("c", "link/c.json")} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e, _ := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	l, ds := e.Load(t.Context(), "p.hcl", engine.Inputs{})
	if len(ds) > 0 || len(l.Plan.Pipelines) != 3 {
		t.Fatalf("the plan looked at the disk: %v", ds)
	}
	rep, err := e.Run(t.Context(), l, engine.RunOptions{StateDir: "state"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Pipelines {
		switch {
		case p.Name == "c" && p.Err != nil:
			t.Errorf("c: %v", p.Err)
		case p.Name != "c" && (p.Err == nil || !strings.Contains(p.Err.Error(), "links make both "+filepath.Join(dir, "real/out.json"))):
			t.Errorf("%s: %v", p.Name, p.Err)
		}
	}
	if got, _ := filepath.Glob("real/*"); len(got) != 1 || got[0] != "real/c.json" {
		t.Errorf("written: %v", got)
	}
}
