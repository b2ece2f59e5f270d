package serve_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/serve"
	"weir/plugins/all"
)

// rig is a served folder.
type rig struct {
	t      *testing.T
	dir    string // of everything
	config string
	o      serve.Options
	server *serve.Server
	events chan serve.Event
	first  *serve.Verdict
	traps  *traps
	log    *zap.Logger   // nil shows errors with the test
	over   chan struct{} // closed when what is left of dead processes may end
}

// newRig writes files, by name and content; DIR in them is the rig's folder.
func newRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, config: filepath.Join(dir, "config"), events: make(chan serve.Event, 4096), traps: &traps{}, over: make(chan struct{})}
	for _, d := range []string{"config", "in", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		r.write(name, text)
	}
	r.o = serve.Options{Folder: r.config, StateDir: filepath.Join(dir, "state")}
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(name, text string) {
	r.t.Helper()
	file := r.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	tmp := file + ".part"
	if err := os.WriteFile(tmp, []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(tmp, file); err != nil {
		r.t.Fatal(err)
	}
}

// start begins to serve, and ends it with the test.
func (r *rig) start() *serve.Server {
	r.t.Helper()
	r.o.Engine = r.engine()
	s, v, err := serve.Start(context.Background(), r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.first, r.server = v, s
	r.t.Cleanup(s.Listen(r.events))
	r.t.Cleanup(r.stop)
	return s
}

func (r *rig) stop() {
	if r.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.server.Stop(ctx); err != nil {
		r.t.Errorf("stopping: %v", err)
	}
	r.server = nil
}

func (r *rig) engine() *engine.Engine {
	r.t.Helper()
	log := r.log
	if log == nil {
		log = zaptest.NewLogger(r.t, zaptest.Level(zap.ErrorLevel))
	}
	e, ds := engine.New(engine.Options{Plugins: append(all.Plugins(io.Discard), r.traps.plugin()), Log: log})
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	return e
}

func (r *rig) reload() *serve.Verdict {
	r.t.Helper()
	v, err := r.server.Reload(context.Background(), serve.Request{Trigger: "api"})
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// until waits until ok, for events meanwhile.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			for _, p := range r.server.Status().Pipelines {
				p.Sources = nil
				r.t.Logf("%+v", p)
			}
			r.t.Fatalf("%s did not come about", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// texts returns diagnostics as people read them.
func texts(v *serve.Verdict) string {
	ds, sources := v.Problems()
	var sb strings.Builder
	_ = diag.Text(&sb, ds, sources, diag.TextOptions{})
	return sb.String()
}

// output returns what a copying pipeline has delivered, of all its files.
func (r *rig) output(name string) string {
	files, _ := filepath.Glob(r.path("out/" + name + "*.ndjson"))
	var sb strings.Builder
	for _, f := range files {
		b, _ := os.ReadFile(f)
		sb.Write(b)
	}
	return sb.String()
}

// copying is a pipeline that maps rows of in/NAME*.csv to out/NAME.ndjson.
func copying(name, expression string) string {
	return `
pipeline "` + name + `" {
  schedule = "every 1s"
  source "file" "in" {
    path  = "DIR/in/` + name + `*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { a = "text" }
  }
  map "m" {
    fields = { v = "` + expression + `" }
  }
  sink "file" "out" {
    path   = "DIR/out/` + name + `.ndjson"
    format = "ndjson"
    exists = "number"
  }
}
`
}

// trapped is a pipeline that delivers the cells of in/NAME*.csv to the trap NAME,
// with sink options in more.
func trapped(name, schedule, more string) string {
	return `
pipeline "` + name + `" {
  schedule = "` + schedule + `"
  source "file" "in" {
    path  = "DIR/in/` + name + `*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { a = "text" }
  }
  sink "trap" "out" {
    trap = "` + name + `"
    ` + more + `
  }
}
`
}

// has reports whether a trap got a row.
func (r *rig) has(trap, row string) bool { return slices.Contains(r.traps.get(trap).seen(), row) }

func (r *rig) remove(name string) {
	r.t.Helper()
	if err := os.Remove(r.path(name)); err != nil {
		r.t.Fatal(err)
	}
}
