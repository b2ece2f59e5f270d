package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine"
	"weir/engine/reference"
	"weir/plugins/all"
)

// TestGeneratedFiles keeps the committed reference equal to what the
// declarations say. WEIR_UPDATE=1 writes it anew.
func TestGeneratedFiles(t *testing.T) {
	plugins := all.Plugins(nil)
	want := pages(plugins)
	for name, text := range reference.Schemas(plugins) {
		want["schemas/gen/"+name] = text
	}
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := writeAll(top, want); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%v. Write it with: weir docs --out . && weir schema --out schemas/gen", err)
			continue
		}
		if !bytes.Equal(got, text) {
			t.Errorf("%s is out of date; write it anew with weir docs --out . && weir schema --out schemas/gen:\n%s", name, cmp.Diff(string(got), string(text)))
		}
	}
	files, err := filepath.Glob(filepath.Join(top, "schemas", "gen", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := want["schemas/gen/"+filepath.Base(f)]; !ok {
			t.Errorf("%s is of a block that does not exist any more", f)
		}
	}
}

// TestExamplesPlan plans the example of every plugin.
func TestExamplesPlan(t *testing.T) {
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(nil)})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	for _, p := range all.Plugins(nil) {
		t.Run(p.Name, func(t *testing.T) {
			if !strings.Contains(p.Example, `"`+p.Name+`"`) {
				t.Errorf("the example does not use the plugin:\n%s", p.Example)
			}
			file := filepath.Join(t.TempDir(), "example.hcl")
			if err := os.WriteFile(file, []byte(p.Example), 0o600); err != nil {
				t.Fatal(err)
			}
			l, ds := e.Load(t.Context(), file, engine.Inputs{AllowMissing: true})
			if len(ds) > 0 || l.Plan == nil || len(l.Plan.Pipelines) == 0 {
				t.Errorf("%v\n%s", ds, p.Example)
			}
		})
	}
}

// TestSchemasAreSchemas parses every schema and finds options that nobody described.
func TestSchemasAreSchemas(t *testing.T) {
	for name, text := range reference.Schemas(all.Plugins(nil)) {
		var s struct {
			Properties map[string]struct{ Description string }
		}
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for option, p := range s.Properties {
			if p.Description == "" {
				t.Errorf("%s: %s has no text that says what it does", name, option)
			}
		}
	}
}
