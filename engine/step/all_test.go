package step

import (
	"testing"

	"weir/engine/compute"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

func TestEveryOptionIsDocumented(t *testing.T) {
	var check func(path string, os []spec.Option)
	check = func(path string, os []spec.Option) {
		for _, o := range os {
			if o.Doc == "" {
				t.Errorf("%s.%s has no documentation", path, o.Name)
			}
			check(path+"."+o.Name, o.Body)
		}
	}
	for kind, make := range All() {
		options := make("x").Spec().Describe()
		if len(options) == 0 {
			t.Errorf("%s has no options", kind)
		}
		check(kind, options)
	}
}

// setCompiler is a compiler whose evaluators take one set of rows at a time.
type setCompiler struct{ plugin.Compiler }

type setExpr struct{ plugin.Expr }

type setEval struct{ plugin.Eval }

func (c setCompiler) Rows(t spec.Text, extra []record.Field, k record.Kind) (plugin.Expr, diag.List) {
	e, ds := c.Compiler.Rows(t, extra, k)
	return setExpr{e}, ds
}

func (e setExpr) New() plugin.Eval { return setEval{e.Expr.New()} }

func TestGroupOneSetAtATime(t *testing.T) {
	in := schema("order string?", "sku string", "amount int")
	c := &Group{}
	at, ds := decode(t, c, `
		by     = ["order"]
		fields = { all = "map(rows, int(.sku))", n = "sum(rows, .amount)" }`, nil)
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	s, ds := c.Bind(Binding{Address: "group.x", In: in, At: at, Compiler: setCompiler{compute.New(in, compute.Options{})}})
	if err := ds.Err(); err != nil {
		t.Fatal(err)
	}
	r := start(t, s, Env{}).object(table(in, 1, "o1|1|1", "o2|x|2", "o1|2|3", "o3|3|4"))
	want(t, "rows", r.rows, []string{"[1, 2]|4", "[3]|4"})
	if len(r.rejects) != 1 || r.tally.Grouped != 1 {
		t.Errorf("rejects %q, grouped %d", r.rejects, r.tally.Grouped)
	}
}
