package serve

import (
	"maps"
	"slices"
	"time"

	"weir/engine/diag"
	"weir/engine/state"
)

// The states of a pipeline, for people.
const (
	Waiting = "waiting" // for its next run
	Queued  = "queued"  // due, and waiting for room, for a host, or for a pipeline it comes after
	Running = "running"
	Failing = "failing" // the last run failed; it is tried again
	Idle    = "idle"    // it has no schedule: it runs when somebody asks
	Fenced  = "fenced"  // a run hangs and was left behind
)

// Progress tells how far a run has come.
type Progress struct {
	Object string    `json:"object"`
	Rows   int64     `json:"rows"` // read by the run
	Offset int64     `json:"offset"`
	Size   int64     `json:"size"` // of the object; -1 when unknown
	At     time.Time `json:"at"`
}

// RunSummary is a run that has ended.
type RunSummary struct {
	ID         string       `json:"id"`
	Started    time.Time    `json:"started"`
	Ended      time.Time    `json:"ended"`
	Generation uint64       `json:"generation"`
	Outcome    string       `json:"outcome"`
	Counts     state.Counts `json:"-"`
	Objects    int          `json:"objects"`
	Error      string       `json:"error,omitempty"`
}

// RunStatus is a run under way.
type RunStatus struct {
	ID         string    `json:"id"`
	Started    time.Time `json:"started"`
	Generation uint64    `json:"generation"`
	At         string    `json:"at"` // the step it is at; "" when unknown
	Progress   *Progress `json:"progress,omitempty"`
}

// PipelineStatus is how a pipeline stands.
type PipelineStatus struct {
	Pipeline    string
	Description string
	State       string // see the constants
	Schedule    string
	Revision    string // of the configuration that is in effect
	Generation  uint64
	Next        time.Time // zero when none is planned
	Last        *RunSummary
	Run         *RunStatus        // nil when none is under way
	Left        []RunStatus       // hanging runs that were left behind
	Failures    int               // in a row, of this process
	Since       time.Time         // when the first of these failed; zero without any
	Runs        int64             // ended, of this process
	Failed      int64             // of these
	Totals      state.Counts      // of the runs of this process
	Problems    diag.List         // why the last run failed
	Config      diag.List         // why the newest configuration of the pipeline is not in effect
	Sources     map[string][]byte // to print Config with
}

// Status is how the server stands.
type Status struct {
	Folder     string
	StateDir   string
	Started    time.Time
	Revision   string // the newest in effect
	Seen       string // the newest that was read
	Generation uint64
	Base       string // digest of what is in effect
	Stopping   bool
	Running    int
	Pipelines  []PipelineStatus // by address
	Reload     *Verdict         // the last; nil when there was none
}

// Status returns how everything stands. What it returns is the caller's.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{
		Folder: s.o.Folder, StateDir: s.dir, Started: s.started, Revision: s.revision, Seen: s.seen, Generation: s.generation,
		Base: s.base(), Stopping: s.stopping, Running: s.running, Pipelines: make([]PipelineStatus, 0, len(s.pipes)),
	}
	if n := len(s.verdicts); n > 0 {
		out.Reload = s.verdicts[n-1].Verdict
	}
	now := s.clock.Now()
	for _, a := range slices.Sorted(maps.Keys(s.pipes)) {
		out.Pipelines = append(out.Pipelines, s.pipes[a].status(now, s.sources))
	}
	return out
}

// Pipeline returns how one pipeline stands, and whether there is one.
func (s *Server) Pipeline(address string) (PipelineStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pipes[address]
	if p == nil {
		return PipelineStatus{}, false
	}
	return p.status(s.clock.Now(), s.sources), true
}

func (p *pipeline) status(now time.Time, sources map[string][]byte) PipelineStatus {
	st := PipelineStatus{
		Pipeline: p.address, Description: p.plan.Description, Schedule: p.plan.Schedule, Revision: p.revision, Generation: p.generation,
		Next: p.due, Last: p.last, Failures: p.failures, Since: p.since, Runs: p.runs, Failed: p.failed, Problems: p.problem, Config: p.config, Sources: sources,
	}
	st.Totals.Add(p.totals)
	for _, r := range p.fenced {
		st.Left = append(st.Left, r.status())
	}
	if p.run != nil {
		x := p.run.status()
		st.Run = &x
	}
	switch {
	case p.run != nil:
		st.State = Running
	case len(p.fenced) > 0:
		st.State = Fenced
	case p.failures > 0:
		st.State = Failing
	case !p.due.IsZero() && !p.due.After(now):
		st.State = Queued
	case p.due.IsZero() && p.index < 0:
		st.State = Idle
	default:
		st.State = Waiting
	}
	return st
}

func (r *run) status() RunStatus {
	return RunStatus{ID: r.id, Started: r.began, Generation: r.generation, At: r.control.Where(), Progress: r.progress.Load()}
}

// EventKind tells what happened.
type EventKind string

// The events.
const (
	RunStarted EventKind = "run_started"
	RunEnded   EventKind = "run_ended"
	RunFailed  EventKind = "run_failed"
	Reloaded   EventKind = "reloaded"
)

// Event is something that happened in the server.
type Event struct {
	Kind        EventKind
	At          time.Time
	Pipeline    string
	Run         string
	Generation  uint64
	Summary     *RunSummary // of a run that ended
	Diagnostics diag.List   // of a run that failed
	Again       bool        // the run before failed for the same reason, so it is no news
	Verdict     *Verdict    // of a reload
}

// Listen sends events to c until stop is called. Events that c has no room for
// are dropped.
func (s *Server) Listen(c chan<- Event) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed[c] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.changed, c)
	}
}

// tell sends an event to all who listen. The caller holds mu.
func (s *Server) tell(e Event) {
	e.At = s.clock.Now()
	for c := range s.changed {
		select {
		case c <- e:
		default:
		}
	}
}
