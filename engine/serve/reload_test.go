package serve_test

import (
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

// A file that is broken keeps its pipelines on their last good plan and leaves
// the others free to change; mended, nothing of it is left (I8).
func TestOneBadFile(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"),
		"in/a1.csv": "a\nx\n", "in/b1.csv": "a\ny\n",
	})
	s := r.start()
	good := copying("a", "a")
	r.write("config/a.hcl", strings.Replace(good, "fields", "fields = {", 1))
	r.write("config/b.hcl", copying("b", "upper(a)"))
	v := r.reload()
	if v.Outcome != serve.Partial || len(v.Actions) != 1 || v.Actions[0].Pipeline != "b" {
		t.Fatalf("verdict %+v\n%s", v, texts(v))
	}
	if p, _ := s.Pipeline("a"); len(p.Config) == 0 || p.Generation != 1 {
		t.Errorf("pipeline a: %+v", p)
	}
	r.write("in/a2.csv", "a\nlate\n")
	r.until("rows of the pipeline whose file is broken", func() bool { return strings.Contains(r.output("a"), "late") })
	r.write("config/a.hcl", good)
	v = r.reload()
	if v.Outcome != serve.Unchanged {
		t.Fatalf("verdict %+v\n%s", v, texts(v))
	}
	if p, _ := s.Pipeline("a"); len(p.Config) != 0 {
		t.Errorf("pipeline a still has %v", p.Config)
	}
}
