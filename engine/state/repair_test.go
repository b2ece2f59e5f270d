package state_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/state"
)

// TestRepair: what is kept of a damaged folder, and that pipelines go on from it under numbers and
// keys that were never given before.
func TestRepair(t *testing.T) {
	for _, tc := range []struct {
		name, file string // of the database; a pattern
		only       bool   // dead letters alone are kept
		repeats    bool
		rejects    int64
	}{
		{"the mark", "weir-end", false, false, 3},
		{"the last log", "*.log", false, true, 0},
		{"the manifest", "MANIFEST-*", true, true, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s, err := state.Open(dir, state.Options{Clock: fixedClock{start}})
			must(t, err)
			se := session(t, s, "shop")
			for n := range 3 {
				fill(t, se, n+1)
				must(t, se.Commit(t.Context()))
			}
			must(t, s.Close())
			names, err := filepath.Glob(filepath.Join(dir, "db", tc.file))
			if err != nil || len(names) == 0 {
				t.Fatal(names, err)
			}
			name := names[len(names)-1]
			info, err := os.Stat(name)
			must(t, err)
			must(t, os.Truncate(name, info.Size()/8))
			if _, err := state.Open(dir, state.Options{}); err == nil || !strings.Contains(err.Error(), "weir state repair") {
				t.Fatalf("the damaged store opens with %v", err)
			}
			r, err := state.Examine(dir, state.Options{Clock: fixedClock{start}})
			must(t, err)
			kept, err := r.Write()
			must(t, err)
			must(t, r.Close())
			if len(r.Damages) == 0 || r.OnlyRejects != tc.only {
				t.Errorf("found %+v", r.Findings)
			}
			if _, err := os.Stat(filepath.Join(dir, kept, filepath.Base(name))); err != nil {
				t.Error(err)
			}
			s, err = state.Open(dir, state.Options{Clock: fixedClock{start}})
			must(t, err)
			defer func() { must(t, s.Close()) }()
			var letters int64
			must(t, s.Rejects("shop", 1, func(x state.Reject) bool {
				if letters++; string(x.Raw) != "x;y" {
					t.Errorf("reject %d has %q", x.ID, x.Raw)
				}
				return true
			}))
			inc, err := s.Incarnation("shop")
			must(t, err)
			// A log that is lost as a whole takes the name of the pipeline with it.
			if known := len(r.Pipelines) == 1; letters != tc.rejects || known && (r.Pipelines[0].Rejects != letters || r.Pipelines[0].Repeats != tc.repeats || inc > 0 != tc.repeats) {
				t.Errorf("%d rejects, incarnation %d, of %+v", letters, inc, r.Findings)
			}
			se = session(t, s, "shop")
			fill(t, se, 9)
			must(t, se.Commit(t.Context()))
			last := uint64(0)
			must(t, s.Rejects("shop", 1, func(x state.Reject) bool { last = x.ID; return true }))
			if last != uint64(letters)+1 { //nolint:gosec // a count
				t.Errorf("the next reject has the number %d after %d", last, letters)
			}
		})
	}
}
