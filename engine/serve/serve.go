// Package serve keeps the pipelines of a folder running: on their schedules,
// with retries, side by side, and through changes of the folder.
//
// A change is a transaction with a verdict. The folder is read whole and planned
// (pure; nothing that runs is touched), compared with what is in effect, and each
// pipeline gets an action: keep, swap, restart, add or remove. A pipeline with
// errors keeps its last good plan and hinders no other (I8). Whoever asked gets
// the Verdict, and so do the history, the log and the metrics.
//
// One goroutine starts runs; each run has one of its own; each change of a
// pipeline that runs has one until it is done. Everything else is under one mutex,
// which is never held while something waits.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// Options say what is served and how. Zero values are as the engine block says,
// or else by default.
type Options struct {
	Engine   *engine.Engine
	Folder   string
	Inputs   engine.Inputs
	StateDir string        // "" is what the engine block says
	Parallel int           // runs at the same time
	PerHost  int           // of these against one remote host
	Drain    time.Duration // how long a run may take to come to a commit and stop; 0 is 30 s
	Grace    time.Duration // how long a cancelled run may take to end before it is fenced off; 0 is 5 s
	Point    func(string)  // see engine.RunOptions; nil does nothing
	Chunk    int           // see engine.PipelineRun
	// Delivered is called for every delivery that a sink took, with the generation of
	// the rows, by the goroutine of the run. It must be quick. nil does nothing.
	Delivered func(pipeline, sink string, generation uint64)
	// Quiet is called, by any goroutine, whenever something that went on has ended or
	// waits, so that Activity may have changed. It must be quick. nil does nothing.
	Quiet func()
	// TakeOver begins also when another process has the state folder open, such as
	// one that hangs: that one can commit nothing from then on, and its Lost is closed.
	TakeOver bool
	// LogLevel is called with the log level that the engine block names, "" when it
	// names none: at the start, and with every reload. nil does nothing.
	LogLevel func(level string)
	// Changed is called after every reload with the files and folders that the
	// configuration depends on, for watching them; nil does nothing.
	Changed func(paths engine.Paths)
}

// withEngine returns o with what it leaves open as the engine block says, or else by default.
func (o Options) withEngine(e plan.EngineOptions) Options {
	o.Parallel = cmp.Or(o.Parallel, e.Runs, 256)
	o.PerHost = cmp.Or(o.PerHost, e.RunsPerHost, 8)
	o.Drain = cmp.Or(o.Drain, e.Drain, 30*time.Second)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	return o
}

// Server keeps pipelines running. Its methods may be called from any goroutine.
type Server struct {
	o       Options
	e       *engine.Engine
	clock   plugin.Clock
	log     *zap.Logger
	store   *state.Store
	book    *lineage.Book // what the state in store was made by
	dir     string        // of the state
	key     []byte        // of digests of secrets, see plan.Describe
	meaning int           // of configurations, see plan.Description
	offline bool          // nothing runs, see PlanOffline

	ctx     context.Context // of the runs
	cancel  context.CancelFunc
	wg      sync.WaitGroup // every goroutine of the server
	stopped chan struct{}  // closed when it begins to stop
	lost    chan struct{}  // closed when another process took the state folder over
	wake    chan struct{}  // tells the starter that something may be due; holds one

	cache   *config.Cache
	planned *plan.Plan // the last one; used with loading held, as cache is
	written written    // what files held; likewise
	loading sync.Mutex // one configuration is read, compared and decided on at a time

	mu         sync.Mutex
	started    time.Time
	stopping   bool
	takenOver  error       // why lost is closed
	broken     atomic.Bool // that the store is was told
	pipes      map[string]*pipeline
	queue      queue
	hosts      map[string]*host
	running    int
	generation uint64             // the newest in effect, whole or in part
	revision   string             // of that
	allotted   uint64             // the newest generation that was begun; it may have failed
	seen       string             // of the newest configuration read
	engine     plan.EngineOptions // in effect
	settings   []plan.Setting     // of engine, to compare with
	sources    map[string][]byte  // of the newest configuration read, for printing diagnostics
	retry      bool               // an action of the last verdict could not be done; try again
	activity   activity
	reloads    ReloadMeasures
	delays     Distribution              // between the time that runs were due and their beginning
	verdicts   []past                    // of this process, the latest last
	changed    map[chan<- Event]struct{} // who hears of events
}

// Start opens the state store, plans the folder and begins to run its pipelines.
// A folder without any usable pipeline, or a store that cannot be opened, is an
// error; the verdict is there also then, when the folder could be read. ctx ends
// nothing: Stop does.
func Start(ctx context.Context, o Options) (*Server, *Verdict, error) {
	if o.Changed == nil {
		o.Changed = func(engine.Paths) {}
	}
	if o.Quiet == nil {
		o.Quiet = func() {}
	}
	if o.LogLevel == nil {
		o.LogLevel = func(string) {}
	}
	s := &Server{
		o: o, e: o.Engine, clock: o.Engine.Clock(), log: o.Engine.Log(),
		cache: config.NewCache(), pipes: map[string]*pipeline{}, hosts: map[string]*host{}, wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		lost: make(chan struct{}), changed: map[chan<- Event]struct{}{},
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.started = s.clock.Now()
	v, err := s.begin(ctx)
	if err != nil {
		s.cancel()
		if s.store != nil {
			err = errors.Join(err, s.store.Close())
		}
		return nil, v, err
	}
	s.retryLater()
	s.wg.Add(3)
	go s.start() //nolint:contextcheck // runs belong to the server, not to whoever started it
	go s.again()
	go s.watchOwner()
	return s, v, nil
}

// retryPause is the time after which an action that could not be done is tried again.
const retryPause = time.Minute

// again tries what could not be opened once more, from time to time.
func (s *Server) again() {
	defer s.wg.Done()
	for {
		over, stop := s.at(s.ctx, s.retryLater())
		select {
		case <-over:
		case <-s.stopped:
		}
		stop()
		retry, stopping := s.retryNow()
		if stopping || s.ctx.Err() != nil {
			return
		}
		if retry {
			_, _, settled := s.reload(Request{Trigger: "retry"})
			select {
			case <-settled:
			case <-s.ctx.Done(): // the server ends
				return
			}
		}
	}
}

// begin reads the folder for the first time.
func (s *Server) begin(ctx context.Context) (*Verdict, error) {
	v := s.newVerdict(Request{Trigger: "start"})
	l, ds := s.load(ctx)
	s.written.read(l)
	s.seenNow(l)
	if l.Plan == nil || len(l.Plan.Pipelines) == 0 {
		v.sources = l.Sources
		v.reject(ds)
		v.end(s.clock.Now())
		if ds.HasErrors() {
			return v, ds.Err()
		}
		return v, diag.List{diag.Errorf("serve.nothing", nil, "There is no pipeline in "+s.o.Folder, "A folder that is served has at least one pipeline block.")}.Err()
	}
	s.dir = engine.StateDir(l, s.o.StateDir)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return v, plugin.Fail(plugin.Environment, "state.unusable", fmt.Errorf("cannot make the state folder: %w", err), "Name another with --state.")
	}
	var err error
	if s.store, err = s.e.OpenStore(s.dir, l.Plan.Engine, s.o.TakeOver); err != nil {
		return v, err
	}
	if err := s.remember(); err != nil {
		return v, err
	}
	if err := s.takeSettings(l.Plan); err != nil {
		return v, err
	}
	s.o = s.o.withEngine(l.Plan.Engine)
	if ds, err = s.undeclared(l, ds); err != nil {
		return v, err
	}
	done := s.decide(ctx, l, ds, v, Request{Trigger: "start"})
	s.settle(v, done)
	return v, nil
}

// Stop ends the server: no run begins any more, runs end at their next commit,
// and those that have not when ctx is done are cancelled. It returns when
// everything has ended, or has been left behind after the grace time: the error
// names those runs. The store is closed; what a run left behind does is refused.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return nil
	}
	s.stopping = true
	close(s.stopped)
	for _, p := range s.pipes {
		if p.run != nil {
			p.run.control.Stop()
		}
	}
	s.mu.Unlock()
	s.poke()
	all := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-ctx.Done():
	}
	s.cancel()
	grace, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	late := make(chan struct{})
	go func() {
		if s.clock.Sleep(grace, s.o.Grace) == nil {
			close(late)
		}
	}()
	select {
	case <-all:
		return s.store.Close()
	case <-late:
		return errors.Join(s.leftBehind(), s.store.Close())
	}
}

// Lost is closed when another process took the state folder over, or it is gone: nothing that
// this one does is kept any more, no run begins, and it should stop. Err says so.
func (s *Server) Lost() <-chan struct{} { return s.lost }

// Err returns why Lost is closed; nil before.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takenOver
}

// leftBehind names the runs that have not ended.
func (s *Server) leftBehind() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, p := range s.pipes {
		for _, r := range p.active() {
			errs = append(errs, fmt.Errorf("pipeline %s: the run %s did not end: it hangs at %s. What it did not commit is read again", p.address, r.id, r.where()))
		}
	}
	return errors.Join(errs...)
}

// poke wakes the starter.
func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
