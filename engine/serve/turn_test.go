package serve_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/plan"
	"weir/engine/serve"
)

// A change of a pipeline waits while an operation on it is under way, and holds up
// nothing else: not the other pipelines of the same change, not the next change, and
// not, beyond the drain time, the verdict. What comes of it has a verdict of its own.
func TestOperationHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "config/b.hcl": trapped("b", "every 1h", "")})
		r.o.Drain = 30 * time.Second
		s := r.start()
		synctest.Wait()
		end, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- s.Exclusively(context.Background(), "a", func(*plan.Pipeline, uint64, string) error {
				<-end
				return nil
			})
		}()
		synctest.Wait()
		r.write("config/a.hcl", trapped("a", "every 1h", `note = "new "`))
		r.write("config/b.hcl", trapped("b", "every 1h", `note = "new "`))
		if err := s.Take(context.Background(), serve.Request{Trigger: "notify"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if b, _ := s.Pipeline("b"); b.Generation != 2 {
			t.Errorf("b waits: %+v", b)
		}
		r.write("config/b.hcl", trapped("b", "every 1h", `note = "newer "`))
		begun := time.Now()
		if v := r.reload(); v.Outcome != serve.Applied || len(v.Actions) != 1 || !time.Now().Equal(begun) {
			t.Errorf("the next change: %+v after %s", v, time.Since(begun))
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		v := s.Verdicts(1)[0]
		if v.Outcome != serve.Partial || v.Trigger != "notify" || len(v.Actions) != 2 || v.Actions[0].Outcome != serve.ActionLater || v.Actions[1].Outcome != serve.ActionDone {
			t.Errorf("the verdict: %+v", v)
		}
		if a, _ := s.Pipeline("a"); a.Generation != 1 || len(a.Config) != 1 {
			t.Errorf("a: %+v", a)
		}
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		v = s.Verdicts(1)[0]
		if v.Outcome != serve.Applied || v.Trigger != serve.Later || len(v.Actions) != 1 || v.Actions[0].Pipeline != "a" || v.Actions[0].Seconds < 31 {
			t.Errorf("the verdict of the operation's end: %+v", v)
		}
		if a, _ := s.Pipeline("a"); a.Generation != 2 || len(a.Config) != 0 {
			t.Errorf("a: %+v", a)
		}
		r.stop()
	})
}
