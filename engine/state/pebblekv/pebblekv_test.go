package pebblekv_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
	"weir/engine/state/statetest"
)

func open(t *testing.T, dir string, o pebblekv.Options) *pebblekv.Store {
	t.Helper()
	s, err := pebblekv.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	var dir string
	statetest.KV(t, func(t *testing.T, fresh bool) kv.Store {
		t.Helper()
		if fresh {
			dir = t.TempDir()
		}
		return open(t, dir, pebblekv.Options{})
	})
}

func wantFailure(t *testing.T, err error, code diag.Code, text string) {
	t.Helper()
	var f *plugin.Failure
	if !errors.As(err, &f) || f.Code != code || f.Class != plugin.Environment || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want an environment failure %s with %q", err, code, text)
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, dir + "/.", link} {
		_, err := pebblekv.Open(d, pebblekv.Options{})
		wantFailure(t, err, "state.locked", "is in use by another weir process (pid ")
		var l *kv.Locked
		if !errors.As(err, &l) || l.PID != os.Getpid() {
			t.Fatalf("%v does not name the owner", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, pebblekv.Options{})
}

func TestFolderRefused(t *testing.T) {
	write := func(name, text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	file := filepath.Join(write("file", ""), "file")
	for _, c := range []struct {
		name, dir  string
		o          pebblekv.Options
		code, text string
	}{
		{"other files", write("main.tf", ""), pebblekv.Options{}, "state.not_state", "main.tf"},
		{"newer format", write("weir-state", "x\nformat 7\n"), pebblekv.Options{}, "state.format", "format 7"},
		{"no format", write("weir-state", "x\n"), pebblekv.Options{}, "state.damaged", "weir-state"},
		{"read only and none there", filepath.Join(t.TempDir(), "no"), pebblekv.Options{ReadOnly: true}, "state.missing", "--state"},
		{"read only and empty", t.TempDir(), pebblekv.Options{ReadOnly: true}, "state.missing", "no state"},
		{"a file", file, pebblekv.Options{}, "state.failed", file},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pebblekv.Open(c.dir, c.o)
			wantFailure(t, err, diag.Code(c.code), c.text)
		})
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{})
	var w kv.Writes
	w.Put([]byte("a"), []byte("1"))
	if err := errors.Join(s.Apply(&w), s.Close()); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, pebblekv.Options{ReadOnly: true})
	if v, ok, err := r.Get([]byte("a"), nil); string(v) != "1" || !ok || err != nil {
		t.Fatalf("Get = %q, %v, %v", v, ok, err)
	}
	wantFailure(t, r.Apply(&w), "state.read_only", "reading only")
}

func TestUnwritableFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := pebblekv.Open(filepath.Join(dir, "state"), pebblekv.Options{})
	wantFailure(t, err, "state.not_writable", "--state")
}

// faultyFS is the operating system's file system with a disk that fills up.
type faultyFS struct {
	vfs.FS
	free    *uint64
	syncErr *error
	looked  func() // when the space was asked for
}

func (f faultyFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	defer f.looked()
	return vfs.DiskUsage{AvailBytes: *f.free}, nil
}

func (f faultyFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return faultyFile{file, f.syncErr}, err
}

type faultyFile struct {
	vfs.File
	err *error
}

func (f faultyFile) Write(p []byte) (int, error) {
	if *f.err != nil {
		return 0, *f.err
	}
	return f.File.Write(p)
}

func (f faultyFile) Sync() error     { return errors.Join(*f.err, f.File.Sync()) }
func (f faultyFile) SyncData() error { return errors.Join(*f.err, f.File.SyncData()) }
func (f faultyFile) SyncTo(n int64) (bool, error) {
	if *f.err != nil {
		return false, *f.err
	}
	return f.File.SyncTo(n)
}

func TestDiskFull(t *testing.T) {
	free, broken := uint64(1<<40), error(nil)
	looked := func() {}
	s := open(t, t.TempDir(), pebblekv.Options{FS: faultyFS{vfs.Default, &free, &broken, func() { looked() }}})
	var w kv.Writes
	w.Put([]byte("a"), []byte("1"))
	free = 1 << 20
	wantFailure(t, s.Apply(&w), "state.disk_full", "nothing is lost")
	free = 1 << 40
	if err := s.Apply(&w); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	free, looked = 1<<20, func() { free = 1 << 40 } // an old log is deleted meanwhile
	if err := s.Apply(&w); err != nil {
		t.Fatalf("with space a moment later: %v", err)
	}
	looked = func() {}
	broken = syscall.ENOSPC
	w.Put([]byte("b"), []byte("1"))
	wantFailure(t, s.Apply(&w), "state.disk_full", "no space left")
	broken = nil
	wantFailure(t, s.Apply(&w), "state.disk_full", "no space left") // what the log holds is unknown
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{})
	var w kv.Writes
	w.Put([]byte("a"), []byte("1"))
	if err := errors.Join(s.Apply(&w), s.Close()); err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(dir, "db", "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatal("no manifest", err)
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("not a manifest at all, but some text of a length"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err = pebblekv.Open(dir, pebblekv.Options{})
	wantFailure(t, err, "state.damaged", "backup")
	_, err = pebblekv.Open(dir, pebblekv.Options{})
	wantFailure(t, err, "state.damaged", "backup") // the lock was given back
}
