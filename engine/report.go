package engine

import (
	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/state"
)

// RunOptions say what to run.
type RunOptions struct {
	StateDir  string            // folder of the store; "" is what the engine block says
	Pipelines []string          // addresses; none is all of them
	Progress  func(Progress)    // called after every batch, from one goroutine at a time; may be nil
	Point     func(name string) // called at the points that package exec names; tests end the process there; may be nil
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

// LedgerOf returns counts of the state store as a ledger.
func LedgerOf(c state.Counts) Ledger {
	return Ledger{
		Read: c.Read, Delivered: c.Delivered, Filtered: c.Filtered, Deduplicated: c.Deduplicated,
		Grouped: c.Grouped, Expanded: c.Expanded, Rejected: c.Rejected, Held: c.Held,
	}
}
