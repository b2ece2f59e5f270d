package state_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/state"
	"weir/engine/state/memkv"
	"weir/engine/step"
)

var _ step.State = (*state.Space)(nil)

var start = time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)

type fixedClock struct{ now time.Time }

func (c fixedClock) Now() time.Time                           { return c.now }
func (fixedClock) Sleep(context.Context, time.Duration) error { return nil }

func newStore(t *testing.T) (*state.Store, *memkv.Store) {
	t.Helper()
	db := memkv.New()
	return reopen(t, db), db
}

// reopen is a restart of the process over the same database.
func reopen(t *testing.T, db *memkv.Store) *state.Store {
	t.Helper()
	db.Reopen()
	s, err := state.New(db, state.Options{Clock: fixedClock{start}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func session(t *testing.T, s *state.Store, address string) *state.Session {
	t.Helper()
	se, err := s.Pipeline(t.Context(), address, 3, "rev1")
	if err != nil {
		t.Fatal(err)
	}
	return se
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, sp *state.Space, key string) string {
	t.Helper()
	v, ok, err := sp.Get([]byte(key))
	must(t, err)
	if !ok {
		return "-"
	}
	return string(v)
}

// fill makes one change of every kind that a commit carries.
func fill(t *testing.T, se *state.Session, n int) {
	t.Helper()
	must(t, se.SetCursor("files", cursorAt(n)))
	must(t, se.SetSinkToken("out", fmt.Appendf(nil, "token %d", n)))
	se.Space("dedupe.order").Put([]byte("k"), fmt.Appendf(nil, "v%d", n))
	se.Space("entity.profile").Put([]byte("e"), fmt.Appendf(nil, "p%d", n))
	must(t, se.PutFile(state.FileEntry{Source: "files", Path: "/a.csv", ID: "f1", State: state.FileReading, Rows: int64(n)}))
	se.AddReject(state.Reject{Object: "/a.csv", Row: int64(n), Raw: []byte("x;y"), Step: "map.line", Code: "row.bad_value", Reason: "bad"})
	se.Count(state.Counts{Read: 10, Delivered: 6, Filtered: map[string]int64{"no_id": 2}, Deduplicated: 1, Rejected: 1})
}

func cursorAt(n int) state.Cursor {
	return state.Cursor{Object: "f1", Name: "/a.csv", Row: int64(n), Offset: int64(100 * n), Line: int64(n + 1), Prefix: 77, Groups: 1}
}

// seen describes everything that fill changes, as the reading side shows it.
func seen(t *testing.T, s *state.Store, address string) string {
	t.Helper()
	var sb strings.Builder
	cs, err := s.Cursors(address)
	must(t, err)
	fmt.Fprintln(&sb, cs)
	tot, err := s.Totals(address)
	must(t, err)
	fmt.Fprintln(&sb, tot.Counts, tot.Commits)
	fs, err := s.Files(address, true)
	must(t, err)
	for _, f := range fs {
		fmt.Fprintln(&sb, f.Path, f.ID, f.State, f.Rows)
	}
	must(t, s.Rejects(address, 0, func(r state.Reject) bool {
		fmt.Fprintln(&sb, r.ID, r.Object, r.Row, string(r.Raw), r.Revision, r.Run)
		return true
	}))
	return sb.String()
}

func TestCommitIsOne(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	fill(t, se, 1)
	empty := seen(t, s, "p")
	boom := errors.New("boom")
	db.FailNext(boom)
	if err := se.Commit(t.Context()); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if got := seen(t, s, "p"); got != empty {
		t.Fatalf("a failed commit left:\n%s", got)
	}
	must(t, se.Commit(t.Context())) // the pending changes were kept
	one := seen(t, s, "p")
	if !strings.Contains(one, "read 10, delivered 6, filtered by no_id 2, deduplicated 1, rejected 1 1\n") {
		t.Fatalf("got:\n%s", one)
	}
	fill(t, se, 2)
	se.Discard()
	must(t, se.Commit(t.Context()))
	if got := seen(t, s, "p"); got != one {
		t.Fatalf("discarded changes were committed:\n%s\nbefore:\n%s", got, one)
	}
	must(t, s.Close())

	s = reopen(t, db)
	se = session(t, s, "p")
	if got := seen(t, s, "p"); got != one {
		t.Fatalf("after a restart:\n%s\nbefore:\n%s", got, one)
	}
	c, ok, err := se.Cursor("files")
	if !ok || err != nil || c != cursorAt(1) {
		t.Fatal(c, ok, err)
	}
	if tok, err := se.SinkToken("out"); string(tok) != "token 1" || err != nil {
		t.Fatal(string(tok), err)
	}
	if got := get(t, se.Space("dedupe.order"), "k") + get(t, se.Space("entity.profile"), "e"); got != "v1p1" {
		t.Fatal(got)
	}
	fill(t, se, 2)
	must(t, se.Commit(t.Context()))
	rejects := 0
	must(t, s.Rejects("p", 2, func(r state.Reject) bool {
		rejects++
		want := state.Reject{ID: 2, Object: "/a.csv", Row: 2, Raw: []byte("x;y"), Step: "map.line", Code: "row.bad_value", Reason: "bad", Revision: "rev1", At: start}
		if d := cmp.Diff(want, r); d != "" {
			t.Error(d)
		}
		return true
	}))
	if rejects != 1 {
		t.Fatalf("%d rejects from number 2 on", rejects)
	}
}

func TestFencing(t *testing.T) {
	s, _ := newStore(t)
	old := session(t, s, "p")
	must(t, old.StartRun(state.Run{ID: "r1", Started: start}))
	fill(t, old, 1)
	now := session(t, s, "p")
	before := seen(t, s, "p")
	for name, f := range map[string]func() error{
		"commit":       func() error { return old.Commit(t.Context()) },
		"commit again": func() error { return old.Commit(t.Context()) },
		"empty commit": func() error { old.Discard(); return old.Commit(t.Context()) },
		"cut":          func() error { return old.RecordCut("out", 5) },
		"finish":       func() error { _, err := old.FinishRun(start, state.Succeeded, ""); return err },
	} {
		if err := f(); !errors.Is(err, state.ErrFenced) {
			t.Errorf("%s: got %v, want ErrFenced", name, err)
		}
	}
	if got := seen(t, s, "p"); got != before {
		t.Fatalf("a fenced session wrote:\n%s", got)
	}
	must(t, now.EndEarlier())
	must(t, now.EndEarlier()) // nothing is left to say
	if runs, err := s.Runs("p", 9); err != nil || len(runs) != 1 || runs[0].Outcome != state.Interrupted {
		t.Errorf("the run of the session before: %+v, %v", runs, err)
	}
	fill(t, now, 2)
	must(t, now.Commit(t.Context()))
	fill(t, session(t, s, "other"), 1) // another pipeline does not fence
	must(t, now.Commit(t.Context()))
	ps, err := s.Pipelines()
	must(t, err)
	want := []state.Pipeline{
		{Address: "other", Epoch: 1, Generation: 3, Revision: "rev1", Since: start},
		{Address: "p", Epoch: 2, Generation: 3, Revision: "rev1", Since: start},
	}
	if d := cmp.Diff(want, ps); d != "" {
		t.Fatal(d)
	}
}

func TestCursorOnlyForward(t *testing.T) { // I2
	s, db := newStore(t)
	se := session(t, s, "p")
	must(t, se.SetCursor("src", cursorAt(5)))
	must(t, se.SetCursor("src", cursorAt(7)))
	must(t, se.Commit(t.Context()))
	must(t, s.Close())
	se = session(t, reopen(t, db), "p")
	back := cursorAt(7)
	back.Offset--
	fewer := cursorAt(8)
	fewer.Groups = 0
	for name, c := range map[string]state.Cursor{"row": cursorAt(6), "offset": back, "groups": fewer} {
		if err := se.SetCursor("src", c); err == nil || !strings.Contains(err.Error(), "would move back") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	must(t, se.SetCursor("src", cursorAt(7)))
	unknown := cursorAt(9)
	unknown.Offset = -1
	must(t, se.SetCursor("src", unknown))
	must(t, se.SetCursor("src", state.Cursor{Object: "f2", Row: 1})) // another object begins
	if err := se.SetCursor("src", state.Cursor{Object: "f2"}); err == nil {
		t.Error("the cursor of the new object moved back")
	}
	must(t, se.Commit(t.Context()))
}

func TestLedgerMustAddUp(t *testing.T) { // I3
	for _, c := range []struct {
		name    string
		counts  state.Counts
		rejects int
		want    string
	}{
		{"lost row", state.Counts{Read: 10, Delivered: 9}, 0, "1 rows are unaccounted for (read 10, delivered 9)"},
		{"row too many", state.Counts{Read: 1, Delivered: 1, Held: 2}, 0, "2 rows too many"},
		{"reject not written", state.Counts{Read: 1, Rejected: 1}, 0, "counts 1 rejected rows and 0"},
		{"reject not counted", state.Counts{Read: 1, Delivered: 1}, 1, "counts 0 rejected rows and 1"},
		{"all kinds", state.Counts{Read: 10, Expanded: 5, Delivered: 4, Filtered: map[string]int64{"a": 1, "b": 2}, Deduplicated: 2, Grouped: 3, Rejected: 1, Held: 2}, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newStore(t)
			se := session(t, s, "p")
			se.Count(c.counts)
			for range c.rejects {
				se.AddReject(state.Reject{Reason: "x"})
			}
			err := se.Commit(t.Context())
			var le *state.LedgerError
			switch {
			case c.want == "":
				must(t, err)
			case !errors.As(err, &le) || !strings.Contains(err.Error(), c.want):
				t.Fatalf("got %v, want %q", err, c.want)
			default:
				tot, err := s.Totals("p")
				must(t, err)
				if tot.Commits != 0 {
					t.Fatal("it was committed all the same")
				}
			}
		})
	}
}

func TestCuts(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	must(t, se.RecordCut("out", 17))
	must(t, se.RecordCut("out", 40))
	must(t, se.RecordCut("other", 3))
	must(t, s.Close())

	s = reopen(t, db)
	se = session(t, s, "p")
	se.Discard()
	if got := se.Cuts("out"); !slices.Equal(got, []int64{17, 40}) {
		t.Fatal(got)
	}
	must(t, se.RecordCut("out", 55))
	se.Count(state.Counts{Read: 60, Delivered: 60})
	must(t, se.Commit(t.Context()))
	se = session(t, s, "p")
	if got := append(se.Cuts("out"), se.Cuts("other")...); len(got) != 0 {
		t.Fatalf("cuts after a commit: %v", got)
	}
}

func TestRuns(t *testing.T) {
	s, db := newStore(t)
	se := session(t, s, "p")
	must(t, se.StartRun(state.Run{ID: "r1", Started: start}))
	se.Count(state.Counts{Read: 2, Delivered: 2})
	must(t, se.Commit(t.Context()))
	se.Count(state.Counts{Read: 3, Filtered: map[string]int64{"f": 3}})
	must(t, se.Commit(t.Context()))
	se.Count(state.Counts{Read: 9, Delivered: 9})
	must(t, s.Close()) // killed

	s = reopen(t, db)
	se = session(t, s, "p")
	must(t, se.StartRun(state.Run{ID: "r2", Started: start.Add(time.Hour)}))
	se.AddReject(state.Reject{Reason: "x"})
	se.Count(state.Counts{Read: 1, Rejected: 1})
	must(t, se.Commit(t.Context()))
	_, err := se.FinishRun(start.Add(2*time.Hour), state.Failed, "the server is gone")
	must(t, err)
	got, err := s.Runs("p", 10)
	must(t, err)
	want := []state.Run{
		{Number: 2, ID: "r2", Started: start.Add(time.Hour), Ended: start.Add(2 * time.Hour), Revision: "rev1", Generation: 3, Outcome: state.Failed, Counts: state.Counts{Read: 1, Rejected: 1}, Error: "the server is gone"},
		{Number: 1, ID: "r1", Started: start, Revision: "rev1", Generation: 3, Outcome: state.Interrupted, Counts: state.Counts{Read: 5, Delivered: 2, Filtered: map[string]int64{"f": 3}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if got, err = s.Runs("p", 1); err != nil || len(got) != 1 || got[0].ID != "r2" {
		t.Fatal(got, err)
	}
	must(t, s.Rejects("p", 0, func(r state.Reject) bool {
		if r.Run != "r2" || r.ID != 1 {
			t.Errorf("reject %+v", r)
		}
		return true
	}))
}

func TestFileHistory(t *testing.T) {
	s, _ := newStore(t)
	se := session(t, s, "p")
	e := state.FileEntry{Source: "src", Path: "/b.csv", ID: "1", Size: 5, ModTime: start, State: state.FileReading, Rows: 3}
	must(t, se.PutFile(e))
	must(t, se.PutFile(state.FileEntry{Source: "src2", Path: "/b.csv", ID: "9", State: state.FileCommitted}))
	must(t, se.Commit(t.Context()))
	e.ID, e.State, e.Hash, e.HashKnown, e.Target = "2", state.FileArchived, 1<<63, true, "/old/b.csv"
	must(t, se.PutFile(e))
	must(t, se.PutFile(state.FileEntry{Source: "src", Path: "/a.csv", ID: "3", State: state.FileQuarantined, Reason: "r"}))
	var paths []string
	must(t, se.Files("src", func(f state.FileEntry) bool { paths = append(paths, f.Path+f.ID); return true }))
	if !slices.Equal(paths, []string{"/a.csv3", "/b.csv2"}) {
		t.Fatal(paths)
	}
	must(t, se.Commit(t.Context()))
	got, err := s.Files("p", true)
	must(t, err)
	var lines []string
	for _, f := range got {
		lines = append(lines, fmt.Sprint(f.Source, f.Path, " ", f.ID, " ", f.State))
	}
	want := []string{"src/a.csv 3 quarantined", "src/b.csv 2 archived", "src2/b.csv 9 committed", "src/b.csv 1 superseded"}
	if !slices.Equal(lines, want) {
		t.Fatalf("got %q, want %q", lines, want)
	}
	want2 := state.FileEntry{Source: "src", Path: "/b.csv", ID: "2", Size: 5, ModTime: start, Hash: 1 << 63, HashKnown: true, State: state.FileArchived, Rows: 3, Target: "/old/b.csv", Revision: "rev1", Seen: start, Changed: start}
	if d := cmp.Diff(want2, got[1]); d != "" {
		t.Fatal(d)
	}
}

func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	must(t, err)
	se := session(t, s, "p")
	fill(t, se, 1)
	must(t, se.Commit(t.Context()))
	want := seen(t, s, "p")
	_, err = state.Open(dir, state.Options{ReadOnly: true})
	var l *state.Locked
	if !errors.As(err, &l) || l.PID != os.Getpid() {
		t.Fatal(err)
	}
	must(t, s.Close())
	s, err = state.Open(dir, state.Options{ReadOnly: true})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	if got := seen(t, s, "p"); got != want {
		t.Fatalf("got:\n%s\nwant:\n%s", got, want)
	}
	if _, err := s.Pipeline(t.Context(), "p", 1, "r"); err == nil {
		t.Fatal("a store opened for reading gave a session")
	}
	if got, err := s.Runs("unknown", 5); len(got) != 0 || err != nil {
		t.Fatal(got, err)
	}
}
