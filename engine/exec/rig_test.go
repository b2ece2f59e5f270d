package exec_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/share"
	"weir/engine/state"
	"weir/engine/state/memkv"
	"weir/plugins/all"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that moves on by step at each look.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.step)
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// rig runs one pipeline again and again on one state.
type rig struct {
	t     rapid.TB
	dir   string
	kv    *memkv.Store
	probe *probe
	clock *clock
	plan  *plan.Plan
	chunk int
	more  []plugin.Plugin                                 // besides the probe
	point func(string)                                    // may panic with crash to end a run as SIGKILL would
	hold  func(context.Context, []string) (func(), error) // nil is the store's
	pool  share.Pool
	runs  int

	staged, stuck, delivery int64 // bytes, see exec.Options

	address string // of the pipeline in the store; "" is p

	committed func(state.Counts, time.Duration)
	delivered func(string, time.Duration)
}

// crash ends a run without a word, as SIGKILL would.
type crash struct{ point string }

// newRig plans the body of a pipeline. DIR in it is the rig's folder.
func newRig(t rapid.TB, dir, body string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, kv: memkv.New(), probe: newProbe(), chunk: 300, point: func(string) {},
		clock: &clock{now: time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)}}
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.load(body)
	return r
}

// load plans another body for the same state.
func (r *rig) load(body string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "main.hcl")
	src := "pipeline \"p\" {\n" + strings.ReplaceAll(body, "DIR", r.dir) + "\n}\n"
	if strings.Contains(body, "entity.e") {
		src += "entity \"e\" {\n keys = {\n key = \"value\"\n }\n}\n"
	}
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		r.t.Fatal(err)
	}
	l, ds := r.loaded(file)
	if ds.HasErrors() {
		r.t.Fatalf("%v\n%s", ds.Err(), src)
	}
	r.plan = l.Plan
}

// loaded plans a file with the plugins of the rig.
func (r *rig) loaded(file string) (*engine.Loaded, diag.List) {
	r.t.Helper()
	e, ds := engine.New(engine.Options{Plugins: append(append(all.Plugins(io.Discard), r.probe.plugin()), r.more...), Clock: r.clock})
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	return e.Load(context.Background(), file, engine.Inputs{Env: func(string) (string, bool) { return "", false }})
}

// plans returns what is wrong with a body.
func (r *rig) plans(body string) diag.List {
	r.t.Helper()
	file := filepath.Join(r.dir, "other.hcl")
	if err := os.WriteFile(file, []byte("pipeline \"p\" {\n"+strings.ReplaceAll(body, "DIR", r.dir)+"\n}\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	_, ds := r.loaded(file)
	return ds
}

// put writes an input file.
func (r *rig) put(name, content string) {
	r.t.Helper()
	p := filepath.Join(r.dir, "in", name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	old := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(p, old, old); err != nil {
		r.t.Fatal(err)
	}
}

type host struct{ r *rig }

func (h host) Log() *zap.Logger        { return zap.NewNop() }
func (h host) Clock() plugin.Clock     { return h.r.clock }
func (h host) Machine() plugin.Machine { return plugin.SystemMachine{} }
func (h host) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	return h.r.pool.Get(key, open)
}

// run runs the pipeline once, in a new session as a new process would.
func (r *rig) run(ctx context.Context) (rep *exec.Report, err error) {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{Clock: r.clock})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	defer func() { _ = store.Close() }()
	ses, err := store.Pipeline(ctx, cmp.Or(r.address, "p"), 1, r.plan.Revision)
	if err != nil {
		return &exec.Report{}, err
	}
	r.runs++
	id := fmt.Sprint("run", r.runs)
	if err := ses.StartRun(state.Run{ID: id, Started: r.clock.Now()}); err != nil {
		return &exec.Report{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		switch c := recover().(type) {
		case nil:
		case crash:
			rep, err = nil, fmt.Errorf("killed at %s", c.point)
		default:
			panic(c)
		}
	}()
	hold := store.Hold
	if r.hold != nil {
		hold = r.hold
	}
	rep, err = exec.Run(ctx, exec.Options{
		Pipeline: r.plan.Pipelines[0], Revision: r.plan.Revision, RunID: id, Session: ses, Clock: r.clock, Log: zap.NewNop(),
		StateDir: filepath.Join(r.dir, "state"), Lanes: 3, Chunk: r.chunk, Staged: r.staged, Stuck: r.stuck, Delivery: r.delivery, Point: r.point, Hold: hold, Committed: r.committed, Delivered: r.delivered,
		Host: func(string) plugin.Host { return host{r} },
	})
	if _, ferr := ses.FinishRun(r.clock.Now(), "ok", ""); ferr != nil {
		r.t.Fatal(ferr)
	}
	return rep, err
}

// done runs the pipeline, which must succeed, and checks its ledger (I3).
func (r *rig) done() *exec.Report {
	r.t.Helper()
	rep, err := r.run(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	if d := rep.Counts.Difference(); d != 0 {
		r.t.Errorf("the ledger is off by %d (I3): %v", d, rep.Counts)
	}
	return rep
}

// fails runs the pipeline, which must fail with text in the message.
func (r *rig) fails(text string) *exec.Report {
	r.t.Helper()
	rep, err := r.run(context.Background())
	if err == nil || !strings.Contains(err.Error(), text) {
		r.t.Fatalf("error %v, want one with %q", err, text)
	}
	return rep
}

// totals are the counts of all runs so far.
func (r *rig) totals() state.Counts {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	tot, err := store.Totals("p")
	if err = errors.Join(err, store.Close()); err != nil {
		r.t.Fatal(err)
	}
	if d := tot.Difference(); d != 0 {
		r.t.Errorf("the totals are off by %d (I3): %v", d, tot.Counts)
	}
	return tot.Counts
}

// rejects are the dead letters so far.
func (r *rig) rejects() (out []state.Reject) {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	err = store.Rejects("p", 0, func(x state.Reject) bool {
		out = append(out, x)
		return true
	})
	if err = errors.Join(err, store.Close()); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// source is a file source with a decoder of the rows that csvRows makes.
const source = `
  source "file" "in" {
    path  = "DIR/in/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id    = "int required"
      key   = "text"
      n     = "int required"
    }
  }
`

// csvRows makes the rows from to to-1: key is one of a few, n is small.
func csvRows(from, to int) string {
	var sb strings.Builder
	sb.WriteString("id,key,n\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&sb, "%d,k%d,%d\n", i, i*7%11, i%5)
	}
	return sb.String()
}

func equal(t rapid.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
