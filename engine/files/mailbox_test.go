package files_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
)

// mailbox is a server that gives a file once: it forgets it with the end of the transfer.
type mailbox struct{ *fakeFS }

type mailboxReader struct {
	io.ReadCloser
	end func()
}

func (r *mailboxReader) Close() error {
	err := r.ReadCloser.Close()
	if err == nil {
		r.end()
	}
	return err
}

func (m mailbox) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	r, err := m.fakeFS.Open(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	return &mailboxReader{r, func() { delete(m.files, p) }}, nil
}

// What a server has given whole is read, though it has it no more, and wherever the
// process is killed (I7). What it has under that name later is another file, whatever
// size and time it has, and is never put away unread.
func TestMailbox(t *testing.T) {
	for _, after := range []string{"keep", "delete", "move /in/old"} {
		for name, kill := range map[string]func(w *world, r *run){
			"not":            nil,
			"after the copy": func(*world, *run) {},
			"before the copy has its name": func(w *world, _ *run) {
				whole := w.spooled()[0]
				id, _, _ := strings.Cut(whole, ".")
				w.must(os.Rename(whole, filepath.Join(filepath.Dir(whole), filepath.Base(id)+".part")))
			},
			"after a commit": func(_ *world, r *run) { r.commit() },
		} {
			t.Run(after+", killed "+name, func(t *testing.T) {
				w := newWorld(t, plugin.FileOptions{Ready: "now", After: after})
				w.fs.put("/in/a.csv", "1\n2\n", ago(time.Hour))
				begin := func() *run { return w.beginOn(mailbox{w.fs}) }
				if kill != nil {
					r := begin()
					f, err := r.set.Next(t.Context())
					w.must(err)
					r.read(f, 1)
					kill(w, r)
					w.restart()
				}
				for range 2 { // what a killed run left is first
					w.runIn(begin())
				}
				w.wantRows("/in/a.csv:1", "/in/a.csv:2")
				w.fs.put("/in/a.csv", "3\n4\n", ago(time.Hour))
				w.runIn(begin())
				w.wantRows("/in/a.csv:3", "/in/a.csv:4")
				w.wantPaths()
				w.wantLedger("/in/a.csv archived 2", "/in/a.csv archived 2")
				if left, _ := filepath.Glob(filepath.Join(w.spool, "*", "*")); len(left) > 0 {
					t.Error("left in the spool folder:", left)
				}
			})
		}
	}
}

// The next file of a name is there before the copy of the one before it was read.
func TestMailboxFilledAgain(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
	w.fs.put("/in/a.csv", "1\n2\n", ago(time.Hour))
	_, err := w.beginOn(mailbox{w.fs}).set.Next(t.Context())
	w.must(err)
	w.restart()
	w.fs.put("/in/a.csv", "3\n4\n", ago(time.Hour))
	w.runIn(w.beginOn(mailbox{w.fs}))
	w.wantRows("/in/a.csv:1", "/in/a.csv:2")
	w.runIn(w.beginOn(mailbox{w.fs}))
	w.wantRows("/in/a.csv:3", "/in/a.csv:4")
}

// A file that is gone before all of it came is told of.
func TestMailboxCut(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/a.csv", "1\n2\n", ago(time.Hour))
	w.fs.cut = []int{2}
	w.clock.events = []event{{noon.Add(time.Second), func() { clear(w.fs.files) }}}
	r := w.run()
	w.wantRows()
	if x := r.set.Left().Waiting; len(x) != 1 || x[0].Reason != "it was gone before all of it was copied" {
		t.Error(x)
	}
}

// liar is a server that tells sizes of its own.
type liar struct {
	*fakeFS
	size int64
}

func (l liar) List(ctx context.Context, dir string) ([]plugin.FileInfo, error) {
	out, err := l.fakeFS.List(ctx, dir)
	for i := range out {
		out[i].Size = l.size
	}
	return out, err
}

func (l liar) Stat(ctx context.Context, p string) (plugin.FileInfo, error) {
	i, err := l.fakeFS.Stat(ctx, p)
	i.Size = l.size
	return i, err
}

// listLiar is a server whose listings tell sizes of their own, and that is right about each file alone.
type listLiar struct{ liar }

func (l listLiar) Stat(ctx context.Context, p string) (plugin.FileInfo, error) {
	return l.fakeFS.Stat(ctx, p)
}

// Where the data ends is not for a told size to say: a file that comes twice alike is
// read, and what is odd about it told. Only then is it put away.
func TestToldSizes(t *testing.T) {
	for name, size := range map[string]int64{"too small": 3, "nothing": 0, "too big": 512} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
			w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
			r := w.beginOn(liar{w.fs, size})
			w.runIn(r)
			w.wantRows("/in/a.csv:1", "/in/a.csv:2", "/in/a.csv:3")
			if name == "too big" { // it may have been cut twice at the same place
				w.wantPaths("/in/a.csv")
				again := w.beginOn(liar{w.fs, size})
				w.fs.opened = nil
				w.runIn(again)
				if n := again.set.Left().Notices; len(n) != 1 || n[0].Code != "run.file_not_moved" || len(w.fs.opened) > 0 {
					t.Error(n, w.fs.opened)
				}
				w.wantRows()
				w.wantPaths("/in/a.csv")
			} else {
				w.wantPaths()
			}
			if n := r.set.Left().Notices; len(n) != 1 || n[0].Code != "run.file_size" {
				t.Error(n)
			}
		})
	}
	t.Run("another content each time", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
		w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
		w.fs.before = func(op, p string) {
			if op == "open" && len(w.fs.opened) > 0 {
				w.fs.files[p].text = "1\n2\n4\n"
			}
		}
		r := w.beginOn(liar{w.fs, 3})
		w.runIn(r)
		w.wantRows()
		w.wantPaths("/in/a.csv")
		if x := r.set.Left().Waiting; len(x) != 1 || !strings.Contains(x[0].Reason, "a second transfer brought something else") {
			t.Error(x)
		}
	})
	t.Run("cut, and called complete", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now"})
		w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
		w.fs.cut, w.fs.silent = []int{2}, true
		w.run()
		w.wantRows("/in/a.csv:1", "/in/a.csv:2", "/in/a.csv:3")
		if !slices.Equal(w.fs.opened, []int64{0, 2}) {
			t.Error(w.fs.opened)
		}
	})
	for _, ready := range []string{"now", "stable 1s"} {
		t.Run("nothing, in listings alone, "+ready, func(t *testing.T) {
			w := newWorld(t, plugin.FileOptions{Ready: ready})
			if ready != "now" {
				w.src.o.ReadyMode, w.src.o.StableFor = plugin.ReadyStable, time.Second
			}
			w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
			r := w.beginOn(listLiar{liar{w.fs, 0}})
			w.runIn(r)
			w.wantRows("/in/a.csv:1", "/in/a.csv:2", "/in/a.csv:3")
			if n := r.set.Left().Notices; len(n) != 1 || n[0].Code != "run.file_size" {
				t.Error(n, r.set.Left().Waiting)
			}
			w.runIn(w.beginOn(listLiar{liar{w.fs, 0}})) // it is known
			w.wantRows()
		})
	}
	t.Run("in place", func(t *testing.T) {
		w := newWorld(t, plugin.FileOptions{Ready: "now", After: "delete"})
		w.src.local = true
		w.fs.put("/in/a.csv", "1\n2\n3\n", ago(time.Hour))
		r := w.beginOn(liar{w.fs, 4})
		w.runIn(r)
		w.wantPaths("/in/a.csv")
		if n := r.set.Left().Notices; len(n) != 1 || !strings.Contains(n[0].Detail, "more follows after the 4 bytes") {
			t.Error(n)
		}
	})
}
