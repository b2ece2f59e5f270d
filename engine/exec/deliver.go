package exec

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
)

// quick is the time within which a reservation that is used up was too small.
const quick = time.Second

// reserve makes durable that n rows are about to be delivered, and at a fast sink
// those of some deliveries to come: one write serves for all of them. A sink that
// undoes what was not committed sees nothing twice and needs none of it.
func (s *sinkNode) reserve(n int64, of *record.Origin) error {
	if s.r.replay != nil {
		return nil // its rows go out one by one, with keys that do not depend on cuts
	}
	if _, undoes := s.writer.(plugin.Stager); undoes || s.rows <= s.ahead {
		return nil
	}
	now := s.r.Clock.Now()
	if s.step = 2 * s.step; now.Sub(s.reserved) > quick {
		s.step = 1
	}
	s.step, s.reserved = min(s.step, 256), now
	s.ahead = s.rows + (s.step-1)*n
	s.intent.Rows, s.intent.Object, s.intent.Now, s.intent.Revision = s.ahead, of.ID, of.Now, s.r.Revision
	return s.r.Session.Reserve(s.node.Address, s.intent)
}

// send hands the pending rows to the sink.
func (s *sinkNode) send(ctx context.Context) error {
	if s.pending.N == 0 {
		return nil
	}
	err := s.deliver(ctx, &s.pending)
	s.pending.Clear(s.node.In)
	s.bytes = 0
	return err
}

// deliver hands rows to the sink and accounts for them, now or, where deliveries
// can be under way, when they are over: see settle.
func (s *sinkNode) deliver(ctx context.Context, b *record.Batch) error {
	if err := s.reserve(int64(b.Live()), b.Origin); err != nil {
		return at(s.node, err)
	}
	d := plugin.Delivery{Key: s.key(b), Rows: b, Generation: s.r.Session.Generation(), Revision: s.r.Revision}
	if s.fleet != nil {
		return s.launch(ctx, &d)
	}
	s.r.Point("delivering")
	s.r.Control.at(&s.node.Address)
	begun := s.r.Clock.Now()
	refused, err := s.writer.Deliver(ctx, &d)
	s.r.Control.at(nil)
	if err != nil {
		return at(s.node, err)
	}
	s.took(s.r.Clock.Now().Sub(begun))
	s.account(&d, int64(b.Live()), refused)
	return s.learn()
}

// launch encodes a delivery, while those before it are under way, and sends it
// as soon as it may.
func (s *sinkNode) launch(ctx context.Context, d *plugin.Delivery) error {
	f := s.fleet.take(d, &s.pending)
	f.bytes = s.weight.bytes
	s.fleet.order.read(f)
	if err := f.cargo.Encode(ctx, &f.d); err != nil {
		return at(s.node, err)
	}
	for {
		if err := s.land(ctx); err != nil {
			return err
		}
		if s.fleet.room(f) {
			s.r.Point("delivering") // where one is under way at a time, the one before is accounted for
			s.fleet.launch(ctx, f, s.r.Clock)
			return nil
		}
		if err := s.await(); err != nil {
			return at(s.node, err)
		}
	}
}

// settle waits until nothing is under way: every row handed to the sink is durable
// or rejected when it returns nil.
func (s *sinkNode) settle(ctx context.Context) error {
	if s.fleet == nil {
		return nil
	}
	for {
		if err := s.land(ctx); err != nil {
			return err
		}
		if len(s.fleet.flying) == 0 {
			return nil
		}
		if err := s.await(); err != nil {
			return at(s.node, err)
		}
	}
}

// await waits until one more delivery has landed.
func (s *sinkNode) await() error {
	s.r.Control.at(&s.node.Address)
	defer s.r.Control.at(nil)
	return s.fleet.await()
}

// land accounts for deliveries that have landed, in the order of launch.
func (s *sinkNode) land(ctx context.Context) error {
	for f := s.fleet.head(); f != nil; f = s.fleet.head() {
		if f.err != nil {
			return at(s.node, f.err)
		}
		var refused []plugin.Rejected
		if !f.done {
			var err error
			if refused, err = f.cargo.Settle(ctx, &f.d); err != nil {
				return at(s.node, err)
			}
			if err := s.learn(); err != nil {
				return err
			}
		}
		s.took(f.took)
		s.account(&f.d, f.n, refused)
		s.fleet.retire()
	}
	return nil
}

// keepRows copies what deliveries under way may need of a batch that is about to
// be used for something else.
func (s *sinkNode) keepRows() {
	if s.fleet == nil {
		return
	}
	for {
		select {
		case f := <-s.fleet.landed:
			_ = s.fleet.touchdown(f) // land returns its error
			continue
		default:
		}
		s.fleet.keep(s.node.In, s.trace)
		return
	}
}

// account enters a delivery of n rows into the ledger. Its rows are looked at
// only when some are refused, or recorded.
func (s *sinkNode) account(d *plugin.Delivery, n int64, refused []plugin.Rejected) {
	if s.trace {
		s.record(d.Rows, d.Key, refused)
	}
	s.r.pending.Delivered += n - int64(len(refused))
	if len(refused) > 0 {
		for _, x := range refused {
			d.Rows.Reject(x.Row, s.node.Address, "", x.Code, x.Reason)
		}
		s.r.reject(d.Rows)
	}
	s.r.Point("delivered")
}

// record keeps which rows a delivery had, for weir trace.
func (s *sinkNode) record(b *record.Batch, key string, refused []plugin.Rejected) {
	s.trail = s.trail[:0]
	for k := range b.Live() {
		i := b.Row(k)
		if !slices.ContainsFunc(refused, func(x plugin.Rejected) bool { return x.Row == i }) {
			s.trail = append(s.trail, b.RowNo(i))
		}
	}
	s.r.Session.AddTrail(state.Trail{Object: b.Origin.ID, Rows: s.trail, Sink: s.node.Address, Key: key, Run: s.r.RunID, At: s.r.Clock.Now()})
}

// writeEncoded passes on rows that a lane encoded.
func (s *sinkNode) writeEncoded(ctx context.Context, data []byte, rows int) error {
	s.rows += int64(rows)
	if err := s.reserve(int64(rows), s.r.source.origin); err != nil {
		return at(s.node, err)
	}
	s.r.Point("delivering")
	s.r.Control.at(&s.node.Address)
	begun := s.r.Clock.Now()
	err := s.encoder.WriteEncoded(ctx, data, rows)
	s.r.Control.at(nil)
	if err != nil {
		return at(s.node, err)
	}
	s.took(s.r.Clock.Now().Sub(begun))
	s.r.pending.Delivered += int64(rows)
	s.r.Point("delivered")
	return nil
}

// key is the delivery's idempotency key: a digest of pipeline, sink, object and
// the rows it was made from, and of the incarnation of pipeline and object where they
// were made to begin anew. One row of the source may be several here, after
// an expand or by several ways; their place since the last commit tells those apart.
func (s *sinkNode) key(b *record.Batch) string {
	h := sha256.New()
	var num [32]byte
	n := b.Live()
	binary.BigEndian.PutUint64(num[0:], uint64(b.RowNo(b.Row(0))))
	binary.BigEndian.PutUint64(num[8:], uint64(b.RowNo(b.Row(n-1))))
	binary.BigEndian.PutUint64(num[16:], uint64(n))
	binary.BigEndian.PutUint64(num[24:], uint64(s.place(b)))
	for _, part := range []string{s.r.Pipeline.Address, s.node.Address, b.Origin.ID} {
		var l [4]byte
		binary.BigEndian.PutUint32(l[:], uint32(len(part)))
		h.Write(l[:])
		h.Write([]byte(part))
	}
	h.Write(num[:])
	if w := s.r.window; w > 0 {
		// Rows held at the last commit come after it with the numbers that rows before
		// it had, which may have come here by another way.
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(w)))
	}
	if p, o := s.r.Session.Incarnation(b.Origin.ID); p|o > 0 {
		// Rows that are read again on purpose are not those of before. The word keeps the
		// numbers apart from the window.
		h.Write([]byte("incarnation"))
		h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p), o))
	}
	return "weir-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// place tells apart deliveries of one row: their place since the last commit. In
// a replay that would depend on what else is replayed; there it is the number of
// deliveries since one that began above those before.
func (s *sinkNode) place(b *record.Batch) int64 {
	if s.r.replay == nil {
		return s.rows - int64(b.Live())
	}
	if s.again++; b.RowNo(b.Row(0)) > s.top {
		s.again = 0
	}
	s.top = max(s.top, b.RowNo(b.Row(b.Live()-1)))
	return s.again
}
