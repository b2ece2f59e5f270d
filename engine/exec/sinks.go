package exec

import (
	"context"
	"slices"
	"time"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
	"weir/engine/step"
)

// sinkNode cuts the rows that reach a sink into deliveries. Cuts are made by rows
// and bytes counted from the last commit, and where the commit itself cuts, so
// that a run after a crash cuts in the same places and gives each delivery the
// same key (I7). A cut made by time is recorded before it is sent. How far
// deliveries may have come is durable before they are made, and a run that
// repeats them cuts at no other places than the run before, whatever its clock says.
type sinkNode struct {
	r        *run
	node     *plan.Node
	writer   plugin.Writer
	encoder  plugin.Encoder // nil when the sink does not encode in lanes
	fleet    *fleet         // nil when deliveries are made one by one
	batching plugin.Batching
	size     *record.Encoder // measures rows when bytes limit a delivery
	pending  record.Batch    // rows that wait for the rest of their delivery, copied
	view     record.Batch    // a delivery that lies in one batch as a whole
	each     []int32         // 0, 1, 2, ...
	bytes    int64
	weight   weight    // of the rows of the delivery that is being put together
	first    time.Time // when the first pending row came
	rows     int64     // reached the sink since the last commit
	cuts     []int64   // recorded before a crash: deliveries end after these rows
	replay   int64     // so many rows since the last commit may have been delivered by a run before
	ahead    int64     // so many may be delivered without another reservation
	intent   state.Intent
	limit    int64     // most rows of a delivery, as far as the writer learned it in this run; 0 for none
	most     int       // rows of the delivery that is being put together
	step     int64     // deliveries that the last reservation was for
	reserved time.Time // when it was made
	row      []byte
	top      int64 // in a replay: highest row number delivered since the last commit
	again    int64 // and deliveries since one that began above it; see place
	trace    bool  // deliveries are recorded for weir trace
	trail    []int64
}

func newSinkNode(r *run, n *plan.Node) *sinkNode {
	s := &sinkNode{r: r, node: n, batching: n.Sink.Batching(), step: 1}
	s.begin()
	if s.batching.Bytes > 0 {
		s.size = record.NewEncoder(n.In, record.JSONOptions{})
	}
	for _, m := range r.Pipeline.Nodes {
		d, ok := m.Config.(*step.Dedupe)
		s.trace = s.trace || ok && d.Trace
	}
	s.pending.Clear(n.In)
	return s
}

// begin starts on the rows after a commit.
func (s *sinkNode) begin() {
	s.rows, s.cuts, s.replay = 0, s.r.Session.Cuts(s.node.Address), s.r.Session.Reserved(s.node.Address)
	s.ahead, s.top, s.again = s.replay, 0, 0
	s.intend()
}

// repeating reports whether rows are under way that a run before may have
// delivered: a delivery must not end here unless it ended here then.
func (s *sinkNode) repeating() bool { return s.rows < s.replay }

// open connects the sink, once, before its first row.
func (s *sinkNode) open(ctx context.Context) error {
	if s.writer != nil {
		return nil
	}
	token, err := s.r.Session.SinkToken(s.node.Address)
	if err != nil {
		return at(s.node, err)
	}
	w, err := s.node.Sink.Open(ctx, s.r.Host(s.node.Address), token)
	if err != nil {
		return at(s.node, err)
	}
	s.writer = w
	s.encoder, _ = w.(plugin.Encoder)
	if x, ok := w.(plugin.Sender); ok {
		s.fleet = newFleet(x, s.batching.Parallel)
	}
	return nil
}

// openUnused opens a sink that no row of the run reached, when it may have
// something to show nevertheless: what a run before committed and did not live
// to publish, or a file without rows.
func (s *sinkNode) openUnused(ctx context.Context) error {
	if s.writer != nil {
		return nil
	}
	token, err := s.r.Session.SinkToken(s.node.Address)
	if err != nil {
		return at(s.node, err)
	}
	if len(token) == 0 && !s.whole() {
		return nil
	}
	return s.open(ctx)
}

func (s *sinkNode) close(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	s.fleet.abandon()
	w := s.writer
	s.writer, s.fleet = nil, nil
	if err := w.Close(ctx); err != nil {
		return at(s.node, err)
	}
	return nil
}

// reset forgets what was not committed.
func (s *sinkNode) reset(ctx context.Context) error {
	s.fleet.abandon()
	s.pending.Clear(s.node.In)
	s.bytes = 0
	s.begin()
	if s.writer == nil {
		return nil
	}
	if _, ok := s.writer.(plugin.Stager); !ok {
		return nil
	}
	if err := s.close(ctx); err != nil { // reopening undoes what was staged
		return err
	}
	return s.open(ctx)
}

// whole reports that deliveries are not cut, so that batches go to the sink as they are.
func (s *sinkNode) whole() bool {
	b := s.batching
	return b.Rows == 0 && b.Bytes == 0 && b.Wait == 0
}

// add takes the selected rows of b.
func (s *sinkNode) add(ctx context.Context, b *record.Batch) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.whole() {
		s.rows += int64(b.Live())
		if err := s.deliver(ctx, b); err != nil {
			return err
		}
	} else if err := s.cutRows(ctx, b); err != nil {
		return err
	}
	s.keepRows()
	return s.waited(ctx)
}

// cutRows cuts the selected rows of b, after those that wait already, into
// deliveries. One that lies in b as a whole is a view of it; only what waits for
// the next batch is copied.
func (s *sinkNode) cutRows(ctx context.Context, b *record.Batch) error {
	from, waiting, live := 0, s.pending.N, b.Live() // rows from..k of b are in no delivery yet
	s.weight.begin(b)
	for k := range live {
		n, load := int64(0), s.weight.of(b.Row(k), waiting)
		if s.size != nil {
			n = s.measure(b, b.Row(k))
		}
		if waiting > 0 && (s.size != nil && s.bytes+n > s.batching.Bytes || s.weight.bytes+load > max(s.r.Delivery, s.batching.Bytes)) {
			if err := s.flushWith(ctx, b, from, k); err != nil {
				return err
			}
			from, waiting = k, 0
			load = s.weight.of(b.Row(k), waiting)
		}
		s.bytes += n
		s.weight.add(load, b.RowNo(b.Row(k)), waiting)
		if waiting == 0 {
			s.first, s.most = s.r.Clock.Now(), s.mostFrom(s.rows)
		}
		waiting++
		s.rows++
		if s.most > 0 && waiting >= s.most || slices.Contains(s.cuts, s.rows) {
			if err := s.flushWith(ctx, b, from, k+1); err != nil {
				return err
			}
			from, waiting = k+1, 0
		}
	}
	for k := from; k < live; k++ {
		s.pending.AppendRow(b, b.Row(k))
	}
	return nil
}

// measure returns the bytes of row i of b as JSON, for batch.bytes.
func (s *sinkNode) measure(b *record.Batch, i int) int64 {
	var err error
	if s.row, err = s.size.AppendRow(s.row[:0], b, i); err != nil {
		s.row = s.row[:0] // the sink's own encoding says what is wrong with the row
	}
	return int64(len(s.row))
}

// flushWith delivers the pending rows and, after them, the selected rows from to
// to-1 of b.
func (s *sinkNode) flushWith(ctx context.Context, b *record.Batch, from, to int) error {
	if s.pending.N > 0 {
		for k := from; k < to; k++ {
			s.pending.AppendRow(b, b.Row(k))
		}
		return s.send(ctx)
	}
	s.bytes = 0
	s.view = *b
	s.view.Sel, s.view.Rejects = s.selection(b, from, to), nil
	return s.deliver(ctx, &s.view)
}

// selection returns the selected rows from to to-1 of b.
func (s *sinkNode) selection(b *record.Batch, from, to int) []int32 {
	if b.Sel != nil {
		return b.Sel[from:to:to]
	}
	for i := len(s.each); i < to; i++ {
		s.each = append(s.each, int32(i))
	}
	return s.each[from:to:to]
}

// waited delivers rows that have waited long enough. The cut is durable first.
func (s *sinkNode) waited(ctx context.Context) error {
	if s.batching.Wait == 0 || s.pending.N == 0 || s.repeating() || s.r.Clock.Now().Sub(s.first) < s.batching.Wait {
		return nil
	}
	return s.cutHere(ctx)
}

// cut ends a delivery at a place that a replay could not find by counting, for a
// commit: every row that came is durable or rejected when it returns nil.
func (s *sinkNode) cut(ctx context.Context) error {
	if err := s.cutHere(ctx); err != nil {
		return err
	}
	return s.settle(ctx)
}

func (s *sinkNode) cutHere(ctx context.Context) error {
	if s.pending.N == 0 {
		return nil
	}
	if !slices.Contains(s.cuts, s.rows) {
		if err := s.r.Session.RecordCut(s.node.Address, s.rows); err != nil {
			return err
		}
		s.cuts = append(s.cuts, s.rows)
		if s.intent.Rows > 0 { // else what now() is must be made durable too
			s.ahead = max(s.ahead, s.rows)
		}
	}
	return s.send(ctx)
}

// flush delivers the pending rows. Every row that came is durable or rejected when
// it returns nil.
func (s *sinkNode) flush(ctx context.Context) error {
	if err := s.send(ctx); err != nil {
		return err
	}
	return s.settle(ctx)
}
