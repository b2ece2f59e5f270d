//go:build unix

package pebblekv_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

func put(k, v string) *kv.Writes {
	var w kv.Writes
	w.Put([]byte(k), []byte(v))
	return &w
}

func wantValue(t *testing.T, s *pebblekv.Store, k, want string) {
	t.Helper()
	v, ok, err := s.Get([]byte(k), nil)
	if err != nil || string(v) != want || ok != (want != "") {
		t.Fatalf("%s is %q, %v, %v; want %q", k, v, ok, err, want)
	}
}

func apply(t *testing.T, s *pebblekv.Store, w *kv.Writes) {
	t.Helper()
	if err := s.Apply(w); err != nil {
		t.Fatal(err)
	}
}

// TestTakeOver: what the first owner committed is there, it commits nothing more, and
// neither process writes to the database of the other.
func TestTakeOver(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, pebblekv.Options{})
	apply(t, first, put("a", "1"))
	second := open(t, dir, pebblekv.Options{TakeOver: true})
	wantValue(t, second, "a", "1")
	apply(t, second, put("a", "2"))
	for range 2 { // it stays that way
		err := first.Apply(put("a", "3"))
		var taken *kv.TakenOver
		if !errors.As(err, &taken) {
			t.Fatalf("the first owner's commit: %v", err)
		}
		wantFailure(t, err, "state.taken_over", "was taken over by another weir process")
	}
	if err := first.Checkpoint(filepath.Join(t.TempDir(), "c")); err == nil {
		t.Error("a copy of what nobody sees any more was made")
	}
	if _, err := pebblekv.Open(dir, pebblekv.Options{}); err == nil {
		t.Fatal("the folder is not locked after a takeover")
	}
	third := open(t, dir, pebblekv.Options{TakeOver: true})
	wantValue(t, third, "a", "2")
	for _, s := range []*pebblekv.Store{first, second, third} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	last := open(t, dir, pebblekv.Options{TakeOver: true}) // nothing to take over from: an ordinary open
	wantValue(t, last, "a", "2")
	names, err := filepath.Glob(filepath.Join(dir, "db*"))
	if err != nil || len(names) != 1 || filepath.Base(names[0]) != "db-3" {
		t.Errorf("databases %v are left", names)
	}
}

// TestTakeOverCutShort: a takeover that a crash ended leaves the old database in use,
// and its owner refused all the same.
func TestTakeOverCutShort(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, pebblekv.Options{})
	apply(t, first, put("a", "1"))
	if err := os.WriteFile(filepath.Join(dir, "active"), []byte("2 db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "db-2"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := first.Apply(put("a", "2")); err == nil {
		t.Fatal("a commit after the epoch was raised")
	}
	second := open(t, dir, pebblekv.Options{TakeOver: true})
	wantValue(t, second, "a", "1")
	_ = first.Close()
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	wantValue(t, open(t, dir, pebblekv.Options{}), "a", "1")
	if err := os.WriteFile(filepath.Join(dir, "active"), []byte("3 ../x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := pebblekv.Open(dir, pebblekv.Options{})
	wantFailure(t, err, "state.damaged", "does not tell which database is in use")
}

// TestZombie stops a committing process at arbitrary moments, takes its folder
// over, and lets it go on: everything it announced is there whole, and it announces
// nothing more (I5, I7).
func TestZombie(t *testing.T) {
	for _, stop := range []bool{true, false} {
		t.Run(fmt.Sprintf("stopped %v", stop), func(t *testing.T) {
			dir := t.TempDir()
			for round := range 3 {
				zombie(t, dir, 2+round*3, time.Duration(round*700)*time.Microsecond, stop)
			}
		})
	}
}

func zombie(t *testing.T, dir string, commits int, wait time.Duration, stop bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	sc := bufio.NewScanner(out)
	for range commits {
		if !sc.Scan() {
			t.Fatal("the process ended early")
		}
	}
	time.Sleep(wait)
	if stop {
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, pebblekv.Options{TakeOver: true})
	v, _, err := s.Get([]byte("n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(v))
	checkWhole(t, s, n)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	last, refused := 0, false
	for sc.Scan() {
		if num, ok := strings.CutPrefix(sc.Text(), "committed "); ok {
			last, _ = strconv.Atoi(num)
		}
		refused = refused || strings.Contains(sc.Text(), "was taken over by another weir process")
	}
	if last > n || !refused {
		t.Fatalf("commit %d was announced, the new owner has %d; refused: %v", last, n, refused)
	}
	checkWhole(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
