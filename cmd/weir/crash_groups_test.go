package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/state"
)

const bigGroups = `
pipeline "big" {
  source "file" "in" {
    path  = "DIR/big.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id    = "int required"
      email = "text"
      price = "decimal"
    }
  }
  group "seven" {
    by     = ["int((id - 1) / 7)"]
    within = "adjacent"
    fields = {
      id    = "first(rows).id"
      rows  = "len(rows)"
      last  = "last(rows).email"
      total = "sum(rows, .price ?? 0)"
    }
  }
  sink "file" "out" {
    path   = "DIR/out.ndjson"
    exists = "replace"
  }
  commit {
    rows = COMMIT
  }
}
`

// TestCrashBigGroups kills a run of groups of adjacent rows at about 60 % of a
// file of 300,000 rows: more than half of them are committed, with the group that
// is open there, and the next run goes on behind them.
func TestCrashBigGroups(t *testing.T) {
	const rows = 300_000
	calm := newCrashRig(t, true)
	r := newCrashRig(t, true)
	var size int64
	for _, x := range []*crashRig{calm, r} {
		size = writeBig(t, filepath.Join(x.dir, "big.csv"), rows)
		x.path = filepath.Join(x.dir, "big.hcl")
		src := strings.NewReplacer("DIR", x.dir, "COMMIT", fmt.Sprint(rows/30)).Replace(bigGroups)
		if err := os.WriteFile(x.path, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if done, out := calm.run(t.Context(), ""); !done {
		t.Fatal(out)
	}
	deliveries := 2 * size / (256 << 10) // the groups at the ends of each chunk, and those within
	if done, out := r.run(t.Context(), fmt.Sprintf("delivered:%d", deliveries*6/10)); done {
		t.Fatalf("the run was not killed: %s", out)
	}
	committed := committedRow(t, filepath.Join(r.dir, "state"))
	if committed <= rows/2 || committed > rows*65/100 {
		t.Errorf("row %d of %d was committed when the run was killed at about 60 %%", committed, rows)
	}
	tot := totalsOf(t, r)
	if want := committed % 7; tot.Held != want && !(want == 0 && tot.Held == 7) {
		t.Errorf("%d rows are held behind row %d, want %d", tot.Held, committed, want)
	}
	if tot.Delivered*7 != committed-tot.Held || tot.Difference() != 0 {
		t.Errorf("totals %v (I3)", tot)
	}
	if done, out := r.run(t.Context(), ""); !done {
		t.Fatal(out)
	}
	again := totalsOf(t, r)
	if again.Read != rows || again.Held != 0 || again.Delivered != (rows+6)/7 {
		t.Errorf("totals %v: the second run read rows that were committed, or left some out", again)
	}
	sameLines(t, filepath.Join(r.dir, "out.ndjson"), filepath.Join(calm.dir, "out.ndjson"))
	t.Logf("killed with row %d of %d committed and %d rows held; %v in the end", committed, rows, tot.Held, again)
}

func totalsOf(t *testing.T, r *crashRig) state.Counts {
	t.Helper()
	s, err := state.Open(filepath.Join(r.dir, "state"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	tot, err := s.Totals("big")
	if err != nil {
		t.Fatal(err)
	}
	return tot.Counts
}

// sameLines compares two files and reports the first line that differs.
func sameLines(t *testing.T, got, want string) {
	t.Helper()
	var in [2]*bufio.Scanner
	for i, name := range []string{got, want} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		in[i] = bufio.NewScanner(f)
	}
	for n := 1; ; n++ {
		a, b := in[0].Scan(), in[1].Scan()
		if in[0].Text() != in[1].Text() || a != b {
			t.Fatalf("line %d is %s, want %s", n, in[0].Text(), in[1].Text())
		}
		if !a {
			return
		}
	}
}
