package files_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
)

// endless is a server whose files in /in/big* never end.
type endless struct{ *fakeFS }

func (e endless) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	in, err := e.fakeFS.Open(ctx, p, offset)
	if r, ok := in.(*fakeReader); ok && strings.HasPrefix(p, "/in/big") {
		r.Reader = zeros{}
	}
	return in, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func codeOf(err error) diag.Code {
	if f, ok := errors.AsType[*plugin.Failure](err); ok {
		return f.Code
	}
	return ""
}

// TestSpoolLimits: no file and no number of files fills the disk of the state folder; what is
// refused is named, and the others are read.
func TestSpoolLimits(t *testing.T) {
	t.Run("told to be larger", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", SpoolLimit: 64, After: "delete"})
		w.fs.put("/in/a.csv", strings.Repeat("x", 65), ago(time.Hour))
		w.fs.put("/in/b.csv", "b\n", ago(time.Hour))
		r := w.run()
		w.wantRows("/in/b.csv:b")
		w.wantPaths("/in/a.csv")
		if a := r.set.Left().Unread; len(a) != 1 || a[0].Name != "/in/a.csv" || codeOf(a[0].Err) != "env.spool_limit" || len(w.fs.opened) != 1 {
			t.Error(a, w.fs.opened)
		}
	})
	t.Run("told to have 2^61 bytes", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", SpoolLimit: 1 << 34})
		w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
		r := w.beginOn(liar{w.fs, 1 << 61})
		w.runIn(r)
		w.wantRows()
		if a := r.set.Left().Unread; len(a) != 1 || !strings.Contains(a[0].Err.Error(), "2147483648.0 GiB") {
			t.Error(a)
		}
	})
	t.Run("endless", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", SpoolLimit: 1 << 20, After: "delete"})
		w.fs.put("/in/big.csv", "a\n", ago(time.Hour))
		w.fs.put("/in/c.csv", "c\n", ago(time.Hour))
		r := w.beginOn(endless{w.fs})
		w.runIn(r)
		w.wantRows("/in/c.csv:c")
		w.wantPaths("/in/big.csv")
		if left := w.spooled(); len(left) > 0 {
			t.Error(left)
		}
		if n := r.set.Left().Notices; len(n) != 1 || n[0].Code != "run.file_quarantined" || !strings.Contains(n[0].Detail, "/in/big.csv is not read: more than 1.0 MiB came of it") {
			t.Error(n)
		}
		w.fs.opened = nil
		w.runIn(w.beginOn(endless{w.fs})) // and it is not fetched again
		if len(w.fs.opened) > 0 {
			t.Error(w.fs.opened)
		}
	})
	t.Run("endless the second time", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", SpoolLimit: 1 << 20})
		w.fs.put("/in/big.csv", "1\n2\n3\n", ago(time.Hour))
		r := w.beginOn(secondEndless{liar{w.fs, 3}})
		w.runIn(r)
		w.wantRows()
		if x := r.set.Left().Waiting; len(x) != 1 || !strings.Contains(x[0].Reason, "something else") {
			t.Error(x)
		}
	})
	t.Run("all together", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		other := filepath.Join(w.spool, "other")
		w.must(os.MkdirAll(other, 0o700))
		w.must(os.WriteFile(filepath.Join(other, "x.part"), make([]byte, 1000), 0o600))
		w.limit = 1000 + 32<<20
		w.fs.put("/in/a.csv", strings.Repeat("x", 33<<20), ago(time.Hour))
		w.fs.put("/in/b.csv", "b\n", ago(time.Hour))
		r := w.run()
		w.wantRows("/in/b.csv:b")
		if a := r.set.Left().Unread; len(a) != 1 || codeOf(a[0].Err) != "env.spool_limit" || !strings.Contains(a[0].Err.Error(), "may take 32.0 MiB together") {
			t.Error(a)
		}
		w.must(os.RemoveAll(other))
		w.limit = 64 << 20
		r = w.run() // and it is read once there is room
		if len(w.rows) != 1 || !strings.HasPrefix(w.rows[0], "/in/a.csv:x") {
			t.Error(len(w.rows), r.set.Left().Unread, r.set.Left().Waiting, r.set.Left().Notices)
		}
	})
	t.Run("the disk", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", "a\n", ago(time.Hour))
		w.free = 256 << 20
		r := w.run()
		w.wantRows()
		if a := r.set.Left().Unread; len(a) != 1 || codeOf(a[0].Err) != "env.disk_full" || len(w.spooled()) > 0 {
			t.Error(a, w.spooled())
		}
		w.free = 0
		w.run()
		w.wantRows("/in/a.csv:a")
	})
}

// secondEndless is endless for all but the first transfer.
type secondEndless struct{ liar }

func (e secondEndless) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	if len(e.opened) == 0 {
		return e.fakeFS.Open(ctx, p, offset)
	}
	return endless{e.fakeFS}.Open(ctx, p, offset)
}

// TestReplacedOnTheWay: a file that another of the same size and time replaces while a
// transfer of it is broken off is no mixture of both.
func TestReplacedOnTheWay(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
	w.fs.put("/in/a.csv", strings.Repeat("old 567\n", 100), ago(time.Hour))
	w.fs.cut = []int{400}
	w.fs.before = func(op, p string) {
		if op == "open" && len(w.fs.opened) == 1 {
			w.fs.files[p].text = strings.Repeat("new 567\n", 100)
		}
	}
	r := w.run()
	w.wantRows()
	w.wantPaths("/in/a.csv")
	if x := r.set.Left().Waiting; len(x) != 1 || !strings.Contains(x[0].Reason, "changed while it was being copied") {
		t.Error(x)
	}
	w.run()
	if len(w.rows) != 100 || w.rows[0] != "/in/a.csv:new 567" || w.rows[99] != w.rows[0] {
		t.Error(w.rows)
	}
}

// TestGarbledNames: a file whose name could steer a terminal is not read, which is told once a
// run, with a name that cannot.
func TestGarbledNames(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/\x1b[2Ja.csv", "a\n", ago(time.Hour))
	w.fs.put("/in/\nb.csv", "b\n", ago(time.Hour))
	w.fs.put("/in/\x1bother.txt", "b\n", ago(time.Hour))
	w.fs.put("/in/c.csv", "c\n", ago(time.Hour))
	r := w.run()
	w.wantRows("/in/c.csv:c")
	n := r.set.Left().Notices
	if len(n) != 1 || n[0].Code != "run.file_name" || strings.ContainsFunc(n[0].Detail, diag.Steers) || !strings.Contains(n[0].Detail, " and 1 more.") {
		t.Errorf("%+v", n)
	}
}

// tree is a server on which every folder has two more in it, and a file.
type tree struct {
	*fakeFS
	width int
	lists *int
}

func (f tree) List(_ context.Context, dir string) ([]plugin.FileInfo, error) {
	*f.lists++
	out := []plugin.FileInfo{{Path: path.Join(dir, "a.csv"), Size: 2, ModTime: ago(time.Hour)}}
	for i := range f.width {
		out = append(out, plugin.FileInfo{Path: path.Join(dir, fmt.Sprint(i)), Dir: true})
	}
	return out, nil
}

// TestTreeWithoutEnd: a tree of folders that never ends, in depth or in breadth, is looked
// at as far as the limits, and what lies beyond is told of by name.
func TestTreeWithoutEnd(t *testing.T) {
	for width, want := range map[int]string{1: "/in" + strings.Repeat("/0", 65), 2: "there are more than 100000 folders in and below /in"} {
		w := newWorld(t, plugin.FileOptions{Path: "/in/**/none.csv", Ready: "now"})
		lists := 0
		r := w.beginOn(tree{w.fs, width, &lists})
		w.runIn(r)
		a := r.set.Left().Unread
		if len(a) == 0 || !strings.Contains(a[len(a)-1].Name+": "+a[len(a)-1].Err.Error(), want) || lists > 100_000 {
			t.Errorf("%d wide: %d looks, %v", width, lists, a)
		}
	}
}
