package serve_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"weir/engine/serve"
)

// numbered writes n rows.
func (r *rig) numbered(name string, n int) {
	r.t.Helper()
	f, err := os.Create(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString("a\n")
	for i := range n {
		_, _ = fmt.Fprintf(w, "%d\n", i)
	}
	if err := w.Flush(); err != nil {
		r.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// In the middle of a file the mapping changes, several times: no row is lost, none
// repeated, and the rows before each change have the old value, those after it the new
// (I2, I3). A file that was read before two changes could come is tried again, longer.
func TestSwapInsideAFile(t *testing.T) {
	rows := 300_000
	if n, err := strconv.Atoi(os.Getenv("WEIR_SWAP_ROWS")); err == nil {
		rows = n // ten million take a while
	}
	for n := rows; swapInside(t, n) < 2; n *= 4 {
		if n > 16*rows {
			t.Fatal("no file was read while two changes came")
		}
	}
}

// swapInside changes the mapping while a file of so many rows is read, and returns how
// many changes came between its rows.
func swapInside(t *testing.T, rows int) int {
	const changes = 8
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "'0:' + a")})
	r.numbered("in/a.csv", rows)
	s := r.start()
	running := func() bool {
		p, _ := s.Pipeline("a")
		return p.Run != nil && p.Run.Progress != nil && p.Run.Progress.Rows > 0
	}
	r.until("a run", running)
	taken := 0
	for i := 1; i <= changes; i++ {
		r.write("config/a.hcl", copying("a", fmt.Sprintf("'%d:' + a", i)))
		inside := running()
		if v := r.reload(); v.Outcome != serve.Applied || v.Actions[0].Outcome != serve.ActionDone {
			t.Fatalf("change %d: %+v\n%s", i, v, texts(v))
		}
		if inside {
			taken++
		}
	}
	r.until("the end of the file", func() bool { p, _ := s.Pipeline("a"); return p.Runs > 0 })
	sc := bufio.NewScanner(strings.NewReader(r.output("a")))
	n, last, seen := 0, 0, map[int]int{}
	for sc.Scan() {
		var row struct{ V string }
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		var g, a int
		if _, err := fmt.Sscanf(row.V, "%d:%d", &g, &a); err != nil {
			t.Fatal(err)
		}
		if a != n || g < last {
			t.Fatalf("row %d has %q after generation %d", n, row.V, last)
		}
		n, last = n+1, g
		seen[g]++
	}
	if n != rows {
		t.Errorf("%d rows of %d", n, rows)
	}
	t.Logf("%d changes while the file of %d rows was read: %v", taken, rows, seen)
	if p, _ := s.Pipeline("a"); p.Totals.Read != int64(rows) || p.Totals.Difference() != 0 {
		t.Errorf("ledger: %s", p.Totals)
	}
	r.stop()
	return len(seen) - 1
}
