package exec

import (
	"context"
	"hash/maphash"
	"time"

	"weir/engine/plugin"
	"weir/engine/record"
)

// fleet is the deliveries of a sink that are under way. Its fields belong to the
// goroutine of Run, which encodes, launches and accounts for deliveries in the
// order in which they were cut; only sending runs elsewhere, and touches no rows.
// How far deliveries may have come was reserved before, so that a run after one
// of them failed repeats those behind it with the same keys (I7). A commit waits
// for all of them.
type fleet struct {
	sender plugin.Sender
	most   int       // under way at once
	window int       // launched and not yet accounted for
	free   []*flight // to be used again
	flying []*flight // in order of launch
	aloft  int       // of flying, not landed
	bytes  int64     // of the rows of flying
	landed chan *flight
	order  *orderKeys // nil when the order of rows does not matter, or is kept anyway
}

// flight is one delivery of a fleet.
type flight struct {
	cargo  plugin.Shipment
	d      plugin.Delivery
	view   record.Batch // the rows, where they are views of the batch that came last
	own    record.Batch // the rows, where they are copies
	n      int64
	bytes  int64    // of the rows
	keys   []uint64 // of what must keep its order
	bars   bool     // they could not be told: nothing overtakes
	cancel context.CancelFunc
	down   bool // landed
	done   bool // durable as a whole
	err    error
	took   time.Duration // from launch to landing; written before it lands
}

func newFleet(w plugin.Sender, p *plugin.Parallel) *fleet {
	f := &fleet{sender: w, most: 1, window: 1}
	if p != nil && p.Most > 1 {
		// Those behind a slow one go on landing for a while.
		f.most, f.window = p.Most, 2*p.Most
		if len(p.Order) > 0 {
			f.order = newOrderKeys(p.Order)
		}
	}
	f.landed = make(chan *flight, f.window)
	return f
}

// take returns a flight for a delivery. Rows that lie in pending become the
// flight's, which leaves its former memory there.
func (x *fleet) take(d *plugin.Delivery, pending *record.Batch) *flight {
	var f *flight
	if n := len(x.free); n > 0 {
		f, x.free = x.free[n-1], x.free[:n-1]
	} else {
		f = &flight{cargo: x.sender.NewShipment()}
	}
	f.d, f.n, f.down, f.done, f.err = *d, int64(d.Rows.Live()), false, false, nil
	if d.Rows == pending {
		f.own, *pending = *pending, f.own
		f.d.Rows = &f.own
	} else {
		f.view = *d.Rows
		f.d.Rows = &f.view
	}
	return f
}

// launch sends f on its way.
func (x *fleet) launch(ctx context.Context, f *flight, clock plugin.Clock) {
	x.order.enter(f)
	x.bytes += f.bytes
	x.flying = append(x.flying, f)
	x.aloft++
	ctx, f.cancel = context.WithCancel(ctx)
	go func() {
		begun := clock.Now()
		defer func() {
			if v := recover(); v != nil {
				f.done, f.err = false, panicked(v)
			}
			f.took = clock.Now().Sub(begun)
			x.landed <- f
		}()
		f.done, f.err = f.cargo.Send(ctx)
	}()
}

// await waits until one more has landed and returns its error.
func (x *fleet) await() error { return x.touchdown(<-x.landed) }

func (x *fleet) touchdown(f *flight) error {
	x.aloft--
	f.down = true
	f.cancel()
	return f.err
}

// room reports whether f may be launched.
func (x *fleet) room(f *flight) bool {
	light := len(x.flying) == 0 || x.bytes+f.bytes <= maxAloft
	return light && x.aloft < x.most && len(x.flying) < x.window && !x.order.bars(f)
}

// head returns the first delivery in order when it has landed, nil otherwise.
func (x *fleet) head() *flight {
	if len(x.flying) == 0 || !x.flying[0].down {
		return nil
	}
	return x.flying[0]
}

// retire takes the first delivery out.
func (x *fleet) retire() {
	f := x.flying[0]
	x.order.leave(f)
	x.bytes -= f.bytes
	x.flying = append(x.flying[:0], x.flying[1:]...)
	x.free = append(x.free, f)
}

// keep copies rows that are about to change and may yet be needed: those of
// deliveries that are views and not known to be durable as a whole.
func (x *fleet) keep(s *record.Schema, all bool) {
	for _, f := range x.flying {
		if f.d.Rows != &f.view || f.down && f.done && !all {
			continue
		}
		f.own.Clear(s)
		for k := range f.view.Live() {
			f.own.AppendRow(&f.view, f.view.Row(k))
		}
		f.d.Rows = &f.own
		f.view = record.Batch{}
	}
}

// abandon ends what is under way. Nothing of it is accounted for.
func (x *fleet) abandon() {
	if x == nil {
		return
	}
	for _, f := range x.flying {
		f.cancel()
	}
	for x.aloft > 0 {
		_ = x.await() // whatever became of it, it comes again
	}
	for len(x.flying) > 0 {
		x.retire()
	}
}

// orderKeys knows which deliveries under way have rows that must keep their order (I4).
type orderKeys struct {
	evals  []plugin.Eval
	texts  []*record.ValueEncoder
	seed   maphash.Seed
	count  map[uint64]int // deliveries under way, by the keys of their rows
	barred int            // of them, those whose keys could not be told
	total  int
	buf    []byte
}

func newOrderKeys(order []plugin.Expr) *orderKeys {
	o := &orderKeys{seed: maphash.MakeSeed(), count: map[uint64]int{}}
	for _, e := range order {
		o.evals = append(o.evals, e.New())
		o.texts = append(o.texts, record.NewValueEncoder(e.Type(), record.JSONOptions{}))
	}
	return o
}

// read notes the keys of f's rows. A row whose key cannot be computed bars
// whatever comes after, and waits for what came before.
func (o *orderKeys) read(f *flight) {
	if o == nil {
		return
	}
	f.keys, f.bars = f.keys[:0], false
	b := *f.d.Rows
	b.Rejects = nil
	for i, e := range o.evals {
		col := e.Rows(&b, "", "")
		f.bars = f.bars || len(b.Rejects) > 0
		for k := range b.Live() {
			row := b.Row(k)
			if col.IsNull(row) {
				continue
			}
			var err error
			if o.buf, err = o.texts[i].AppendValue(append(o.buf[:0], byte(i)), col, row); err != nil {
				f.bars = true
				continue
			}
			f.keys = append(f.keys, maphash.Bytes(o.seed, o.buf))
		}
	}
}

func (o *orderKeys) bars(f *flight) bool {
	if o == nil || o.total == 0 {
		return false
	}
	if o.barred > 0 || f.bars {
		return true
	}
	for _, k := range f.keys {
		if o.count[k] > 0 {
			return true
		}
	}
	return false
}

func (o *orderKeys) enter(f *flight) { o.add(f, 1) }
func (o *orderKeys) leave(f *flight) { o.add(f, -1) }

func (o *orderKeys) add(f *flight, n int) {
	if o == nil {
		return
	}
	o.total += n
	if f.bars {
		o.barred += n
	}
	for _, k := range f.keys {
		if o.count[k] += n; o.count[k] == 0 {
			delete(o.count, k)
		}
	}
}
