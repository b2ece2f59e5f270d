package serve_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// traps are sinks by name that a test steers.
type traps struct {
	mu     sync.Mutex
	byName map[string]*trap
	of     *process // that opens sinks from now on
}

// trap is the far side of a sink.
type trap struct {
	mu      sync.Mutex
	made    []made
	opened  int
	closed  int
	hang    chan struct{} // deliveries wait until it is closed, whatever their context says; nil: they do not
	hanging chan struct{} // receives one for each delivery that begins to hang
	refuse  error         // what opening and probing come to
	fails   int           // so many deliveries to come fail
	late    bool          // they take effect nevertheless
	writers []*trapWriter // that were opened
	bad     string        // rows that hold it are refused; "" refuses none
}

// process is one process of a story. A dead one reaches nothing any more.
type process struct {
	mu    sync.Mutex
	dead  bool
	after int           // points until it freezes, as if killed there; 0: it does not
	let   chan struct{} // closed when what is left of it may end
}

// made is a delivery that took effect.
type made struct {
	rows       []string // as the sink got them
	note       string   // of the sink
	key        string
	generation uint64
	revision   string
	writer     *trapWriter
}

func (ts *traps) get(name string) *trap {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byName == nil {
		ts.byName = map[string]*trap{}
	}
	if ts.byName[name] == nil {
		ts.byName[name] = &trap{hanging: make(chan struct{}, 100)}
	}
	return ts.byName[name]
}

func (t *trap) seen() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, m := range t.made {
		for _, x := range m.rows {
			out = append(out, m.note+x)
		}
	}
	return out
}

// deliveries returns those made so far.
func (t *trap) deliveries() []made {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.made)
}

// fail makes the next n deliveries fail; late ones take effect nevertheless.
func (t *trap) fail(n int, late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fails, t.late = n, late
}

func (t *trap) counts() (opened, closed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opened, t.closed
}

// hangs makes deliveries hang; the result lets them go on.
func (t *trap) hangs() (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := make(chan struct{})
	t.hang = c
	return func() {
		t.mu.Lock()
		t.hang = nil
		t.mu.Unlock()
		close(c)
	}
}

func (t *trap) refuses(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refuse = err
}

func (ts *traps) plugin() plugin.Plugin {
	of := ts.of
	return plugin.Plugin{Name: "trap", Summary: "A sink that tests steer.", Sink: func() plugin.Sink { return &trapSink{traps: ts, process: of} }}
}

type trapSink struct {
	traps   *traps
	process *process // nil in tests where none dies
	name    string
	note    string
	rows    int
	in      *record.Schema
}

func (s *trapSink) Spec() spec.Body {
	return spec.Body{
		spec.String("trap", &s.name).Required(), spec.String("note", &s.note),
		spec.Int("rows", &s.rows).Default(1000, "1000"),
	}
}
func (s *trapSink) Check(spec.Ranges) diag.List { return nil }
func (s *trapSink) Bind(in *record.Schema, _ spec.Ranges, _ plugin.Compiler) diag.List {
	s.in = in
	return nil
}
func (s *trapSink) Batching() plugin.Batching { return plugin.Batching{Rows: s.rows} }
func (s *trapSink) Guarantee() string         { return "at least once" }

func (s *trapSink) Probe(context.Context, plugin.Host) error {
	t := s.traps.get(s.name)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refuse
}

func (s *trapSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	t := s.traps.get(s.name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refuse != nil {
		return nil, t.refuse
	}
	t.opened++
	w := &trapWriter{trap: t, note: s.note, process: s.process}
	t.writers = append(t.writers, w)
	return w, nil
}

type trapWriter struct {
	trap     *trap
	note     string
	process  *process
	closed   bool
	troubled bool // a delivery hung or failed: what came of the run's others is open
}

// Deliver implements plugin.Writer.
func (w *trapWriter) Deliver(_ context.Context, d *plugin.Delivery) ([]plugin.Rejected, error) {
	t := w.trap
	if w.process.isDead() {
		return nil, errBroken
	}
	t.mu.Lock()
	hang := t.hang
	w.troubled = w.troubled || hang != nil
	t.mu.Unlock()
	if hang != nil {
		t.hanging <- struct{}{}
		<-hang // a step that ignores cancel
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fails := t.fails > 0
	if fails {
		t.fails--
		w.troubled = true
		if !t.late {
			return nil, errBroken
		}
	}
	var refused []plugin.Rejected
	m := made{note: w.note, key: d.Key, generation: d.Generation, revision: d.Revision, writer: w}
	for k := range d.Rows.Live() {
		x := string(d.Rows.Cols[0].Bytes(d.Rows.Row(k)))
		if t.bad != "" && strings.Contains(x, t.bad) {
			refused = append(refused, plugin.Rejected{Row: d.Rows.Row(k), Code: "trap.bad", Reason: "the trap wants none of it"})
			continue
		}
		m.rows = append(m.rows, x)
	}
	t.made = append(t.made, m)
	if fails {
		return nil, errBroken
	}
	return refused, nil
}

func (w *trapWriter) Close(context.Context) error {
	w.trap.mu.Lock()
	defer w.trap.mu.Unlock()
	w.trap.closed++
	w.closed = true
	return nil
}

var (
	errRefused = errors.New("the other side does not answer")
	errBroken  = errors.New("the line broke")
)
