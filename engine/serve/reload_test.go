package serve_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/serve"
)

// Pipelines run by themselves, a change of one takes effect, and the other is not touched.
func TestReloadOne(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"),
		"in/a1.csv": "a\nx\n", "in/b1.csv": "a\ny\n",
	})
	s := r.start()
	r.until("the first rows", func() bool { return strings.Contains(r.output("a"), "x") && strings.Contains(r.output("b"), "y") })
	r.write("config/a.hcl", copying("a", "upper(a)"))
	v := r.reload()
	if v.Outcome != serve.Applied || len(v.Actions) != 1 || v.Actions[0].Pipeline != "a" || v.Kept != 1 {
		t.Fatalf("verdict %+v\n%s", v, texts(v))
	}
	r.write("in/a2.csv", "a\nz\n")
	if err := s.RunNow("a"); err != nil {
		t.Fatal(err)
	}
	r.until("the row under the new mapping", func() bool { return strings.Contains(r.output("a"), "Z") })
}

// One file of two is broken: its pipelines keep their last good plan, and those of
// the other change (I8).
func TestTwoFilesChangeOneIsBad(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"),
		"in/a1.csv": "a\nx\n", "in/b1.csv": "a\ny\n",
	})
	s := r.start()
	r.until("the first rows", func() bool { return r.output("b") != "" })
	r.write("config/a.hcl", strings.Replace(copying("a", "a"), "fields", "fields = {", 1))
	r.write("config/b.hcl", copying("b", "upper(a)"))
	v := r.reload()
	if v.Outcome != serve.Partial || len(v.Actions) != 1 || v.Actions[0].Pipeline != "b" {
		t.Fatalf("verdict %+v\n%s", v, texts(v))
	}
	if p, _ := s.Pipeline("a"); len(p.Config) == 0 || p.Generation != 1 {
		t.Errorf("pipeline a: %+v", p)
	}
	r.write("in/a2.csv", "a\nlate\n")
	r.write("in/b2.csv", "a\nlate\n")
	r.until("rows of the pipeline whose file is broken", func() bool { return strings.Contains(r.output("a"), "late") })
	r.until("rows of the one that changed", func() bool { return strings.Contains(r.output("b"), "LATE") })
}

// A file that is broken and restored as it was leaves no trace: no generation, no
// error in the status, no new run of the sink (I8).
func TestBreakAndRestoreAFile(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "config/b.hcl": trapped("b", "every 1h", ""), "in/a1.csv": "a\n1\n"})
	s := r.start()
	r.until("the first run", func() bool { p, _ := s.Pipeline("a"); return p.Runs == 1 })
	good, opened, before := trapped("a", "every 1h", ""), 0, s.Status()
	opened, _ = r.traps.get("a").counts()
	for range 3 {
		r.write("config/a.hcl", strings.Replace(good, `sink "trap"`, `sink "trap`, 1))
		if v := r.reload(); v.Outcome != serve.Rejected || len(texts(v)) == 0 {
			t.Fatalf("verdict %+v\n%s", v, texts(v))
		}
		if p, _ := s.Pipeline("a"); len(p.Config) == 0 {
			t.Error("the status does not say why the newest configuration is not in effect")
		}
		r.write("config/a.hcl", good)
		if v := r.reload(); v.Outcome != serve.Unchanged {
			t.Fatalf("verdict %+v\n%s", v, texts(v))
		}
		if p, _ := s.Pipeline("a"); len(p.Config) != 0 {
			t.Errorf("pipeline a still has %v", p.Config)
		}
	}
	after := s.Status()
	if after.Generation != before.Generation || after.Revision != before.Revision || after.Base != before.Base {
		t.Errorf("%d %s %s, then %d %s %s", before.Generation, before.Revision, before.Base, after.Generation, after.Revision, after.Base)
	}
	if again, _ := r.traps.get("a").counts(); again != opened {
		t.Errorf("the sink was opened %d times, then %d", opened, again)
	}
}

// After a reload that was rejected as a whole, what comes from upstream is handled
// by what ran before: the same plan, generation and, where it runs, the same run (I8).
func TestRejectedReloadThenAnUpstreamEvent(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": trapped("a", "every 1s", ""), "config/b.hcl": trapped("b", "every 1h", ""), "config/v.hcl": "",
		"in/a1.csv": "a\n1\n",
	})
	trap := r.traps.get("a")
	release := trap.hangs()
	s := r.start()
	<-trap.hanging // a run is under way
	was, _ := s.Pipeline("a")
	r.write("config/v.hcl", "variable \"x\" {\n  type = nonsense\n}\nengine {\n  runs = 0\n}\n")
	r.write("config/a.hcl", trapped("a", "every 1s", `note = "new "`))
	v := r.reload()
	if v.Outcome != serve.Rejected || len(v.Actions) != 0 {
		t.Fatalf("verdict %+v\n%s", v, texts(v))
	}
	is, _ := s.Pipeline("a")
	if is.Run == nil || is.Run.ID != was.Run.ID || is.Generation != was.Generation || len(is.Left) != 0 {
		t.Errorf("before %+v, after %+v", was, is)
	}
	release()
	r.write("in/a2.csv", "a\n2\n")
	r.until("the row from upstream", func() bool { return r.has("a", "2") })
	if got := strings.Join(trap.seen(), ","); got != "1,2" {
		t.Errorf("delivered %s", got)
	}
	for _, m := range trap.deliveries() {
		if m.generation != 1 {
			t.Errorf("generation %d delivered %v", m.generation, m.rows)
		}
	}
}

// A setting of the whole process that changed is either taken or named with its
// place; pipelines that changed with it are taken all the same.
func TestProcessWideSettings(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "config/e.hcl": "engine {\n  runs = 4\n}\n"})
	r.o.Inputs.Env = func(name string) (string, bool) { return "hidden-token", name == "TOKEN" }
	s := r.start()
	for i, c := range []struct{ name, text, says string }{
		{"runs", "engine {\n  runs = 8\n}\n", "e.hcl:2"},
		{"state_memory", "engine {\n  runs = 4\n  state_memory = \"64MiB\"\n}\n", "e.hcl:3"},
		{"listen", "engine {\n  runs = 4\n  listen = \"off\"\n}\n", "e.hcl:3"},
		{"token", "engine {\n  runs = 4\n  token = secret(\"TOKEN\")\n}\n", "e.hcl:3"},
		{"drain", "engine {\n  runs = 4\n  drain = \"1s\"\n}\n", "e.hcl:3"},
		{"runs", "engine {\n}\n", "e.hcl:1"}, // it is not written any more
		{"runs", "# no more\n", "e.hcl:2;"},  // where it was
		{"wrong", "engine {\n  runs = 0\n}\n", "e.hcl:2"},
	} {
		r.write("config/e.hcl", c.text)
		r.write("config/a.hcl", trapped("a", "every 1h", fmt.Sprintf(`note = "%s%d"`, c.name, i)))
		v := r.reload()
		text := texts(v)
		switch {
		case c.name == "wrong":
			if v.Outcome != serve.Rejected || len(v.Actions) != 0 {
				t.Errorf("%s: verdict %+v\n%s", c.name, v, text)
			}
		case v.Outcome != serve.Applied || len(v.Actions) != 1:
			t.Errorf("%s: verdict %+v\n%s", c.name, v, text)
		case !strings.Contains(text, "engine."+c.name+" takes effect when"):
			t.Errorf("%s: not named:\n%s", c.name, text)
		}
		if !strings.Contains(text, c.says) || strings.Contains(text, "hidden-token") {
			t.Errorf("%s: no range, or a secret (I9):\n%s", c.name, text)
		}
	}
	if got := s.Engine().Runs; got != 4 {
		t.Errorf("%d runs are in effect", got)
	}
}

// The log level of the engine block is taken at the start and by a reload, without a word
// about another start; one that is not written leaves it to whoever runs the server.
func TestLogLevel(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": trapped("a", "every 1h", ""), "config/e.hcl": "engine {\n  log_level = \"error\"\n}\n"})
	var got []string
	r.o.LogLevel = func(level string) { got = append(got, level) }
	r.start()
	for _, text := range []string{"engine {\n  log_level = \"debug\"\n}\n", "engine {\n}\n"} {
		r.write("config/e.hcl", text)
		if v := r.reload(); v.Outcome != serve.Unchanged || len(v.Diagnostics) > 0 {
			t.Errorf("%+v\n%s", v, texts(v))
		}
	}
	if want := "error error debug "; strings.Join(got, " ") != want {
		t.Errorf("levels %q, want %q", got, want)
	}
}
