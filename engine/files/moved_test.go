package files_test

import (
	"context"
	"testing"
	"time"

	"weir/engine/plugin"
)

// A crash between the move of a file and the record of it (I7): the record is
// made good, with the name in the archive, and the marker follows its file. Left
// behind it would declare the next file of that name complete.
func TestCrashBetweenMoveAndRecord(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "marker *.done", After: "move /in/old"})
	w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
	w.fs.put("/in/a.done", "", ago(time.Hour))
	w.must(w.fs.MakeDir(t.Context(), "/in/old"))
	w.fs.put("/in/old/a.csv", "another\n", ago(2*time.Hour))
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	r.read(f, -1)
	r.commit()
	w.must(w.fs.Rename(t.Context(), "/in/a.csv", "/in/old/a.1.csv"))
	w.restart()
	w.run()
	w.wantRows("/in/a.csv:a")
	w.wantPaths("/in/old/a.1.csv", "/in/old/a.csv", "/in/old/a.done")
	e, ok, err := w.begin().se.File("files", "/in/a.csv")
	w.must(err)
	if !ok || e.Target != "/in/old/a.1.csv" || e.Reason != "" {
		t.Errorf("the ledger has %+v", e)
	}

	w.fs.put("/in/a.csv", "half", ago(time.Minute))
	w.run()
	w.wantRows()
}

// deaf is a server that says that it moves files and leaves them, or loses them.
type deaf struct {
	*fakeFS
	lose bool
}

func (d deaf) Rename(_ context.Context, from, _ string) error {
	if d.lose {
		delete(d.files, from)
	}
	return nil
}

// TestMoveThatIsNone: a file that a server only says to have moved is told of, and its rows do
// not go out again by the next run.
func TestMoveThatIsNone(t *testing.T) {
	for _, lose := range []bool{false, true} {
		w := newWorld(t, plugin.FileOptions{Ready: "now", After: "move /done"})
		w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
		for i := range 3 {
			r := w.beginOn(deaf{w.fs, lose})
			w.runIn(r)
			want := []string{}
			if i == 0 {
				want = append(want, "/in/a.csv:a")
			}
			w.wantRows(want...)
			if n := r.set.Left().Notices; (len(n) != 1 || n[0].Code != "run.file_not_moved") && (!lose || i == 0) {
				t.Errorf("lost: %v, run %d: %v", lose, i, n)
			}
		}
	}
}
