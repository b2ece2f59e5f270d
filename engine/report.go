package engine

import (
	"maps"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/state"
)

// RunOptions say what to run.
type RunOptions struct {
	StateDir  string   // folder of the store; "" is what the engine block says
	Pipelines []string // addresses; none is all of them
	// StateAnswer says for all pipelines what becomes of stored state that the
	// configuration would break: keep, rebuild or fork; "" leaves it to each pipeline's
	// own attribute.
	StateAnswer string
	// Stop asks the run to end once it is closed: the pipeline under way ends at its next
	// commit, within the drain time of the engine block, and those after it do not begin.
	// nil never asks.
	Stop <-chan struct{}
	// Hung is called once a run that was asked to stop has ended neither within the drain
	// time nor some seconds after it was cancelled then: a step computes and looks at
	// nothing else. where is the source or sink that it waits for, "" when it is none. nil
	// waits on.
	Hung     func(where string)
	Chunk    int               // see exec.Options
	Progress func(Progress)    // called after every batch, from one goroutine at a time; may be nil
	Point    func(name string) // called at the points that package exec names; tests end the process there; may be nil
}

// Progress is how far a pipeline has come.
type Progress struct {
	Pipeline string
	Object   string // the file being read
	Rows     int64  // read in this run
	Offset   int64  // in the object, -1 when unknown
	Size     int64  // of the object, -1 when unknown
}

// RunReport is the outcome of a run.
type RunReport struct {
	Pipelines []PipelineReport // in the order they ran
	OK        bool             // every pipeline ran to its end
}

// PipelineReport is the outcome of one pipeline.
type PipelineReport struct {
	Name    string // its address
	Ledger  Ledger // of what this run committed
	Err     error  // why it stopped; nil when it ran to its end
	Notices diag.List
	Groups  []GroupCount
	Objects int // files read to their end

	Run        string // identifier; "" when it could not begin
	Generation uint64 // at its start
	Outcome    string // as the state store records it
	Counts     state.Counts
	Started    time.Time
	Ended      time.Time
}

// Ledger accounts for every row a run read; see [Ledger.Balanced].
type Ledger struct {
	Read, Delivered int64
	Filtered        map[string]int64 // by the name of the filter
	Deduplicated    int64
	Grouped         int64 // rows that went into groups, less the groups
	Expanded        int64 // rows made from others, less those
	Rejected, Held  int64
}

// Balanced reports whether the rows read, and those made by expanding, are all
// accounted for (I3).
func (l Ledger) Balanced() bool {
	sum := l.Delivered + l.Deduplicated + l.Grouped + l.Rejected + l.Held
	for _, n := range l.Filtered {
		sum += n
	}
	return l.Read+l.Expanded == sum
}

// GroupCount tells how many rows became how many at a group step.
type GroupCount = exec.GroupCount

// SkippedError tells that a pipeline was not run, because one that it names in after failed.
type SkippedError struct {
	After string
	Cause error
}

// Error implements error.
func (e *SkippedError) Error() string { return "not run, because " + e.After + " failed" }

// Unwrap gives errors.As the cause, so that the exit code is that of the cause.
func (e *SkippedError) Unwrap() error { return e.Cause }

// ledgerOf returns the ledger of a run of p; filters that dropped nothing are there with 0.
func ledgerOf(c state.Counts, p *plan.Pipeline) Ledger {
	var nodes []*plan.Node
	if p != nil {
		nodes = p.Nodes
	}
	filtered := maps.Clone(c.Filtered)
	if filtered == nil {
		filtered = map[string]int64{}
	}
	for _, n := range nodes {
		if _, name, _ := strings.Cut(n.Address, "."); n.Kind == "filter" {
			filtered[name] += 0
		}
	}
	return Ledger{
		Read: c.Read, Delivered: c.Delivered, Filtered: filtered, Deduplicated: c.Deduplicated,
		Grouped: c.Grouped, Expanded: c.Expanded, Rejected: c.Rejected, Held: c.Held,
	}
}

// LedgerOf returns counts of the state store as a ledger.
func LedgerOf(c state.Counts) Ledger { return ledgerOf(c, nil) }
