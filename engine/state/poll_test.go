package state_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"weir/engine/state"
	"weir/engine/state/kv"
	"weir/engine/state/memkv"
)

// counting counts the writes that wait for a disk.
type counting struct {
	kv.Store
	mu     sync.Mutex
	writes int
}

func (c *counting) Apply(w *kv.Writes) error {
	c.mu.Lock()
	if len(w.List) > 0 {
		c.writes++
	}
	c.mu.Unlock()
	return c.Store.Apply(w)
}

// poll is one run of an idle pipeline.
func poll(t *testing.T, se *state.Session, id string, outcome string) state.Run {
	t.Helper()
	must(t, se.StartPoll(state.Run{ID: id, Started: start}))
	_, _ = se.Space("dedupe.a").Has([]byte("k"))
	must(t, se.SetSinkToken("s", nil))
	must(t, se.Commit(t.Context()))
	r, err := se.FinishRun(start.Add(time.Second), outcome, "")
	must(t, err)
	return r
}

// TestEmptyPoll: a run that finds nothing writes nothing and takes no number; one that
// commits or fails is recorded whole.
func TestEmptyPoll(t *testing.T) {
	db := &counting{Store: memkv.New()}
	s, err := state.New(db, state.Options{Clock: fixedClock{start}})
	must(t, err)
	se := session(t, s, "p")
	poll(t, se, "first", state.Succeeded) // gives the space its number
	before := db.writes
	for i := range 10 {
		if r := poll(t, se, fmt.Sprint(i), state.Succeeded); r.Number != 0 || r.Outcome != state.Succeeded || r.Ended.IsZero() {
			t.Fatalf("%+v", r)
		}
	}
	if db.writes != before {
		t.Errorf("%d writes of polls that found nothing", db.writes-before)
	}
	if !se.LastPoll().Equal(start.Add(time.Second)) {
		t.Errorf("the last poll was at %v", se.LastPoll())
	}
	must(t, se.StartPoll(state.Run{ID: "found", Started: start}))
	se.Count(state.Counts{Read: 1, Rejected: 1})
	se.AddReject(state.Reject{Object: "o", Row: 1})
	must(t, se.Commit(t.Context()))
	if _, err := se.FinishRun(start, state.Succeeded, ""); err != nil {
		t.Fatal(err)
	}
	if r := poll(t, se, "failed", state.Failed); r.Number != 2 {
		t.Errorf("a failed poll is %+v", r)
	}
	must(t, se.StartPoll(state.Run{ID: "killed", Started: start}))
	must(t, se.RecordRun())
	must(t, se.RecordRun()) // once is enough

	next := session(t, s, "p")
	must(t, next.StartPoll(state.Run{ID: "after", Started: start}))
	next.Count(state.Counts{Read: 1, Delivered: 1})
	must(t, next.Commit(t.Context()))
	runs, err := s.Runs("p", 10)
	must(t, err)
	var got []string
	for _, r := range runs {
		got = append(got, fmt.Sprint(r.Number, " ", r.ID, " ", r.Outcome, " ", r.Counts.Read))
	}
	want := "[4 after running 1 3 killed interrupted 0 2 failed failed 0 1 found succeeded 1]"
	if fmt.Sprint(got) != want {
		t.Errorf("runs %v, want %s", got, want)
	}
	if _, err := se.FinishRun(start, state.Succeeded, ""); !errors.Is(err, state.ErrFenced) {
		t.Errorf("the older session's run: %v", err)
	}
}

// TestRunsOfAProcessBefore: a store that is opened for work says of no run of before that it
// is under way; one that is only read is left as it is.
func TestRunsOfAProcessBefore(t *testing.T) {
	s, db := newStore(t)
	for _, p := range []string{"p", "q"} {
		must(t, session(t, s, p).StartRun(state.Run{ID: p, Started: start}))
	}
	done := session(t, s, "done")
	must(t, done.StartRun(state.Run{ID: "done", Started: start}))
	if _, err := done.FinishRun(start, state.Succeeded, ""); err != nil {
		t.Fatal(err)
	}
	outcomes := func(s *state.Store) (got string) {
		t.Helper()
		for _, p := range []string{"p", "q", "done"} {
			runs, err := s.Runs(p, 1)
			must(t, err)
			got += runs[0].Outcome + " "
		}
		return got
	}
	ro, err := state.New(db, state.Options{ReadOnly: true})
	must(t, err)
	if got := outcomes(ro); got != "running running succeeded " {
		t.Error(got)
	}
	if got := outcomes(reopen(t, db)); got != "interrupted interrupted succeeded " {
		t.Error(got)
	}
}

// TestPollIsFenced: also a poll that found nothing learns that it lost the pipeline.
func TestPollIsFenced(t *testing.T) {
	s, _ := newStore(t)
	old := session(t, s, "p")
	must(t, old.StartPoll(state.Run{ID: "r", Started: start}))
	session(t, s, "p")
	if _, err := old.FinishRun(start, state.Succeeded, ""); !errors.Is(err, state.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
}

// TestIdleSessions: sessions at rest are small, also after a run that had much in memory.
func TestIdleSessions(t *testing.T) {
	s, _ := newStore(t)
	const n = 200
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var list []*state.Session
	for i := range n {
		se := session(t, s, fmt.Sprint("p", i))
		must(t, se.StartPoll(state.Run{ID: "r", Started: start}))
		sp := se.Space("dedupe.a")
		for k := range 2000 { // the same keys, so that the store itself stays small
			sp.Put(fmt.Appendf(nil, "%0100d", k), []byte("v"))
		}
		se.Discard()
		must(t, se.Commit(t.Context()))
		_, err := se.FinishRun(start, state.Succeeded, "")
		must(t, err)
		list = append(list, se)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n; each > 16<<10 {
		t.Errorf("%d bytes for a session at rest", each)
	}
	runtime.KeepAlive(list)
}

// TestConcurrentCommits: sessions of different pipelines commit at the same time.
func TestConcurrentCommits(t *testing.T) {
	s, err := state.Open(t.TempDir(), state.Options{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	var wg sync.WaitGroup
	for p := range 16 {
		wg.Go(func() {
			se, err := s.Pipeline(context.Background(), fmt.Sprint("p", p), 1, "r")
			for i := 0; i < 5 && err == nil; i++ {
				se.Space("dedupe.a").Put(fmt.Append(nil, i), []byte("v"))
				se.Count(state.Counts{Read: 1, Delivered: 1})
				err = se.Commit(context.Background())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for p := range 16 {
		if tot, err := s.Totals(fmt.Sprint("p", p)); err != nil || tot.Read != 5 {
			t.Errorf("p%d: %+v, %v", p, tot, err)
		}
	}
}

// BenchmarkEmptyPoll is one poll of an idle pipeline on the store on disk.
func BenchmarkEmptyPoll(b *testing.B) {
	s, err := state.Open(b.TempDir(), state.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	se, err := s.Pipeline(context.Background(), "p", 1, "r")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := errors.Join(se.StartPoll(state.Run{ID: "r", Started: start}), se.Commit(context.Background())); err != nil {
			b.Fatal(err)
		}
		if _, err := se.FinishRun(start, state.Succeeded, ""); err != nil {
			b.Fatal(err)
		}
	}
}
