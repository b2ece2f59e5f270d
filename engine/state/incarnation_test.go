package state_test

import (
	"errors"
	"testing"

	"weir/engine/state"
	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

func incarnation(t *testing.T, s *state.Store, want uint64) {
	t.Helper()
	n, err := s.Incarnation("p")
	must(t, err)
	if n != want {
		t.Errorf("incarnation %d, want %d", n, want)
	}
	se, err := s.Pipeline(t.Context(), "p", 1, "rev")
	must(t, err)
	if p, o := se.Incarnation("f1"); p != want || o != 0 {
		t.Errorf("a session has incarnation %d and reading %d, want %d", p, o, want)
	}
}

// Whatever drops, lays aside or moves away the state of a pipeline raises its
// incarnation, and nothing else does; it outlives the state.
func TestIncarnationIsRaised(t *testing.T) {
	s, db := newStore(t)
	begin := func() {
		t.Helper()
		se := session(t, s, "p")
		fill(t, se, 1)
		must(t, se.Commit(t.Context()))
	}
	begin()
	incarnation(t, s, 0)
	must(t, s.Rebuild("p", []string{"entity.profile"}))
	incarnation(t, s, 1)
	if got := seen(t, s, "p"); len(mustFiles(t, s, "p")) != 0 {
		t.Errorf("after a rebuild:\n%s", got)
	}
	begin()
	for want := uint64(1); want <= 2; want++ {
		n, err := s.Fork("p", []string{"p/dedupe.order", "entity.profile"})
		must(t, err)
		if n != want || len(mustFiles(t, s, "p")) != 0 {
			t.Errorf("laid aside as %d, want %d", n, want)
		}
		incarnation(t, s, 1+want)
		begin()
	}
	must(t, s.Drop(t.Context(), "p"))
	s = reopen(t, db)
	incarnation(t, s, 4)
	must(t, s.Keep("p", "q", nil))
	incarnation(t, s, 5)
	if n, err := s.Incarnation("q"); n != 0 || err != nil {
		t.Errorf("what took over the state has incarnation %d, %v", n, err)
	}
	must(t, s.Drop(t.Context(), "p~1"))
	if n, err := s.Incarnation("p~1"); n != 0 || err != nil {
		t.Errorf("what was laid aside has incarnation %d, %v", n, err)
	}
	if was, n, ok := state.Aside("p~2"); was != "p" || n != 2 || !ok {
		t.Error(was, n, ok)
	}
}

func mustFiles(t *testing.T, s *state.Store, pipeline string) []state.FileEntry {
	t.Helper()
	list, err := s.Files(pipeline, true)
	must(t, err)
	return list
}

// A file of which rows were committed is another reading once it was forgotten;
// others, and one of which nothing was committed, are not.
func TestForgottenFileIsAnotherReading(t *testing.T) {
	s, _ := newStore(t)
	for _, c := range []struct{ rows, want int64 }{{0, 0}, {3, 1}, {0, 1}, {2, 2}} {
		se := session(t, s, "p")
		must(t, se.PutFile(state.FileEntry{Source: "files", Path: "/a.csv", ID: "f1", State: state.FileReading, Rows: c.rows}))
		must(t, se.Commit(t.Context()))
		if _, err := s.ForgetFile("p", "files", "/a.csv"); err != nil {
			t.Fatal(err)
		}
		se = session(t, s, "p")
		p, o := se.Incarnation("f1")
		if _, other := se.Incarnation("f2"); p != 0 || o != uint64(c.want) || other != 0 { //nolint:gosec // a count
			t.Errorf("%d rows: incarnation %d, reading %d, of another file %d; want reading %d", c.rows, p, o, other, c.want)
		}
	}
}

// failing refuses writes from one on, as a process that was killed there would.
type failing struct {
	*memkv.Store
	left int
}

var errKilled = errors.New("killed")

func (f *failing) Apply(w *kv.Writes) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Store.Apply(w)
}

// A rebuild that a crash cuts is finished before anybody works with what is left.
func TestRebuildSurvivesCrashes(t *testing.T) {
	for writes := 0; ; writes++ {
		s, db := newStore(t)
		se := session(t, s, "p")
		fill(t, se, 1)
		must(t, se.Commit(t.Context()))
		before := seen(t, s, "p")
		broken, err := state.New(&failing{Store: db, left: writes}, state.Options{Clock: fixedClock{start}})
		must(t, err)
		err = broken.Rebuild("p", []string{"entity.profile"})
		done := err == nil
		if !done && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		s = reopen(t, db)
		se = session(t, s, "p") // the next run
		n, _ := se.Incarnation("f1")
		whole := seen(t, s, "p") == before
		keys := get(t, se.Space("dedupe.order"), "k") + get(t, se.Space("entity.profile"), "e")
		_, cursor, err := se.Cursor("files")
		must(t, err)
		gone := len(mustFiles(t, s, "p")) == 0 && keys == "--" && !cursor
		if n == 0 && (!whole || gone) || n == 1 && !gone || n > 1 {
			t.Errorf("after %d writes: incarnation %d, whole %v, gone %v (keys %s)", writes, n, whole, gone, keys)
		}
		if done {
			if writes < 4 {
				t.Errorf("a rebuild took %d writes alone", writes)
			}
			return
		}
	}
}
