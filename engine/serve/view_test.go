package serve_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

// Operations of one pipeline come one after the other, and a change of it comes after them.
func TestOperationsOneByOne(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "in/a1.csv": "a\nx\n"})
	s := r.start()
	var wg sync.WaitGroup
	busy, most := 0, 0
	var mu sync.Mutex
	for range 8 {
		wg.Go(func() {
			err := s.Exclusively(t.Context(), "a", func(p *plan.Pipeline, generation uint64, revision string) error {
				mu.Lock()
				busy++
				most = max(most, busy)
				mu.Unlock()
				time.Sleep(2 * time.Millisecond)
				if st, _ := s.Pipeline("a"); st.Run != nil {
					t.Error("a run goes on during an operation")
				}
				mu.Lock()
				busy--
				mu.Unlock()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	r.write("config/a.hcl", strings.ReplaceAll(copying("a", "a"), "number", "replace"))
	if v := r.reload(); v.Outcome != serve.Applied {
		t.Errorf("%+v\n%s", v, texts(v))
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d operations at once", most)
	}
	r.write("in/a2.csv", "a\nlate\n")
	r.until("rows after the operations", func() bool { return strings.Contains(r.output("a"), "late") })
}

// An operation that waits for another gives up with its context.
func TestOperationGivesUp(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a")})
	s := r.start()
	err := s.Exclusively(t.Context(), "a", func(*plan.Pipeline, uint64, string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		return s.Exclusively(ctx, "a", func(*plan.Pipeline, uint64, string) error {
			t.Error("it was called")
			return nil
		})
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	var unknown *serve.UnknownError
	if _, err := s.Discard(t.Context(), "b", []uint64{1}); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}

// What began before the server stops keeps the store open, and nothing begins after.
func TestBeginAndStop(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a")})
	s := r.start()
	ctx, done, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.stop()
	}()
	<-s.Stopping()
	if _, _, err := s.Begin(t.Context()); !errors.Is(err, serve.ErrStopping) {
		t.Errorf("%v", err)
	}
	if _, err := s.Store().Totals("a"); err != nil || ctx.Err() != nil {
		t.Errorf("the store closed early: %v, %v", err, ctx.Err())
	}
	done()
	<-stopped
	if ctx.Err() == nil {
		t.Error("the context goes on")
	}
}

// What is measured of a run is there while it goes on, and agrees with its ledger at its end.
func TestMeasures(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "in/a1.csv": "a\nx\ny\n"})
	s := r.start()
	r.until("a run", func() bool { p, _ := s.Pipeline("a"); return p.Runs > 0 && p.Totals.Read == 2 })
	list, reloads := s.Measures()
	m := list[0]
	if m.Counts.String() != "read 2, delivered 2" || m.Commits.N() == 0 || m.Commits.Sum <= 0 || m.Outcomes[state.Succeeded] == 0 || m.Success.IsZero() {
		t.Errorf("%+v", m)
	}
	if d := m.Deliveries["sink.out"]; d.N() == 0 || len(d.Counts) != len(serve.Bounds())+1 {
		t.Errorf("deliveries: %+v", m.Deliveries)
	}
	if reloads.Outcomes[serve.ReloadKind{Outcome: serve.Applied, Trigger: "start"}] != 1 || reloads.Took.N() != 1 {
		t.Errorf("reloads: %+v", reloads)
	}
	r.stop()
	// A new process knows when the pipeline succeeded last, and has measured nothing.
	r.o.Folder = r.config
	r.write("config/a.hcl", strings.Replace(copying("a", "a"), `"every 1s"`, `"every 9h"`, 1))
	before := m.Success
	s = r.start()
	list, _ = s.Measures()
	if list[0].Success.Before(before.Truncate(time.Second)) {
		t.Errorf("the last success was at %s, not %s", list[0].Success, before)
	}
}

// A plan says what the reload would come to.
func TestPlanOutcome(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a")})
	s := r.start()
	for _, c := range []struct{ config, want string }{
		{copying("a", "a"), serve.Unchanged}, {copying("a", "upper(a)"), serve.Applied}, {"pipeline {", serve.Rejected},
	} {
		r.write("config/a.hcl", c.config)
		if _, v := s.Plan(t.Context(), ""); v.Outcome != c.want {
			t.Errorf("%s, not %s: %s", v.Outcome, c.want, texts(v))
		}
	}
	if s.Status().Generation != 1 {
		t.Error("planning changed something")
	}
}
