package exec_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/exec"
	"weir/engine/plugin"
)

const limited = source + `
  sink "probe" "out" {
    rows = 10
  }
  commit {
    rows = 1
  }
  dead_letter {
    limit = "LIMIT"
  }`

// spoiled are rows 0 to n-1, of which every fifth has no number.
func spoiled(n int) string {
	out := csvRows(0, n)
	for _, end := range []string{",0\n"} {
		out = strings.ReplaceAll(out, end, ",x\n")
	}
	return out
}

// A limit of rejects stops the run; with a higher one everything is delivered,
// and what was delivered before comes with the same keys.
func TestRejectLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		limit, higher, message string
		rows                   int
		committed              int64 // rows of the failed run
	}{
		"number":        {"3", "100", "of", 100, 0},
		"share":         {"19%", "20%", "20 of 100 rows were rejected, more than 19%", 100, 0},
		"share of many": {"19.9%", "20%", "rows were rejected, more than 19.9%", 3000, 900},
		"none":          {"0", "100", "more than 0", 50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), strings.Replace(limited, "LIMIT", tt.limit, 1))
			r.put("a.csv", spoiled(tt.rows))
			rep, err := r.run(t.Context())
			if !errors.Is(err, exec.ErrLimit) || !strings.Contains(err.Error(), tt.message) || !strings.Contains(err.Error(), "row 1 (decode.csv)") {
				t.Fatalf("error %v", err)
			}
			if rep.Counts.Read < tt.committed {
				t.Errorf("%d rows were committed before the limit", rep.Counts.Read)
			}
			equal(t, "dead letters", len(r.rejects()), r.totals().Rejected)
			r.load(strings.Replace(limited, "LIMIT", tt.higher, 1))
			r.done()
			tot := r.totals()
			equal(t, "rejected", tot.Rejected, tt.rows/5)
			equal(t, "delivered", tot.Delivered, tt.rows*4/5)
			equal(t, "read", tot.Read, tt.rows)
			got := ids(r.probe.effects(t, "out"))
			if len(got) != tt.rows*4/5 {
				t.Errorf("%d rows were delivered, each counted once by key", len(got))
			}
		})
	}
}

// Dead letters tell where a row is and what it was, wherever it was refused.
func TestDeadLetters(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  check "c" {
    rule "small" {
      that    = "id != 4"
      message = "id {id}"
    }
  }
  sink "probe" "out" {
    rows = 10
  }`)
	r.probe.refuse = func(row string) bool { return strings.Contains(row, `"id":6,`) }
	r.put("a.csv", "id,key,n\n1,a,1\n2,b,?\n3,c,3\n4,d,4\n6,f,6\n7,g\n")
	equal(t, "counts", r.done().Counts, "read 6, delivered 2, rejected 4")
	for i, want := range []struct {
		step, raw, reason string
		row, line         int64
	}{
		{"decode.csv", "2,b,?", "", 2, 3},
		{"decode.csv", "7,g", "", 6, 7},
		{"check.c", "4,d,4", "id 4", 4, 5},
		{"sink.out", "6,f,6", "not wanted", 5, 6},
	} {
		x := r.rejects()[i]
		if x.Step != want.step || strings.TrimRight(string(x.Raw), "\r\n") != want.raw || x.Row != want.row || x.Line != want.line ||
			!strings.Contains(x.Reason, want.reason) || !strings.HasSuffix(x.Object, "a.csv") || x.Run != "run1" {
			t.Errorf("dead letter %d is %+v %q, want %+v", i, x, x.Raw, want)
		}
	}
}

// A file that is broken does not hold up the others, also when it is broken
// behind rows that were read, and nothing of it stays in steps.
func TestQuarantine(t *testing.T) {
	for name, broken := range map[string]string{
		"column missing": "id,key\n1,a\n",
		"not its type":   "PK\x03\x04 a spreadsheet",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+`
  group "g" {
    by     = ["key"]
    within = "object"
    fields = { id = "first(rows).id", rows = "len(rows)" }
  }
  sink "probe" "out" {
    rows = 10
  }`)
			r.put("a.csv", csvRows(0, 50))
			r.put("b.csv", broken)
			r.put("c.csv", csvRows(100, 150))
			rep, err := r.run(t.Context())
			var q *exec.QuarantineError
			if !errors.As(err, &q) || len(q.Files) != 1 || !strings.HasSuffix(q.Files[0], "b.csv") {
				t.Fatalf("error %v", err)
			}
			equal(t, "counts", rep.Counts, "read 100, delivered 22, grouped 78")
			equal(t, "groups", rep.Groups, "[{group.g 100 22}]")
			equal(t, "second run", r.done().Counts, "read 0, delivered 0")
			r.put("b.csv", csvRows(50, 100)+"\n")
			equal(t, "when mended", r.done().Counts, "read 50, delivered 11, grouped 39")
			equal(t, "rows", len(ids(r.probe.effects(t, "out"))), 33)
		})
	}
}

// A folder full of broken files: each is told of once, the error names the first
// ones only, and they count towards limit as others do.
func TestManyQuarantined(t *testing.T) {
	r := newRig(t, t.TempDir(), strings.Replace(source, "ready", "limit = 8\n ready", 1)+`
  sink "probe" "out" {
  }`)
	for i := range 10 {
		r.put(fmt.Sprintf("%d.csv", i), "id,key\n1,a\n")
	}
	r.put("7.csv", csvRows(0, 5))
	rep := r.fails("7 files could not be read and were set aside: ")
	if _, err := r.run(t.Context()); !strings.HasSuffix(fmt.Sprint(err), "2 files could not be read and were set aside: "+r.dir+"/in/8.csv, "+r.dir+"/in/9.csv") {
		t.Errorf("second run: %v", err)
	}
	equal(t, "counts", rep.Counts, "read 5, delivered 5")
	told := map[string]int{}
	for _, n := range rep.Notices {
		told[string(n.Code)]++
	}
	equal(t, "notices", told, "map[run.file_quarantined:7 run.file_waiting:2]")
	equal(t, "third run", r.done().Counts, "read 0, delivered 0")
	q := exec.QuarantineError{Files: []string{"a", "b", "c", "d", "e", "f", "g"}}
	equal(t, "error", q.Error(), "7 files could not be read and were set aside: a, b, c, d, e and 2 more")
}

// An archive that is damaged in its middle: what was read of it before is neither
// counted nor kept, whatever steps and sinks hold.
func TestQuarantineInTheMiddle(t *testing.T) {
	r := newRig(t, t.TempDir(), strings.Replace(source, "columns", "compression = \"gzip\"\n columns", 1)+`
  dedupe "d" {
    keys = { id = "id" }
  }
  sink "file" "out" {
    path = "DIR/out.ndjson"
  }`)
	good := packed(t, csvRows(0, 400))
	r.put("b.csv", string(packed(t, csvRows(100, 3000))[:4000]))
	r.put("c.csv", string(good))
	rep, err := r.run(t.Context())
	var q *exec.QuarantineError
	if !errors.As(err, &q) {
		t.Fatalf("error %v", err)
	}
	equal(t, "counts", rep.Counts, "read 400, delivered 400")
	out, err := os.ReadFile(filepath.Join(r.dir, "out.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rows", ids(string(out)), upTo(0, 400))
}

// What a receiver refuses as a whole is not the file's fault: it stays to be read.
func TestSinkErrorIsNoQuarantine(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  sink "probe" "out" {
    rows = 10
  }`)
	r.put("a.csv", csvRows(0, 50))
	r.probe.err = plugin.Fail(plugin.Data, "run.request_refused", errors.New("422"), "")
	r.probe.failNext(3, false)
	r.fails("sink.out: 422")
	equal(t, "counts", r.done().Counts, "read 50, delivered 50")
	equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 50))
	equal(t, "repeats", r.probe.repeats("out"), 2)
}

// A sink that shows its rows at the end shows them although the run that
// committed them was killed before, and the next one has no rows.
func TestPublishedByTheNextRun(t *testing.T) {
	for _, point := range []string{"archived", "finishing", "finished"} {
		t.Run(point, func(t *testing.T) {
			r := newRig(t, t.TempDir(), source+`
  sink "file" "out" {
    path   = "DIR/out.ndjson"
    exists = "error"
  }`)
			r.put("a.csv", csvRows(0, 50))
			r.point = func(p string) {
				if p == point {
					panic(crash{p})
				}
			}
			r.fails("killed at " + point)
			r.point = func(string) {}
			equal(t, "counts", r.done().Counts, "read 0, delivered 0")
			out, err := os.ReadFile(filepath.Join(r.dir, "out.ndjson"))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "rows", ids(string(out)), upTo(0, 50))
			r.done() // its own file is in the way of no other: there are no rows
		})
	}
}

// A run without rows writes a file when it is asked to.
func TestEmptyFile(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  sink "file" "out" {
    path   = "DIR/out.csv"
    format = "csv"
    empty  = true
  }`)
	r.done()
	out, err := os.ReadFile(filepath.Join(r.dir, "out.csv"))
	if err != nil || string(out) != "id,key,n\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// Rows that waited are delivered; the cut is durable first, so that a run after a
// crash makes the same delivery.
func TestCutByTime(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  sink "probe" "out" {
    rows = 1000
    wait = "2s"
  }
  commit {
    every = "1h"
  }`)
	r.put("a.csv", csvRows(0, 500))
	r.clock.step = 700 * time.Millisecond
	r.probe.failNext(3, true)
	r.fails("away")
	first := r.probe.seen["out"]
	equal(t, "deliveries before the crash", len(first), 3)
	r.clock.step = 0 // no time passes: only what was recorded cuts
	r.done()
	for i, d := range first {
		if again := r.probe.seen["out"][3+i]; again != d {
			t.Errorf("delivery %d was %s with %d rows and is %s with %d", i, d.Key, d.Rows, again.Key, again.Rows)
		}
	}
	equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 500))
	equal(t, "deliveries", len(r.probe.seen["out"]), 7)
}

// Rows that a decoder refuses are told under the address that its step has in the pipeline.
func TestRejectsNameTheirDecoder(t *testing.T) {
	part := `
  source "file" "NAME" {
    path  = "DIR/in/NAME.csv"
    ready = "now"
  }
  decode "csv" {
    name    = "NAME"
    from    = source.NAME
    columns = { id = "int required", key = "text", n = "int required" }
  }
  sink "probe" "NAME" {
    from = decode.NAME
  }
`
	r := newRig(t, t.TempDir(), strings.ReplaceAll(part, "NAME", "left")+strings.ReplaceAll(part, "NAME", "right"))
	r.put("left.csv", "id,key,n\n1,a,?\n")
	r.put("right.csv", "id,key,n\n1,a\n")
	r.done()
	var steps []string
	for _, x := range r.rejects() {
		steps = append(steps, x.Step)
	}
	equal(t, "steps", steps, []string{"decode.left", "decode.right"})
}
