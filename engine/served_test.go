package engine_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/plugins/all"
)

const shopText = `
variable "country" { type = string }
pipeline "lines" {
  source "file" "in" { path = "in/*.csv" }
  decode "csv" { columns = { id = "text" } }
  map "line" {
    fields = {
      id      = "trim(id)"
      country = "var.country"
    }
  }
  sink "file" "out" { path = "out.ndjson" }
}
`

// Loads that take over what an earlier one planned and then dropped, also across
// faults that concern everything, mean what a load from nothing means.
func TestShedModulesLoadAsFromNothing(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	call := func(name, country string) {
		put(name+".hcl", "module \""+name+"\" {\n  source  = \"./shops/"+name+"\"\n  country = \""+country+"\"\n}\n")
	}
	for _, name := range []string{"a", "b"} {
		call(name, "NL")
		put("shops/"+name+"/shop.hcl", shopText)
	}
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	cache := config.NewCache()
	var before *plan.Plan
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"first", func() {}},
		{"nothing", func() {}},
		{"an argument", func() { call("a", "SE") }},
		{"a fault of the root", func() { put("local.hcl", "locals {\n  x = nowhere.y\n}\n") }},
		{"another module under the fault", func() { call("b", "PL") }},
		{"mended", func() { put("local.hcl", "locals {\n  x = 1\n}\n") }},
		{"a syntax error in a module", func() { put("shops/a/shop.hcl", shopText+"pipeline {") }},
		{"and the other changed", func() { call("b", "DE") }},
		{"mended again", func() { put("shops/a/shop.hcl", shopText) }},
	} {
		change.do()
		got, gds := e.LoadAfter(context.Background(), dir, engine.Inputs{Cache: cache}, before)
		want, wds := e.Load(context.Background(), dir, engine.Inputs{})
		if d := cmp.Diff(texts(wds), texts(gds)); d != "" {
			t.Errorf("%s: diagnostics (-from nothing +taken over):\n%s", change.name, d)
		}
		key := make([]byte, 32)
		if d := cmp.Diff(fingerprints(plan.Describe(want.Plan, key)), fingerprints(plan.Describe(got.Plan, key))); d != "" {
			t.Errorf("%s: pipelines (-from nothing +taken over):\n%s", change.name, d)
		}
		if got.Plan.Revision != want.Plan.Revision {
			t.Errorf("%s: revision %s, not %s", change.name, got.Plan.Revision, want.Plan.Revision)
		}
		before = got.Plan
	}
}

func fingerprints(d plan.Description) map[string]string {
	out := map[string]string{}
	for i := range d.Pipelines {
		out[d.Pipelines[i].Address] = d.Pipelines[i].Fingerprint.String()
	}
	return out
}

func texts(ds diag.List) []string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprint(d.Code, " ", d.Summary, " ", d.Detail, " ", d.Subject))
	}
	return out
}
