package serve_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"weir/engine"
	"weir/engine/plan"
	"weir/engine/reference"
	"weir/engine/spec"
	"weir/plugins/all"
)

// every calls f for each option of a list and of the blocks within.
func every(path string, list []spec.Option, f func(path string, o spec.Option)) {
	for _, o := range list {
		f(path+"."+o.Name, o)
		every(path+"."+o.Name, o.Body, f)
	}
}

// planned plans a configuration and returns what it describes.
func planned(t *testing.T, e *engine.Engine, text []byte) (d plan.Description, ok bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "example.hcl")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l, ds := e.Load(t.Context(), file, engine.Inputs{AllowMissing: true})
	if ds.HasErrors() || l.Plan == nil || len(l.Plan.Pipelines) == 0 {
		t.Errorf("%v\n%s", ds, text)
		return d, false
	}
	return plan.Describe(l.Plan, make([]byte, 32)), true
}

// usual is a configuration with the blocks that no plugin's example has.
const usual = `engine {
}
pipeline "p" {
  source "file" "in" {
    path = "/data/in/*.csv"
  }
  decode "csv" {
    columns = { id = "text", n = "text" }
  }
  map "m" {
    fields = { id = "id", n = "n", tags = "[n]" }
  }
  filter "f" {
    keep = "id != nil"
  }
  check "c" {
    rule "n" {
      that    = "n != nil"
      message = "n is missing"
    }
  }
  expand "e" {
    rows   = "tags"
    fields = { n = "item" }
    keep   = ["id"]
  }
  dedupe "d" {
    keys = { id = "id" }
  }
  group "g" {
    by     = ["id"]
    fields = { id = "first(rows).id", all = "len(rows)" }
  }
  sink "stdout" "out" {
  }
}
`

// Every option has a text; the default of each one, written down where the example
// of its block leaves it out, plans, and plans the same.
func TestEveryOptionsDefaultDocAndExamplePlans(t *testing.T) {
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	blocks := map[string]reference.Block{}
	for _, b := range reference.Blocks(all.Plugins(io.Discard)) {
		blocks[b.Name()] = b
		every(b.Name(), b.All(), func(path string, o spec.Option) {
			if o.Doc == "" {
				t.Errorf("%s has no text that says what it does", path)
			}
		})
	}
	seen := map[string]bool{}
	examples := [][]byte{[]byte(usual)}
	for _, p := range all.Plugins(io.Discard) {
		examples = append(examples, []byte(p.Example))
	}
	for _, text := range examples {
		want, ok := planned(t, e, text)
		if !ok {
			continue
		}
		eachDefault(t, text, blocks, func(name string, changed []byte) {
			seen[name] = true
			if got, ok := planned(t, e, changed); ok && got.Pipelines[0].Fingerprint != want.Pipelines[0].Fingerprint {
				t.Errorf("%s: with its default written down it is another pipeline\n%s", name, changed)
			}
		})
	}
	for name, b := range blocks {
		for _, o := range b.Options {
			if o.Default != "" && !o.Block && b.Kind != "variable" && !seen[name+"."+o.Name] {
				t.Errorf("no example has the block of %s.%s, so its default was not tried", name, o.Name)
			}
		}
	}
}

// eachDefault calls f with text and the default of one more option in it.
func eachDefault(t *testing.T, text []byte, blocks map[string]reference.Block, f func(name string, changed []byte)) {
	t.Helper()
	parse := func() *hclwrite.File {
		file, ds := hclwrite.ParseConfig(text, "example.hcl", hcl.InitialPos)
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		return file
	}
	var all func(b *hclwrite.Body) []*hclwrite.Block
	all = func(b *hclwrite.Body) []*hclwrite.Block {
		var out []*hclwrite.Block
		for _, x := range b.Blocks() {
			out = append(append(out, x), all(x.Body())...)
		}
		return out
	}
	for i, x := range all(parse().Body()) {
		b, ok := blocks[x.Type()]
		if !ok && len(x.Labels()) > 0 {
			b, ok = blocks[x.Type()+"."+x.Labels()[0]]
		}
		if !ok {
			continue
		}
		for _, o := range b.Options {
			if o.Default == "" || o.Block {
				continue
			}
			if x.Body().GetAttribute(o.Name) != nil {
				f(b.Name()+"."+o.Name, text) // the example has something else
				continue
			}
			file := parse()
			body := all(file.Body())[i].Body()
			body.AppendNewline() // an empty block may be written on one line
			body.SetAttributeRaw(o.Name, hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte(o.Default)}})
			f(b.Name()+"."+o.Name, file.Bytes())
		}
	}
}
