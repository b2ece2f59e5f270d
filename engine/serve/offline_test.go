package serve_test

import (
	"context"
	"strings"
	"testing"

	"weir/engine/plan"
	"weir/engine/serve"
)

// TestPlanOffline: without a server, a folder is compared with what was served last.
func TestPlanOffline(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"), "in/a1.csv": "a\nx\n"})
	r.o.Engine = r.engine()
	kinds := func() (out string, base string) {
		t.Helper()
		p, v, err := serve.PlanOffline(context.Background(), r.o, "")
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, a := range p.Actions {
			list = append(list, string(a.Kind)+" "+a.Pipeline)
		}
		return v.Outcome + ": " + strings.Join(list, ", "), p.Base
	}
	if got, _ := kinds(); got != "applied: add a, add b" {
		t.Errorf("before anything was served: %s", got)
	}
	s := r.start()
	r.until("the first run", func() bool { return r.output("a") != "" })
	online, _ := s.Plan(context.Background(), "")
	r.stop()
	got, base := kinds()
	if got != "unchanged: keep a, keep b" || base != online.Base {
		t.Errorf("afterwards: %s, of %s, want that of %s", got, base, online.Base)
	}
	r.write("config/a.hcl", copying("a", "upper(a)"))
	r.remove("config/b.hcl")
	r.write("config/c.hcl", copying("c", "a"))
	if got, _ := kinds(); !strings.HasPrefix(got, "applied: swap a") || !strings.Contains(got, "c") {
		t.Errorf("after changes: %s", got)
	}
	r.write("config/c.hcl", "pipeline")
	p, v, err := serve.PlanOffline(context.Background(), r.o, "")
	if err != nil || !v.OK() && len(texts(v)) == 0 {
		t.Fatalf("%v, %v", v, err)
	}
	for _, a := range p.Actions {
		if a.Pipeline == "c" && a.Kind == plan.Add {
			t.Errorf("a broken file gives a pipeline: %+v", a)
		}
	}
	if !strings.Contains(texts(v), "c.hcl:1") {
		t.Errorf("what is wrong is not said:\n%s", texts(v))
	}
}

// Settings that only another start takes are named without a server, too: what was in
// effect is stored, and no secret with it (I9).
func TestPlanOfflineNamesSettings(t *testing.T) {
	r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "config/e.hcl": "engine {\n  runs = 4\n  token = secret(\"TOKEN\")\n}\n"})
	token := "hidden-token"
	r.o.Inputs.Env = func(name string) (string, bool) { return token, name == "TOKEN" }
	r.start()
	r.stop()
	look := func() string {
		t.Helper()
		_, v, err := serve.PlanOffline(context.Background(), r.o, "")
		if err != nil {
			t.Fatal(err)
		}
		return texts(v)
	}
	if got := look(); got != "" {
		t.Errorf("nothing changed: %s", got)
	}
	token = "another-token"
	r.write("config/e.hcl", "engine {\n  token = secret(\"TOKEN\")\n}\n")
	got := look()
	for _, want := range []string{"engine.runs takes effect", "engine.token takes effect", "It is 4 now", "e.hcl:1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "-token") {
		t.Errorf("a secret in\n%s", got)
	}
	r.remove("config/e.hcl")
	if got := look(); !strings.Contains(got, "engine.runs takes effect") || !strings.Contains(got, "It is 4 now, from an engine block; there is none any more.") {
		t.Errorf("without the block:\n%s", got)
	}
}
