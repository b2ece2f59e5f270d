package state_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/engine/state"
)

const (
	crashDir  = "WEIR_TEST_STATE_CRASH_DIR"
	crashRows = 50 // rows of one commit
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Println("error", deliverForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// deliverForever is a pipeline in a process that is killed. It goes on from its
// cursor; row n sets key n, every tenth row is rejected, and each commit is announced.
func deliverForever(dir string) error {
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	se, err := s.Pipeline(ctx, "p", 1, "rev")
	if err != nil {
		return err
	}
	if err := se.StartRun(state.Run{ID: "r"}); err != nil {
		return err
	}
	c, _, err := se.Cursor("src")
	if err != nil {
		return err
	}
	c.Object = "object"
	sp := se.Space("dedupe.a")
	for {
		for range crashRows {
			c.Row++
			sp.Put(fmt.Appendf(nil, "%08d", c.Row), []byte("x"))
			if c.Row%10 == 0 {
				se.AddReject(state.Reject{Row: c.Row})
				se.Count(state.Counts{Read: 1, Rejected: 1})
			} else {
				se.Count(state.Counts{Read: 1, Delivered: 1})
			}
		}
		if err := se.SetCursor("src", c); err != nil {
			return err
		}
		if err := se.Commit(ctx); err != nil {
			return err
		}
		fmt.Println("committed", c.Row)
	}
}

// TestCrash kills the process at arbitrary moments (I5, I7): cursor, keys,
// rejects, totals and runs always tell of the same rows, and never of fewer than
// were announced.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	for round := range 6 {
		announced := killAfter(t, dir, 1+2*round, time.Duration(round*400)*time.Microsecond)
		s, err := state.Open(dir, state.Options{})
		must(t, err)
		cs, err := s.Cursors("p")
		must(t, err)
		rows := cs["src"].Row
		tot, err := s.Totals("p")
		must(t, err)
		spaces, err := s.Spaces()
		must(t, err)
		keys, err := s.CountSpace(spaces[0])
		must(t, err)
		rejects := int64(0)
		must(t, s.Rejects("p", 0, func(r state.Reject) bool {
			if rejects++; r.ID != uint64(rejects) || r.Row != 10*rejects {
				t.Errorf("reject %d is %d of row %d", rejects, r.ID, r.Row)
			}
			return true
		}))
		runs, err := s.Runs("p", 100)
		must(t, err)
		var inRuns int64
		for _, r := range runs {
			inRuns += r.Counts.Read
		}
		if announced == 0 || rows < announced || rows%crashRows != 0 || tot.Read != rows || tot.Commits != rows/crashRows ||
			int64(keys) != rows || rejects != rows/10 || inRuns != rows || len(runs) != round+1 {
			t.Fatalf("round %d: announced %d, cursor %d, totals %v in %d commits, keys %d, %d rejects, %d rows in %d runs",
				round, announced, rows, tot.Counts, tot.Commits, keys, rejects, inRuns, len(runs))
		}
		must(t, s.Close())
	}
}

// killAfter runs the child until it announced some commits and returns the last one.
func killAfter(t *testing.T, dir string, commits int, wait time.Duration) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	seen := 0
	for sc := bufio.NewScanner(out); sc.Scan(); {
		num, ok := strings.CutPrefix(sc.Text(), "committed ")
		n, err := strconv.ParseInt(num, 10, 64)
		if !ok || err != nil {
			continue // cut off by the kill, or an error that the caller notices
		}
		last = n
		if seen++; seen == commits {
			time.Sleep(wait)
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // killed
	return last
}
