package serve_test

import (
	"slices"
	"strings"
	"testing"

	"weir/engine/serve"
)

// renamed is deduped("a") under the name b.
func renamed(state string) string {
	return strings.Replace(deduped("a", state), `pipeline "a"`, `pipeline "b"`, 1)
}

// A pipeline that has another name now is refused until somebody says what becomes of
// its state, also in a second reload and when the name changed while nothing was
// served. Until then it runs on under its former name, where that is known.
func TestRenamedPipelineKeepsItsState(t *testing.T) {
	for _, offline := range []bool{true, false} {
		r := newRig(t, map[string]string{"config/a.hcl": deduped("a", ""), "config/z.hcl": trapped("z", "every 1h", ""), "in/a1.csv": "a\nx\ny\n"})
		r.start()
		r.until("first rows", func() bool { return r.has("a", "y") })
		r.write("config/a.hcl", renamed(""))
		if offline {
			r.stop()
			_, v, err := serve.PlanOffline(t.Context(), r.o, "")
			if err != nil || !strings.Contains(texts(v), "it does not run, and a stays as it was") || strings.Contains(texts(v), "runs on") {
				t.Errorf("planned offline: %v\n%s", err, texts(v))
			}
			r.start()
		}
		reload := r.reload
		if offline {
			reload = func() *serve.Verdict { r.stop(); r.start(); return r.first }
		}
		want := "it does not run, and a runs on as it was"
		if offline {
			want = "it does not run."
		}
		for range 2 {
			if v := reload(); !strings.Contains(texts(v), "b would lose what it knows") || !strings.Contains(texts(v), want) {
				t.Fatalf("%+v\n%s", v, texts(v))
			}
		}
		if !offline {
			r.write("in/a3.csv", "a\nw\n")
			r.until("a row of the former name", func() bool { return r.has("a", "w") })
			if p, ok := r.server.Pipeline("a"); !ok || len(p.Config) == 0 {
				t.Errorf("a does not say why it is as it is: %+v", p)
			}
		}
		r.write("config/a.hcl", renamed(`state = "keep"`))
		v := r.reload()
		if v.Outcome != serve.Applied || !slices.ContainsFunc(v.Actions, func(d serve.Done) bool {
			return d.Stored == "what was stored for a is that of b now"
		}) {
			t.Fatalf("%+v\n%s", v, texts(v))
		}
		r.write("in/a2.csv", "a\ny\nz\n")
		r.until("the new row", func() bool { return r.has("a", "z") })
		if got := strings.Join(r.traps.get("a").seen(), ","); strings.ReplaceAll(got, "w,", "") != "x,y,z" {
			t.Errorf("offline %v: rows %s", offline, got)
		}
		if _, ok := r.server.Pipeline("a"); ok {
			t.Error("a is still there")
		}
	}
}

// What is stored under a former name is not left there: it is dropped, or laid aside
// under a name that says so. Every row is read again.
func TestRenamedPipelineBeginsAnew(t *testing.T) {
	for state, want := range map[string]string{"rebuild": "b", "fork": "a~1 b"} {
		r := newRig(t, map[string]string{"config/a.hcl": deduped("a", ""), "config/z.hcl": trapped("z", "every 1h", ""), "in/a1.csv": "a\nx\ny\n"})
		r.start()
		r.until("first rows", func() bool { return r.has("a", "y") })
		r.write("config/a.hcl", renamed(`state = "`+state+`"`))
		if v := r.reload(); v.Outcome != serve.Applied {
			t.Fatalf("%+v\n%s", v, texts(v))
		}
		r.until("the rows once more", func() bool { return strings.Join(r.traps.get("a").seen(), ",") == "x,y,x,y" })
		list, err := r.server.Store().Pipelines()
		var names []string
		for _, p := range list {
			if p.Address != "z" {
				names = append(names, p.Address)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("%s: state of %s, want %s; %v", state, got, want, err)
		}
	}
}

// The former and the present name never run at the same time: what one delivered and
// did not commit, the other would deliver under other keys (I3).
func TestRenameWaitsForTheRun(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": deduped("a", ""), "config/z.hcl": trapped("z", "every 1h", ""), "in/a1.csv": "a\nx\n"})
	trap := r.traps.get("a")
	release := trap.hangs()
	r.start()
	<-trap.hanging
	r.write("config/a.hcl", renamed(`state = "keep"`))
	done := make(chan *serve.Verdict, 1)
	go func() { done <- r.reload() }()
	r.until("the present name", func() bool { _, ok := r.server.Pipeline("b"); return ok })
	if err := r.server.RunNow("b"); err != nil {
		t.Error(err)
	}
	if opened, _ := trap.counts(); opened != 1 {
		t.Errorf("b runs beside a: %d runs", opened)
	}
	release()
	if v := <-done; v.Outcome != serve.Applied {
		t.Fatalf("%+v\n%s", v, texts(v))
	}
	r.write("in/a2.csv", "a\nx\ny\n")
	r.until("the new row", func() bool { return r.has("a", "y") })
	if got := strings.Join(trap.seen(), ","); got != "x,y" {
		t.Errorf("rows %s", got)
	}
}
