package files_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/files"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/state/memkv"
)

var noon = time.Date(2024, 7, 1, 12, 0, 3, 0, time.UTC)

// world is a server, a clock and a state store that outlive runs.
type world struct {
	t     testing.TB
	fs    *fakeFS
	clock *fakeClock
	src   *fakeSource
	db    *memkv.Store
	store *state.Store
	spool string
	limit int64 // of the spool folder
	free  int64 // of its disk; 0 asks that

	// rows committed so far, as "path:text" in order
	rows []string
}

func newWorld(t testing.TB, o plugin.FileOptions) *world {
	t.Helper()
	if o.Path == "" {
		o.Path = "/in/*.csv"
	}
	w := &world{t: t, fs: newFS(), clock: &fakeClock{now: noon}, src: &fakeSource{o: o}, db: memkv.New(), spool: t.TempDir()}
	w.restart()
	return w
}

func (w *world) restart() {
	w.t.Helper()
	w.db.Reopen()
	var err error
	if w.store, err = state.New(w.db, state.Options{Clock: w.clock}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// run is one run of the pipeline.
type run struct {
	w    *world
	se   *state.Session
	set  *files.Set
	rows []string // read since the last commit
}

func (w *world) begin() *run { return w.beginOn(w.fs) }

// beginOn is begin with fs as the server.
func (w *world) beginOn(fs plugin.FileSystem) *run {
	w.t.Helper()
	se, err := w.store.Pipeline(w.t.Context(), "p", 1, "rev")
	w.must(err)
	set, err := files.Open(files.Config{Source: w.src, FS: fs, Ledger: se.Ledger("files"), Pipeline: se.Address(), Step: "files", Spool: w.spool, SpoolLimit: w.limit, Clock: w.clock})
	w.must(err)
	if w.free > 0 {
		files.SetFree(set, w.free)
	}
	return &run{w: w, se: se, set: set}
}

// errCrash ends a run at a point chosen by a test: nothing more is written.
var errCrash = errors.New("crash")

// read reads up to n rows (lines) of f, from where it goes on; n < 0 is all.
// more tells that rows are left.
func (r *run) read(f *files.File, n int) (more bool) {
	r.w.t.Helper()
	b, err := f.Open(r.w.t.Context())
	r.w.must(err)
	seeker, ok := b.(io.Seeker)
	if !ok {
		r.w.t.Fatalf("%s cannot be read from its middle on", f.Name)
	}
	_, err = seeker.Seek(f.From.Offset, io.SeekStart)
	r.w.must(err)
	data, err := io.ReadAll(b)
	r.w.must(errors.Join(err, b.Close()))
	c := f.From
	for ; n != 0 && len(data) > 0; n-- {
		line, rest, _ := strings.Cut(string(data), "\n")
		c.Row++
		c.Offset += int64(len(data) - len(rest))
		data = []byte(rest)
		r.rows = append(r.rows, f.Name+":"+line)
	}
	if len(data) == 0 {
		r.w.must(r.set.Done(r.w.t.Context(), f, c.Row))
		return false
	}
	r.w.must(r.set.Progress(f, c))
	f.From = c
	return true
}

func (r *run) commit() {
	r.w.t.Helper()
	r.se.Count(state.Counts{Read: int64(len(r.rows)), Delivered: int64(len(r.rows))})
	r.w.must(r.se.Commit(r.w.t.Context()))
	r.w.rows = append(r.w.rows, r.rows...)
	r.rows = nil
}

// run reads everything there is, with a commit after each file.
func (w *world) run() *run {
	w.t.Helper()
	r := w.begin()
	w.runIn(r)
	return r
}

// runIn is run, in a run that has begun.
func (w *world) runIn(r *run) {
	w.t.Helper()
	for {
		f, err := r.set.Next(w.t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		w.must(err)
		r.read(f, -1)
		r.commit()
		w.must(r.set.AfterCommit(w.t.Context()))
	}
	r.commit()
	w.must(r.set.AfterCommit(w.t.Context()))
}

func (w *world) wantRows(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.rows, want) {
		w.t.Fatalf("rows committed: %q\nwant: %q", w.rows, want)
	}
	w.rows = nil
}

func (w *world) wantPaths(want ...string) {
	w.t.Helper()
	if got := w.fs.paths(); !slices.Equal(got, want) {
		w.t.Fatalf("files on the server: %q\nwant: %q", got, want)
	}
}

// ledger describes the file ledger, one "path state" each, history after.
func (w *world) ledger() []string {
	w.t.Helper()
	es, err := w.store.Files("p", true)
	w.must(err)
	var out []string
	for _, e := range es {
		out = append(out, fmt.Sprintf("%s %s %d", e.Path, e.State, e.Rows))
	}
	return out
}

func (w *world) wantLedger(want ...string) {
	w.t.Helper()
	if got := w.ledger(); !slices.Equal(got, want) {
		w.t.Fatalf("ledger: %q\nwant: %q", got, want)
	}
}

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func TestReadOnceAndAfter(t *testing.T) {
	for _, c := range []struct {
		after, state string
		left         []string
	}{
		{"keep", "committed", []string{"/in/a.csv", "/in/b.csv", "/in/other.txt"}},
		{"delete", "archived", []string{"/in/other.txt"}},
		{"move /in/old", "archived", []string{"/in/old/a.csv", "/in/old/b.csv", "/in/other.txt"}},
		{"move /done/deep", "archived", []string{"/done/deep/a.csv", "/done/deep/b.csv", "/in/other.txt"}},
	} {
		for _, local := range []bool{false, true} {
			t.Run(fmt.Sprint(c.after, " local=", local), func(t *testing.T) {
				w := newWorld(t, plugin.FileOptions{After: c.after, Ready: "now"})
				w.src.local = local
				w.fs.put("/in/b.csv", "b1\nb2\n", ago(time.Hour))
				w.fs.put("/in/a.csv", "a1\n", ago(time.Minute))
				w.fs.put("/in/other.txt", "x\n", ago(time.Minute))
				w.run()
				w.wantRows("/in/a.csv:a1", "/in/b.csv:b1", "/in/b.csv:b2")
				w.wantPaths(c.left...)
				w.wantLedger("/in/a.csv "+c.state+" 1", "/in/b.csv "+c.state+" 2")
				w.restart()
				w.run()
				w.wantRows()
				if left, err := filepath.Glob(filepath.Join(w.spool, "*", "*")); err != nil || len(left) > 0 {
					t.Fatal("spooled copies are left", left, err)
				}
			})
		}
	}
}

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		name string
		o    plugin.FileOptions
		want string
	}{
		{"one folder", plugin.FileOptions{Path: "/in/*.csv"}, "/in/a.csv /in/b.csv /in/c.csv"},
		{"any depth", plugin.FileOptions{Path: "/in/**/*.csv"}, "/in/a.csv /in/b.csv /in/c.csv /in/s/d.csv /in/s/t/e.csv"},
		{"one deeper", plugin.FileOptions{Path: "/in/*/*.csv"}, "/in/s/d.csv"},
		{"either", plugin.FileOptions{Path: "/in/{a,c}.csv"}, "/in/a.csv /in/c.csv"},
		{"one file", plugin.FileOptions{Path: "/in/b.csv"}, "/in/b.csv"},
		{"exclude", plugin.FileOptions{Exclude: []string{"b*", "/in/c.csv"}}, "/in/a.csv"},
		{"by time", plugin.FileOptions{Order: "time"}, "/in/c.csv /in/a.csv /in/b.csv"},
		{"limit", plugin.FileOptions{Limit: 2}, "/in/a.csv /in/b.csv"},
		{"nothing matches", plugin.FileOptions{Path: "/in/*.xml"}, ""},
		{"no such folder", plugin.FileOptions{Path: "/nowhere/*.csv", Missing: "empty"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Ready = "now"
			w := newWorld(t, c.o)
			w.fs.dirs["/in/s"], w.fs.dirs["/in/s/t"] = true, true
			for i, p := range []string{"/in/c.csv", "/in/a.csv", "/in/b.csv", "/in/s/d.csv", "/in/s/t/e.csv", "/in/bad\nname.csv", "/in/..csv\x00"} {
				w.fs.put(p, "x\n", ago(time.Hour-time.Duration(i)*time.Minute))
			}
			w.run()
			if got := strings.ReplaceAll(strings.Join(w.rows, " "), ":x", ""); got != c.want {
				t.Fatalf("read %q, want %q", got, c.want)
			}
			if c.o.Limit > 0 {
				w.rows = nil
				w.run()
				w.wantRows("/in/c.csv:x")
			}
		})
	}
}

func TestStable(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      time.Time // of the file, when the run begins
		changes []time.Duration
		rows    int
		slept   time.Duration // 0: not at all
		waiting string
		noTimes bool
		fixed   bool // changes leave the time as it is
	}{
		{name: "old", at: ago(31 * time.Second), rows: 1, slept: 30 * time.Second},
		{name: "very old", at: ago(1000 * time.Hour), rows: 1, slept: 30 * time.Second},
		{name: "young", at: ago(10 * time.Second), rows: 1, slept: 30 * time.Second},
		{name: "in the future", at: noon.Add(time.Hour), rows: 1, slept: 30 * time.Second},
		{name: "no time", at: ago(time.Hour), noTimes: true, rows: 1, slept: 30 * time.Second},
		{name: "no seconds", at: ago(63 * time.Second), rows: 1, slept: 30 * time.Second},
		{name: "grows at once, then no more", at: ago(29 * time.Second), changes: []time.Duration{time.Second}, rows: 2, slept: time.Minute},
		{name: "grows, and its time does not", at: ago(time.Hour), fixed: true, changes: []time.Duration{time.Second}, rows: 2, slept: time.Minute},
		{name: "still growing", at: ago(5 * time.Second), changes: []time.Duration{20 * time.Second, 40 * time.Second}, waiting: `it changed 0s ago; ready = "stable 30s"`, slept: time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "stable 30s"})
			w.fs.noTimes = c.noTimes
			w.fs.put("/in/a.csv", "a1\n", c.at)
			for _, d := range c.changes {
				at, told := noon.Add(d), noon.Add(d)
				if c.fixed {
					told = c.at
				}
				w.clock.events = append(w.clock.events, event{at, func() { w.fs.put("/in/a.csv", w.fs.files["/in/a.csv"].text+"a2\n", told) }})
			}
			r := w.run()
			if len(w.rows) != c.rows || w.clock.slept != c.slept {
				t.Fatalf("%d rows after %v, want %d after %v (%v)", len(w.rows), w.clock.slept, c.rows, c.slept, r.set.Left().Waiting)
			}
			waiting := ""
			for _, x := range r.set.Left().Waiting {
				waiting += x.Reason
			}
			if waiting != c.waiting {
				t.Fatalf("waiting: %q, want %q", waiting, c.waiting)
			}
			w.clock.events = nil
			w.clock.now = noon.Add(2 * time.Hour)
			w.rows = nil
			w.run()
			if got := len(w.rows); c.waiting != "" && got != 3 {
				t.Fatalf("the next run read %d rows", got)
			} else if c.waiting == "" && got != 0 {
				t.Fatalf("the next run read %d rows again", got)
			}
		})
	}
}

func TestMarker(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Path: "/in/*", Ready: "marker *.done", After: "move /in/old"})
	for _, p := range []string{"/in/a.csv", "/in/a.done", "/in/b.csv", "/in/b.csv.done", "/in/c.csv"} {
		w.fs.put(p, "x\n", noon)
	}
	r := w.run()
	w.wantRows("/in/a.csv:x", "/in/b.csv:x")
	w.wantPaths("/in/c.csv", "/in/old/a.csv", "/in/old/a.done", "/in/old/b.csv", "/in/old/b.csv.done")
	if ws := r.set.Left().Waiting; len(ws) != 1 || ws[0].Name != "/in/c.csv" || !strings.Contains(ws[0].Reason, "marker c.csv.done or c.done is not there") {
		t.Fatal(ws)
	}
	w.fs.put("/in/c.done", "", noon)
	w.run()
	w.wantRows("/in/c.csv:x")
	w.src.o.Ready = "marker READY"
	if _, err := files.Open(files.Config{Source: w.src, FS: w.fs, Clock: w.clock}); err == nil || !strings.Contains(err.Error(), "needs one *") {
		t.Fatal(err)
	}
}

func TestUploadAgain(t *testing.T) {
	same := []string{"/in/a.csv:a1", "/in/a.csv:a2"}
	other := []string{"/in/a.csv:b1", "/in/a.csv:b2"}
	for _, c := range []struct {
		name string
		text string
		at   time.Time
		skip bool
		rows []string
	}{
		{name: "same content, new time", text: "a1\na2\n", at: noon, rows: same},
		{name: "same content, new time, to be skipped", text: "a1\na2\n", at: noon, skip: true},
		{name: "more content", text: "a1\na2\na3\n", at: noon, rows: append(same[:2:2], "/in/a.csv:a3")},
		{name: "other content, same size", text: "b1\nb2\n", at: noon, rows: other},
		{name: "other content, same size and time", text: "b1\nb2\n", at: ago(time.Hour), rows: other},
		{name: "other content, same size and time, skip", text: "b1\nb2\n", at: ago(time.Hour), skip: true, rows: other},
		{name: "same in all", text: "a1\na2\n", at: ago(time.Hour), rows: same},
		{name: "same in all, to be skipped", text: "a1\na2\n", at: ago(time.Hour), skip: true},
	} {
		for _, after := range []string{"move /in/old", "delete"} {
			for _, local := range []bool{false, true} {
				t.Run(fmt.Sprint(c.name, ", ", after, " local=", local), func(t *testing.T) {
					w := newWorld(t, plugin.FileOptions{Ready: "now", After: after})
					if c.skip {
						w.src.o.SameContent = "skip"
					}
					w.src.local = local
					w.fs.put("/in/a.csv", "a1\na2\n", ago(time.Hour))
					w.run()
					w.wantRows(same...)
					ids := map[string]bool{}
					for i := range 3 { // each is a file of its own
						text, rows := c.text, slices.Clone(c.rows)
						if c.skip && rows != nil && i == 1 { // not that of the one before
							text = strings.ReplaceAll(text, "b", "c")
							for k := range rows {
								rows[k] = strings.ReplaceAll(rows[k], ":b", ":c")
							}
						}
						w.fs.put("/in/a.csv", text, c.at)
						w.run()
						w.wantRows(rows...)
						if w.fs.files["/in/a.csv"] != nil {
							t.Fatal("it was not put away")
						}
						e, _, err := w.begin().se.File("files", "/in/a.csv")
						w.must(err)
						if ids[e.ID] && rows != nil {
							t.Fatalf("two uploads have the identity %s", e.ID)
						}
						ids[e.ID] = true
					}
					w.run()
					w.wantRows()
					if after != "delete" && w.fs.files["/in/old/a.csv"].text != "a1\na2\n" {
						t.Fatal("the first file in the archive was replaced")
					}
				})
			}
		}
	}
}

func TestResume(t *testing.T) {
	for _, local := range []bool{false, true} {
		t.Run(fmt.Sprint("local=", local), func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "stable 30s"})
			w.src.local = local
			w.fs.put("/in/m.csv", "1\n2\n3\n4\n5\n", ago(time.Hour))
			r := w.begin()
			f, err := r.set.Next(t.Context())
			w.must(err)
			r.read(f, 2)
			r.commit()
			r.read(f, 2) // lost in the crash
			w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
			w.restart()
			w.run()
			w.wantRows("/in/m.csv:1", "/in/m.csv:2", "/in/m.csv:3", "/in/m.csv:4", "/in/m.csv:5", "/in/a.csv:a")
			if !local && !slices.Equal(w.fs.opened, []int64{0, 0, 0}) { // one of them to compare it
				t.Fatalf("the spooled copy was not used again: %v", w.fs.opened)
			}
			w.run()
			w.wantRows()
		})
	}
}

func TestChangedWhileBeingRead(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	r.read(f, 2)
	r.commit()
	w.fs.put("/in/a.csv", "7\n8\n9\n", noon)
	w.restart()
	r = w.run()
	w.wantRows("/in/a.csv:1", "/in/a.csv:2", "/in/a.csv:7", "/in/a.csv:8", "/in/a.csv:9")
	w.wantLedger("/in/a.csv committed 3", "/in/a.csv superseded 2")
	if n := r.set.Left().Notices; len(n) != 1 || !strings.Contains(n[0].Detail, "/in/a.csv changed after 2 rows of it were committed") {
		t.Fatal(n)
	}
	// Touched but not changed, when its content was known: goes on.
	w.fs.put("/in/b.csv", "1\n2\n", ago(time.Hour))
	r = w.begin()
	f, err = r.set.Next(t.Context())
	w.must(err)
	r.read(f, 1)
	r.commit()
	w.fs.put("/in/b.csv", "1\n2\n", noon)
	w.run()
	w.wantRows("/in/b.csv:1", "/in/b.csv:2")
}
