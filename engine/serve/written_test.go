package serve_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"weir/engine/serve"
)

// inPlace writes a file as > FILE does: it is empty first.
func (r *rig) inPlace(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(name), []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// A file that is empty keeps its pipelines, and says how to remove them; one that is
// deleted, or has a comment left in it, removes them (I8).
func TestEmptyFileRemovesNothing(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"", " \n\t\n", "\ufeff", "\ufeff\r\n"} {
		r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"), "in/a1.csv": "a\nx\n", "in/b1.csv": "a\ny\n"})
		s := r.start()
		r.until("the first rows", func() bool { return r.output("a") != "" && r.output("b") != "" })
		for range 2 { // also when it was empty the last time
			r.inPlace("config/a.hcl", empty)
			v := r.reload()
			if len(v.Actions) != 0 || v.Outcome != serve.Rejected || !strings.Contains(texts(v), "delete the file") {
				t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
			}
		}
		r.write("in/a2.csv", "a\nlate\n")
		if err := s.RunNow("a"); err != nil {
			t.Fatal(err)
		}
		r.until("rows of the pipeline whose file is empty", func() bool { return strings.Contains(r.output("a"), "late") })
		r.inPlace("config/a.hcl", "# nothing is left\n")
		v := r.reload()
		if len(v.Actions) != 1 || v.Actions[0].Kind != "remove" || v.Actions[0].Pipeline != "a" {
			t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
		}
		if err := os.Remove(r.path("config/b.hcl")); err != nil {
			t.Fatal(err)
		}
		v = r.reload()
		if len(v.Actions) != 1 || v.Actions[0].Kind != "remove" || v.Actions[0].Pipeline != "b" {
			t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
		}
	}
}

// A file that is being written in place while it is read is taken when it is whole: its
// beginning may be a configuration of fewer pipelines.
func TestHalfAFileRemovesNothing(t *testing.T) {
	t.Parallel()
	whole := copying("a", "a") + copying("b", "a")
	r := newRig(t, map[string]string{"config/main.hcl": whole})
	r.start()
	for _, part := range []string{"", copying("a", "a")} {
		r.inPlace("config/main.hcl", part)
		time.AfterFunc(500*time.Millisecond, func() { r.inPlace("config/main.hcl", strings.Replace(whole, "upper", "lower", 1)) })
		if v := r.reload(); v.Outcome != serve.Unchanged || len(v.Actions) != 0 {
			t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
		}
	}
	r.inPlace("config/main.hcl", copying("a", "a")) // and stays so
	if v := r.reload(); len(v.Actions) != 1 || v.Actions[0].Kind != "remove" {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
}

// What is read from tables and variable files that are empty removes nothing either.
func TestEmptyTableRemovesNothing(t *testing.T) {
	t.Parallel()
	shop := strings.ReplaceAll(strings.Replace(copying("copy", "a"), `pipeline "copy"`, "variable \"name\" { type = string }\npipeline \"copy\"", 1), "/copy", "/${var.name}")
	r := newRig(t, map[string]string{
		"shop/p.hcl": shop,
		"config/main.hcl": `
variable "suffix" {
  type    = string
  default = ""
}
module "shop" {
  for_each = { for r in csvdecode(file("shops.csv")) : "${r.key}${var.suffix}" => r }
  source   = "../shop"
  name     = each.key
}
`,
		"config/shops.csv": "key\nnl\nbe\n", "config/x.vars.hcl": `suffix = "1"`,
	})
	s := r.start()
	if n := len(s.Status().Pipelines); n != 2 {
		t.Fatalf("%d pipelines\n%s", n, texts(r.first))
	}
	r.inPlace("config/shops.csv", "")
	if v := r.reload(); len(v.Actions) != 0 || !strings.Contains(texts(v), "shops.csv is empty") {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
	r.write("config/shops.csv", "key\nnl\nbe\nde\n")
	v := r.reload()
	if len(v.Actions) != 1 || v.Actions[0].Kind != "add" || v.Actions[0].Pipeline != `shop["de1"].copy` || v.Kept != 2 {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
	r.inPlace("config/x.vars.hcl", "")
	if v := r.reload(); len(v.Actions) != 0 || !strings.Contains(texts(v), "The file is empty") {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
	r.write("config/x.vars.hcl", `suffix = "1"`)
	r.write("config/shops.csv", "key\nbe\nde\n")
	v = r.reload()
	if len(v.Actions) != 1 || v.Actions[0].Kind != "remove" || v.Actions[0].Pipeline != `shop["nl1"].copy` || v.Kept != 2 {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
	r.write("config/shops.csv", "key\nbe\na/b\n") // of keys that cannot be, nothing is known
	if v = r.reload(); len(v.Actions) != 0 || v.Kept != 2 {
		t.Fatalf("%s, %d kept, %+v\n%s", v.Outcome, v.Kept, v.Actions, texts(v))
	}
}

// A process that starts with a file that was emptied while none ran says which pipelines it
// may have declared; one whose file was deleted says that once. What is left is served.
func TestEmptiedBetweenStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(r *rig)
		want   string
	}{
		{"emptied", func(r *rig) { r.inPlace("config/a.hcl", "") }, "config.emptied"},
		{"only a mark", func(r *rig) { r.inPlace("config/a.hcl", "\ufeff") }, "config.emptied"},
		{"deleted", func(r *rig) {
			if err := os.Remove(r.path("config/a.hcl")); err != nil {
				t.Fatal(err)
			}
		}, "serve.undeclared"},
		{"a comment", func(r *rig) { r.inPlace("config/a.hcl", "# not now\n") }, "serve.undeclared"},
		{"broken", func(r *rig) { r.inPlace("config/a.hcl", "pipeline \"a\" {\n") }, "config.syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, map[string]string{"config/a.hcl": copying("a", "a"), "config/b.hcl": copying("b", "a"), "in/a1.csv": "a\nx\n", "in/b1.csv": "a\ny\n"})
			r.start()
			r.until("the first rows", func() bool { return r.output("a") != "" && r.output("b") != "" })
			r.stop()
			c.change(r)
			s := r.start()
			found := ""
			ds, _ := r.first.Problems()
			for _, d := range ds {
				if string(d.Code) == c.want {
					found = d.Detail
				}
			}
			if found == "" || c.want != "config.syntax" && !strings.Contains(found, "not declared any more: a.") || len(s.Status().Pipelines) != 1 {
				t.Errorf("%d pipelines, %s", len(s.Status().Pipelines), texts(r.first))
			}
			r.stop()
			r.start()
			again := texts(r.first)
			if told := strings.Contains(again, "not declared any more"); told != (c.want == "config.emptied") {
				t.Errorf("the second time: %s", again)
			}
		})
	}
}
