package pebblekv_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

const (
	crashDir  = "WEIR_TEST_CRASH_DIR"
	crashKeys = 200 // keys of one commit
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		commitForever(dir)
	}
	os.Exit(m.Run())
}

// commitForever is the process that is killed: commit n sets every key of the
// set and the counter to n, and is announced once Apply has returned.
func commitForever(dir string) {
	s, err := pebblekv.Open(dir, pebblekv.Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	n := 0
	if v, ok, _ := s.Get([]byte("n"), nil); ok {
		n, _ = strconv.Atoi(string(v))
	}
	for {
		old := fmt.Append(nil, n)
		n++
		val := fmt.Append(nil, n)
		var w kv.Writes
		if n > 1 {
			w.Require([]byte("n"), old)
		}
		for i := range crashKeys {
			w.Put(fmt.Appendf(nil, "k%04d", i), val)
			w.Put(fmt.Appendf(nil, "h%08d-%04d", n, i), val)
		}
		w.Put([]byte("n"), val)
		if err := s.Apply(&w); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("committed", n)
	}
}

// TestCrash kills a committing process at arbitrary moments (I5, I7): what was
// announced is there, and each commit is there whole or not at all.
func TestCrash(t *testing.T) {
	dir, before := t.TempDir(), 0
	for round := range 8 {
		announced := crashOnce(t, dir, 1+round*3, time.Duration(round*300)*time.Microsecond)
		s := open(t, dir, pebblekv.Options{})
		v, _, err := s.Get([]byte("n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(v))
		if n < announced || announced <= before {
			t.Fatalf("round %d: commit %d was announced after %d, and the store has %d", round, announced, before, n)
		}
		checkWhole(t, s, n)
		before = n
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// crashOnce runs the child until it announced the given number of commits,
// waits a little, kills it, and returns the last commit announced.
func crashOnce(t *testing.T, dir string, commits int, wait time.Duration) int {
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
	last, seen := 0, 0
	for sc := bufio.NewScanner(out); sc.Scan(); {
		num, ok := strings.CutPrefix(sc.Text(), "committed ")
		if !ok {
			t.Errorf("child: %s", sc.Text())
			break
		}
		if n, err := strconv.Atoi(num); err == nil {
			last = n
		}
		if seen++; seen == commits {
			time.Sleep(wait)
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return last
}

func checkWhole(t *testing.T, s *pebblekv.Store, n int) {
	t.Helper()
	keys, history := 0, 0
	err := s.Scan([]byte("h"), []byte("l"), func(k, v []byte) bool {
		if k[0] == 'h' {
			history++
			return true
		}
		keys++
		if string(v) != strconv.Itoa(n) {
			t.Errorf("key %s has %s, want %d", k, v, n)
		}
		return true
	})
	if err != nil || keys != crashKeys || history != n*crashKeys {
		t.Fatalf("%d keys and %d history keys, want %d and %d; %v", keys, history, crashKeys, n*crashKeys, err)
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, pebblekv.Options{})
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.Output()
	want := fmt.Sprintf("State folder %s is in use by another weir process (pid %d)", dir, os.Getpid())
	if err == nil || !strings.Contains(string(out), want) {
		t.Fatalf("got %q, want %q", out, want)
	}
}
