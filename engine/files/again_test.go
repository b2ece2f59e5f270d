package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// A file that is kept, is gone for a while, and is there again (I7: a process may be
// killed at any point of it): with other content it is another file, whatever its size
// and time say. With the same it is not read again, which is told; with a new time it is.
func TestGoneAndBack(t *testing.T) {
	for _, c := range []struct {
		name, text string
		at         time.Time
		skip       string
		rows       []string
		told       bool
	}{
		{"the same", "a1\n", ago(time.Hour), "read", nil, true},
		{"other content", "b1\n", ago(time.Hour), "read", []string{"/in/a.csv:b1"}, false},
		{"a new time", "a1\n", noon, "read", []string{"/in/a.csv:a1"}, false},
		{"a new time, to be skipped", "a1\n", noon, "skip", nil, true},
	} {
		for _, local := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, " local=", local), func(t *testing.T) {
				w := newWorld(t, plugin.FileOptions{Ready: "now", SameContent: c.skip})
				w.src.local = local
				w.fs.put("/in/a.csv", "a1\n", ago(time.Hour))
				w.fs.put("/in/b.csv", "x\n", ago(time.Hour))
				w.run()
				w.wantRows("/in/a.csv:a1", "/in/b.csv:x")
				delete(w.fs.files, "/in/a.csv")
				w.run()
				w.restart()
				w.fs.put("/in/a.csv", c.text, c.at)
				r := w.run()
				w.wantRows(c.rows...)
				told := slices.ContainsFunc(r.set.Left().Notices, func(n diag.Diagnostic) bool { return n.Code == "run.file_back" })
				if told != c.told {
					t.Errorf("told %v: %v", told, r.set.Left().Notices)
				}
				w.run()
				w.wantRows()
				w.wantPaths("/in/a.csv", "/in/b.csv")
			})
		}
	}
}

// What was refused, or read in part, does not stand for what comes after it was taken away.
func TestGoneWhileUnfinished(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.src.local = true
	w.fs.put("/in/a.csv", "1\n2\n", ago(time.Hour))
	w.fs.put("/in/b.csv", "broken\n", ago(time.Hour))
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	r.read(f, 1)
	r.commit()
	f, err = r.set.Next(t.Context())
	w.must(err)
	w.must(r.set.Quarantine(f, "broken"))
	r.commit()
	w.wantRows("/in/a.csv:1")
	clear(w.fs.files)
	w.run()
	w.fs.put("/in/a.csv", "8\n9\n", ago(time.Hour))
	w.fs.put("/in/b.csv", "mended\n", ago(time.Hour))
	w.run()
	w.wantRows("/in/a.csv:8", "/in/a.csv:9", "/in/b.csv:mended")
}

// A listing that could not be made, or that is of other files, says nothing about those
// that it does not have.
func TestNotListedIsNotGone(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Path: "/in/**/*.csv", Ready: "now", Missing: "empty"})
	w.fs.dirs["/in/s"] = true
	w.fs.put("/in/s/a.csv", "a\n", ago(time.Hour))
	w.fs.put("/in/b.csv", "b\n", ago(time.Hour))
	w.run()
	w.wantRows("/in/b.csv:b", "/in/s/a.csv:a")
	hidden := func(do func(), undo func()) {
		do()
		w.run()
		undo()
		if n := w.run().set.Left().Notices; len(n) > 0 {
			t.Errorf("%v", n)
		}
		w.wantRows()
	}
	hidden(func() { w.fs.dirs = map[string]bool{"/": true} }, func() { w.fs.dirs = map[string]bool{"/": true, "/in": true, "/in/s": true} })
	hidden(func() {
		w.fs.fail = func(op, p string) error {
			if op == "list" && p == "/in/s" {
				return plugin.Confine(fs.ErrPermission)
			}
			return nil
		}
	}, func() { w.fs.fail = nil })
	hidden(func() { w.src.o.Path = "/in/*.csv" }, func() { w.src.o.Path = "/in/**/*.csv" })
}

// The process is killed between the commit of a file and its being put away, and by the
// next run another file has its name, size and time: that is read, then put away. So is
// one whose predecessor could not be put away.
func TestAnotherFileBeforeThePutAway(t *testing.T) {
	for _, after := range []string{"move /in/old", "delete"} {
		for _, local := range []bool{false, true} {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprint(after, " local=", local, " done=", done), func(t *testing.T) {
					w := newWorld(t, plugin.FileOptions{Ready: "now", After: after})
					w.src.local = local
					w.fs.put("/in/a.csv", "a1\n", ago(time.Hour))
					r := w.begin()
					f, err := r.set.Next(t.Context())
					w.must(err)
					r.read(f, -1)
					r.commit()
					if done { // and not recorded
						delete(w.fs.files, "/in/a.csv")
					}
					w.restart()
					w.fs.put("/in/a.csv", "b1\n", ago(time.Hour))
					w.run()
					w.wantRows("/in/a.csv:a1", "/in/a.csv:b1")
					if w.fs.files["/in/a.csv"] != nil {
						t.Error("it was not put away")
					}
				})
			}
		}
	}
}

// The first file that cannot be put away holds up the others: none is fetched again
// to no end.
func TestPutAwayRefused(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
	for _, n := range []string{"a", "b", "c"} {
		w.fs.put("/in/"+n+".csv", n+"\n", ago(time.Hour))
	}
	w.fs.fail = func(op, _ string) error {
		if op == "remove" {
			return plugin.Confine(fs.ErrPermission)
		}
		return nil
	}
	w.run()
	w.wantRows("/in/a.csv:a", "/in/b.csv:b", "/in/c.csv:c")
	w.fs.opened = nil
	r := w.run()
	w.wantRows()
	if n := r.set.Left().Notices; len(w.fs.opened) != 1 || len(n) != 2 || !strings.Contains(n[1].Detail, "2 more were not tried") {
		t.Errorf("%d transfers, %v", len(w.fs.opened), n)
	}
	w.fs.fail = nil
	w.run()
	w.wantRows()
	w.wantPaths()
}

// A server that says that it deletes a file, and does not, gives it once.
func TestDeletedAndStillThere(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
	w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
	for range 3 {
		r := w.beginOn(undead{w.fs})
		for {
			f, err := r.set.Next(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			w.must(err)
			r.read(f, -1)
			r.commit()
			w.must(r.set.AfterCommit(t.Context()))
		}
		r.commit()
		if n := r.set.Left().Notices; len(n) != 1 || !strings.Contains(n[0].Detail, "says that it is deleted, and it is still there") {
			t.Error(n)
		}
	}
	w.wantRows("/in/a.csv:a")
}

// undead is a server that deletes nothing.
type undead struct{ *fakeFS }

func (undead) Remove(context.Context, string) error { return nil }
