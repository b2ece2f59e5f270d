// Package engine is all that a program needs to load, check and run
// configurations: New, then Load, then Run.
package engine

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
)

// Options are what an Engine is made of.
type Options struct {
	Plugins []plugin.Plugin
	Log     *zap.Logger  // nil logs nothing
	Clock   plugin.Clock // nil is the machine's clock
}

// Engine loads and runs configurations. It may be used from several goroutines.
type Engine struct {
	o Options
}

// New makes an engine. It reports plugins that cannot be used together.
func New(o Options) (*Engine, diag.List) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Clock == nil {
		o.Clock = plugin.SystemClock{}
	}
	return &Engine{o: o}, nil
}

// Inputs are the values and surroundings a configuration is evaluated with.
type Inputs = config.Inputs

// VarFlag is one value given for a variable.
type VarFlag = config.VarFlag

// Loaded is a configuration that was read and planned.
type Loaded struct {
	Sources map[string][]byte // file name -> bytes, for printing diagnostics; never nil
	Plan    *plan.Plan        // nil when there are errors
}

// Load reads and plans the configuration at path, a folder or one file. It does
// no I/O beyond reading files. The Loaded is never nil, so that diagnostics can
// be printed with their sources.
func (e *Engine) Load(ctx context.Context, path string, in Inputs) (*Loaded, diag.List) {
	l := &Loaded{Sources: map[string][]byte{}}
	if err := ctx.Err(); err != nil {
		return l, diag.FromError("run.interrupted", err)
	}
	c, ds := config.Load(path, in)
	if c != nil {
		l.Sources = c.Snapshot.Sources
	}
	return l, ds
}

// RunOptions say what to run.
type RunOptions struct {
	StateDir  string         // folder of the store; "" is what the engine block says, else .weir
	Pipelines []string       // addresses; none is all of them
	Progress  func(Progress) // called after every batch, from one goroutine at a time; may be nil
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
type GroupCount struct {
	Step         string
	Rows, Groups int64
}

// Run runs pipelines of l once, to the end of what their sources have. The
// error is about the run as a whole, such as a store that cannot be opened; the
// failure of a pipeline is in its report, and the others go on.
func (e *Engine) Run(ctx context.Context, l *Loaded, o RunOptions) (*RunReport, error) {
	if l.Plan == nil {
		return nil, errors.New("the configuration has errors")
	}
	return &RunReport{}, ctx.Err()
}
