package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"weir/engine/plugin"
)

// smallDisk gives files that take 100 bytes and then no more.
type smallDisk struct{ plugin.Disk }

func (d smallDisk) OpenFile(name string, flag int, perm fs.FileMode) (plugin.File, error) {
	f, err := d.Disk.OpenFile(name, flag, perm)
	return &fullDisk{f, 100}, err
}

// fullDisk is a file that takes a number of bytes and then no more.
type fullDisk struct {
	plugin.File
	left int
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n, err := f.File.Write(p[:f.left])
		f.left = 0
		return n, errors.Join(err, &fs.PathError{Op: "write", Path: "out", Err: syscall.ENOSPC})
	}
	f.left -= len(p)
	return f.File.Write(p)
}

func TestFullDiskLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := sinkAt(t, dir, "out", "")
	w := newWriter(s, newHost())
	w.disk = smallDisk{w.disk}
	if err := w.open(nil); err != nil {
		t.Fatal(err)
	}
	deliver(t, w, rows(0, 2))
	tok := must[[]byte](t)(w.Prepare(t.Context()))
	deliver(t, w, rows(2, 9))
	_, err := w.Prepare(t.Context())
	wantCode(t, err, "env.disk_full")
	_, err = w.Deliver(t.Context(), &plugin.Delivery{Rows: rows(9, 10)})
	wantCode(t, err, "env.disk_full")
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = open(t, s, tok)
	deliver(t, w, rows(2, 10))
	finish(t, w)
	checkIDs(t, content(t, filepath.Join(dir, "out")), 10)
}

func checkIDs(t interface {
	Helper()
	Errorf(string, ...any)
}, text string, n int) {
	t.Helper()
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "{\"id\":%d,\"name\":null,\"price\":2.5}\n", i)
	}
	if text != want.String() {
		t.Errorf("got %q\nwant the rows 0 to %d", text, n-1)
	}
}

// A crash at any step of a run leaves, after the next runs, one file with every
// row once (I5, I7).
func TestCrashAtAnyStep(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "run") //nolint:usetesting // one folder for each example of the property
		if err != nil {
			rt.Fatal(err)
		}
		exists := rapid.SampledFrom([]string{"replace", "error", "number"}).Draw(rt, "exists")
		compress := rapid.SampledFrom([]string{"none", "gzip"}).Draw(rt, "compress")
		s := sinkAt(t, dir, "out", fmt.Sprintf("exists = %q\ncompress = %q", exists, compress))
		const total = 12
		var committed int
		var tok []byte
		crash := func(step string) bool { return rapid.IntRange(0, 4).Draw(rt, "crash "+step) == 0 }
		for final := false; !final; {
			pw, err := s.Open(t.Context(), newHost(), tok)
			if err != nil {
				rt.Fatal(err)
			}
			w, _ := pw.(*writer)
			final = oneRun(rt, w, &committed, &tok, total, crash)
			_ = w.closeFile() // as the end of a process does
		}
		// Whatever happened to the renaming, the next Open has it done.
		if w, err := s.Open(t.Context(), newHost(), tok); err == nil {
			_ = w.Close(t.Context())
		} else if exists != "error" {
			rt.Fatal(err)
		}
		if got := names(t, dir); !slices.Equal(got, []string{"out"}) {
			rt.Fatalf("folder %v", got)
		}
		checkIDs(rt, content(t, filepath.Join(dir, "out")), total)
	})
}

// oneRun delivers the rows that are not committed yet and tells whether the last commit was made.
func oneRun(rt *rapid.T, w *writer, committed *int, tok *[]byte, total int, crash func(string) bool) bool {
	ctx := context.Background()
	for at := *committed; at < total; {
		n := min(rapid.IntRange(1, 4).Draw(rt, "rows"), total-at)
		if _, err := w.Deliver(ctx, &plugin.Delivery{Rows: rows(at, at+n)}); err != nil {
			rt.Fatal(err)
		}
		at += n
		if crash("after Deliver") {
			_ = w.flush()
			return false
		}
		next, err := w.Prepare(ctx)
		if err != nil {
			rt.Fatal(err)
		}
		if crash("after Prepare") {
			return false
		}
		*tok, *committed = next, at
	}
	next, err := w.PrepareFinal(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	if crash("after PrepareFinal") {
		return false
	}
	*tok = next
	switch {
	case crash("before Publish"):
	case w.sink.exists != "replace" && crash("between link and removal"):
		if err := os.Link(w.tok.Part, w.tok.Path); err != nil {
			rt.Fatal(err)
		}
	default:
		if err := w.Publish(ctx); err != nil {
			rt.Fatal(err)
		}
	}
	return true
}

func TestPartFileTakenAwayIsNoticed(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "out", ""), nil)
	deliver(t, w, rows(0, 2))
	must[[]byte](t)(w.PrepareFinal(t.Context()))
	if err := os.Remove(w.tok.Part); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.Publish(t.Context()), "env.part_file_lost")
	if got := names(t, dir); got != nil {
		t.Errorf("folder %v", got)
	}
}

func TestWriterBeginsAnotherFileAfterPublish(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "out", "exists = \"number\""), nil)
	for i := range 2 {
		deliver(t, w, rows(i, i+1))
		must[[]byte](t)(w.PrepareFinal(t.Context()))
		if err := w.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"out", "out-1"}) {
		t.Errorf("folder %v", got)
	}
}

func TestAnErrorBeforeAnyCommitLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	w := open(t, sinkAt(t, dir, "out", ""), nil)
	deliver(t, w, rows(0, 1))
	if err := w.Close(t.Context()); err != nil || names(t, dir) != nil {
		t.Errorf("folder %v, %v", names(t, dir), err)
	}
}
