package serve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

// inside is a pipeline with one big file of numbers, k of three rows each; steps
// stand between the decoder and the sink.
func inside(steps, note string) string {
	return `
pipeline "a" {
  schedule = "every 1s"
  source "file" "in" {
    path  = "DIR/in/a*"
    ready = "now"
  }
  decode "csv" {
    columns = { a = "text", k = "text" }
  }
` + steps + `
  sink "trap" "out" {
    trap = "a"
    note = "` + note + `"
    rows = 500
  }
}
`
}

const (
	plainRows = `  map "m" {
    fields = { a = "a" }
  }`
	markedRows = `  map "m" {
    fields = { a = "(a ?? '') + '!'" }
  }`
	oddRows = `  filter "odd" {
    drop = "int(a) % 2 == 0"
  }
`
	keptRows = `  filter "odd" {
    drop = "int(a) < 0"
  }
`
	inThrees = `  group "g" {
    by     = ["k"]
    within = "adjacent"
    fields = { a = "join(map(rows, .a), '+')" }
  }`
	byNumber = `  group "g" {
    by     = ["a"]
    within = "adjacent"
    fields = { a = "join(map(rows, .a), '+')" }
  }`
	inThreesOtherwise = `  group "g" {
    by     = ["k"]
    within = "adjacent"
    fields = { a = "join(map(rows, .a), '+')", n = "len(rows)" }
  }`
)

// changeInside serves first, and goes over to next once the first delivery of a
// file of n rows is under way. It returns the verdict when everything is delivered.
func changeInside(t *testing.T, r *rig, n int, next string, zip bool) *serve.Verdict {
	t.Helper()
	var sb strings.Builder
	sb.WriteString("a,k\n")
	for i := range n {
		fmt.Fprintf(&sb, "%d,%d\n", i, (i+1)/3) // the last rows of a chunk seldom end a set
	}
	if zip {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write([]byte(sb.String())) // to memory
		_ = w.Close()
		r.write("in/a.csv.gz", packed.String())
	} else {
		r.write("in/a.csv", sb.String())
	}
	trap := r.traps.get("a")
	release := trap.hangs()
	s := r.start()
	<-trap.hanging
	r.write("config/a.hcl", next)
	got := make(chan *serve.Verdict, 1)
	go func() {
		v, err := s.Reload(context.Background(), serve.Request{Trigger: "api"})
		if err != nil {
			t.Error(err)
		}
		got <- v
	}()
	synctest.Wait() // the change is asked for
	release()
	v := <-got
	time.Sleep(10 * time.Second)
	return v
}

// In the middle of a file the configuration changes: whatever the action, each row
// goes one way, under one generation, and none is lost or repeated (I2, I3, I4).
func TestChangeInsideAFile(t *testing.T) {
	for _, c := range []struct {
		name, first, next string
		kind              plan.ActionKind
		refused, groups   int // rows that the group held, and rows delivered; -1 for any number
		zip               bool
	}{
		{"the mapping", inside(plainRows, ""), inside(markedRows, ""), plan.Swap, 0, -1, false},
		{"the sink", inside(plainRows, ""), inside(plainRows, "new "), plan.Restart, 0, -1, false},
		{"a filter that is added", inside(plainRows, ""), inside(oddRows+plainRows, ""), plan.Restart, 0, -1, false},
		{"a filter that is taken away", inside(oddRows+plainRows, ""), inside(plainRows, ""), plan.Restart, 0, -1, false},
		{"the condition of a filter", inside(oddRows+plainRows, ""), inside(keptRows+plainRows, ""), plan.Swap, 0, -1, false},
		{"the sink behind a group", inside(inThrees, ""), inside(inThrees, "new "), plan.Restart, 0, 33_334, false},
		{"a filter before a group", inside(oddRows+inThrees, ""), inside(keptRows+inThrees, ""), plan.Swap, 0, -1, false},
		{"the group itself", inside(inThrees, ""), inside(inThreesOtherwise, ""), plan.Restart, 0, 33_334, false},
		{"by what is grouped", inside(inThrees, ""), inside(byNumber, ""), plan.Restart, 1, -1, false},
		{"the mapping of a compressed file", inside(plainRows, ""), inside(markedRows, ""), plan.Swap, 0, -1, true},
		{"the sink of a compressed file", inside(plainRows, ""), inside(plainRows, "new "), plan.Restart, 0, -1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const rows = 100_000
				r := newRig(t, map[string]string{"config/a.hcl": c.first})
				v := changeInside(t, r, rows, c.next, c.zip)
				if v.Outcome != serve.Applied || len(v.Actions) != 1 || v.Actions[0].Kind != c.kind || v.Actions[0].Outcome != serve.ActionDone {
					t.Fatalf("%+v\n%s", v, texts(v))
				}
				p, _ := r.server.Pipeline("a")
				if p.Totals.Read != rows || p.Totals.Difference() != 0 || p.Failed != 0 || p.Totals.Held != 0 {
					t.Errorf("ledger: %s, %d runs failed: %v", p.Totals, p.Failed, p.Problems)
				}
				if p.Totals.Rejected != int64(c.refused) || c.groups >= 0 && p.Totals.Delivered != int64(c.groups) {
					t.Errorf("%d rows refused, %d delivered, want %d and %d", p.Totals.Rejected, p.Totals.Delivered, c.refused, c.groups)
				}
				checkInside(t, r, rows, p)
				r.stop()
			})
		})
	}
}

// checkInside looks at what was delivered in the middle of whose file a change came.
func checkInside(t *testing.T, r *rig, rows int, p serve.PipelineStatus) {
	t.Helper()
	seen := map[int]uint64{}
	last, delivered, generation := -1, int64(0), uint64(0)
	by := map[uint64]int{}
	for _, m := range r.traps.get("a").deliveries() {
		if m.generation < generation {
			t.Fatalf("generation %d delivered after %d", m.generation, generation)
		}
		generation = m.generation
		for _, x := range m.rows {
			delivered++
			for _, a := range strings.Split(strings.TrimSuffix(x, "!"), "+") {
				n, err := strconv.Atoi(a)
				if err != nil || n <= last {
					t.Fatalf("row %q after row %d, in generation %d", x, last, m.generation)
				}
				last, seen[n] = n, m.generation
				by[m.generation]++
			}
		}
	}
	if len(by) != 2 {
		t.Errorf("rows of one generation alone: %v", by)
	}
	if delivered != p.Totals.Delivered {
		t.Errorf("%d rows delivered, %d in the ledger", delivered, p.Totals.Delivered)
	}
	given := map[int]bool{}
	if err := r.server.Store().Rejects("a", 0, func(x state.Reject) bool {
		given[int(x.Row)-1] = true
		return true
	}); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for n := range rows {
		if _, ok := seen[n]; !ok && !given[n] {
			missing++
		}
	}
	filtered := int(p.Totals.FilteredTotal())
	if missing != filtered {
		t.Errorf("%d rows were neither delivered nor refused, %d filtered; %v", missing, filtered, by)
	}
	t.Logf("%v rows by generation, %d filtered, %d refused", by, filtered, len(given))
}
