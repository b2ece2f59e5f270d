package pipelines_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/plugin"
	"weir/plugins/all"
)

// jump is a clock on which nobody waits: sleeping moves it on.
type jump struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements plugin.Clock.
func (c *jump) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep implements plugin.Clock.
func (c *jump) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
	return ctx.Err()
}

// bench runs a configuration of its own through the whole engine, on a clock on
// which nobody waits. What its stdout sinks print, and all that is logged, is kept.
type bench struct {
	t     *testing.T
	dir   string // of the configuration
	state string
	clock *jump
	out   bytes.Buffer
	log   bytes.Buffer
}

// longAgo is the time of files that nobody is writing any more.
func longAgo() time.Time { return time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC) }

func newBench(t *testing.T, config string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), state: memory(t), clock: &jump{now: longAgo().Add(24 * time.Hour)}}
	b.configure(config)
	return b
}

// memory is a folder for state that need not survive the machine: in memory where
// there is such a place, because every commit waits for the disk.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "weir-test-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// configure replaces the configuration.
func (b *bench) configure(config string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "main.hcl"), []byte(config), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// writeFile makes a file; a zero time is long ago.
func writeFile(t *testing.T, dir, name string, data []byte, at time.Time) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if at.IsZero() {
		at = longAgo()
	}
	if err := os.Chtimes(p, at, at); err != nil {
		t.Fatal(err)
	}
	return p
}

// engine makes an engine and loads the configuration, which must be right.
func (b *bench) engine() (*engine.Engine, *engine.Loaded) {
	b.t.Helper()
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(&b.log)), zap.DebugLevel))
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(&b.out), Log: log, Clock: b.clock})
	if ds != nil {
		b.t.Fatal(ds.Err())
	}
	l, ds := e.Load(b.t.Context(), b.dir, engine.Inputs{Env: func(string) (string, bool) { return "", false }})
	if ds.HasErrors() {
		b.t.Fatal(ds.Err())
	}
	return e, l
}

// run runs the only pipeline once.
func (b *bench) run() engine.PipelineReport {
	b.t.Helper()
	e, l := b.engine()
	rep, err := e.Run(b.t.Context(), l, engine.RunOptions{StateDir: b.state})
	if err != nil {
		b.t.Fatal(err)
	}
	p := rep.Pipelines[0]
	if !p.Ledger.Balanced() {
		b.t.Errorf("the ledger does not add up (I3): %+v", p.Ledger)
	}
	return p
}

// good is run for runs that must succeed.
func (b *bench) good() engine.PipelineReport {
	b.t.Helper()
	p := b.run()
	if p.Err != nil {
		b.t.Errorf("the run failed: %v", p.Err)
	}
	return p
}

// ids returns what the sink printed of the field id, in order.
func (b *bench) ids() []string {
	b.t.Helper()
	var out []string
	for line := range strings.Lines(b.out.String()) {
		var row struct{ ID string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			b.t.Fatalf("%v: %s", err, line)
		}
		out = append(out, row.ID)
	}
	return out
}

// exactly checks that every wanted row was printed, and each once.
func (b *bench) exactly(want []string) {
	b.t.Helper()
	got, want := slices.Sorted(slices.Values(b.ids())), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		b.t.Errorf("%d rows were delivered, want %d exactly once:\n got %.300s\nwant %.300s", len(got), len(want), fmt.Sprint(got), fmt.Sprint(want))
	}
}

// fails checks class, code and words of an error.
func fails(t *testing.T, err error, class plugin.Class, code string, words ...string) {
	t.Helper()
	var f *plugin.Failure
	if !errors.As(err, &f) {
		t.Errorf("no failure: %v", err)
		return
	}
	if f.Class != class || string(f.Code) != code {
		t.Errorf("class %d, code %q, want %d, %q: %v", f.Class, f.Code, class, code, err)
	}
	says(t, err.Error()+"\n"+f.Advice, words...)
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q: %s", w, text)
		}
	}
}

// rows are the lines of a small file and what they deliver.
func rows(from, to int) (content string, ids []string) {
	var sb strings.Builder
	sb.WriteString("id;v\n")
	for i := from; i <= to; i++ {
		fmt.Fprintf(&sb, "%02d;a\n", i)
		ids = append(ids, fmt.Sprintf("%02d", i))
	}
	return sb.String(), ids
}

// pipelineOf is a pipeline from a remote folder to the sink that is looked at.
// source are further lines of the source, decode of the decoder.
func pipelineOf(kind, connection, source string) string {
	return fmt.Sprintf(`
connection %[1]q "x" {
%[2]s
}
pipeline "p" {
  source %[1]q "in" {
    connection = connection.%[1]s.x
    path       = "/in/*.csv"
    ready      = "now"
%[3]s
  }
  decode "csv" {
    delimiter = ";"
    columns = {
      id = "text"
      v  = "text"
    }
  }
  sink "stdout" "out" {}
}
`, kind, connection, source)
}
