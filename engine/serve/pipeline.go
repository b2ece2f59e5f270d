package serve

import (
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/schedule"
	"weir/engine/state"
)

// pipeline is a pipeline that is served. Its fields are under the server's mutex.
type pipeline struct {
	address    string
	plan       *plan.Pipeline            // in effect
	stored     *plan.PipelineDescription // of that where the store alone tells, see PlanOffline; else nil
	is         plan.Digest               // the fingerprint of that
	revision   string                    // of the configuration that plan is from
	generation uint64
	sources    map[string][]byte // of that configuration
	schedule   schedule.Schedule
	hosts      []string // remote hosts that a run talks to

	index     int       // in the queue, -1 when it is not there
	due       time.Time // when it is to run next; zero when it is not
	began     time.Time // when the last run began
	again     bool      // it fell due while it could not run
	busy      int       // changes and operations under way, during which no run begins
	removed   bool
	waiting   []*pipeline   // due, and come after this one
	changes   chan struct{} // holds one token: changes of one pipeline are made one after the other
	want      *target       // what a change under way makes of it; nil when none is
	successor *pipeline     // of the same address, waits until this one is removed

	session *state.Session // kept from run to run; nil when the next one takes its own
	memory  plugin.Memory  // of its runs in this process

	run    *run   // nil when none is active
	fenced []*run // that hang: they were left behind and can commit nothing

	failures int          // in a row, in this process
	since    time.Time    // when the first of the row failed
	problem  diag.List    // why the last run failed
	last     *RunSummary  // nil before the first run of this process
	config   diag.List    // why the newest configuration of it is not in effect
	totals   state.Counts // of the runs of this process
	meter    *meter
	runs     int64 // of this process
	failed   int64 // likewise
}

// newPipeline returns one that is not served yet.
func newPipeline(address string) *pipeline {
	return &pipeline{address: address, index: -1, changes: make(chan struct{}, 1), meter: newMeter()}
}

// run is one run of a pipeline under way.
type run struct {
	id         string // set before done is closed, under the server's mutex
	control    *exec.Control
	cancel     context.CancelFunc
	done       chan struct{}
	began      time.Time
	generation uint64 // at its start
	hosts      []string
	left       bool // it was left behind: its end changes nothing
	progress   atomic.Pointer[Progress]
}

// where names the step that the run is at, for people.
func (r *run) where() string {
	if w := r.control.Where(); w != "" {
		return w
	}
	return "an unknown step"
}

// active returns the runs that have not ended.
func (p *pipeline) active() []*run {
	var out []*run
	if p.run != nil {
		out = append(out, p.run)
	}
	return append(out, p.fenced...)
}

// launch begins a run. The caller holds mu and took the places at its hosts.
func (s *Server) launch(p *pipeline) {
	ctx, cancel := context.WithCancel(s.ctx)
	r := &run{control: &exec.Control{}, cancel: cancel, done: make(chan struct{}), began: s.clock.Now(), generation: p.generation, hosts: p.hosts}
	if !p.due.IsZero() {
		s.delays.add(max(0, r.began.Sub(p.due)))
	}
	p.run, p.began, p.due, p.again = r, r.began, time.Time{}, false
	s.running++
	session := p.session
	job := engine.PipelineRun{
		Store: s.store, StateDir: s.dir, Session: session, Memory: &p.memory, Pipeline: p.plan, Revision: p.revision, Generation: p.generation, Control: r.control, Point: s.o.Point, Chunk: s.o.Chunk,
		Committed: p.meter.committed, Delivered: p.meter.delivered,
		Started: func(id string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			r.id = id
			s.tell(Event{Kind: RunStarted, Pipeline: p.address, Run: id, Generation: r.generation})
		},
		Progress: func(g engine.Progress) {
			r.progress.Store(&Progress{Object: g.Object, Rows: g.Rows, Offset: g.Offset, Size: g.Size, At: s.clock.Now()})
		},
	}
	s.wg.Go(func() {
		defer cancel()
		s.ended(p, r, s.runOnce(ctx, p, r, job))
	})
}

// runOnce runs a pipeline in the session that is kept for it, taking one where there is none.
func (s *Server) runOnce(ctx context.Context, p *pipeline, r *run, job engine.PipelineRun) engine.PipelineReport {
	if err := s.owned(); err != nil {
		return engine.PipelineReport{Name: p.address, Outcome: state.Failed, Err: err}
	}
	if job.Session == nil {
		var err error
		if job.Session, err = s.store.Pipeline(ctx, p.address, job.Generation, job.Revision); err != nil {
			return engine.PipelineReport{Name: p.address, Outcome: state.Failed, Err: err}
		}
	}
	if s.o.Delivered != nil {
		measured := job.Delivered
		job.Delivered = func(sink string, took time.Duration) {
			measured(sink, took)
			s.o.Delivered(p.address, sink, job.Session.Generation())
		}
	}
	rep := s.e.RunPipeline(ctx, job)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.session = nil; rep.Err == nil && !r.left { // whatever went wrong in it, the next run begins afresh
		p.session = job.Session
	}
	return rep
}

// ended accounts for a run that is over and decides when the next one begins.
func (s *Server) ended(p *pipeline, r *run, rep engine.PipelineReport) {
	defer s.o.Quiet()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(r.done)
	if r.left {
		p.session = nil
		p.drop(r)
		s.log.Warn("a run that was left behind has ended", zap.String("pipeline", p.address), zap.String("run", r.id), zap.Uint64("generation", r.generation), zap.Error(rep.Err))
		return
	}
	if lost := state.Lost(rep.Err); lost != nil {
		s.lose(lost)
	}
	p.run = nil
	s.running--
	s.leave(r.hosts)
	s.note(p, r, rep)
	now := s.clock.Now()
	switch next, ok := s.nextRun(p, r, rep, now); {
	case p.removed || s.stopping || s.takenOver != nil:
	case p.busy > 0:
		p.again = p.again || errors.Is(rep.Err, exec.ErrStopped)
		p.due = next
	case p.again || errors.Is(rep.Err, exec.ErrStopped):
		s.dueAt(p, now)
	case ok:
		s.dueAt(p, next)
	}
	for _, q := range p.waiting {
		if !q.removed && q.run == nil && q.index < 0 {
			s.dueAt(q, now)
		}
	}
	p.waiting = nil
	s.poke()
}

// drop forgets a run that was left behind.
func (p *pipeline) drop(r *run) {
	for i, x := range p.fenced {
		if x == r {
			p.fenced = append(p.fenced[:i:i], p.fenced[i+1:]...)
		}
	}
}

// note keeps what a run came to.
func (s *Server) note(p *pipeline, r *run, rep engine.PipelineReport) {
	p.runs++
	p.totals.Add(rep.Counts)
	now := s.clock.Now()
	p.last = &RunSummary{ID: r.id, Started: r.began, Ended: now, Generation: r.generation, Outcome: rep.Outcome, Counts: rep.Counts, Objects: rep.Objects}
	kind, again := RunEnded, false
	switch {
	case rep.Err == nil, errors.Is(rep.Err, exec.ErrStopped):
		p.recovered()
	case s.stopping && errors.Is(rep.Err, context.Canceled):
		p.last.Outcome = state.Interrupted
	default:
		kind = RunFailed
		p.failed++
		if p.failures++; p.failures == 1 {
			p.since = now
		}
		before := p.problem
		p.problem = failure(p.address, rep.Err)
		again = p.failures > 1 && sameProblem(before, p.problem)
		p.last.Outcome, p.last.Error = state.Failed, rep.Err.Error()
	}
	p.meter.ended(p.last)
	s.tell(Event{Kind: kind, Pipeline: p.address, Run: r.id, Generation: r.generation, Summary: p.last, Diagnostics: p.problem, Again: again})
}

func sameProblem(a, b diag.List) bool {
	return slices.EqualFunc(a, b, func(x, y diag.Diagnostic) bool {
		return x.Code == y.Code && x.Summary == y.Summary && x.Detail == y.Detail
	})
}

// recovered ends a row of failures.
func (p *pipeline) recovered() { p.failures, p.since, p.problem = 0, time.Time{}, nil }

// failure returns err as diagnostics.
func failure(pipeline string, err error) diag.List {
	return engine.FailureDiagnostics("Pipeline "+pipeline+" stopped", err)
}

// The pauses after failures: the first, doubled with each further one up to the last.
const (
	firstPause = 5 * time.Second
	lastPause  = 5 * time.Minute
)

// nextRun returns when p runs again after a run that ended with rep.
func (s *Server) nextRun(p *pipeline, r *run, rep engine.PipelineReport, now time.Time) (time.Time, bool) {
	next, ok := p.schedule.Next(now, r.began)
	var aside *exec.QuarantineError
	switch {
	case rep.Err == nil, errors.Is(rep.Err, exec.ErrStopped):
		return next, ok
	case errors.As(rep.Err, &aside): // everything else is done; what was set aside waits for people
		return next, ok
	case errors.Is(rep.Err, state.ErrShared):
		return now, true
	}
	retry := now.Add(pause(p.address, p.failures))
	if ok && next.Before(retry) {
		return next, true
	}
	return retry, true
}

// pause returns how long to wait after so many failures in a row. Pipelines that
// failed together, as when a server went away, do not try again together.
func pause(address string, failures int) time.Duration {
	d := firstPause
	for range min(failures-1, 10) {
		d *= 2
	}
	d = min(d, lastPause)
	h := fnv.New32a()
	_, _ = h.Write([]byte(address)) // never fails
	return d - d/5 + time.Duration(h.Sum32()%1000)*(d*2/5)/1000
}
