package exec_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func packed(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const committing = source + `
  sink "probe" "out" {
    rows = 10
  }
  commit {
    rows = 60
  }`

// Commits in the middle of an object: a run after a failure reads from the
// committed row on, and cuts deliveries as before.
func TestResumeInTheMiddle(t *testing.T) {
	// A decoder of text in other character sets cannot go to the middle: rows are read again
	// up to the committed one, and passed over.
	skipping := strings.Replace(committing, "columns = {", "charset = \"shift_jis\"\n columns = {", 1)
	for i := range 4 {
		body, after := []string{committing, skipping}[i/2], i%2 == 1
		for fail := 1; fail <= 40; fail++ {
			r := newRig(t, t.TempDir(), body)
			r.put("a.csv", csvRows(0, 300))
			r.probe.failNext(fail, after)
			rep, err := r.run(t.Context())
			if !errors.Is(err, errProbe) {
				if err != nil || rep.Counts.Read != 300 {
					t.Fatalf("failure %d: error %v, %v", fail, err, rep.Counts)
				}
				break
			}
			committed := rep.Counts.Read
			if fail > 20 && committed < 100 {
				t.Errorf("failure %d: only %d rows were committed", fail, committed)
			}
			again := r.done().Counts.Read
			equal(t, "rows read by both", committed+again, 300)
			equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 300))
			equal(t, "totals", r.totals(), "read 300, delivered 300")
			if n := r.probe.repeats("out"); n > 11 {
				t.Errorf("failure %d: %d deliveries were repeated", fail, n)
			}
		}
	}
}

// A run that is slower than the one before it would like to cut earlier. It does
// not, where rows were delivered already.
func TestSlowRepeat(t *testing.T) {
	for fail := 1; fail < 20; fail++ {
		r := newRig(t, t.TempDir(), source+`
  sink "probe" "out" {
    rows = 10
    wait = "2s"
  }
  commit {
    rows  = 1000
    every = "3s"
  }`)
		r.put("a.csv", csvRows(0, 200))
		r.probe.failNext(fail, true)
		r.fails("away")
		r.clock.step = time.Second
		r.done()
		equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 200))
	}
}

// Whenever a run is cancelled, the next goes on, and the ledger adds up.
func TestCancelAnywhere(t *testing.T) {
	for n := 1; n < 60; n++ {
		r := newRig(t, t.TempDir(), committing)
		r.put("a.csv", csvRows(0, 150))
		r.put("b.csv", csvRows(150, 200))
		ctx, cancel := context.WithCancel(t.Context())
		points := 0
		r.point = func(string) {
			if points++; points == n {
				cancel()
			}
		}
		rep, err := r.run(ctx)
		if n < 20 && !errors.Is(err, context.Canceled) {
			t.Fatalf("point %d: error %v", n, err)
		}
		if d := rep.Counts.Difference(); d != 0 {
			t.Errorf("point %d: the ledger is off by %d", n, d)
		}
		cancel()
		r.point = func(string) {}
		r.done()
		equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 200))
		equal(t, "totals", r.totals(), "read 200, delivered 200")
	}
}

// A commit that the store refuses leaves everything to the next run.
func TestStoreFails(t *testing.T) {
	full := errors.New("no space left")
	for n := range 8 {
		r := newRig(t, t.TempDir(), committing)
		r.put("a.csv", csvRows(0, 150))
		commits := 0
		r.point = func(p string) {
			if p == "committing" {
				if commits++; commits == n+1 {
					r.kv.FailNext(full)
				}
			}
		}
		rep, err := r.run(t.Context())
		if n < 3 && !errors.Is(err, full) {
			t.Fatalf("commit %d: error %v", n, err)
		}
		read := rep.Counts.Read
		r.point = func(string) {}
		equal(t, "rows read by both", read+r.done().Counts.Read, 150)
		equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 150))
	}
}

// Pipelines that use the same entity wait for one another.
func TestHoldOfEntities(t *testing.T) {
	r := newRig(t, t.TempDir(), source+`
  dedupe "d" {
    entity = entity.person
    keys   = { id = "string(id)" }
  }
  sink "probe" "out" {
    rows = 10
  }
}
entity "person" {
  keys = { id = "value" }`)
	r.put("a.csv", csvRows(0, 50))
	var held []string
	r.hold = func(ctx context.Context, names []string) (func(), error) {
		held = append(held, names...)
		return func() { held = append(held, "released") }, nil
	}
	r.done()
	equal(t, "held", held, "[entity.person released]")
	r.hold = func(context.Context, []string) (func(), error) { return nil, context.DeadlineExceeded }
	if rep, err := r.run(t.Context()); !errors.Is(err, context.DeadlineExceeded) || rep.Objects != 0 {
		t.Errorf("error %v", err)
	}
}

// A clock that was set back between two runs, and goes back within them.
func TestClockSetBack(t *testing.T) {
	r := newRig(t, t.TempDir(), committing)
	r.put("a.csv", csvRows(0, 200))
	r.probe.failNext(8, true)
	r.fails("away")
	r.clock.now, r.clock.step = r.clock.now.AddDate(-1, 0, 0), -time.Hour
	r.done()
	equal(t, "rows", ids(r.probe.effects(t, "out")), upTo(0, 200))
	equal(t, "totals", r.totals(), "read 200, delivered 200")
	r.put("b.csv", csvRows(200, 250)) // older than the clock of the first run, newer than that of the second
	equal(t, "later", r.done().Counts, "read 50, delivered 50")
}
