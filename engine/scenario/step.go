package scenario

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/serve"
)

// outcome is what a step left behind, for the expectations.
type outcome struct {
	spec       *stepSpec
	crashed    bool
	errs       []failure
	ledgers    map[string]map[string]int64 // by pipeline
	notices    []any
	runs       []any
	deliveries []any
	verdict    *serve.Verdict // of a reload that was answered
	output     string
	log        string
	secrets    []string
	before     marks
}

type failure struct {
	pipeline string
	err      error
}

// step does one step and judges it.
func (r *runner) step(ctx context.Context, spec *stepSpec) {
	if r.served == nil {
		_ = r.clock.Sleep(ctx, spec.advance) // virtual: nothing waits
	}
	var over atomic.Bool
	r.prepare(spec, &over)
	out := &outcome{spec: spec, ledgers: map[string]map[string]int64{}}
	if spec.kind != stepReload && !r.reconfigure(ctx, spec) || !r.markState(out) {
		return
	}
	done := false
	if spec.kind == stepRun && r.served == nil {
		done = r.runOnce(ctx, out)
	} else {
		done = r.serve(ctx, out)
	}
	if !done {
		return
	}
	over.Store(true)
	for _, s := range r.servers {
		s.heal()
	}
	r.judge(out)
}

// reconfigure changes the configuration as a step says.
func (r *runner) reconfigure(ctx context.Context, spec *stepSpec) bool {
	if r.cover != nil && len(spec.edits) > 0 && len(r.edited) == 0 {
		_, _ = r.plan(ctx, r.clock, &buffer{}, &buffer{}) // what is to be reached is that of the files as they are
	}
	if !r.edit(spec.edits) {
		return false
	}
	maps.Copy(r.vars, spec.vars)
	return true
}

// markState notes what the state folder holds, where a step needs that.
func (r *runner) markState(out *outcome) bool {
	if out.spec.crashAt == "" && !out.spec.expect.uses("rejects") {
		return true
	}
	var err error
	if out.before, err = r.readMarks(); err != nil {
		r.problem(diag.Errorf("test.failed", &out.spec.rng, "The state of the test cannot be read", "%s.", err))
	}
	return err == nil
}

func (r *runner) problem(d diag.Diagnostic) { r.res.Problems = append(r.res.Problems, d) }

// prepare changes the servers as the step says.
func (r *runner) prepare(spec *stepSpec, over *atomic.Bool) {
	for _, f := range spec.remove {
		if err := r.server(f.server).remove(f.path); err != nil {
			r.problem(diag.Errorf("test.failed", &f.rng, "There is no file "+f.path+" to remove", ""))
		}
	}
	for _, f := range spec.files {
		r.server(f.server).put(f)
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

// engine makes an engine whose connections are moved to the servers of the test.
func (r *runner) engine(c plugin.Clock, keepOpen bool, stdout, log *buffer) (*engine.Engine, diag.List) {
	o := engine.Options{
		Plugins: r.o.Plugins(stdout), Machine: r.machine(), Log: logTo(log), Clock: c, KeepOpen: keepOpen, Offline: true, Endpoints: map[string]plugin.Endpoint{},
	}
	for _, s := range r.servers {
		if s.kind != kindFile {
			o.Endpoints[s.address()] = s.endpoint()
		}
	}
	if r.cover != nil {
		o.Instrument = r.instrument
	}
	return engine.New(o)
}

// inputs are what the configuration is loaded with. Steps that follow change its maps.
func (r *runner) inputs() engine.Inputs {
	return engine.Inputs{Values: r.vars, Edited: r.edited, AllowMissing: true, Sealed: true, Env: noEnv}
}

// noEnv is the environment of a test: an empty one.
func noEnv(string) (string, bool) { return "", false }

// plan makes an engine that runs and is done, and plans the configuration with it.
func (r *runner) plan(ctx context.Context, c plugin.Clock, stdout, log *buffer) (*engine.Engine, *planned) {
	e, ds := r.engine(c, false, stdout, log)
	p := &planned{Loaded: &engine.Loaded{}, diags: ds}
	if !ds.HasErrors() {
		p.Loaded, p.diags = e.Load(ctx, r.t.Folder, r.inputs())
		maps.Copy(r.res.Sources, p.Sources)
	}
	if p.Plan != nil {
		r.makeFolders(p.Plan)
	}
	return e, p
}

// makeFolders makes the folders in which sources look, on servers of which the test
// does not say itself what they have. One that a source makes is left to it.
func (r *runner) makeFolders(p *plan.Plan) {
	for _, q := range p.Pipelines {
		for _, n := range q.Nodes {
			src, ok := plugin.FolderOf(n.Source)
			if !ok || src.Place == "" || src.Made {
				continue
			}
			at, err := url.Parse(src.Place)
			if err != nil {
				continue // of a connection that has errors
			}
			for _, s := range r.servers {
				if fs := s.fs(); fs != nil && !s.foldersSet && s.endpoint().Addr == at.Host {
					makeFolder(fs, src.Base)
				}
			}
		}
	}
}

// planned is a configuration with what is wrong with it.
type planned struct {
	*engine.Loaded
	diags diag.List
}

// usable reports what keeps a configuration from being run, and takes note of its
// secrets.
func (r *runner) usable(p *planned, out *outcome) bool {
	ds := p.diags
	if p.Config != nil {
		ds = append(explained(ds, p.Config), r.unknownConnections(p.Config)...)
		ds = append(ds, r.missing(p.Config)...)
		ds = append(ds, r.undisked(p.Plan, out.spec.pipelines)...)
		r.addSecrets(p, out)
	}
	if !ds.HasErrors() {
		return true
	}
	for _, d := range ds {
		if d.Severity == diag.Error {
			if d.Subject == nil {
				d.Subject = &out.spec.rng
			}
			r.problem(d)
		}
	}
	r.res.Broken = true
	return false
}

func (r *runner) addSecrets(p *planned, out *outcome) {
	out.secrets = append(out.secrets, secrets(p.Config)...)
	r.secrets = append(r.secrets, out.secrets...)
}

// frozen is a run that crashed.
type frozen struct {
	gate *gate
	over <-chan struct{} // closed when it has ended
}

// runOnce runs the engine as weir run does, to the end or to the crash. It reports
// false when the configuration cannot be run.
func (r *runner) runOnce(ctx context.Context, out *outcome) bool {
	var stdout, log buffer
	defer func() { out.output, out.log = stdout.String(), log.String() }()
	e, l := r.plan(ctx, r.clock, &stdout, &log)
	if l.Plan != nil && !l.diags.HasErrors() {
		var there []string
		for _, p := range l.Plan.Pipelines {
			there = append(there, p.Address)
		}
		l.diags = append(l.diags, r.unknownPipelines(there, out.spec)...)
	}
	if !r.usable(l, out) {
		return false
	}
	o := engine.RunOptions{StateDir: r.state, Pipelines: out.spec.pipelines, Chunk: int(r.t.chunk)}
	if out.spec.crashAt == "" {
		rep, err := e.Run(ctx, l.Loaded, o)
		r.finished(out, rep, err)
		return true
	}
	g := newGate(func() {})
	g.set(out.spec.crashAt)
	reached := g.reached
	o.Point = func(name string) { g.at(name) }
	over := make(chan struct{})
	var rep *engine.RunReport
	var err error
	go func() {
		defer close(over)
		rep, err = e.Run(ctx, l.Loaded, o)
	}()
	select {
	case <-over:
		r.finished(out, rep, err)
		r.noCrash(out)
	case <-reached:
		r.frozen = append(r.frozen, frozen{g, over})
		r.crash(out)
	}
	return true
}

func (r *runner) noCrash(out *outcome) {
	r.problem(diag.Errorf("test.no_crash", r.t.ranges.Of(&out.spec.crashAt), fmt.Sprintf("%s did not come to %s", out.spec.title(), out.spec.crashAt),
		"The run ended without reaching the point where it was to crash."))
}

// crash leaves the state as a process does that is killed now.
func (r *runner) crash(out *outcome) {
	for _, s := range r.servers {
		s.drop()
	}
	for _, m := range r.machines {
		m.die()
	}
	r.copies++
	dead := r.state
	r.state = filepath.Join(r.dir, fmt.Sprintf("state-%d", r.copies))
	if err := copyAtOnce(dead, r.state); err != nil {
		r.problem(diag.Errorf("test.failed", &out.spec.rng, "The state cannot be copied", "%s.", err))
		return
	}
	out.crashed = true
	if err := r.committed(out); err != nil {
		r.problem(diag.Errorf("test.failed", &out.spec.rng, "The state after the crash cannot be read", "%s.", err))
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
	for _, p := range rep.Pipelines {
		if p.Err != nil {
			out.errs = append(out.errs, failure{p.Name, p.Err})
		}
		r.account(out, p.Name, p.Ledger)
		for _, n := range p.Notices {
			out.notices = append(out.notices, map[string]any{
				"pipeline": p.Name, "severity": n.Severity.String(), "code": string(n.Code), "summary": n.Summary, "detail": n.Detail})
		}
	}
}

// account adds what a run did with its rows.
func (r *runner) account(out *outcome, pipeline string, l engine.Ledger) {
	counts := countsOf(l)
	if !l.Balanced() {
		r.problem(diag.Errorf("test.ledger", &out.spec.rng, fmt.Sprintf("%s: the ledger of %s does not add up", out.spec.title(), pipeline),
			"%s. Every row that is read must be accounted for.", showLedger(counts)))
	}
	sum := out.ledgers[pipeline]
	if sum == nil {
		sum = map[string]int64{}
		out.ledgers[pipeline] = sum
	}
	for k, n := range counts {
		sum[k] += n
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

// text returns what a file of the configuration holds, as the steps left it.
func (r *runner) text(edited map[string][]byte, name string) (string, bool) {
	if b, ok := edited[name]; ok {
		return string(b), b != nil
	}
	b, err := os.ReadFile(name)
	return string(b), err == nil
}

// buffer collects text from any goroutine.
type buffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	mark int
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

// next returns what was written since the last call.
func (b *buffer) next() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.b.String()[b.mark:]
	b.mark = b.b.Len()
	return s
}

func logTo(b *buffer) *zap.Logger {
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(enc, zapcore.AddSync(b), zapcore.DebugLevel))
}

// stamp is a time as expressions see it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
