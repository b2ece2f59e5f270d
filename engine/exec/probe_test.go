package exec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

var errProbe = errors.New("the receiver is away")

// delivery is what a receiver saw.
type delivery struct {
	Key  string
	Body string // the rows as JSON, one a line
	Rows int
}

// probe is the other side of probe sinks: it keeps everything, also what a
// failed run delivered, and fails where it is told to.
type probe struct {
	mu     sync.Mutex
	seen   map[string][]delivery // by sink
	calls  int
	failAt int               // the call that fails, counted from 1; 0 never
	after  bool              // it fails after it took the rows
	err    error             // with this; nil is errProbe
	refuse func(string) bool // rows that are refused
}

func newProbe() *probe { return &probe{seen: map[string][]delivery{}} }

// failNext makes the n-th call from now fail.
func (p *probe) failNext(n int, after bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failAt, p.after = 0, after
	if n > 0 {
		p.failAt = p.calls + n
	}
}

// plugin is the plugin "probe" that delivers to p.
func (p *probe) plugin() plugin.Plugin {
	return plugin.Plugin{Name: "probe", Summary: "Remembers deliveries.", Sink: func() plugin.Sink { return &probeSink{p: p} }}
}

type probeSink struct {
	p     *probe
	to    string
	rows  int
	bytes int64
	wait  time.Duration
	in    *record.Schema
	// parallel is how many deliveries may be under way, those with rows of the same
	// order one after the other; 0 makes them with Deliver.
	parallel int
	order    spec.Text
	orders   []plugin.Expr
	encodes  bool // takes rows that lanes encoded
}

// Spec implements plugin.Config.
func (s *probeSink) Spec() spec.Body {
	return spec.Body{
		spec.String("to", &s.to).Default("out", `"out"`),
		spec.Int("rows", &s.rows).Default(0, "0"),
		spec.Size("bytes", &s.bytes).Default(0, "0"),
		spec.Duration("wait", &s.wait).Default(0, "0"),
		spec.Int("parallel", &s.parallel).Default(0, "0"),
		spec.Expr("order", &s.order),
		spec.Bool("encodes", &s.encodes).Default(false, "false"),
	}
}

func (s *probeSink) Check(spec.Ranges) diag.List { return nil }

func (s *probeSink) Bind(in *record.Schema, _ spec.Ranges, c plugin.Compiler) diag.List {
	s.in = in
	if s.order.IsZero() {
		return nil
	}
	e, ds := c.Row(s.order, record.Invalid)
	s.orders = []plugin.Expr{e}
	return ds
}

func (s *probeSink) Batching() plugin.Batching {
	b := plugin.Batching{Rows: s.rows, Bytes: s.bytes, Wait: s.wait}
	if s.parallel > 1 {
		b.Parallel = &plugin.Parallel{Most: s.parallel, Order: s.orders}
	}
	return b
}

func (s *probeSink) Guarantee() string { return "everything that was ever delivered" }

func (s *probeSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	w := &probeWriter{s: s, enc: record.NewEncoder(s.in, record.JSONOptions{})}
	if s.parallel > 0 {
		return &probeSender{probeWriter: w}, nil
	}
	if s.encodes {
		return probeEncoder{w}, nil
	}
	return w, nil
}

type probeWriter struct {
	s   *probeSink
	enc *record.Encoder
}

func (w *probeWriter) Close(context.Context) error { return nil }

func (w *probeWriter) Deliver(ctx context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	lines, err := w.lines(d)
	if err != nil {
		return nil, err
	}
	refused, err := w.s.p.take(ctx, w.s.to, d.Key, lines)
	if err != nil {
		return nil, err
	}
	return rejected(d, refused), nil
}

// lines returns the rows of d as JSON.
func (w *probeWriter) lines(d *plugin.Delivery) (out []string, err error) {
	for k := range d.Rows.Live() {
		line, err := w.enc.AppendRow(nil, d.Rows, d.Rows.Row(k))
		if err != nil {
			return nil, err
		}
		out = append(out, string(line))
	}
	return out, nil
}

// rejected lists the rows at the given places of d.
func rejected(d *plugin.Delivery, places []int) (out []plugin.Rejected) {
	for _, k := range places {
		out = append(out, plugin.Rejected{Row: d.Rows.Row(k), Code: "sink.refused", Reason: "not wanted"})
	}
	return out
}

// take is what the receiver does with a delivery; it returns the places of rows it refuses.
func (p *probe) take(ctx context.Context, to, key string, lines []string) (refused []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.calls++
	fails := p.calls == p.failAt
	if err = p.err; err == nil {
		err = fmt.Errorf("call %d: %w", p.calls, errProbe)
	}
	if fails && !p.after {
		return nil, err
	}
	got := delivery{Key: key}
	for k, line := range lines {
		if p.refuse != nil && p.refuse(line) {
			refused = append(refused, k)
			continue
		}
		got.Body += line + "\n"
		got.Rows++
	}
	p.seen[to] = append(p.seen[to], got)
	if fails {
		return nil, err
	}
	return refused, nil
}

// probeSender is a probeWriter whose deliveries take a while each, some longer
// than those behind them.
type probeSender struct {
	*probeWriter
	aloft, most atomic.Int32
}

func (w *probeSender) NewShipment() plugin.Shipment { return &probeShipment{w: w} }

func (w *probeSender) Close(context.Context) error {
	if n := w.aloft.Load(); n != 0 {
		return fmt.Errorf("closed with %d deliveries under way", n)
	}
	if n, limit := w.most.Load(), int32(max(w.s.parallel, 1)); n > limit {
		return fmt.Errorf("%d deliveries were under way at once, %d are allowed", n, limit)
	}
	return nil
}

type probeShipment struct {
	w       *probeSender
	key     string
	lines   []string
	refused []int
}

func (x *probeShipment) Encode(_ context.Context, d *plugin.Delivery) (err error) {
	x.key, x.refused = d.Key, nil
	x.lines, err = x.w.lines(d)
	return err
}

func (x *probeShipment) Send(ctx context.Context) (bool, error) {
	n := x.w.aloft.Add(1)
	for m := x.w.most.Load(); n > m && !x.w.most.CompareAndSwap(m, n); m = x.w.most.Load() {
	}
	defer x.w.aloft.Add(-1)
	time.Sleep(time.Duration(x.key[5]%4) * 100 * time.Microsecond)
	var err error
	x.refused, err = x.w.s.p.take(ctx, x.w.s.to, x.key, x.lines)
	return len(x.refused) == 0, err
}

func (x *probeShipment) Settle(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	if lines, err := x.w.lines(d); err != nil || !slices.Equal(lines, x.lines) || d.Key != x.key {
		return nil, fmt.Errorf("delivery %s of\n%q\nis to be settled as %s of\n%q (%w)", x.key, x.lines, d.Key, lines, err)
	}
	return rejected(d, x.refused), nil
}

// effects returns what a receiver that honours keys holds: the rows of each
// delivery once, in order. A key that came with other rows is an error (I7).
func (p *probe) effects(t rapid.TB, to string) string {
	t.Helper()
	bodies := map[string]string{}
	var out string
	for _, d := range p.seen[to] {
		before, ok := bodies[d.Key]
		switch {
		case !ok:
			bodies[d.Key] = d.Body
			out += d.Body
		case before != d.Body:
			t.Errorf("key %s of %s came with other rows (I7):\n%s\nbefore:\n%s", d.Key, to, d.Body, before)
		}
	}
	return out
}

// repeats returns how many deliveries came more than once.
func (p *probe) repeats(to string) (n int) {
	var keys []string
	for _, d := range p.seen[to] {
		if slices.Contains(keys, d.Key) {
			n++
		}
		keys = append(keys, d.Key)
	}
	return n
}
