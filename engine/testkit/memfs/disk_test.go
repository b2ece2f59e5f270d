package memfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/engine/plugin"
)

// outcome is what is compared of an error.
func outcome(err error) string {
	for _, e := range []error{fs.ErrNotExist, fs.ErrExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, fs.ErrClosed, fs.ErrInvalid, io.EOF} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	if err != nil {
		return "an error"
	}
	return ""
}

// TestDiskIsLikeTheMachines does the same things on the disk in memory and on that of
// the operating system.
func TestDiskIsLikeTheMachines(t *testing.T) {
	names := []string{"a", "b", "in/a", "in/b", "in", "in/deep/c", "in/deep", "a/x"}
	top, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		dir := filepath.Join(top, strconv.Itoa(runs))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		memory := New(time.Now).Disk("/w")
		system := plugin.SystemMachine{}.Disk()
		pick := func(label string) string { return rapid.SampledFrom(names).Draw(t, label) }
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			op, a, b := rapid.SampledFrom([]string{"write", "read", "append", "stat", "list", "link", "rename", "remove", "mkdir", "create", "cut", "same"}).Draw(t, "op"), pick("a"), pick("b")
			if op == "rename" {
				if st, err := memory.Stat(a); err == nil && st.IsDir() {
					continue // folders in memory are not renamed
				}
			}
			want := act(system, op, filepath.Join(dir, a), filepath.Join(dir, b))
			if got := act(memory, op, a, b); got != want {
				t.Fatalf("%s %s %s: %q, want %q", op, a, b, got, want)
			}
		}
	})
}

// act does something and tells what came of it.
func act(d plugin.Disk, op, a, b string) string {
	switch op {
	case "write":
		return put(d, a, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, "text of "+filepath.Base(a))
	case "create":
		return put(d, a, os.O_WRONLY|os.O_CREATE|os.O_EXCL, "new")
	case "append":
		return put(d, a, os.O_WRONLY|os.O_APPEND, "more")
	case "read":
		f, err := d.Open(a)
		if err != nil {
			return outcome(err)
		}
		defer f.Close()
		_, err = f.Seek(2, io.SeekStart)
		text, rerr := io.ReadAll(f)
		return string(text) + outcome(errors.Join(err, rerr))
	case "cut":
		f, err := d.OpenFile(a, os.O_RDWR, 0)
		if err != nil {
			return outcome(err)
		}
		err = errors.Join(f.Truncate(3), f.Sync(), f.Close())
		return outcome(err) + outcome(f.Close())
	case "stat":
		st, err := d.Stat(a)
		if err != nil {
			return outcome(err)
		}
		if st.IsDir() {
			return st.Name() + "/"
		}
		return fmt.Sprint(st.Name(), st.Size(), st.Mode().IsRegular())
	case "list":
		entries, err := d.ReadDir(a)
		out := []string{}
		for _, e := range entries {
			out = append(out, fmt.Sprint(e.Name(), e.IsDir()))
		}
		slices.Sort(out)
		return strings.Join(out, " ") + outcome(err)
	case "link":
		if st, err := d.Stat(a); err == nil && st.IsDir() {
			return "" // which systems refuse in their own ways
		}
		return outcome(d.Link(a, b))
	case "rename":
		if st, err := d.Stat(b); err == nil && st.IsDir() {
			return ""
		}
		err := d.Rename(a, b)
		if errors.Is(err, syscall.ENOTDIR) {
			err = fs.ErrNotExist // of two names that lead nowhere, systems look at either first
		}
		return outcome(err)
	case "remove":
		return outcome(d.Remove(a))
	case "mkdir":
		return outcome(d.MkdirAll(a, 0o755))
	case "same":
		x, err1 := d.Stat(a)
		y, err2 := d.Stat(b)
		return fmt.Sprint(err1 == nil && err2 == nil && d.SameFile(x, y))
	}
	return "?"
}

func put(d plugin.Disk, name string, flag int, text string) string {
	f, err := d.OpenFile(name, flag, 0o644)
	if err != nil {
		return outcome(err)
	}
	_, err = io.WriteString(f, text)
	return outcome(errors.Join(err, f.Close()))
}

// TestDiskRefuses: once a disk refuses, nothing reaches the tree any more, also
// through files that were open.
func TestDiskRefuses(t *testing.T) {
	tree := New(time.Now)
	d := tree.Disk("/w")
	f, err := d.OpenFile("open", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	d.Refuse(func(string) error { return gone })
	_, werr := f.Write([]byte("x"))
	_, rerr := f.Read(make([]byte, 1))
	_, oerr := d.Open("open")
	_, lerr := d.ReadDir(".")
	for i, err := range []error{werr, rerr, oerr, lerr, d.Remove("open"), d.MkdirAll("x", 0o755), d.Link("open", "b"), d.Rename("open", "c"), f.Truncate(0)} {
		if !errors.Is(err, gone) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if got := tree.Files(); !slices.Equal(got, []string{"/w/open"}) {
		t.Errorf("files %v", got)
	}
}

// TestDiskGrows: a file that grows is longer at each listing.
func TestDiskGrows(t *testing.T) {
	tree := New(time.Now)
	d := tree.Disk("/w")
	tree.Put("/w/a", []byte("1"), time.Time{})
	tree.Grow("/w/a", []byte("2"), []byte("3"))
	for i, want := range []int64{1, 2, 3, 3} {
		if _, err := d.ReadDir("."); err != nil {
			t.Fatal(err)
		}
		if st, err := d.Stat("a"); err != nil || st.Size() != want {
			t.Errorf("listing %d: %d bytes, want %d (%v)", i, st.Size(), want, err)
		}
	}
}
