package exec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ids returns the field id of each line.
func ids(lines string) (out []int) {
	for l := range strings.Lines(lines) {
		var id int
		if _, err := fmt.Sscanf(l, `{"id":%d`, &id); err == nil {
			out = append(out, id)
		}
	}
	return out
}

// upTo is the list from to to-1.
func upTo(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func TestStraight(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  map "m" {
    fields = { id = "id", twice = "n * 2" }
  }
  filter "odd" {
    drop = "id % 2 == 1"
  }
  sink "probe" "out" {
    rows = 7
  }`)
	r.put("a.csv", csvRows(0, 100))
	r.put("b.csv", csvRows(100, 130))
	rep := r.done()
	equal(t, "counts", rep.Counts, "read 130, delivered 65, filtered by odd 65")
	equal(t, "files", rep.Objects, 2)
	got := ids(r.probe.effects(t, "out"))
	for i, id := range got {
		if id != 2*i {
			t.Fatalf("row %d is %d; the order of the source is not kept", i, id)
		}
	}
	for i, d := range r.probe.seen["out"] {
		if d.Rows != 7 && i != 7 && i != 10 { // the last of each file
			t.Errorf("delivery %d has %d rows", i, d.Rows)
		}
	}
	equal(t, "second run", r.done().Counts, "read 0, delivered 0")
	equal(t, "totals", r.totals(), "read 130, delivered 65, filtered by odd 65")
}

func TestTwoSinks(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  sink "probe" "a" {
    to   = "a"
    rows = 10
    from = decode.csv
  }
  sink "file" "b" {
    path = "DIR/out.ndjson"
    from = decode.csv
  }`)
	r.put("a.csv", csvRows(0, 95))
	rep := r.done()
	equal(t, "counts", rep.Counts, "read 95, expanded 95, delivered 190")
	equal(t, "rows of a", ids(r.probe.effects(t, "a")), upTo(0, 95))
	out, err := os.ReadFile(filepath.Join(r.dir, "out.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rows of b", ids(string(out)), upTo(0, 95))
}

func TestBranches(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  map "small" {
    from   = decode.csv
    when   = "n < 2"
    fields = { id = "id" }
  }
  filter "mid" {
    from = decode.csv
    when = "n == 2"
    drop = "id > 50"
  }
  sink "probe" "small" {
    to   = "small"
    from = map.small
    rows = 3
  }
  sink "probe" "mid" {
    to   = "mid"
    from = filter.mid
    rows = 3
  }
  sink "probe" "rest" {
    to        = "rest"
    from      = decode.csv
    otherwise = true
    rows      = 3
  }`)
	r.put("a.csv", csvRows(0, 100))
	rep := r.done()
	equal(t, "counts", rep.Counts, "read 100, delivered 90, filtered by mid 10")
	var want = map[string][]int{}
	for i := range 100 {
		switch {
		case i%5 < 2:
			want["small"] = append(want["small"], i)
		case i%5 == 2 && i <= 50:
			want["mid"] = append(want["mid"], i)
		case i%5 > 2:
			want["rest"] = append(want["rest"], i)
		}
	}
	for to, list := range want {
		equal(t, "rows of "+to, ids(r.probe.effects(t, to)), list)
	}
}

// Rows that no branch takes are counted; those that several take are counted more than once.
func TestUnrouted(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  sink "probe" "a" {
    to   = "a"
    from = decode.csv
    when = "n < 2"
    rows = 3
  }
  sink "probe" "b" {
    to   = "b"
    from = decode.csv
    when = "n < 1"
    rows = 3
  }`)
	r.put("a.csv", csvRows(0, 100))
	equal(t, "counts", r.done().Counts, "read 100, expanded 20, delivered 60, filtered by unrouted 60")
}

// One sink that is reached by two ways: each row comes twice, and deliveries of
// the same rows by another way have other keys.
func TestMergeOfSteps(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  map "a" {
    from   = decode.csv
    fields = { id = "id", way = "'a'" }
  }
  map "b" {
    from   = decode.csv
    fields = { id = "id", way = "'b'" }
  }
  sink "probe" "out" {
    from = [map.a, map.b]
    rows = 10
  }`)
	r.chunk = 1 << 20
	r.put("a.csv", csvRows(0, 40))
	equal(t, "counts", r.done().Counts, "read 40, expanded 40, delivered 80")
	equal(t, "rows", ids(r.probe.effects(t, "out")), append(upTo(0, 40), upTo(0, 40)...))
	equal(t, "repeated keys", r.probe.repeats("out"), 0)
}

func TestMergeOfSources(t *testing.T) {
	r := newRig(t, t.TempDir(), `
  source "file" "one" {
    path  = "DIR/in/one*.csv"
    ready = "now"
  }
  decode "csv" {
    name    = "one"
    columns = { id = "int required" }
  }
  source "file" "two" {
    path  = "DIR/in/two*.csv"
    ready = "now"
  }
  decode "csv" {
    name    = "two"
    columns = { id = "int required" }
  }
  filter "all" {
    from = [decode.one, decode.two]
    drop = "id == 5"
  }
  sink "probe" "out" {
    rows = 10
  }`)
	r.put("two.csv", csvRows(50, 70))
	r.put("one.csv", csvRows(0, 33))
	equal(t, "counts", r.done().Counts, "read 53, delivered 52, filtered by all 1")
	equal(t, "rows", len(ids(r.probe.effects(t, "out"))), 52)
}

// One row of the source that becomes many: their deliveries have keys of their own.
func TestExpandKeys(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  expand "e" {
    rows   = "1..25"
    fields = { id = "id * 100 + item" }
  }
  sink "probe" "out" {
    rows = 5
  }`)
	r.put("a.csv", csvRows(0, 3))
	equal(t, "counts", r.done().Counts, "read 3, expanded 72, delivered 75")
	equal(t, "rows", len(ids(r.probe.effects(t, "out"))), 75)
	equal(t, "repeated keys", r.probe.repeats("out"), 0)
}
