package plugin

import (
	"context"
	"time"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Sink is the configuration of a sink step.
type Sink interface {
	Config
	// Bind fixes the schema of the rows it will be given. Row expressions of
	// the sink are compiled with c.
	Bind(in *record.Schema, at spec.Ranges, c Compiler) diag.List
	// Batching tells how the engine cuts deliveries.
	Batching() Batching
	// Guarantee says in plain words what a receiver gets, for validate and explain.
	Guarantee() string
	// Open makes the running sink. resume is the token that the last commit
	// kept for it (see Prepare), nil at first. It may connect; a Failure says
	// what to do when it cannot.
	Open(ctx context.Context, h Host, resume []byte) (Writer, error)
}

// Describer is implemented by sources, and by sinks that have more to say than Guarantee: one
// clause a line, for validate and explain, such as what becomes of each kind of reply.
type Describer interface {
	Describe() []string
}

// Batching tells how rows are cut into deliveries. Zero fields do not limit.
type Batching struct {
	Rows  int
	Bytes int64         // of the rows as JSON
	Wait  time.Duration // after the first row; a cut made by time is recorded before it is sent
	// Parallel lets a Sender have several deliveries under way at once; nil is one after the other.
	Parallel *Parallel
}

// Parallel tells which deliveries may overtake one another. It changes neither
// where deliveries are cut nor their keys.
type Parallel struct {
	Most int // deliveries under way at once
	// Order are row expressions over the sink's input. Rows for which one of them
	// has the same value, other than null, reach the receiver in the order of the
	// source (I4): a delivery waits for those before it that have such rows.
	// Without any, the order does not matter.
	Order []Expr
}

// Delivery is a set of rows to be made durable somewhere else.
type Delivery struct {
	// Key is the same on every retry of the same rows, also after a crash. The rows
	// hold the same then, too, what now() gave included, unless the configuration or
	// something that it looks up was changed in between. A sink that hands the key on to
	// a receiver adds a digest of what it sends: one key must never mean two things.
	Key  string
	Rows *record.Batch // the selected rows; valid until Deliver returns

	// Generation and Revision are those of the configuration that made the
	// delivery: one repeated after a reload may have later ones, and the same key.
	Generation uint64
	Revision   string
}

// Writer is a running sink. One goroutine at a time uses it.
type Writer interface {
	// Deliver returns nil only when every selected row is durable at the other
	// side or listed as rejected. It retries by itself what may be retried.
	// After an error none of the rows may be assumed durable; the same
	// rows come again in a later run, with the same key.
	Deliver(ctx context.Context, d *Delivery) ([]Rejected, error)
	// Close releases the sink. It is called once, after the last commit or an error.
	Close(ctx context.Context) error
}

// Sender is implemented by writers whose deliveries can be under way while the
// engine goes on: it cuts and encodes the next one meanwhile.
type Sender interface {
	Writer
	// NewShipment returns what makes one delivery after another. The engine has
	// one more of them than deliveries under way, and uses each for one delivery at a time.
	NewShipment() Shipment
}

// Shipment does the work of Writer.Deliver in parts. Encode and Settle of all
// shipments of a writer are called by one goroutine, that of Deliver; Send by
// another one, while those of other shipments run.
type Shipment interface {
	// Encode keeps what Send needs of d. The rows are others after it returned.
	Encode(ctx context.Context, d *Delivery) error
	// Send makes the encoded rows durable at the other side, retrying by itself.
	// It reports true when every row of the delivery is durable; else Settle sees
	// to it. Its error means what one of Deliver means. It returns soon when ctx is done.
	Send(ctx context.Context) (done bool, err error)
	// Settle ends a delivery that Send did not: it rejects rows and sends others
	// again. d has the key, and the rows in the order, of Encode; their places in
	// the batch may be others. It returns what Deliver would.
	Settle(ctx context.Context, d *Delivery) ([]Rejected, error)
}

// Limiter is implemented by writers that learn from the other side how many rows a
// delivery may have. The engine asks after deliveries that did not end as a whole, in
// the goroutine of Deliver and Settle, makes the number durable and cuts what comes after by it.
type Limiter interface {
	// MostRows returns the most rows of a delivery, 0 for any number. It only gets less.
	MostRows() int
}

// Stager is implemented by writers that collect rows aside and show them at
// the end: a file that is renamed, a transaction. What Prepare returns is kept
// by the commit and given to the next Open, which undoes what came after it.
type Stager interface {
	// Prepare makes everything delivered so far durable, though not yet visible.
	Prepare(ctx context.Context) (resume []byte, err error)
	// Publish shows what was delivered in the run. It is called after the
	// run's last commit, which keeps the token that PrepareFinal returned; a crash
	// in between leaves that token to the next Open, which publishes then.
	PrepareFinal(ctx context.Context) (resume []byte, err error)
	Publish(ctx context.Context) error
}

// Encoder is implemented by writers that turn rows into bytes independently of
// one another, so that encoding can run on several cores before the ordered
// write. NewEncode is called once a lane; the function it returns appends the
// selected rows of b to dst.
type Encoder interface {
	NewEncode() func(dst []byte, b *record.Batch) ([]byte, error)
	// WriteEncoded writes rows encoded by such a function, in order.
	WriteEncoded(ctx context.Context, data []byte, rows int) error
}

// SpanEncoder is implemented by Encoders that tell where each row ends, so that
// rows can be encoded before it is known which of them go on.
type SpanEncoder interface {
	Encoder
	// NewEncodeSpans is NewEncode for a function that also appends to ends, for
	// each selected row of b in turn, the length of dst after it. After an error both
	// are returned unchanged. Any of the rows may be left out of what WriteEncoded is
	// given.
	NewEncodeSpans() func(dst []byte, ends []int, b *record.Batch) ([]byte, []int, error)
}

// Compiler compiles the row expressions of a step against its input.
type Compiler interface {
	// Row compiles an expression over one row's fields. want restricts the
	// result's kind; record.Invalid allows any.
	Row(t spec.Text, want record.Kind) (Expr, diag.List)
	// Rows compiles an expression over a set of rows: it sees them as the list
	// rows, and the extra names given.
	Rows(t spec.Text, extra []record.Field, want record.Kind) (Expr, diag.List)
	// Path compiles an expression over one row's fields that gives a path with an
	// optional query, beginning with a slash. Constant text is the structure of the
	// path. Everything else is a value: it is escaped as a part of a segment or of the query,
	// unless it is raw(x), and a row is rejected for which values alone
	// would make a segment that is empty, "." or "..".
	Path(t spec.Text) (Expr, diag.List)
	// Value compiles an expression over the named fields only.
	Value(t spec.Text, env []record.Field, want record.Kind) (Expr, diag.List)
}

// Expr is a compiled row expression. It is immutable; New makes what runs.
type Expr interface {
	// Type is the type of the result.
	Type() record.Type
	// Reads lists the slots of the compiler's schema that the expression reads, ascending.
	Reads() []record.Slot
	// New makes an evaluator with buffers of its own.
	New() Eval
}

// Eval evaluates a compiled expression. One goroutine at a time uses it.
type Eval interface {
	// Rows evaluates for the selected rows of b. The column is valid until the
	// next call; entries of unselected rows are undefined. A row for which
	// the expression fails is rejected in b under step and column and its value is null.
	Rows(b *record.Batch, step, column string) *record.Column
	// Set evaluates a Rows-expression once over the selected rows of b; the column has one value.
	Set(b *record.Batch, extra []record.Column) (*record.Column, error)
	// Value evaluates a Value-expression over the given fields; the column has one value.
	Value(env []record.Column) (*record.Column, error)
}

// SetEval is implemented by evaluators of Rows-expressions that take many sets at once.
type SetEval interface {
	Eval
	// Segments evaluates the expression once for each group of rows: group g is
	// the rows offs[g] to offs[g+1] (exclusive) of b, whose Sel is nil. The
	// column has one value a group and is valid until the next call. For a group
	// that fails the value is null, the group is listed, and its rows are
	// rejected in b under step and column.
	Segments(b *record.Batch, offs []uint32, step, column string) (*record.Column, []SegmentError)
}

// SegmentError says why a group has no value.
type SegmentError struct {
	Group  int
	Reason string
}
