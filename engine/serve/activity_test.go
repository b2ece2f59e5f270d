package serve_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/serve"
)

// What goes on is told while it does: a run, a change that waits for it, what is due
// next; and whoever moves a clock by that is told when to look again.
func TestActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "in/a.csv": "a\n1\n"})
		var quiet atomic.Int64
		var delivered atomic.Uint64
		r.o.Quiet = func() { quiet.Add(1) }
		r.o.Delivered = func(pipeline, sink string, generation uint64) {
			if pipeline == "a" && sink == "sink.out" {
				delivered.Store(generation)
			}
		}
		trap := r.traps.get("a")
		release := trap.hangs()
		s := r.start()
		<-trap.hanging
		synctest.Wait()
		begun := time.Now()
		check := func(what string, want serve.Activity) {
			t.Helper()
			synctest.Wait()
			if got := s.Activity(); got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		check("a run hangs", serve.Activity{Running: 1, Next: begun.Add(time.Minute)}) // it looks for what to try again then
		r.write("config/a.hcl", trapped("a", "every 1h", `note = "new "`))
		before := quiet.Load()
		got := make(chan *serve.Verdict, 1)
		go func() {
			v, err := s.Reload(context.Background(), serve.Request{Trigger: "api"})
			if err != nil {
				t.Error(err)
			}
			got <- v
		}()
		check("a change waits for it", serve.Activity{Running: 1, Asked: 1, Next: begun.Add(30 * time.Second)})
		if quiet.Load() == before {
			t.Error("nobody was told that the change waits")
		}
		release()
		if v := <-got; v.Outcome != serve.Applied {
			t.Errorf("%s", texts(v))
		}
		check("nothing goes on", serve.Activity{Next: begun.Add(time.Minute)})
		if g := delivered.Load(); g == 0 || !r.has("a", "1") {
			t.Errorf("delivered in generation %d: %s", g, strings.Join(trap.seen(), ", "))
		}
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if a := s.Activity(); a.Due || a.Next.After(time.Now().Add(time.Minute)) {
			t.Errorf("%+v", a)
		}
		r.stop()
		if a := s.Activity(); a.Running+a.Working+a.Asked != 0 || a.Due || !a.Next.IsZero() {
			t.Errorf("a server that has stopped: %+v", a)
		}
	})
}
