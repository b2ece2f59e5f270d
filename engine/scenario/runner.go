package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zclconf/go-cty/cty"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plugin"
)

// Run runs the tests of s, several at a time, and calls report with each result
// in the order of the files, from one goroutine at a time. Cover is nil unless
// asked for. A cancelled ctx ends the tests that run and starts no more.
func Run(ctx context.Context, s *Suite, o Options, report func(*Result)) *Cover {
	var cover *Cover
	if o.Cover {
		cover = newCover()
	}
	type job struct {
		file *File
		test *Test
		done chan *Result
	}
	var jobs []job
	for _, f := range s.Files {
		for _, t := range f.Tests {
			if o.Match == nil || o.Match.MatchString(t.Name) {
				jobs = append(jobs, job{f, t, make(chan *Result, 1)})
			}
		}
	}
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	next := make(chan job)
	var wg sync.WaitGroup
	for range min(parallel, len(jobs)) {
		wg.Go(func() {
			for j := range next {
				started := plugin.SystemClock{}.Now()
				r := runTest(ctx, j.test, o, cover)
				r.Test, r.File, r.Elapsed = j.test, j.file, plugin.SystemClock{}.Now().Sub(started)
				maps.Copy(r.Sources, s.Sources)
				j.done <- r
			}
		})
	}
	wg.Go(func() {
		for _, j := range jobs {
			next <- j
		}
		close(next)
	})
	for _, j := range jobs {
		report(<-j.done)
	}
	wg.Wait()
	return cover
}

// runner runs one test.
type runner struct {
	o       Options
	t       *Test
	cover   *Cover
	clock   *clock
	servers []*server
	dir     string // of everything the test keeps
	state   string
	copies  int
	vars    map[string]cty.Value
	frozen  []*crash
	secrets []string // values of sensitive variables, of all runs
	stop    context.CancelFunc
	res     *Result
}

func runTest(ctx context.Context, t *Test, o Options, cover *Cover) *Result {
	res := &Result{Sources: map[string][]byte{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r := &runner{o: o, t: t, cover: cover, clock: &clock{now: t.at}, vars: maps.Clone(t.vars), stop: stop, res: res}
	if err := r.begin(); err != nil { //nolint:contextcheck // the servers end with the test, not with a call
		res.Problems = append(res.Problems, diag.Errorf("test.failed", &t.Range, "The test could not begin", "%s.", err))
	} else {
		for _, run := range t.runs {
			if ctx.Err() != nil {
				res.Problems = append(res.Problems, diag.Errorf("run.interrupted", &run.rng, "The test was interrupted", ""))
				break
			}
			if r.run(ctx, run); !res.Passed() {
				break // what later runs find would follow from this
			}
		}
	}
	if err := r.end(); err != nil {
		res.Problems = append(res.Problems, diag.Errorf("test.failed", &t.Range, "The test could not end", "%s.", err))
	}
	r.mask()
	return res
}

// mask takes the values of sensitive variables out of the problems, which show
// what servers recorded (I9).
func (r *runner) mask() {
	for i := range r.res.Problems {
		d := &r.res.Problems[i]
		for _, s := range r.secrets {
			d.Summary, d.Detail = strings.ReplaceAll(d.Summary, s, "(secret)"), strings.ReplaceAll(d.Detail, s, "(secret)")
		}
	}
}

func (r *runner) begin() (err error) {
	if r.dir, err = os.MkdirTemp("", "weir-test-"); err != nil {
		return err
	}
	r.state = filepath.Join(r.dir, "state")
	for _, s := range r.t.servers {
		running, err := s.start(r.clock)
		if err != nil {
			return err
		}
		r.servers = append(r.servers, running)
	}
	return nil
}

func (r *runner) end() error {
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.close())
	}
	r.stop()
	for _, c := range r.frozen {
		close(c.release)
		<-c.over
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

// outcome is what a run left behind, for the expectations.
type outcome struct {
	spec    *runSpec
	report  *engine.RunReport // nil after a crash
	crashed bool
	errs    []failure
	ledgers map[string]map[string]int64 // by pipeline
	notices []any
	output  string
	log     string
	secrets []string
	before  marks
	started time.Time
}

type failure struct {
	pipeline string
	err      error
}

// run runs one run block and judges it.
func (r *runner) run(ctx context.Context, spec *runSpec) {
	_ = r.clock.Sleep(ctx, spec.advance) // virtual: nothing waits
	maps.Copy(r.vars, spec.vars)
	var over atomic.Bool
	r.prepare(spec, &over)
	out := &outcome{spec: spec, ledgers: map[string]map[string]int64{}, started: r.clock.Now()}
	var stdout, log buffer
	e, l := r.load(ctx, out, &stdout, &log)
	if l == nil {
		return
	}
	if spec.crashAt != "" || spec.expect.uses("rejects") {
		var err error
		if out.before, err = readMarks(r.state); err != nil {
			r.problem(diag.Errorf("test.failed", &spec.rng, "The state of the test cannot be read", "%s.", err))
			return
		}
	}
	r.execute(ctx, e, l, out)
	over.Store(true)
	for _, s := range r.servers {
		s.heal()
	}
	out.output, out.log = stdout.String(), log.String()
	r.judge(out)
}

func (r *runner) problem(d diag.Diagnostic) { r.res.Problems = append(r.res.Problems, d) }

// prepare changes the servers as the run says.
func (r *runner) prepare(spec *runSpec, over *atomic.Bool) {
	for _, f := range spec.remove {
		if err := r.server(f.server).fs().Remove(f.path); err != nil {
			r.problem(diag.Errorf("test.failed", &f.rng, "There is no file "+f.path+" to remove", ""))
		}
	}
	for _, f := range spec.files {
		f.put(r.server(f.server).fs())
	}
	for _, f := range spec.faults {
		r.server(f.kind+"."+f.name).fail(f, over)
	}
	for _, s := range r.servers {
		s.mark()
	}
}

func (r *runner) server(name string) *server {
	i := slices.IndexFunc(r.servers, func(s *server) bool { return s.kind+"."+s.name == name })
	return r.servers[i] // the loader has checked the name
}

// load plans the configuration with the connections moved to the servers. It
// returns nil when that has errors, which are then among the problems.
func (r *runner) load(ctx context.Context, out *outcome, stdout, log *buffer) (*engine.Engine, *engine.Loaded) {
	o := engine.Options{Plugins: r.o.Plugins(stdout), Log: logTo(log), Clock: r.clock, Offline: true, Endpoints: map[string]plugin.Endpoint{}}
	for _, s := range r.servers {
		o.Endpoints[s.address()] = s.endpoint()
	}
	if r.cover != nil {
		o.Instrument = r.cover.instrument
	}
	e, ds := engine.New(o)
	l := &engine.Loaded{}
	if !ds.HasErrors() {
		l, ds = e.Load(ctx, r.t.Folder, engine.Inputs{
			Values: r.vars, AllowMissing: true, Env: func(string) (string, bool) { return "", false }})
		maps.Copy(r.res.Sources, l.Sources)
	}
	if l.Config != nil {
		ds = append(ds, r.unknownConnections(l.Config)...)
		ds = append(ds, r.missing(l.Config)...)
		out.secrets = secrets(l.Config)
		r.secrets = append(r.secrets, out.secrets...)
	}
	if l.Plan != nil && !ds.HasErrors() {
		ds = append(ds, r.unknownPipelines(l, out.spec)...)
	}
	if ds.HasErrors() {
		for _, d := range ds {
			if d.Severity == diag.Error {
				if d.Subject == nil {
					d.Subject = &out.spec.rng
				}
				r.problem(d)
			}
		}
		r.res.Broken = true
		return nil, nil
	}
	return e, l
}

// execute runs the engine, to the end or to the crash.
func (r *runner) execute(ctx context.Context, e *engine.Engine, l *engine.Loaded, out *outcome) {
	o := engine.RunOptions{StateDir: r.state, Pipelines: out.spec.pipelines}
	if out.spec.crashAt == "" {
		rep, err := e.Run(ctx, l, o)
		r.finished(out, rep, err)
		return
	}
	c := newCrash(out.spec.crashAt)
	o.Point = c.at
	var rep *engine.RunReport
	var err error
	go func() {
		defer close(c.over)
		rep, err = e.Run(ctx, l, o)
	}()
	select {
	case <-c.over:
		r.finished(out, rep, err)
		r.problem(diag.Errorf("test.no_crash", r.t.ranges.Of(&out.spec.crashAt), fmt.Sprintf("Run %q did not come to %s", out.spec.name, out.spec.crashAt),
			"The run ended without reaching the point where it was to crash."))
	case <-c.reached:
		r.frozen = append(r.frozen, c)
		for _, s := range r.servers {
			s.drop()
		}
		r.copies++
		dead := r.state
		r.state = filepath.Join(r.dir, fmt.Sprintf("state-%d", r.copies))
		if err := copyFolder(dead, r.state); err != nil {
			r.problem(diag.Errorf("test.failed", &out.spec.rng, "The state cannot be copied", "%s.", err))
			return
		}
		out.crashed = true
		if err := r.committed(out); err != nil {
			r.problem(diag.Errorf("test.failed", &out.spec.rng, "The state after the crash cannot be read", "%s.", err))
		}
	}
}

// finished takes over what the engine reported.
func (r *runner) finished(out *outcome, rep *engine.RunReport, err error) {
	if err != nil {
		out.errs = append(out.errs, failure{err: err})
	}
	if rep == nil {
		return
	}
	out.report = rep
	for _, p := range rep.Pipelines {
		if p.Err != nil {
			out.errs = append(out.errs, failure{p.Name, p.Err})
		}
		out.ledgers[p.Name] = countsOf(p.Ledger)
		for _, n := range p.Notices {
			out.notices = append(out.notices, map[string]any{
				"pipeline": p.Name, "severity": n.Severity.String(), "code": string(n.Code), "summary": n.Summary, "detail": n.Detail})
		}
		if !p.Ledger.Balanced() {
			r.problem(diag.Errorf("test.ledger", &out.spec.rng, fmt.Sprintf("Run %q: the ledger of %s does not add up", out.spec.name, p.Name),
				"%s. Every row that is read must be accounted for.", showLedger(countsOf(p.Ledger))))
		}
	}
}

func countsOf(l engine.Ledger) map[string]int64 {
	out := map[string]int64{
		"read": l.Read, "delivered": l.Delivered, "deduplicated": l.Deduplicated, "grouped": l.Grouped,
		"expanded": l.Expanded, "rejected": l.Rejected, "held": l.Held, "filtered": 0,
	}
	for k, n := range l.Filtered {
		out["filtered."+k] = n
		out["filtered"] += n
	}
	return out
}

// buffer collects text from any goroutine.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func logTo(b *buffer) *zap.Logger {
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(enc, zapcore.AddSync(b), zapcore.DebugLevel))
}
