// Package plan turns a loaded configuration into a Plan: what it means, computed
// without I/O. Names are resolved, options decoded, expressions compiled and
// types checked; every problem is a diagnostic. Everything else (validate, run,
// graph, explain) starts from a Plan.
package plan

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/config"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// Plan is a planned configuration. It is immutable.
type Plan struct {
	Revision  string      // digest of every file it was made from
	Pipelines []*Pipeline // in the order in which a single run takes them
	Failed    []Failed    // those that have errors
	// Open are those without errors that cannot run, because fields or expressions of a
	// step depend on variables without a value; see Unchecked. What reads them is not planned.
	Open   []*Pipeline
	Engine EngineOptions

	faults  *config.Faults
	modules map[*config.Module][]*Pipeline // of those without anything to be said about
}

// Pipeline is one planned DAG.
type Pipeline struct {
	Address     string // "purchases", "acme_srs.purchases"
	Description string
	Schedule    string
	Timezone    string
	After       []string // addresses of pipelines that a single run takes first
	Header      hcl.Range
	Files       []string // of the configuration: those of the module blocks that lead here, and its own
	Nodes       []*Node  // topological: inputs before readers, else in the order of the file
	DeadLetter  DeadLetter
	Commit      CommitPolicy
	State       string // "", StateKeep, StateRebuild or StateFork

	// Unchecked is what could not be checked, because variables have no value.
	Unchecked []Unchecked

	values *packed    // of the block itself
	vars   *variables // what row expressions see under var
}

// Unchecked are options of a step whose values are not known.
type Unchecked struct {
	Step    string // its address in the pipeline
	Options []string
}

// What a pipeline says about stored state that a change would break.
const (
	StateKeep    = "keep"    // it is used on as it is
	StateRebuild = "rebuild" // it is dropped, and everything is read again
	StateFork    = "fork"    // the pipeline begins anew beside it
)

// DeadLetter is what is done about rejected rows. Zero limits do not limit.
type DeadLetter struct {
	MaxShare float64 // of the rows read in a run, 0..1
	MaxRows  int64
	Limit    string // as written
	Range    *hcl.Range
}

// CommitPolicy says when a commit is due; the end of an object always is one.
type CommitPolicy struct {
	Rows  int
	Every time.Duration
}

// Node is one planned step.
type Node struct {
	Address string // within the pipeline: "source.files", "decode.csv", "map.line", "sink.activate"
	Kind    string // source, decode, map, ..., sink
	Type    string // the plugin, for source, decode and sink
	Header  hcl.Range
	Inputs  []*Node
	Readers []*Node

	When      plugin.Expr // nil takes every row
	WhenText  spec.Text
	Otherwise bool // takes what no sibling took

	In  *record.Schema // nil for sources
	Out *record.Schema // nil for sinks and for sources of bytes
	// Want lists the slots of Out that are read after the node, ascending.
	Want []record.Slot

	Source  plugin.Source
	Decoder plugin.Decoder
	Step    step.Step
	Sink    plugin.Sink

	Config plugin.Config // the decoded block: that of Source, Decoder, Sink or of the step
	Exprs  []Compiled    // its row expressions, in the order in which they were compiled

	values *packed      // of its block, shared with blocks that say the same
	refs   []spec.Value // the references among them
	failed bool         // a problem was reported; what depends on it is not checked
}

// MakesRows reports whether rows begin at n: at a decoder, or at a source that yields rows.
func (n *Node) MakesRows() bool { return n.Decoder != nil || n.Source != nil && n.Out != nil }

// Compiled is a row expression of a step.
type Compiled struct {
	Text spec.Text
	Expr plugin.Expr
	Row  bool // it is evaluated for each row of In
}

// Meta is the name and type of the hidden field that tells where a row came from.
func Meta() record.Field {
	return record.Field{Name: "meta", Hidden: true, Type: record.ObjectOf([]record.Field{
		{Name: "object", Type: record.Of(record.String)},
		{Name: "row", Type: record.Of(record.Int)},
		{Name: "line", Type: record.Of(record.Int)},
		{Name: "received", Type: record.Of(record.Time)},
	})}
}

// Pipeline returns the pipeline with the given address, or nil.
func (p *Plan) Pipeline(address string) *Pipeline {
	for _, q := range p.Pipelines {
		if q.Address == address {
			return q
		}
	}
	return nil
}
