package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"weir/engine/columns"
	"weir/engine/compute"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/files"
	"weir/engine/function"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/share"
	"weir/engine/spec"
	"weir/engine/state"
	"weir/engine/step"
)

// Options are what an Engine is made from.
type Options struct {
	Plugins []plugin.Plugin
	Log     *zap.Logger  // nil logs nothing
	Clock   plugin.Clock // nil is the machine's clock
	// Machine is what steps reach outside the process; nil is the machine that it runs on.
	Machine plugin.Machine

	// KeepOpen is for processes that go on after a run: connections stay open
	// between runs as their blocks say, until Close.
	KeepOpen bool

	Endpoints  map[string]plugin.Endpoint                                     // see plan.Options
	Offline    bool                                                           // see plan.Options
	Instrument func(pipeline, step string, c plugin.Compiler) plugin.Compiler // see plan.Options
}

// Engine loads, plans and runs configurations. It is safe for concurrent use.
type Engine struct {
	plugins map[string]plugin.Plugin
	log     *zap.Logger
	clock   plugin.Clock
	machine plugin.Machine
	folder  string // where relative paths begin
	pool    share.Pool
	options Options
}

// New returns an engine with exactly the given plugins.
func New(o Options) (*Engine, diag.List) {
	e := &Engine{plugins: map[string]plugin.Plugin{}, log: o.Log, clock: o.Clock, machine: o.Machine, options: o}
	if e.log == nil {
		e.log = zap.NewNop()
	}
	if e.clock == nil {
		e.clock = plugin.SystemClock{}
	}
	if e.machine == nil {
		e.machine = plugin.SystemMachine{}
	}
	e.folder, _ = e.machine.Disk().Abs(".") // without one, relative paths are held against each other alone
	var ds diag.List
	for _, p := range o.Plugins {
		if _, ok := e.plugins[p.Name]; ok {
			ds = append(ds, diag.Errorf("config.duplicate", nil, "Two plugins are called "+p.Name, "Each plugin needs a name of its own."))
		}
		e.plugins[p.Name] = files.Adapt(p)
	}
	return e, ds
}

// Close ends the connections that runs left open. No run is under way by then.
func (e *Engine) Close() { e.pool.Close() }

// Inputs are the values a configuration is loaded with.
type Inputs = config.Inputs

// VarFlag is one --var name=value.
type VarFlag = config.VarFlag

// Loaded is a configuration that was read and planned.
type Loaded struct {
	Sources map[string][]byte // configuration files by name, for printing diagnostics; never nil
	Config  *config.Config    // what Plan was made from; nil when nothing could be read
	Plan    *plan.Plan        // without the pipelines that have errors; nil when nothing could be read
}

// Load reads and plans the configuration at path. It opens nothing but files
// of the configuration. The diagnostics are those of all files and pipelines.
// When ctx is done it returns early: what it returns is incomplete then, also the
// diagnostics, so the caller looks at ctx first.
func (e *Engine) Load(ctx context.Context, path string, in Inputs) (*Loaded, diag.List) {
	return e.LoadAfter(ctx, path, in, nil)
}

// LoadAfter is Load after an earlier one of the same engine and path, whose plan is
// before; in has the cache of both. What did not change is used again.
func (e *Engine) LoadAfter(ctx context.Context, path string, in Inputs, before *plan.Plan) (*Loaded, diag.List) {
	in.Stop = func() bool { return ctx.Err() != nil }
	o := e.planOptions()
	o.Stop, o.Before = in.Stop, before
	b := plan.NewBuilder(o)
	c, ds := config.LoadTo(path, in, b)
	if b.Lost() {
		in.Cache.Clear()
		b = plan.NewBuilder(o)
		c, ds = config.LoadTo(path, in, b)
	}
	if c == nil {
		return &Loaded{Sources: map[string][]byte{}}, ds
	}
	l := &Loaded{Sources: c.Snapshot.Shown(), Config: c}
	p, pds := b.Plan(c)
	l.Plan = p
	if ds = append(ds, certain(pds, ds)...); !ds.HasErrors() {
		ds = append(ds, c.Exhausted()...)
	}
	return l, ds.Sort()
}

// certain leaves out of pds what is said of files that could not be read whole, where
// the reader had lost its way, and what is said to be missing in them.
func certain(pds, read diag.List) diag.List {
	broken := map[string]int{} // the first line that could not be read
	for _, d := range read {
		if d.Code == "config.syntax" && d.Subject != nil {
			if at, ok := broken[d.Subject.Filename]; !ok || d.Subject.Start.Line < at {
				broken[d.Subject.Filename] = d.Subject.Start.Line
			}
		}
	}
	return slices.DeleteFunc(pds, func(d diag.Diagnostic) bool {
		if d.Subject == nil {
			return false
		}
		at, ok := broken[d.Subject.Filename]
		return ok && (d.Code == "plan.incomplete" || d.Code == "config.missing_attribute" || d.Subject.Start.Line >= at)
	})
}

func (e *Engine) planOptions() plan.Options {
	functions := function.All()
	return plan.Options{
		Plugins: e.plugins,
		Steps:   step.All(),
		Folder:  e.folder,

		Endpoints: e.options.Endpoints, Offline: e.options.Offline, Instrument: e.options.Instrument,
		Columns: func(name string, t spec.Text) diag.List {
			_, ds := columns.Parse(name, t)
			return ds
		},
		Compiler: func(in *record.Schema, v plan.Values) plugin.Compiler {
			return compute.New(in, compute.Options{Vars: v.Vars, Locals: v.Locals, Now: e.clock.Now, Functions: functions, Pieces: v.Pieces})
		},
	}
}

// Run runs the plan's pipelines once, one after the other, to the end of what
// their sources have ready. A pipeline that fails does not stop those that do
// not name it in after; nor does one that would break stored state, which is not
// run: its error is a *StateError. The error is about the run as a whole, such as a state
// folder that cannot be opened; failures of pipelines are in the report.
func (e *Engine) Run(ctx context.Context, l *Loaded, o RunOptions) (*RunReport, error) {
	dir := StateDir(l, o.StateDir)
	for _, a := range o.Pipelines {
		if l.Plan.Pipeline(a) == nil {
			return nil, unknown(a, l.Plan)
		}
	}
	store, err := e.open(dir, l.Plan.Engine)
	if err != nil {
		return nil, err
	}
	protected, err := e.protect(store, l.Plan, o.StateAnswer)
	if err != nil {
		return nil, closed(store, err)
	}
	linked, _ := e.Linked(l.Plan)
	stop := e.stopper(ctx, o.Stop, o.Hung, l.Plan)
	defer stop.end()
	rep := &RunReport{OK: true}
	failed := map[string]error{}
	for _, p := range l.Plan.Pipelines {
		if len(o.Pipelines) > 0 && !slices.Contains(o.Pipelines, p.Address) {
			continue
		}
		pr := PipelineReport{Name: p.Address, Ledger: ledgerOf(state.Counts{}, p)}
		if i := slices.IndexFunc(p.After, func(a string) bool { return failed[a] != nil }); i >= 0 {
			pr.Err = &SkippedError{After: p.After[i], Cause: failed[p.After[i]]}
		} else if stop.asked() {
			pr.Err = ErrNotBegun
		} else if linked.Pipeline(p.Address) == nil {
			pr.Err = linked.Fault(p.Address, nil).Err()
		} else if pr.Err = protected.ready(p); pr.Err == nil {
			e.runPipeline(stop, store, l.Plan, p, dir, o, &pr)
			pr.Err = stop.explain(pr.Err)
		}
		if pr.Err != nil {
			rep.OK = false
			var q *exec.QuarantineError
			if !errors.As(pr.Err, &q) { // with files set aside, what could be read is complete
				failed[p.Address] = pr.Err
			}
		}
		rep.Pipelines = append(rep.Pipelines, pr)
	}
	return rep, store.Close()
}

// Linked returns a plan without the pipelines whose sinks write one place because of links
// on the disk, and what is to be said about them. Before a plan takes effect it is looked
// at so: nothing is written by then.
func (e *Engine) Linked(p *plan.Plan) (*plan.Plan, diag.List) {
	return p.Linked(e.folder, e.machine.Disk().EvalSymlinks)
}

// open opens the state store in dir, making it when there is none.
// memory is how much of it the store may use, see state.Options.
func (e *Engine) open(dir string, o plan.EngineOptions) (*state.Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, plugin.Fail(plugin.Environment, "state.unusable", fmt.Errorf("cannot make the state folder: %w", err), "Name another with --state.")
	}
	return e.OpenStore(dir, o, false)
}

// closed closes the store after err happened, or nothing did.
func closed(s *state.Store, err error) error {
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}

// StateDir returns the folder of the state store: the one given, else what the
// engine block says. l.Plan may be nil.
func StateDir(l *Loaded, given string) string {
	switch {
	case given != "":
		return given
	case l.Plan != nil && l.Plan.Engine.StateDir != "":
		return l.Plan.Engine.StateDir
	}
	return ".weir/state"
}

func unknown(a string, p *plan.Plan) error { return diag.List{unknownPipeline(a, p)}.Err() }

func unknownPipeline(a string, p *plan.Plan) diag.Diagnostic {
	var names []string
	for _, q := range p.Pipelines {
		names = append(names, q.Address)
	}
	d := diag.Errorf("plan.unknown_reference", nil, "There is no pipeline "+a, "Pipelines: %s.", diag.Names(names))
	if m := diag.Suggest(a, names); m != "" {
		d.Detail = fmt.Sprintf("Did you mean %s? ", m) + d.Detail
	}
	return d
}

func (e *Engine) runPipeline(stop *stopper, store *state.Store, p *plan.Plan, pl *plan.Pipeline, dir string, o RunOptions, pr *PipelineReport) {
	*pr = e.RunPipeline(stop.ctx, PipelineRun{
		Store: store, StateDir: dir, Pipeline: pl, Revision: p.Revision, Generation: 1, Chunk: o.Chunk, Progress: o.Progress, Point: o.Point,
		Control: stop.control(),
	})
}

// newRunID returns an identifier that sorts by time.
func newRunID(t time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails
	return t.UTC().Format("20060102T150405.000Z") + "-" + hex.EncodeToString(b[:])
}

// host lends step what it needs outside of a run.
func (e *Engine) host(step string) *host {
	return &host{e: e, log: e.log.With(zap.String("step", step))}
}

// host is what a running step is lent.
type host struct {
	e   *Engine
	log *zap.Logger
}

// Log implements plugin.Host.
func (h *host) Log() *zap.Logger { return h.log }

// Clock implements plugin.Host.
func (h *host) Clock() plugin.Clock { return h.e.clock }

// Machine implements plugin.Host.
func (h *host) Machine() plugin.Machine { return h.e.machine }

// Lasting implements plugin.Lasting.
func (h *host) Lasting() bool { return h.e.options.KeepOpen }

// Share implements plugin.Host.
func (h *host) Share(key string, open func() (v any, closeV func(), err error)) (v any, release func(), err error) {
	return h.e.pool.Get(key, open)
}
