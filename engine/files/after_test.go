package files_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
)

// TestMoves covers what may happen between a commit and the move (I1, I7).
func TestMoves(t *testing.T) {
	prepare := func(t *testing.T, after string) (*world, *run) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", After: after})
		w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
		r := w.begin()
		f, err := r.set.Next(t.Context())
		w.must(err)
		r.read(f, -1)
		w.must(r.set.AfterCommit(t.Context())) // before the commit nothing moves
		w.wantPaths("/in/a.csv")
		r.commit()
		return w, r
	}
	t.Run("crash before the move", func(t *testing.T) {
		w, _ := prepare(t, "move /in/old")
		w.restart()
		w.run()
		w.wantRows("/in/a.csv:a")
		w.wantPaths("/in/old/a.csv")
		w.wantLedger("/in/a.csv archived 1")
	})
	t.Run("crash after the move", func(t *testing.T) {
		w, _ := prepare(t, "move /in/old")
		w.must(w.fs.MakeDir(t.Context(), "/in/old"))
		w.must(w.fs.Rename(t.Context(), "/in/a.csv", "/in/old/a.csv"))
		w.restart()
		w.run()
		w.wantRows("/in/a.csv:a")
		w.wantLedger("/in/a.csv archived 1")
	})
	t.Run("the move fails", func(t *testing.T) {
		w, r := prepare(t, "move /in/old")
		w.fs.fail = func(op, _ string) error {
			if op == "rename" {
				return fs.ErrPermission
			}
			return nil
		}
		w.must(r.set.AfterCommit(t.Context()))
		if n := r.set.Left().Notices; len(n) != 1 || !strings.Contains(n[0].Detail, "Its rows are committed and are not read again") {
			t.Fatal(n)
		}
		w.run()
		w.wantRows("/in/a.csv:a")
		w.fs.fail = nil
		w.run()
		w.wantRows()
		w.wantPaths("/in/old/a.csv")
	})
	for _, after := range []string{"move /in/old", "delete"} {
		t.Run("new content before "+after, func(t *testing.T) {
			w, r := prepare(t, after)
			w.fs.put("/in/a.csv", "new\n", noon)
			w.must(r.set.AfterCommit(t.Context()))
			w.wantPaths("/in/a.csv")
			w.run()
			w.wantRows("/in/a.csv:a", "/in/a.csv:new")
		})
	}
	t.Run("new content in the very moment", func(t *testing.T) {
		w, r := prepare(t, "move /in/old")
		w.fs.before = func(op, _ string) {
			if op == "rename" {
				w.fs.put("/in/a.csv", "new\n", noon)
				w.fs.before = nil
			}
		}
		w.must(r.set.AfterCommit(t.Context()))
		w.wantPaths("/in/a.csv")
		w.run()
		w.wantRows("/in/a.csv:a", "/in/a.csv:new")
	})
}

func TestTransfers(t *testing.T) {
	text := strings.Repeat("0123456\n", 10)
	t.Run("cut and taken up", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, ago(time.Hour))
		w.fs.cut = []int{30, 0, 7}
		w.run()
		if len(w.rows) != 10 || !slices.Equal(w.fs.opened, []int64{0, 27, 30, 34}) {
			t.Fatal(w.rows, w.fs.opened)
		}
	})
	t.Run("given up, and taken up by the next run", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, ago(time.Hour))
		w.fs.cut = []int{30, 0, 0, 0, 0}
		w.fs.put("/in/b.csv", "b\n", ago(time.Hour))
		a := w.run().set.Left().Unread // the other is read
		w.wantRows("/in/b.csv:b")
		if len(a) != 1 || plugin.ClassOf(a[0].Err) != plugin.Transient || !errors.Is(a[0].Err, errCut) || !strings.Contains(a[0].Err.Error(), "broke off at byte 30 of 80, 5 times in a row") {
			t.Fatal(a)
		}
		w.fs.opened, w.fs.cut = nil, nil
		w.run()
		if len(w.rows) != 10 || !slices.Equal(w.fs.opened, []int64{27}) {
			t.Fatal(w.rows, w.fs.opened)
		}
	})
	t.Run("two files in a row break off, so it is the server", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, ago(time.Hour))
		w.fs.put("/in/b.csv", text, ago(time.Hour))
		w.fs.cut = []int{30, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		if _, err := w.begin().set.Next(t.Context()); plugin.ClassOf(err) != plugin.Transient || !errors.Is(err, errCut) {
			t.Fatal(err)
		}
	})
	t.Run("replaced on the way", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, ago(time.Hour))
		w.fs.cut = []int{30}
		w.clock.events = []event{{noon.Add(time.Second), func() { w.fs.put("/in/a.csv", "x"+text[1:], noon) }}}
		r := w.run()
		w.wantRows()
		if ws := r.set.Left().Waiting; len(ws) != 1 || !strings.Contains(ws[0].Reason, "changed while it was being copied") {
			t.Fatal(ws)
		}
		w.run()
		if len(w.rows) != 10 || w.rows[0] != "/in/a.csv:x123456" {
			t.Fatal(w.rows)
		}
	})
	t.Run("replaced at the very moment", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, ago(time.Hour))
		w.fs.before = func(op, _ string) {
			if op == "open" {
				w.fs.put("/in/a.csv", "x"+text[1:], noon)
				w.fs.before = nil
			}
		}
		r := w.run()
		w.wantRows()
		if ws := r.set.Left().Waiting; len(ws) != 1 || !strings.Contains(ws[0].Reason, "changed while it was being copied") {
			t.Fatal(ws)
		}
	})
	t.Run("gone after the listing", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, noon)
		w.fs.put("/in/b.csv", "b\n", noon)
		w.fs.before = func(op, p string) {
			if op == "stat" {
				delete(w.fs.files, "/in/a.csv")
			}
		}
		w.run()
		w.wantRows("/in/b.csv:b")
	})
	t.Run("no room for the copy", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", text, noon)
		w.spool = filepath.Join(w.spool, "file")
		w.must(os.WriteFile(w.spool, nil, 0o600))
		_, err := w.begin().set.Next(t.Context())
		var f *plugin.Failure
		if !errors.As(err, &f) || f.Class != plugin.Environment {
			t.Fatal(err)
		}
	})
}

func TestQuarantine(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now", After: "move /in/old"})
	w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	w.must(r.set.Quarantine(f, "it lacks column email"))
	r.commit()
	w.must(r.set.AfterCommit(t.Context()))
	r = w.run()
	w.wantRows()
	w.wantPaths("/in/a.csv")
	w.wantLedger("/in/a.csv quarantined 0")
	if ws := r.set.Left().Waiting; len(ws) != 1 || ws[0].Reason != "quarantined: it lacks column email" {
		t.Fatal(ws)
	}
	w.fs.put("/in/a.csv", "email\n", noon)
	w.run()
	w.wantRows("/in/a.csv:email")
	w.wantPaths("/in/old/a.csv")
	w.wantLedger("/in/a.csv archived 1", "/in/a.csv quarantined 0")
}

// The rows of a file that is refused are discarded; what was noted of others
// before, such as a new time, is not, and the same Set goes on with what is left.
func TestQuarantineKeepsWhatWasNoted(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/a.csv", "1\n", ago(2*time.Hour))
	w.run()
	w.wantRows("/in/a.csv:1")
	w.fs.put("/in/a.csv", "1\n", ago(time.Hour)) // with a new time, the same content
	w.fs.put("/in/b.csv", "broken\n", ago(time.Hour))
	w.fs.put("/in/c.csv", "broken too\n", ago(time.Hour))
	w.fs.put("/in/d.csv", "4\n", ago(time.Hour))
	lists := 0
	w.fs.before = func(op, _ string) {
		if op == "list" {
			lists++
		}
	}
	r := w.begin()
	for _, name := range []string{"/in/b.csv", "/in/c.csv"} {
		f, err := r.set.Next(t.Context())
		w.must(err)
		if f.Name != name {
			t.Fatalf("%s instead of %s", f.Name, name)
		}
		r.se.Discard()
		w.must(r.set.Quarantine(f, name+": it lacks column email"))
		r.commit()
		w.must(r.set.AfterCommit(t.Context()))
	}
	f, err := r.set.Next(t.Context())
	w.must(err)
	r.read(f, -1)
	r.commit()
	w.wantRows("/in/d.csv:4")
	w.wantLedger("/in/a.csv committed 1", "/in/b.csv quarantined 0", "/in/c.csv quarantined 0", "/in/d.csv committed 1")
	if e, _, err := r.se.File("files", "/in/a.csv"); err != nil || !e.ModTime.Equal(ago(time.Hour)) {
		t.Errorf("a.csv is known with the time %v, %v", e.ModTime, err)
	}
	if e, _, err := r.se.File("files", "/in/b.csv"); err != nil || e.Reason != "it lacks column email" {
		t.Errorf("the reason is %q, %v", e.Reason, err)
	}
	if lists != 1 {
		t.Errorf("one run listed the files %d times", lists)
	}
}

func TestLocalFileGrowsOrShrinks(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.src.local = true
	w.fs.put("/in/a.csv", "1\n2\n", ago(time.Hour))
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	w.fs.put("/in/a.csv", "1\n2\n3\n", noon)
	r.read(f, -1)
	r.commit()
	w.wantRows("/in/a.csv:1", "/in/a.csv:2") // as it was when it was claimed
	f, err = w.begin().set.Next(t.Context())
	w.must(err)
	w.fs.put("/in/a.csv", "1\n", noon)
	b, err := f.Open(t.Context())
	w.must(err)
	if _, err = io.ReadAll(b); err == nil || !strings.Contains(err.Error(), "became shorter while it was read: 2 of 6 bytes") {
		t.Fatal(err)
	}
	w.must(b.Close())
}
