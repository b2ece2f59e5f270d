package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// many writes a folder of modules, each in one or two files of its own, some with faults.
func many(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("shared/shared.hcl", "variable \"x\" {}\npipeline \"deep\" {}\n")
	for i := range n {
		name := fmt.Sprintf("m%d", i)
		text := "variable \"x\" { type = string }\npipeline \"p\" {\n  description = \"${var.x} of one\"\n}\nmodule \"inner\" {\n  source = \"../../shared\"\n  x = var.x\n}\n"
		call := fmt.Sprintf("module %q {\n  source = \"./modules/%s\"\n  x = \"x%d\"\n}\n", name, name, i)
		switch i % 10 {
		case 3:
			text += "pipeline \"q\" {"
		case 4:
			put("modules/"+name+"/second.hcl", "pipeline \"p\" {}\npipeline \"r\" {}\n")
		case 5:
			text = strings.Replace(text, "one", "\xff", 1)
		case 6:
			text += "locals {\n  a = " + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "\n}\n"
		case 7:
			call = strings.Replace(call, "./modules/", "./nowhere/", 1)
		case 8:
			call += call
		case 9:
			call = strings.Replace(call, "\"./modules/", "\"${\".\"}/modules/", 1)
		}
		put("modules/"+name+"/pipelines.hcl", text)
		put(name+".hcl", call)
	}
	return dir
}

// TestAhead checks that reading ahead changes nothing of what a configuration is and of
// what is said about it, in which order.
func TestAhead(t *testing.T) {
	dir := many(t, 120)
	type result struct {
		Said, Modules []string
		Revision      string
		Paths         Paths
		Files, Calls  int
	}
	load := func(inTurn bool, cache *Cache) result {
		s := newSnapshot()
		s.inTurn = inTurn
		c, ds := (&loader{snap: s, in: Inputs{Cache: cache}, to: alone{}, faults: newFaults()}).load(dir)
		r := result{Revision: s.Revision(), Paths: s.Paths(), Files: len(c.Faults.Files), Calls: len(c.Faults.Calls)}
		for _, d := range ds {
			r.Said = append(r.Said, fmt.Sprint(d.Code, " ", d.Summary, " ", d.Detail, " ", d.Subject))
		}
		for _, m := range c.Modules {
			r.Modules = append(r.Modules, fmt.Sprint(m.Address, len(m.Pipelines)))
		}
		return r
	}
	want := load(true, nil)
	if len(want.Said) < 40 || len(want.Modules) < 150 {
		t.Fatalf("%d diagnostics, %d modules", len(want.Said), len(want.Modules))
	}
	for range 5 {
		for _, cache := range []*Cache{nil, NewCache()} {
			if d := cmp.Diff(want, load(false, cache)); d != "" {
				t.Fatalf("(-in turn +ahead):\n%s", d)
			}
		}
	}
}

// settles settles every module when all of it was loaded.
type settles struct{ parsed *int }

func (settles) Module(*Module, *Faults) bool { return true }
func (s settles) Settled(m *Module) bool {
	for _, b := range m.Pipelines {
		if b.Body == nil {
			*s.parsed = -1 << 20
		}
	}
	*s.parsed++
	return true
}

// TestShedWhileLoading checks that what was parsed of settled modules goes at once, and
// that it does not go from under instances of the same folder that come later.
func TestShedWhileLoading(t *testing.T) {
	dir := many(t, 3)
	n := 0
	s := newSnapshot()
	c, ds := (&loader{snap: s, in: Inputs{Cache: NewCache()}, to: settles{&n}, faults: newFaults()}).load(dir)
	if ds.HasErrors() || n != 6 {
		t.Fatalf("%d modules settled, %v", n, ds)
	}
	for _, m := range c.Modules {
		if m.Shed() != (m.Address != "") {
			t.Errorf("module %q: shed is %v", m.Address, m.Shed())
		}
	}
	for name := range s.parsed {
		if strings.Contains(name, "modules") || strings.Contains(name, "shared") {
			t.Errorf("%s is still parsed", name)
		}
	}
}
