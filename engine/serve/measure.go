package serve

import (
	"maps"
	"slices"
	"sync"
	"time"

	"weir/engine/state"
)

// Distribution says how many durations there were, by size.
type Distribution struct {
	Counts []int64       // by the bounds of Bounds; the last is of those above all
	Sum    time.Duration // of all
}

// N returns how many durations there were.
func (d Distribution) N() int64 {
	var n int64
	for _, c := range d.Counts {
		n += c
	}
	return n
}

// bounds are the upper bounds of durations that are counted together.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 3 * time.Hour,
}

// Bounds returns the upper bounds, in ascending order, that a Distribution is counted by.
func Bounds() []time.Duration { return bounds[:] }

func (d *Distribution) add(x time.Duration) {
	if d.Counts == nil {
		d.Counts = make([]int64, len(bounds)+1)
	}
	i, _ := slices.BinarySearch(bounds[:], x)
	d.Counts[i]++
	d.Sum += x
}

func (d *Distribution) clone() Distribution {
	return Distribution{Counts: slices.Clone(d.Counts), Sum: d.Sum}
}

// Measures are what the runs of a pipeline came to and took, in this process.
type Measures struct {
	Pipeline   string
	State      string                  // see the constants
	Counts     state.Counts            // of all commits, also of runs under way
	Outcomes   map[string]int64        // of runs that ended, by outcome
	Runs       Distribution            // how long they took
	Commits    Distribution            // likewise
	Deliveries map[string]Distribution // likewise, by sink
	Failures   int                     // in a row
	Success    time.Time               // end of the last run that succeeded, also of earlier processes; zero when unknown
}

// ReloadMeasures are what the reloads of this process came to and took.
type ReloadMeasures struct {
	Outcomes map[ReloadKind]int64
	Took     Distribution
}

// StartDelays tells how long after they were due runs began, in this process. Room,
// hosts and changes that a run had to wait for count; what it comes after does not.
// What it returns is the caller's.
func (s *Server) StartDelays() Distribution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delays.clone()
}

// ReloadKind is an outcome of reloads that something triggered.
type ReloadKind struct{ Outcome, Trigger string }

// meter measures one pipeline. Its runs write to it while others read.
type meter struct {
	mu         sync.Mutex
	counts     state.Counts
	outcomes   map[string]int64
	runs       Distribution
	commits    Distribution
	deliveries map[string]*Distribution
	success    time.Time
	looked     bool // in the store for success
}

func newMeter() *meter {
	return &meter{outcomes: map[string]int64{}, deliveries: map[string]*Distribution{}}
}

// committed accounts for a commit of a run.
func (m *meter) committed(c state.Counts, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Add(c)
	m.commits.add(took)
}

// delivered accounts for a delivery of a run.
func (m *meter) delivered(sink string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.deliveries[sink]
	if d == nil {
		d = &Distribution{}
		m.deliveries[sink] = d
	}
	d.add(took)
}

// ended accounts for a run that ended.
func (m *meter) ended(r *RunSummary) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[r.Outcome]++
	m.runs.add(r.Ended.Sub(r.Started))
	if r.Outcome == state.Succeeded {
		m.success = r.Ended
	}
}

// lastRuns is how far back a success of an earlier process is looked for.
const lastRuns = 50

// read returns what was measured.
func (m *meter) read(address string, store *state.Store) Measures {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.looked && m.success.IsZero() {
		m.looked = true
		runs, _ := store.Runs(address, lastRuns) // without it the time is unknown
		i := slices.IndexFunc(runs, func(r state.Run) bool { return r.Outcome == state.Succeeded })
		if i >= 0 {
			m.success = runs[i].Ended
		}
	}
	out := Measures{
		Pipeline: address, Outcomes: maps.Clone(m.outcomes), Runs: m.runs.clone(), Commits: m.commits.clone(),
		Deliveries: make(map[string]Distribution, len(m.deliveries)), Success: m.success,
	}
	out.Counts.Add(m.counts)
	for sink, d := range m.deliveries {
		out.Deliveries[sink] = d.clone()
	}
	return out
}

// Measures returns what was measured of every pipeline, by address, and of reloads.
// What it returns is the caller's.
func (s *Server) Measures() ([]Measures, ReloadMeasures) {
	type served struct {
		address, state string
		failures       int
		meter          *meter
	}
	s.mu.Lock()
	now := s.clock.Now()
	list := make([]served, 0, len(s.pipes))
	for _, a := range slices.Sorted(maps.Keys(s.pipes)) {
		p := s.pipes[a]
		list = append(list, served{a, p.status(now, nil).State, p.failures, p.meter})
	}
	reloads := ReloadMeasures{Outcomes: maps.Clone(s.reloads.Outcomes), Took: s.reloads.Took.clone()}
	s.mu.Unlock()
	out := make([]Measures, len(list))
	for i, p := range list {
		out[i] = p.meter.read(p.address, s.store)
		out[i].State, out[i].Failures = p.state, p.failures
	}
	return out, reloads
}

// measure accounts for a reload. The caller holds mu.
func (s *Server) measure(v *Verdict) {
	if s.reloads.Outcomes == nil {
		s.reloads.Outcomes = map[ReloadKind]int64{}
	}
	s.reloads.Outcomes[ReloadKind{v.Outcome, v.Trigger}]++
	s.reloads.Took.add(v.Took)
}
