package engine

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// PipelineRun says how one pipeline is run once, in a store that is open.
type PipelineRun struct {
	Store      *state.Store
	StateDir   string // spooled files live below it
	Pipeline   *plan.Pipeline
	Revision   string
	Generation uint64
	Control    *exec.Control    // steers the run; nil when nobody does
	Started    func(run string) // called once the run is recorded, with its identifier; may be nil
	// Session is the work on the pipeline, when it is not taken for this run alone: a run
	// that finds nothing to do then leaves no record. It belongs to the run until that ends.
	Session   *state.Session
	Memory    *plugin.Memory                           // see exec.Options
	Chunk     int                                      // see exec.Options
	Progress  func(Progress)                           // see RunOptions
	Point     func(name string)                        // see RunOptions
	Committed func(c state.Counts, took time.Duration) // see exec.Options
	Delivered func(sink string, took time.Duration)    // see exec.Options
	Stale     bool                                     // see ReplayOptions
	kind      string                                   // "" or state.Replay
	do        func(context.Context, exec.Options) (*exec.Report, error)
}

// RunPipeline runs one pipeline once, to the end of what its sources have ready,
// or to where its Control stops it. What went wrong is in the report.
func (e *Engine) RunPipeline(ctx context.Context, r PipelineRun) PipelineReport {
	if r.do == nil {
		r.do = exec.Run
	}
	pr := PipelineReport{Name: r.Pipeline.Address, Ledger: ledgerOf(state.Counts{}, r.Pipeline), Started: e.clock.Now(), Generation: r.Generation}
	ses, err := e.begin(ctx, &r)
	if err != nil {
		pr.Err = err
		return pr
	}
	pr.Run = newRunID(pr.Started)
	record := state.Run{ID: pr.Run, Started: pr.Started, Kind: r.kind}
	if r.Session != nil {
		err = ses.StartPoll(record)
	} else {
		err = ses.StartRun(record)
	}
	if err != nil {
		pr.Err = err
		return pr
	}
	if r.Started != nil {
		r.Started(pr.Run)
	}
	e.execute(ctx, r, ses, &pr)
	return pr
}

// begin returns the session of a run.
func (e *Engine) begin(ctx context.Context, r *PipelineRun) (*state.Session, error) {
	if r.Session == nil {
		return r.Store.Pipeline(ctx, r.Pipeline.Address, r.Generation, r.Revision)
	}
	if r.Session.Generation() == r.Generation {
		return r.Session, nil
	}
	return r.Session, r.Session.Advance(ctx, r.Generation, r.Revision)
}

func (e *Engine) execute(ctx context.Context, r PipelineRun, ses *state.Session, pr *PipelineReport) {
	log := e.RunLog(r.Pipeline.Address, r.Revision, r.Generation, pr.Run)
	x := exec.Options{
		Pipeline: r.Pipeline, Revision: r.Revision, RunID: pr.Run, Session: ses, Clock: e.clock, Log: log, StateDir: r.StateDir, Point: r.Point, Chunk: r.Chunk, Memory: r.Memory,
		Hold: r.Store.Hold, Control: r.Control, Host: e.Hosts(r.Pipeline.Address, r.Store.Identity(), log),
		Committed: r.Committed, Delivered: r.Delivered,
	}
	if r.Progress != nil {
		x.Progress = func(p exec.Progress) {
			r.Progress(Progress{Pipeline: r.Pipeline.Address, Object: p.Object, Rows: p.Rows, Offset: p.Offset, Size: p.Size})
		}
	}
	wasIdle := ses.Idle()
	rep, err := r.do(ctx, x)
	pr.Ledger, pr.Groups, pr.Notices, pr.Objects = ledgerOf(rep.Counts, r.Pipeline), rep.Groups, rep.Notices, rep.Objects
	pr.Counts = rep.Counts
	outcome, text := state.Succeeded, ""
	switch {
	case errors.Is(err, exec.ErrStopped):
		outcome = state.Stopped
	case err != nil:
		outcome, text = state.Failed, err.Error()
	}
	finish, again := ses.FinishRun, r.Memory.Repeats(text) // a failure that goes on is no news
	if again {
		finish = ses.FinishPoll
	}
	if _, ferr := finish(e.clock.Now(), outcome, text); ferr != nil {
		err = errors.Join(err, ferr)
	}
	pr.Err, pr.Outcome, pr.Ended = err, outcome, e.clock.Now()
	level := zap.InfoLevel
	if (wasIdle || again) && ses.Idle() { // the first poll that finds nothing says that all is done; those after it are no news
		level = zap.DebugLevel
	}
	fields := []zap.Field{zap.String("outcome", outcome), zap.Int64("read", rep.Counts.Read), zap.Int64("delivered", rep.Counts.Delivered),
		zap.Int64("rejected", rep.Counts.Rejected), zap.Duration("took", pr.Ended.Sub(pr.Started))}
	if text != "" {
		fields = append(fields, zap.String("error", text)) // nobody else tells the log
	}
	log.Log(level, "run ended", fields...)
}

// RunLog returns the logger of a run: every line of it carries pipeline,
// generation, revision and run.
func (e *Engine) RunLog(pipeline, revision string, generation uint64, run string) *zap.Logger {
	return e.log.With(zap.String("pipeline", pipeline), zap.String("revision", revision), zap.Uint64("generation", generation), zap.String("run", run))
}

// Hosts returns what lends the steps of a pipeline what they need; log is that of their run.
// owner is the identity of the state store that they commit to.
func (e *Engine) Hosts(pipeline, owner string, log *zap.Logger) func(step string) plugin.Host {
	return func(step string) plugin.Host {
		return &placed{host{e: e, log: log.With(zap.String("step", step))}, pipeline + "/" + step, owner}
	}
}

// placed is the host of a step of a pipeline.
type placed struct {
	host
	place, owner string
}

// Place implements plugin.Placed.
func (h *placed) Place() string { return h.place }

// Owner implements plugin.Placed.
func (h *placed) Owner() string { return h.owner }

// Clock returns the engine's clock.
func (e *Engine) Clock() plugin.Clock { return e.clock }

// Log returns the engine's logger.
func (e *Engine) Log() *zap.Logger { return e.log }
