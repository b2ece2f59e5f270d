package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/state"
	"weir/plugins/csv"
	"weir/plugins/file"
)

// box is what a receiver got; it refuses rows whose JSON holds one of some words.
type box struct {
	refuse []string
	rows   []string // accepted, by sink name
	keys   map[string]string
	repeat []string // rows that came again under a key that was seen
}

type boxSink struct {
	box  *box
	name string
	rows int
	in   *record.Schema
}

func (s *boxSink) Spec() spec.Body {
	return spec.Body{spec.String("name", &s.name).Doc("Name."), spec.Int("rows", &s.rows).Default(100, "100").Doc("Rows.")}
}
func (s *boxSink) Check(spec.Ranges) diag.List { return nil }
func (s *boxSink) Bind(in *record.Schema, _ spec.Ranges, _ plugin.Compiler) diag.List {
	s.in = in
	return nil
}
func (s *boxSink) Batching() plugin.Batching { return plugin.Batching{Rows: s.rows} }
func (s *boxSink) Guarantee() string         { return "at least once" }
func (s *boxSink) Open(context.Context, plugin.Host, []byte) (plugin.Writer, error) {
	return &boxWriter{s, record.NewEncoder(s.in, record.JSONOptions{})}, nil
}

type boxWriter struct {
	s   *boxSink
	enc *record.Encoder
}

func (w *boxWriter) Deliver(_ context.Context, d *plugin.Delivery) (out []plugin.Rejected, err error) {
	b := w.s.box
	var all []string
	for k := range d.Rows.Live() {
		i := d.Rows.Row(k)
		row, err := w.enc.AppendRow(nil, d.Rows, i)
		if err != nil {
			return nil, err
		}
		text := w.s.name + " " + string(row)
		all = append(all, text)
		if slices.ContainsFunc(b.refuse, func(r string) bool { return strings.Contains(text, r) }) {
			out = append(out, plugin.Rejected{Row: i, Code: "row.refused", Reason: "refused"})
			continue
		}
		if _, seen := b.keys[d.Key]; seen {
			b.repeat = append(b.repeat, text)
			continue
		}
		b.rows = append(b.rows, text)
	}
	if old, seen := b.keys[d.Key]; seen && old != strings.Join(all, "\n") && len(out) == 0 {
		return nil, fmt.Errorf("key %s came with other rows:\n%s\n%s", d.Key, old, strings.Join(all, "\n"))
	}
	if len(out) == 0 {
		b.keys[d.Key] = strings.Join(all, "\n")
	}
	return out, nil
}
func (w *boxWriter) Close(context.Context) error { return nil }

// replayCase is a pipeline that runs, and then replays what was refused.
type replayCase struct {
	steps, data string
	refuse      []string
	first       []string // delivered by the run
	replayed    []string // delivered by the replay
	read        int64    // counted by the replay
	dropped     int64    // deduplicated by the replay
}

type replayTest struct {
	t   *testing.T
	box *box
	e   *engine.Engine
	l   *engine.Loaded
	dir string
}

func newReplay(t *testing.T, c replayCase) *replayTest {
	t.Helper()
	r := &replayTest{t: t, box: &box{refuse: c.refuse, keys: map[string]string{}}, dir: t.TempDir()}
	r.write("in.csv", c.data)
	r.plan(c.steps)
	rep, err := r.e.Run(t.Context(), r.l, engine.RunOptions{StateDir: r.state()})
	if err != nil || !rep.OK {
		t.Fatal(err, rep)
	}
	return r
}

func (r *replayTest) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// plan makes steps those of the pipeline.
func (r *replayTest) plan(steps string) {
	r.t.Helper()
	r.write("p.hcl", fmt.Sprintf("pipeline \"p\" {\nsource \"file\" \"in\" {\npath = %q\nready = \"now\"\n}\ndecode \"csv\" {\ncolumns = {\nid = \"text\"\nn = \"int\"\n}\n}\n%s}\n",
		filepath.Join(r.dir, "in.csv"), steps))
	e, ds := engine.New(engine.Options{Plugins: []plugin.Plugin{csv.Plugin(), file.Plugin(),
		{Name: "box", Sink: func() plugin.Sink { return &boxSink{box: r.box} }}}})
	if ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
	r.e = e
	if r.l, ds = e.Load(r.t.Context(), filepath.Join(r.dir, "p.hcl"), engine.Inputs{}); ds.HasErrors() {
		r.t.Fatal(ds.Err())
	}
}

// discard removes a dead letter for good.
func (r *replayTest) discard(id uint64) {
	r.t.Helper()
	s, err := state.Open(r.state(), state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	n, err := s.DiscardRejects("p", []uint64{id})
	if err = errors.Join(err, s.Close()); err != nil || n != 1 {
		r.t.Fatal(n, err)
	}
}

func (r *replayTest) state() string { return filepath.Join(r.dir, "state") }

// letters returns the numbers of the dead letters and the difference in the totals.
func (r *replayTest) letters() (ids []uint64, t state.Totals) {
	r.t.Helper()
	s, err := state.Open(r.state(), state.Options{ReadOnly: true})
	if err != nil {
		r.t.Fatal(err)
	}
	err = s.Rejects("p", 1, func(x state.Reject) bool { ids = append(ids, x.ID); return true })
	t, terr := s.Totals("p")
	if err = errors.Join(err, terr, s.Close()); err != nil {
		r.t.Fatal(err)
	}
	if t.Difference() != 0 || t.Rejected != int64(len(ids)) {
		r.t.Errorf("totals do not add up with %d letters: %s", len(ids), t.Counts)
	}
	return ids, t
}

func (r *replayTest) replay(ids []uint64, point func(string)) (p *engine.PipelineReport) {
	r.t.Helper()
	p, err := r.e.Replay(r.t.Context(), r.l, engine.ReplayOptions{StateDir: r.state(), Pipeline: "p", IDs: ids, Point: point})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func replayCases() map[string]replayCase {
	sink := "sink \"box\" \"out\" {\nname = \"out\"\n}\n"
	return map[string]replayCase{
		"refused by the sink after a dedupe step that remembers it": {
			steps: "dedupe \"d\" {\nkeys = { id = \"id\" }\n}\n" + sink, data: "id,n\na,1\nb,2\na,3\n", refuse: []string{`"b"`},
			first: []string{`out {"id":"a","n":1}`}, replayed: []string{`out {"id":"b","n":2}`}, read: 1,
		},
		"refused before a dedupe step that has seen its key since": {
			steps: "map \"m\" {\nfields = {\nid = \"id\"\nn = \"10 / (n ?? 0) > 0 ? n : n\"\n}\n}\ndedupe \"d\" {\nkeys = { id = \"id\" }\n}\n" + sink,
			data:  "id,n\na,x\na,2\n", first: []string{`out {"id":"a","n":2}`},
		},
		"changed rows": {
			steps: "dedupe \"d\" {\nkeys = { id = \"id\" }\nkeep = \"changed\"\n}\n" + sink, data: "id,n\na,1\nb,2\n", refuse: []string{`"a"`, `"b"`},
			replayed: []string{`out {"id":"a","n":1}`, `out {"id":"b","n":2}`}, read: 2,
		},
		"only the branch that refused it": {
			steps: "map \"m\" {\nkeep = \"*\"\n}\nsink \"box\" \"one\" {\nfrom = map.m\nname = \"one\"\n}\nsink \"box\" \"two\" {\nfrom = map.m\nname = \"two\"\n}\n",
			data:  "id,n\na,1\nb,2\n", refuse: []string{`two {"id":"b"`},
			first:    []string{`one {"id":"a","n":1}`, `one {"id":"b","n":2}`, `two {"id":"a","n":1}`},
			replayed: []string{`two {"id":"b","n":2}`}, read: 1,
		},
		"a group is made of all its rows again": {
			steps: "group \"g\" {\nby = [\"id\"]\nfields = {\nid = \"first(rows).id\"\nsum = \"sum(rows, .n ?? 0)\"\n}\n}\n" + sink,
			data:  "id,n\na,1\nb,2\na,3\n", refuse: []string{`"a"`},
			first: []string{`out {"id":"b","sum":2}`}, replayed: []string{`out {"id":"a","sum":4}`}, read: 2,
		},
		"pieces of one row": {
			steps: "expand \"e\" {\nrows = \"1..(n ?? 0)\"\nfields = {\nid = \"id\"\ni = \"item\"\n}\n}\n" + sink,
			data:  "id,n\na,3\n", refuse: []string{`"a"`},
			replayed: []string{`out {"id":"a","i":1}`, `out {"id":"a","i":2}`, `out {"id":"a","i":3}`}, read: 1,
		},
	}
}

func TestReplay(t *testing.T) {
	for name, c := range replayCases() {
		t.Run(name, func(t *testing.T) {
			r := newReplay(t, c)
			slices.Sort(r.box.rows)
			if d := cmp.Diff(c.first, r.box.rows); d != "" {
				t.Fatalf("the run delivered (-want +got):\n%s", d)
			}
			ids, _ := r.letters()
			r.box.rows, r.box.refuse = nil, nil
			p := r.replay(ids, nil)
			if c.replayed == nil { // it fails again
				if p.Ledger.Rejected != int64(len(ids)) {
					t.Errorf("ledger %+v", p.Ledger)
				}
				r.letters()
				return
			}
			if p.Err != nil || !p.Ledger.Balanced() || p.Ledger.Read != c.read || p.Ledger.Deduplicated != c.dropped {
				t.Errorf("ledger %+v, %v", p.Ledger, p.Err)
			}
			pieces := slices.ContainsFunc(p.Notices, func(d diag.Diagnostic) bool { return d.Code == "run.replayed_pieces" })
			if want := strings.HasPrefix(c.steps, "expand"); pieces != want {
				t.Errorf("that a row is replayed whole is told: %v, want %v", pieces, want)
			}
			if d := cmp.Diff(c.replayed, r.box.rows); d != "" {
				t.Errorf("the replay delivered (-want +got):\n%s", d)
			}
			if left, totals := r.letters(); len(left) != 0 || totals.Rejected != 0 {
				t.Errorf("letters %d are left, totals %s", left, totals.Counts)
			}
		})
	}
}

// A replay that ends between a delivery and its commit leaves the letters (I5),
// and the next one gives each row the key that it had, whatever else is
// replayed with it (I7).
func TestReplayAfterCrash(t *testing.T) {
	c := replayCase{
		steps: "dedupe \"d\" {\nkeys = { id = \"id\" }\n}\nsink \"box\" \"out\" {\nname = \"out\"\n}\n",
		data:  "id,n\na,1\nb,2\nc,3\n", refuse: []string{"out"},
	}
	r := newReplay(t, c)
	ids, _ := r.letters()
	r.box.refuse = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped, err := r.e.Replay(ctx, r.l, engine.ReplayOptions{StateDir: r.state(), Pipeline: "p", IDs: ids[1:], Point: func(name string) {
		if name == "committing" {
			cancel() // the commit is refused, as if the process had ended here
		}
	}})
	if err != nil || !errors.Is(stopped.Err, context.Canceled) {
		t.Fatal(err, stopped.Err)
	}
	if left, _ := r.letters(); !slices.Equal(left, ids) {
		t.Fatalf("letters %d are left of %d", left, ids)
	}
	if len(r.box.rows) != 2 {
		t.Fatalf("delivered before the crash: %q", r.box.rows)
	}
	p := r.replay(ids, nil)
	if p.Err != nil || p.Ledger.Delivered != 3 {
		t.Errorf("ledger %+v, %v", p.Ledger, p.Err)
	}
	if len(r.box.rows) != 3 || len(r.box.repeat) != 2 {
		t.Errorf("delivered %q, recognised %q", r.box.rows, r.box.repeat)
	}
	if left, _ := r.letters(); len(left) != 0 {
		t.Errorf("letters %d are left", left)
	}
}

// Deliveries that are made of the same rows have keys of their own, in a run and
// in a replay: a receiver that honours keys would else drop all but the first.
func TestKeysOfPieces(t *testing.T) {
	for name, steps := range map[string]string{
		"expanded":     "expand \"e\" {\nrows = \"1..(n ?? 0)\"\nfields = {\nid = \"id\"\ni = \"item\"\n}\n}\n",
		"two branches": "map \"a\" {\nfrom = decode.csv\nfields = { id = \"id\" }\n}\nmap \"b\" {\nfrom = decode.csv\nfields = { id = \"id\" }\n}\n",
	} {
		from := ""
		if name == "two branches" {
			from = "from = [map.a, map.b]\n"
		}
		for _, rows := range []int{1, 2} {
			r := newReplay(t, replayCase{steps: fmt.Sprintf("%ssink \"box\" \"out\" {\nname = \"out\"\nrows = %d\n%s}\n", steps, rows, from), data: "id,n\na,3\nb,1\nc,2\n"})
			if len(r.box.rows) != 6 || len(r.box.repeat) != 0 {
				t.Errorf("%s, %d a delivery: delivered %q, taken for repeated %q", name, rows, r.box.rows, r.box.repeat)
			}
		}
	}
}

// A replay of many rows commits on its way, so that a crash repeats little and memory does
// not grow with the rows; never among the pieces of one row, nor while a step keeps rows back.
func TestReplayCommitsOnItsWay(t *testing.T) {
	const n = 95
	sink := "sink \"box\" \"out\" {\nname = \"out\"\n}\n"
	for name, c := range map[string]struct {
		steps    string
		commits  int // of an undisturbed replay
		left     int // letters, when the fifth commit does not come about
		rows     int // delivered by then
		all      int
		repeated int
	}{
		"rows":          {sink, 10, 55, 50, n, 10},
		"pieces of one": {"expand \"e\" {\nrows = \"1..3\"\nfields = {\nid = \"id\"\ni = \"item\"\n}\n}\n" + sink, 10, 3 * 55, 3 * 50, 3 * n, 3 * 10},
		"a group":       {"group \"g\" {\nby = [\"n\"]\nfields = {\nn = \"first(rows).n\"\nlines = \"len(rows)\"\n}\n}\n" + sink, 1, 10, 10, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			var data strings.Builder
			data.WriteString("id,n\n")
			for i := range n {
				fmt.Fprintf(&data, "r%02d,%d\n", i, i%10)
			}
			refused := replayCase{steps: "commit {\nrows = 10\n}\n" + c.steps, data: data.String(), refuse: []string{"out"}}
			r := newReplay(t, refused)
			ids, _ := r.letters()
			r.box.refuse = nil
			commits := 0
			count := func(name string) {
				if name == "committed" {
					commits++
				}
			}
			if p := r.replay(ids, count); p.Err != nil || commits != c.commits || len(r.box.rows) != c.all {
				t.Errorf("%d commits, want %d; delivered %d, %v", commits, c.commits, len(r.box.rows), p.Err)
			}
			r = newReplay(t, refused)
			ids, _ = r.letters()
			r.box.refuse = nil
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			at := min(5, c.commits)
			_, err := r.e.Replay(ctx, r.l, engine.ReplayOptions{StateDir: r.state(), Pipeline: "p", IDs: ids, Point: func(name string) {
				if name == "committing" {
					if at--; at == 0 {
						cancel()
					}
				}
			}})
			if left, _ := r.letters(); err != nil || len(left) != c.left || len(r.box.rows) != c.rows {
				t.Fatalf("%d letters are left, want %d; delivered %d, want %d; %v", len(left), c.left, len(r.box.rows), c.rows, err)
			}
			p := r.replay(ids, nil) // those that are gone are left out
			if p.Err != nil || len(r.box.rows) != c.all || len(r.box.repeat) != c.repeated {
				t.Errorf("delivered %d, recognised %d, %v", len(r.box.rows), len(r.box.repeat), p.Err)
			}
			if left, _ := r.letters(); len(left) != 0 {
				t.Errorf("%d letters are left", len(left))
			}
		})
	}
}
