// Package exec runs one planned pipeline: a loop of plain calls over batches,
// with parsing and stateless steps on several cores and everything stateful in
// the order of the source.
//
// The walk of a row: a feed hands out an object; the decoder splits it into chunks
// (one goroutine); lanes parse chunks and run the stateless steps above the first
// fork or stateful step (several goroutines); the loop takes lanes in order,
// runs the other steps, and cuts rows into deliveries; at a commit point
// everything delivered, learned, rejected and counted becomes durable in one
// commit, and only then does the feed hear of it, which moves or deletes files (I1, I5).
package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/step"
)

// Options are what one run of a pipeline needs.
type Options struct {
	Pipeline *plan.Pipeline
	Revision string
	RunID    string
	Session  *state.Session
	Host     func(step string) plugin.Host
	Clock    plugin.Clock
	Log      *zap.Logger
	StateDir string         // spooled files live below it
	Memory   *plugin.Memory // of the runs before, in a process that goes on; nil when there is none
	Lanes    int            // how many chunks are parsed at the same time; 0 chooses
	Chunk    int            // about how many bytes a lane parses at a time; 0 chooses
	Staged   int64          // how many bytes may wait for a commit before one is due; 0 chooses
	Stuck    int64          // how many may wait where no commit is possible; 0 chooses
	Delivery int64          // how many the rows of a delivery may take that is cut at all; 0 chooses
	// Point is called at the named points between durable steps. Tests end the
	// process there. In the order of a run: spooling, spooled (a remote file is
	// copied), fetched, delivering, delivered, committing, committed, moving, moved (a
	// file is put away), archived, quarantined, finishing, finished, published
	// (sinks show what they collected). It is called by the goroutine of Run.
	// nil does nothing.
	Point func(name string)
	// Hold keeps shared spaces of the store for this run, see state.Store.Hold;
	// nil when no other pipeline runs meanwhile.
	Hold func(ctx context.Context, spaces []string) (release func(), err error)
	// Control lets others steer the run; nil when nobody does.
	Control *Control
	// Progress is called by the run's goroutine after every batch; it must be quick. nil does nothing.
	Progress func(Progress)
	// Committed is called by the run's goroutine after every commit, with what was
	// counted and the time it took. The counts are the run's: they may not be kept.
	// It must be quick. nil does nothing.
	Committed func(c state.Counts, took time.Duration)
	// Delivered is called by the run's goroutine for every delivery that a sink took,
	// with the time from its sending to its being durable there. It must be quick.
	// nil does nothing.
	Delivered func(sink string, took time.Duration)
}

// Progress tells how far a run is.
type Progress struct {
	Object string
	Rows   int64 // read in this run
	Offset int64 // in the object
	Size   int64 // of the object, -1 when unknown
}

// GroupCount tells how many rows a group step made into how many groups.
type GroupCount struct {
	Step         string
	Rows, Groups int64
}

// Report is the outcome of a run.
type Report struct {
	Counts  state.Counts
	Groups  []GroupCount
	Notices diag.List
	Objects int // files read to their end
}

// run is the state of one run. Its fields belong to the goroutine that calls Run.
type run struct {
	Options
	report     Report
	serial     map[*plan.Node]*node // every node that is not run in lanes
	order      []*node              // of serial, topological
	sinks      []*sinkNode
	pending    state.Counts // since the last commit
	groups     []GroupCount // likewise
	rows       int64        // read since the last commit
	total      int64
	rejects    []state.Reject  // samples for the limit's message
	kept       int             // how many of them are committed
	aside      QuarantineError // files that were set aside
	lastTime   time.Time
	sources    []*source // that are not over
	source     *source   // of them the one that is read
	spaces     []string  // shared ones that steps use
	held       int64     // rows of the present object that the ledger counts as held, the pending commit included
	holds      bool      // steps hold too much of it for a commit before its end
	window     int64     // row of the last commit in its middle, when rows were held then; else 0
	replay     *unit     // the dead letters under way, when these are replayed
	unreadable int       // of them, those that cannot be decoded
	overtaken  int       // and those that a later row overtook
	preview    *Preview
	outcomes   outcomes
	wholes     []*whole // steps that refuse rows because of others
	pointed    bool     // Point is being called
}

// Run executes the pipeline once, to the end of what its sources have ready.
// The report is valid also with an error: it then counts what was committed.
// An error never loses anything: what was not committed is read again.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Point == nil {
		o.Point = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Chunk <= 0 {
		o.Chunk = chunkSize
	}
	o.boundStaged()
	r := &run{Options: o, serial: map[*plan.Node]*node{}}
	err := r.guarded(func() error { return r.run(ctx) })
	o.Control.end()
	if err != nil {
		r.Session.Discard()
	}
	return &r.report, err
}

// guarded calls do, whose steps may panic: the run ends, not the process, and
// other pipelines go on.
func (r *run) guarded(do func() error) (err error) {
	point := r.Point
	r.Point = func(name string) {
		r.pointed = true
		point(name)
		r.pointed = false
	}
	defer func() {
		if v := recover(); v != nil {
			if r.pointed {
				panic(v) // whoever looks on means to end the process
			}
			err = panicked(v)
		}
		var p *PanicError
		if errors.As(err, &p) {
			r.Log.Error("a defect in the program ended the run", zap.String("what", p.What), zap.Strings("stack", p.Stack))
		}
	}()
	return do()
}

func (r *run) run(ctx context.Context) (err error) {
	if err := r.build(); err != nil {
		return err
	}
	if err := r.lookForRejects(); err != nil {
		return err
	}
	if r.Hold != nil && len(r.spaces) > 0 {
		release, err := r.Hold(ctx, r.spaces)
		if err != nil {
			return err
		}
		defer release()
	}
	defer func() {
		for _, s := range r.sinks {
			// The run's context may be cancelled; closing must still end connections.
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	r.noteRepeats()
	if err := r.readSources(ctx); err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	r.noteRejects()
	return r.asides()
}

// noteRejects tells people about the first rows that were rejected.
func (r *run) noteRejects() {
	for _, x := range r.rejects {
		at := x.Step
		if x.Column != "" {
			at += ", " + x.Column
		}
		r.report.Notices = append(r.report.Notices, diag.Diagnostic{
			Code: diag.Code(x.Code), Severity: diag.Warning, Summary: "Row rejected by " + at, Detail: x.Reason + ".",
			Row: &diag.RowRef{Object: x.Object, Row: x.Row, Line: x.Line, Column: x.Column},
		})
	}
	if n := r.report.Counts.Rejected; n > int64(len(r.rejects)) && len(r.rejects) > 0 {
		r.report.Notices = append(r.report.Notices, diag.Warnf("run.rejects", nil, fmt.Sprintf("%d rows were rejected", n), "The first %d are shown above.", len(r.rejects)))
	}
}

// at names the step at which a run failed.
func at(n *plan.Node, err error) error {
	var se *StepError
	if errors.As(err, &se) {
		return err
	}
	return &StepError{Step: n.Address, Err: err}
}

// StepError is an error with the step at which it happened.
type StepError struct {
	Step string
	Err  error
}

// Error implements error.
func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *StepError) Unwrap() error { return e.Err }

// newEnv is what runners of stateful steps may use.
func (r *run) newEnv(n *plan.Node) step.Env {
	env := step.Env{Clock: r.Clock, State: func(space string) step.State {
		if strings.HasPrefix(space, "entity.") && !slices.Contains(r.spaces, space) {
			r.spaces = append(r.spaces, space)
		}
		return r.Session.Space(space)
	}}
	r.remember(&env, n)
	if r.replay != nil {
		env.Again = func() bool { return r.replay.passed[n] }
	}
	return env
}
