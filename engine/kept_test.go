package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"weir/engine"
	"weir/engine/config"
	"weir/plugins/all"
)

// ownModules makes a folder of modules that share no file, as of as many customers.
func ownModules(t *testing.T, modules, pipelines int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range modules {
		var own bytes.Buffer
		own.WriteString("variable \"data\" {\n  type = string\n}\n")
		for k := range pipelines {
			fmt.Fprintf(&own, keptPipeline, k)
		}
		name := fmt.Sprintf("shop%d", i)
		if err := os.MkdirAll(filepath.Join(dir, "modules", name), 0o755); err != nil {
			t.Fatal(err)
		}
		call := fmt.Sprintf("module %q {\n  source = \"./modules/%s\"\n  data   = \"/data/%s\"\n}\n", name, name, name)
		for file, text := range map[string][]byte{name + ".hcl": []byte(call), "modules/" + name + "/pipelines.hcl": own.Bytes()} {
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

const keptPipeline = `pipeline "p%[1]d" {
  schedule = "every 1m"
  source "file" "files" {
    path  = "${var.data}/in/%[1]d/*.csv"
    ready = "now"
  }
  decode "csv" {
    delimiter = ";"
    columns = {
      number = "text required"
      email  = "text optional"
      amount = "decimal comma"
      day    = "date '%%d-%%m-%%Y' optional"
    }
  }
  map "line" {
    fields = {
      id     = "'p%[1]d-' + trim(number)"
      email  = "lower(trim(email ?? ''))"
      amount = "amount"
      day    = "day"
    }
  }
  filter "nobody" {
    drop = "id == '' and email == ''"
  }
  sink "file" "out" {
    path = "${var.data}/out/p%[1]d.ndjson"
  }
}
`

// TestKept checks how much of a configuration is kept once it is planned by who goes on
// to load it: neither syntax trees nor the values of blocks spelled out.
func TestKept(t *testing.T) {
	dir := ownModules(t, 20, 10)
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	load := func(cache *config.Cache) *engine.Loaded {
		t.Helper()
		l, ds := e.Load(context.Background(), dir, engine.Inputs{Cache: cache})
		if ds.HasErrors() || len(l.Plan.Pipelines) != 200 {
			t.Fatalf("%d pipelines, %v", len(l.Plan.Pipelines), ds)
		}
		return l
	}
	load(config.NewCache()) // what is made once for all
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	cache := config.NewCache()
	l := load(cache)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	size, objects := int64(after.HeapAlloc-before.HeapAlloc)/200, int64(after.HeapObjects-before.HeapObjects)/200 //nolint:gosec // what was loaded last is there
	t.Logf("a pipeline keeps %d bytes in %d objects", size, objects)
	if size > 17<<10 || objects > 160 {
		t.Errorf("a pipeline keeps %d bytes in %d objects", size, objects)
	}
	runtime.KeepAlive(l)
	runtime.KeepAlive(cache)
}
