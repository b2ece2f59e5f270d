package serve_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

// A sink that changes is opened anew and goes on from the committed row: nothing
// is lost and nothing repeated; the pipeline beside it is not even opened again.
func TestRestart(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": trapped("a", "every 1s", ""), "config/b.hcl": trapped("b", "every 1s", ""),
		"in/a1.csv": "a\n1\n", "in/b1.csv": "a\n1\n",
	})
	r.start()
	r.until("first rows", func() bool { return r.has("a", "1") && r.has("b", "1") })
	opened, _ := r.traps.get("b").counts()
	r.write("config/a.hcl", trapped("a", "every 1s", `note = "new "`))
	v := r.reload()
	if v.Outcome != serve.Applied || len(v.Actions) != 1 || v.Actions[0].Kind != plan.Restart || v.Actions[0].Why() == "" {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	r.write("in/a2.csv", "a\n2\n")
	r.until("rows of the new sink", func() bool { return r.has("a", "new 2") })
	if again, _ := r.traps.get("b").counts(); again != opened {
		t.Errorf("the sink of b was opened %d times, then %d", opened, again)
	}
	if got := strings.Join(r.traps.get("a").seen(), ","); got != "1,new 2" {
		t.Errorf("a got %s", got)
	}
}

// What a new configuration cannot open leaves the old running; later it is tried again.
func TestNewConfigurationFailsToOpen(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1s", ""), "in/a1.csv": "a\n1\n"})
	s := r.start()
	r.until("first rows", func() bool { return r.has("a", "1") })
	r.write("config/a.hcl", strings.Replace(trapped("a", "every 1s", ""), `trap = "a"`, `trap = "c"`, 1))
	r.traps.get("c").refuses(errRefused)
	v := r.reload()
	if v.Outcome != serve.Rejected || v.Actions[0].Outcome != serve.ActionFailed || !strings.Contains(texts(v), errRefused.Error()) {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	r.write("in/a2.csv", "a\n2\n")
	r.until("rows of the old sink", func() bool { return r.has("a", "2") })
	if p, _ := s.Pipeline("a"); len(p.Config) == 0 {
		t.Error("the status does not say why the new configuration is not in effect")
	}
	r.traps.get("c").refuses(nil)
	if v := r.reload(); v.Outcome != serve.Applied {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	r.write("in/a3.csv", "a\n3\n")
	r.until("rows of the new sink", func() bool { return r.has("c", "3") })
}

// A step that ignores cancel: everything else is reloaded at once, the hanging run
// is left behind at its deadline and named, and what it does later is refused.
func TestStepThatIgnoresCancel(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": trapped("a", "every 1s", ""), "config/b.hcl": trapped("b", "every 1s", ""), "in/a1.csv": "a\n1\n",
	})
	r.o.Drain, r.o.Grace = 300*time.Millisecond, 100*time.Millisecond
	trap := r.traps.get("a")
	release := trap.hangs()
	s := r.start()
	<-trap.hanging
	r.write("config/a.hcl", trapped("a", "every 1s", `note = "new "`))
	r.write("config/b.hcl", trapped("b", "every 1s", `note = "new "`))
	got := make(chan *serve.Verdict, 1)
	go func() { got <- r.reload() }()
	r.until("the change of b", func() bool { p, _ := s.Pipeline("b"); return p.Generation == 2 })
	r.write("in/b1.csv", "a\n1\n")
	r.until("rows of b under its new sink", func() bool { return r.has("b", "new 1") })
	v := <-got
	out := map[string]serve.Done{}
	for _, d := range v.Actions {
		out[d.Pipeline] = d
	}
	if v.Outcome != serve.Applied || out["b"].Outcome != serve.ActionDone || out["a"].Outcome != serve.ActionFenced || out["a"].Left != "sink.out" {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	if p, _ := s.Pipeline("a"); len(p.Left) != 1 {
		t.Errorf("the status does not name the hanging run: %+v", p)
	}
	release()
	r.until("the end of the hanging run", func() bool { p, _ := s.Pipeline("a"); return len(p.Left) == 0 })
	r.until("the row under the new sink", func() bool { return r.has("a", "new 1") })
	// The late delivery was made, and its commit refused: the same row came again with the same key.
	// Which of the two is first is open: both were held up.
	all := trap.deliveries()
	slices.SortFunc(all, func(a, b made) int { return cmp.Compare(a.generation, b.generation) })
	if len(all) != 2 || all[0].key != all[1].key || all[0].generation != 1 || all[1].generation != 2 {
		t.Errorf("deliveries %+v", all)
	}
	runs, err := s.Store().Runs("a", 10)
	if err != nil {
		t.Fatal(err)
	}
	delivered := int64(0)
	for _, x := range runs {
		delivered += x.Counts.Delivered
	}
	if delivered != 1 {
		t.Errorf("the ledger has %d rows delivered: %+v", delivered, runs)
	}
}

// A run that hangs while its pipeline is removed is recorded as interrupted, though no
// other run of the pipeline follows that would say so.
func TestRemoveWhileAStepHangs(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": trapped("a", "every 1s", ""), "config/b.hcl": trapped("b", "every 1s", ""), "in/a1.csv": "a\n1\n",
	})
	r.o.Drain, r.o.Grace = 100*time.Millisecond, 100*time.Millisecond
	trap := r.traps.get("a")
	release := trap.hangs()
	s := r.start()
	<-trap.hanging
	r.remove("config/a.hcl")
	if v := r.reload(); v.Outcome != serve.Applied || v.Actions[0].Kind != plan.Remove || v.Actions[0].Outcome != serve.ActionFenced {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	runs, err := s.Store().Runs("a", 10)
	if err != nil || len(runs) != 1 || runs[0].Outcome != state.Interrupted || !runs[0].Ended.IsZero() {
		t.Errorf("the record of the run is %+v, %v", runs, err)
	}
	release()
	r.until("the late delivery", func() bool { return len(trap.deliveries()) == 1 })
}

// A pipeline that fails runs at once under a new configuration, however long it would
// have waited under the old one.
func TestChangeOfAFailingPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "in/a1.csv": "a\n1\n"})
		trap := r.traps.get("a")
		trap.fail(1000, false)
		begun := time.Now()
		s := r.start()
		time.Sleep(20 * time.Minute)
		p, _ := s.Pipeline("a")
		if p.State != serve.Failing || p.Failures < 3 || !p.Since.Equal(begun) || !p.Next.After(time.Now()) {
			t.Fatalf("%+v", p)
		}
		trap.fail(0, false)
		r.write("config/a.hcl", trapped("a", "every 1h", `note = "new "`))
		if v := r.reload(); v.Outcome != serve.Applied {
			t.Fatalf("%+v\n%s", v, texts(v))
		}
		synctest.Wait()
		if !r.has("a", "new 1") {
			t.Errorf("nothing ran: %v", trap.seen())
		}
		if p, _ := s.Pipeline("a"); p.Failures != 0 || !p.Since.IsZero() {
			t.Errorf("it has recovered: %+v", p)
		}
		r.stop()
	})
}

// A pipeline that is removed ends; put back, it goes on where it was.
func TestRemoveAndAdd(t *testing.T) {
	text := trapped("a", "every 1s", "")
	r := newRig(t, map[string]string{"config/a.hcl": text, "config/b.hcl": trapped("b", "every 1h", ""), "in/a1.csv": "a\n1\n"})
	s := r.start()
	r.until("first rows", func() bool { return r.has("a", "1") })
	r.remove("config/a.hcl")
	if v := r.reload(); v.Outcome != serve.Applied || v.Actions[0].Kind != plan.Remove {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	if _, ok := s.Pipeline("a"); ok {
		t.Error("it is still there")
	}
	r.write("config/a.hcl", text)
	r.write("in/a2.csv", "a\n2\n")
	if v := r.reload(); v.Outcome != serve.Applied || v.Actions[0].Kind != plan.Add {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	r.until("the new row", func() bool { return r.has("a", "2") })
	if got := r.traps.get("a").seen(); len(got) != 2 {
		t.Errorf("rows %v", got)
	}
}

// deduped lets each value through once.
func deduped(key, state string) string {
	return strings.Replace(strings.Replace(trapped("a", "every 1s", ""), "  sink", `  dedupe "once" {
    keys = { id = "`+key+`" }
  }
  sink`, 1), "schedule", state+"\n  schedule", 1)
}

// A change that would re-key stored state is refused until the pipeline says what
// is to become of it, and the message has the numbers (I8).
func TestStateIsNotRekeyedSilently(t *testing.T) {
	for answer, want := range map[string]string{"keep": "x,y,X,y", "rebuild": "x,y,x,y,X", "fork": "x,y,x,y,X"} {
		t.Run(answer, func(t *testing.T) {
			r := newRig(t, map[string]string{"config/a.hcl": deduped("a", ""), "in/a1.csv": "a\nx\ny\nx\n"})
			s := r.start()
			r.until("first rows", func() bool { return r.has("a", "y") })
			r.write("config/a.hcl", deduped("a + '!'", ""))
			v := r.reload()
			if v.Outcome != serve.Rejected || v.Actions[0].Outcome != serve.ActionRefused || !strings.Contains(texts(v), "2 keys are stored") {
				t.Fatalf("%+v\n%s", v, texts(v))
			}
			r.write("config/a.hcl", deduped("a + '!'", `state = "`+answer+`"`))
			if v = r.reload(); v.Outcome != serve.Applied {
				t.Fatalf("%+v\n%s", v, texts(v))
			}
			r.write("in/a2.csv", "a\nX\ny\n")
			_ = s
			r.until(want, func() bool { return strings.Join(r.traps.get("a").seen(), ",") == want })
		})
	}
}

// What the last run stores while a change waits for its end refuses the change as if it
// had been there before (I8): in the same words, and it is not tried again and again.
func TestStateStoredWhileAChangeWaits(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": deduped("a", ""), "config/z.hcl": trapped("z", "every 1h", ""), "in/a1.csv": "a\nx\ny\n",
	})
	trap := r.traps.get("a")
	release := trap.hangs()
	s := r.start()
	<-trap.hanging
	r.write("config/a.hcl", deduped("a + '!'", ""))
	r.write("config/z.hcl", trapped("z", "every 2h", "")) // in effect once all changes are judged
	got := make(chan *serve.Verdict, 1)
	go func() { got <- r.reload() }()
	r.until("the change of z", func() bool { p, _ := s.Pipeline("z"); return p.Generation == 2 })
	release()
	v := <-got
	if v.Outcome != serve.Partial || v.Actions[0].Pipeline != "a" || v.Actions[0].Outcome != serve.ActionRefused ||
		!strings.Contains(texts(v), "a would lose what it knows") || !strings.Contains(texts(v), "2 keys are stored") {
		t.Errorf("%+v\n%s", v, texts(v))
	}
	if p, _ := s.Pipeline("a"); p.Generation != 1 || len(p.Config) == 0 {
		t.Errorf("status %+v", p)
	}
	r.write("in/a2.csv", "a\ny\nw\n")
	r.until("the next row, under the old key", func() bool { return r.has("a", "w") })
	if rows := strings.Join(trap.seen(), ","); rows != "x,y,w" {
		t.Errorf("rows %s", rows)
	}
}
