package file

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/engine/plugin"
)

func openOn(t *testing.T, s *Sink, h *host) *writer {
	t.Helper()
	return must[plugin.Writer](t)(s.Open(t.Context(), h, nil)).(*writer)
}

// end is finish for a writer that may fail to show its file.
func end(t *testing.T, w *writer) error {
	t.Helper()
	must[[]byte](t)(w.PrepareFinal(t.Context()))
	return errors.Join(w.Publish(t.Context()), w.Close(t.Context()))
}

// TestPartFilesOfTwoStores: two processes with a state store each that write one path at the
// same time lose nothing: each has a part file of its own, and who comes second is told.
func TestPartFilesOfTwoStores(t *testing.T) {
	for _, exists := range []string{"error", "number", "replace"} {
		t.Run(exists, func(t *testing.T) {
			dir := t.TempDir()
			one, two := newHost(), newHost()
			one.place, two.place, one.owner, two.owner = "p/sink.out", "p/sink.out", "store1", "store2"
			sink := sinkAt(t, dir, "o.ndjson", fmt.Sprintf("exists = %q", exists))
			a, b := openOn(t, sink, one), openOn(t, sink, two)
			deliver(t, a, rows(1, 4))
			deliver(t, b, rows(11, 13))
			errA, errB := end(t, a), end(t, b)
			if errA != nil || (errB != nil) != (exists == "error") {
				t.Fatalf("%v, %v", errA, errB)
			}
			if errB != nil {
				wantCode(t, errB, "env.file_exists")
			}
			first := 3
			if exists == "replace" {
				first = 2 // the later one takes the place of the other, as it says
			}
			if got := strings.Count(content(t, filepath.Join(dir, "o.ndjson")), "\n"); got != first {
				t.Errorf("%d rows in the file", got)
			}
			if exists == "number" {
				if got := strings.Count(content(t, filepath.Join(dir, "o-1.ndjson")), "\n"); got != 2 {
					t.Errorf("%d rows in the second file", got)
				}
			}
		})
	}
}

// TestPartFileIsLocked: a process with a copy of the state folder does not touch the part file
// that another writes.
func TestPartFileIsLocked(t *testing.T) {
	dir := t.TempDir()
	one, two := newHost(), newHost()
	one.place, two.place, one.owner, two.owner = "p/sink.out", "p/sink.out", "store", "store"
	sink := sinkAt(t, dir, "o.ndjson", "exists = \"number\"")
	a := openOn(t, sink, one)
	deliver(t, a, rows(1, 4))
	_, err := sink.Open(t.Context(), two, nil)
	wantCode(t, err, "env.target_taken")
	finish(t, a)
	if got := strings.Count(content(t, filepath.Join(dir, "o.ndjson")), "\n"); got != 3 {
		t.Errorf("%d rows", got)
	}
}

// TestTargetIsNoFile: what is there and is no file is refused before a row is written, and stays.
func TestTargetIsNoFile(t *testing.T) {
	dir := t.TempDir()
	folder, pipe, socket := filepath.Join(dir, "folder"), filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of a test
	link := filepath.Join(dir, "link")
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{folder: "is a folder", pipe: "is a pipe", socket: "is a socket", link: "is a pipe", os.DevNull: "is a device"} {
		for _, exists := range []string{"error", "number", "replace"} {
			before, _ := os.Lstat(path)
			_, err := sinkAt(t, filepath.Dir(path), filepath.Base(path), fmt.Sprintf("exists = %q", exists)).Open(t.Context(), newHost(), nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v", path, exists, err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("%s, %s: it is another file now", path, exists)
			}
		}
	}
}

// TestPartFileIsNoLink: a link that somebody puts where the part file will be, before a run or
// between its beginning and its first row, is not followed.
func TestPartFileIsNoLink(t *testing.T) {
	for _, late := range []bool{false, true} {
		dir := t.TempDir()
		victim := filepath.Join(dir, "victim")
		if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		sink := sinkAt(t, dir, "o.ndjson", "")
		part := partName(filepath.Join(dir, "o.ndjson"), sink.path, "", 1)
		plant := func() {
			if err := os.Symlink(victim, part); err != nil {
				t.Fatal(err)
			}
		}
		if !late {
			plant()
		}
		w := openOn(t, sink, newHost())
		if late {
			plant()
		}
		deliver(t, w, rows(1, 4))
		finish(t, w)
		if got := content(t, victim); got != "precious" {
			t.Errorf("late %v: the link was followed: %q", late, got)
		}
		if got := strings.Count(content(t, filepath.Join(dir, "o.ndjson")), "\n"); got != 3 {
			t.Errorf("late %v: %d rows", late, got)
		}
	}
}

// TestPartFileIsAnothers: a part file whose name is that of another file by now is not
// published: what came instead is not what was written.
func TestPartFileIsAnothers(t *testing.T) {
	for _, exists := range []string{"error", "number", "replace"} {
		dir := t.TempDir()
		w := openOn(t, sinkAt(t, dir, "o.ndjson", fmt.Sprintf("exists = %q", exists)), newHost())
		deliver(t, w, rows(1, 4))
		must[[]byte](t)(w.PrepareFinal(t.Context()))
		b := content(t, w.tok.Part)
		if err := errors.Join(os.Remove(w.tok.Part), os.WriteFile(w.tok.Part, []byte(strings.Repeat("x", len(b))), 0o600)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, w.Publish(t.Context()), "env.target_taken")
		if _, err := os.Lstat(filepath.Join(dir, "o.ndjson")); err == nil {
			t.Error("it was published")
		}
		_ = w.Close(t.Context()) // of a writer that failed
	}
}

// swapDisk is a disk on which another process takes a part file away just before it is locked.
type swapDisk struct {
	plugin.Disk
	swap func()
}

func (d swapDisk) Lock(f plugin.File) error {
	d.swap()
	return d.Disk.Lock(f)
}

// TestPartFileSwappedBeforeLock: a lock on a file that has lost its name keeps nobody away.
func TestPartFileSwappedBeforeLock(t *testing.T) {
	dir := t.TempDir()
	w := openOn(t, sinkAt(t, dir, "o.ndjson", "exists = \"replace\""), newHost())
	w.disk = swapDisk{w.disk, func() {
		if err := errors.Join(os.Remove(w.tok.Part), os.WriteFile(w.tok.Part, nil, 0o600)); err != nil {
			t.Error(err)
		}
	}}
	_, err := w.newPart()
	wantCode(t, err, "env.target_taken")
	_ = w.Close(t.Context()) // of a writer that failed
}

// TestReplaceLooksAgain: what came in the place of the target since the writer began, and is
// no file, is not replaced, and people are told what it is.
func TestReplaceLooksAgain(t *testing.T) {
	for what, put := range map[string]func(name string) error{
		"a folder":                func(name string) error { return os.Mkdir(name, 0o700) },
		"a pipe":                  func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"a folder, behind a link": func(name string) error { return os.Symlink(".", name) },
	} {
		dir := t.TempDir()
		target := filepath.Join(dir, "o.ndjson")
		w := openOn(t, sinkAt(t, dir, "o.ndjson", "exists = \"replace\""), newHost())
		deliver(t, w, rows(1, 4))
		if err := put(target); err != nil {
			t.Fatal(err)
		}
		err := end(t, w)
		wantCode(t, err, "env.not_a_file")
		if kind, _, _ := strings.Cut(what, ","); !strings.Contains(err.Error(), "is "+kind) {
			t.Error(err)
		}
		if st, err := os.Lstat(target); err != nil || st.Mode().IsRegular() {
			t.Errorf("%s is gone: %v", what, err)
		}
	}
}

// noLinkDisk is a file system without links.
type noLinkDisk struct{ plugin.Disk }

func (noLinkDisk) Link(string, string) error { return syscall.EPERM }

// TestNoLinks: where there are no links, nothing is replaced either.
func TestNoLinks(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []string{"o.ndjson", "o-1.ndjson", "o-2.ndjson"} {
		w := openOn(t, sinkAt(t, dir, "o.ndjson", "exists = \"number\""), newHost())
		w.disk = noLinkDisk{w.disk}
		deliver(t, w, rows(i, i+1))
		if err := end(t, w); err != nil {
			t.Fatal(err)
		}
		if got := content(t, filepath.Join(dir, want)); !strings.Contains(got, fmt.Sprintf(`"id":%d`, i)) {
			t.Errorf("%s has %q", want, got)
		}
	}
}
