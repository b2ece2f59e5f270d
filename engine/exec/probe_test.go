package exec_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
}

// Spec implements plugin.Config.
func (s *probeSink) Spec() spec.Body {
	return spec.Body{
		spec.String("to", &s.to).Default("out", `"out"`),
		spec.Int("rows", &s.rows).Default(0, "0"),
		spec.Size("bytes", &s.bytes).Default(0, "0"),
		spec.Duration("wait", &s.wait).Default(0, "0"),
	}
}

func (s *probeSink) Check(spec.Ranges) diag.List { return nil }

func (s *probeSink) Bind(in *record.Schema, _ spec.Ranges, _ plugin.Compiler) diag.List {
	s.in = in
	return nil
}

func (s *probeSink) Batching() plugin.Batching {
	return plugin.Batching{Rows: s.rows, Bytes: s.bytes, Wait: s.wait}
}

func (s *probeSink) Guarantee() string { return "everything that was ever delivered" }

func (s *probeSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	return &probeWriter{s: s, enc: record.NewEncoder(s.in, record.JSONOptions{})}, nil
}

type probeWriter struct {
	s   *probeSink
	enc *record.Encoder
}

func (w *probeWriter) Close(context.Context) error { return nil }

func (w *probeWriter) Deliver(ctx context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	p := w.s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p.calls++
	fails := p.calls == p.failAt
	err := p.err
	if err == nil {
		err = fmt.Errorf("call %d: %w", p.calls, errProbe)
	}
	if fails && !p.after {
		return nil, err
	}
	got := delivery{Key: d.Key}
	var refused []plugin.Rejected
	for k := range d.Rows.Live() {
		line, lerr := w.enc.AppendRow(nil, d.Rows, d.Rows.Row(k))
		if lerr != nil {
			return nil, lerr
		}
		if p.refuse != nil && p.refuse(string(line)) {
			refused = append(refused, plugin.Rejected{Row: d.Rows.Row(k), Code: "sink.refused", Reason: "not wanted"})
			continue
		}
		got.Body += string(line) + "\n"
		got.Rows++
	}
	p.seen[w.s.to] = append(p.seen[w.s.to], got)
	if fails {
		return nil, err
	}
	return refused, nil
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
