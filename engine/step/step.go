// Package step holds the built-in steps between a decoder and a sink: map,
// filter, check, dedupe, group and expand.
//
// A step has a configuration (a plugin.Config), is bound to the schema that
// reaches it while planning, and then makes runners. Stateless steps may run in
// several lanes at once, each with a runner of its own; stateful ones see every
// batch of the pipeline in the order of the source.
package step

import (
	"context"

	"weir/engine/diag"
	"weir/engine/identity"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Config is the decoded block of a step.
type Config interface {
	plugin.Config
	// Bind fixes the input. It reports every problem of the block's expressions.
	Bind(b Binding) (Step, diag.List)
}

// Binding is what a step is bound to.
type Binding struct {
	Address  string // within the pipeline: "map.line"
	Pipeline string // address of the pipeline: "purchases", "acme_srs.purchases"
	In       *record.Schema
	At       spec.Ranges
	Compiler plugin.Compiler // over In
	// Over returns a compiler over another schema, with the same names besides
	// its fields. Steps whose expressions see more than one input row's fields
	// need it: expand (the item), and the normalising expressions of an entity.
	Over func(s *record.Schema) plugin.Compiler
}

// Step is a bound step. It is immutable and shared by its runners.
type Step interface {
	// Out is the schema of the rows it emits.
	Out() *record.Schema
	// Reads lists the slots of In needed when the slots want of Out are read after it.
	Reads(want []record.Slot) []record.Slot
	// Stateful tells that batches must reach one runner, in order.
	Stateful() bool
	// New makes a runner. want lists the slots of Out that are read after it.
	New(env Env, want []record.Slot) Runner
}

// Env is what a runner may use besides its input.
type Env struct {
	State func(space string) State // nil in stateless steps
	Clock plugin.Clock
	// Again tells, when dead letters are replayed, whether the rows under way had
	// passed this step before they were refused: a step that lets a row pass once
	// then lets it pass again. nil is never.
	Again func() bool
	// Journal returns what remembers the changes that rows make to the identities of a
	// space until their outcome is known, and the number of the step in it. nil remembers nothing.
	Journal func(space string) (j *identity.Journal, number int32)
	// Joined is told of every row but the first that went into a group, with the number
	// of the first, which stands for the group. nil when nobody needs to know.
	Joined func(first, row int64)
}

// State is a set of keys in the store. Changes are seen by later calls at once
// and become durable with the commit that covers the rows that caused them,
// or not at all (I5).
type State interface {
	// Get returns the value of key, valid until the next call, and whether there is one.
	Get(key []byte) ([]byte, bool, error)
	// Put sets key to value, copying both.
	Put(key, value []byte)
	// Delete removes key.
	Delete(key []byte)
}

// Tally counts what a runner did with rows that did not go on; see product.md, promise 1.
// Read rows = those delivered, filtered, deduplicated, grouped and rejected, less those expanded.
type Tally struct {
	Filtered     int64 // by this step's name
	Deduplicated int64
	Grouped      int64 // rows in minus groups out
	GroupedRows  int64 // rows that went into groups, for saying how many became how many
	Expanded     int64 // rows out minus rows in
}

// Runner executes a step. One goroutine at a time uses it.
type Runner interface {
	// Apply takes the selected rows of in and returns the batch that goes on,
	// which may be in itself with a smaller selection, or nil when no row goes
	// on yet. The result is the runner's and valid until its next call. Rows
	// that fail are rejected in in, and dropped from it. What is made of several
	// rows, or of a part of one, is rejected in the result: its rows carry
	// provenance of their own, and its Rejects are to be collected as well.
	// An error stops the pipeline: nothing of the batch is committed.
	Apply(ctx context.Context, in *record.Batch, t *Tally) (*record.Batch, error)
	// EndObject is called after the last batch of an object. Rows kept back
	// until then are emitted; each batch is valid during the call of emit and
	// may carry rejects, as the result of Apply may.
	EndObject(ctx context.Context, t *Tally, emit func(*record.Batch) error) error
}

// Splitter is implemented by stateful steps that can do most of their work on a
// batch without knowing what came before it or comes after it, so that batches
// can be worked on by several lanes and only their ends in order.
type Splitter interface {
	Step
	// NewPart makes a part for one lane, or returns nil when the step, as it is
	// configured, cannot be split. want is as for New.
	NewPart(want []record.Slot) Part
}

// Part is a lane's share of a Splitter. One goroutine at a time uses it.
type Part interface {
	// Split takes the selected rows of in. out has the results that depend on no
	// other batch, nil when there are none; it carries rejects as the result of
	// Apply may. head and tail are the rows of in, before and after those of out,
	// whose results may: they are for Join. Both stay valid until the next call.
	Split(ctx context.Context, in *record.Batch, t *Tally) (head, tail []int32, out *record.Batch, err error)
}

// Joiner is implemented by the runners of a Splitter.
type Joiner interface {
	Runner
	// Join takes the ends of a batch, as Split gave them, in the order of the
	// source. The result comes before Split's out, and is else like that of Apply.
	Join(ctx context.Context, in *record.Batch, head, tail []int32, t *Tally) (*record.Batch, error)
}

// Preparer is implemented by stateful steps that can do a part of their work on a
// batch without knowing what came before it, so that lanes can do that part.
type Preparer interface {
	Step
	// NewPreparation makes what one lane prepares batches with.
	NewPreparation() Preparation
	// Selects tells that what comes out, when the slots want of Out are read after
	// it, are rows of the batch itself, at once and in their order, and that their
	// visible fields are those of the batch in the same slots. Whatever is made of
	// those fields can then be made before it is known which rows go on.
	Selects(want []record.Slot) bool
}

// Preparation is a lane's share of a Preparer. One goroutine at a time uses it.
type Preparation interface {
	// Prepare does what can be done for the selected rows of in. Rows that fail are
	// rejected in in, and dropped from it. What it made stays valid until the next call.
	Prepare(in *record.Batch)
}

// PreparedRunner is implemented by the runners of a Preparer.
type PreparedRunner interface {
	Runner
	// ApplyPrepared is Apply for a batch that p, of the same step, has prepared.
	ApplyPrepared(ctx context.Context, in *record.Batch, p Preparation, t *Tally) (*record.Batch, error)
}

// Holder is implemented by stateful runners that keep rows back, or that remember
// of the present object what is not in a State.
type Holder interface {
	// Oldest returns the row number of the first row of the present object
	// that is still kept back or remembered, or 0. A commit that moves the cursor
	// beyond it must save what the runner holds, see Keeper; without that it would
	// be lost (I1).
	Oldest() int64
}

// Keeper is implemented by Holders that can hand over what they hold, so that it
// becomes part of a commit in the middle of an object. A runner of the same step
// in a later run, or of a later generation, takes it up and goes on as if
// nothing had happened (I3, I5).
type Keeper interface {
	Holder
	// Held returns how many rows are kept back: they came in, and neither went on
	// nor are counted in a Tally yet. What is only remembered counts none.
	Held() int64
	// Save appends to dst what changed of the present object since the last Save
	// or Restore, nothing when nothing did. anew tells that the part stands for
	// everything, and that those saved before are void. It is called between
	// batches, while Oldest is not 0. An error says that something cannot be saved;
	// the runner is as before, but Save must not be called again for the object.
	Save(dst []byte) (part []byte, anew bool, err error)
	// Restore takes up a saved part of the object with the given origin, before its
	// first batch; the parts come in the order in which they were saved. Nothing of
	// part is retained. ErrOtherConfig says that it was saved by a step configured
	// otherwise, and that nothing was taken up; see KeptRows.
	Restore(part []byte, origin *record.Origin) error
}

// HeldSizer is implemented by Keepers that know how many bytes of memory the rows that they
// keep back take, which is more than what Save appends of them.
type HeldSizer interface {
	HeldSize() int
}

// Reconsiderer is implemented by stateful runners that drop rows because of others, whose
// outcome is not known yet. When one of those is refused, the rows dropped because of it
// are judged again, so that none is lost (I3).
type Reconsiderer interface {
	Keeper
	// Dropped returns how many rows, and bytes of them, are kept in case they are to be judged again.
	Dropped() (rows int, size int)
	// Collect is called when the outcome of the rows before is known: it finds the rows that
	// are to be judged again and takes them out of t. Until Reconsider they count as held.
	Collect(t *Tally)
	// Waiting reports whether there are such rows; what Keeper tells and saves is about them then.
	Waiting() bool
	// Reconsider returns these rows, for Apply, or nil. The batch is valid until the next call of Collect.
	Reconsider() *record.Batch
	// Settle is called after the journal's, which says which rows are still to be kept.
	Settle()
	// SaveDropped appends these rows to dst, and RestoreDropped takes them up; see Keeper.
	SaveDropped(dst []byte) ([]byte, error)
	RestoreDropped(part []byte, origin *record.Origin) error
}

// Storer is implemented by steps that keep keys in the store.
type Storer interface {
	Step
	// Spaces returns the names, as Env.State takes them, of the space with the
	// step's keys and of that with what it let pass, which may be the same.
	Spaces() (keys, passed string)
}
