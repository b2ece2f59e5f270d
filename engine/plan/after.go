package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/diag"
)

// waitsFor notes the pipelines that p comes after: references such as pipeline.customers,
// pipeline.customers["nl"] or pipeline.customers[each.key]. One with for_each that is named
// without a key stands for all its instances.
func (b *pipelineBuilder) waitsFor(p *Pipeline, e hcl.Expression) diag.List {
	exprs := []hcl.Expression{e}
	if t, ok := e.(*hclsyntax.TupleConsExpr); ok {
		exprs = t.ExprList()
	}
	var ds diag.List
	for _, x := range exprs {
		rng := x.Range()
		name, key, keyed, ok := b.pipelineRef(x)
		if !ok {
			ds = append(ds, diag.Errorf("plan.unknown_reference", &rng, "Not a pipeline", "after takes references such as pipeline.customers, or a list of those; of a pipeline with for_each pipeline.customers[\"KEY\"], or all without a key."))
			continue
		}
		if keyed {
			name = config.Instance(name, key)
		}
		before := len(p.After)
		var names []string
		for _, o := range b.block.Module.Pipelines {
			names = append(names, o.Name)
			all := !keyed && o.Name != name && o.Labels[0] == name
			if (o.Name == name || all && o != b.block) && !slices.Contains(p.After, o.Address()) {
				p.After = append(p.After, o.Address())
			} else if o.Name == name {
				before = -1 // it is named twice
			}
		}
		if len(p.After) > before || slices.ContainsFunc(b.block.Module.Pipelines, func(o *config.Block) bool { return o.Labels[0] == name }) || b.failedEach(name) {
			continue
		}
		d := diag.Errorf("plan.unknown_reference", &rng, "There is no pipeline "+name, "Pipelines of this folder: %s.", diag.Names(names))
		if m := diag.Suggest(name, names); m != "" {
			d.Detail = fmt.Sprintf("Did you mean pipeline.%s? ", m) + d.Detail
			d.Fix = "pipeline." + m
		}
		ds = append(ds, d)
	}
	return ds
}

// failedEach reports whether name is a pipeline of the module of which is not known which
// instances it has.
func (b *pipelineBuilder) failedEach(name string) bool {
	base, _, _ := strings.Cut(name, "[")
	return b.faults.Calls[b.block.Module.Qualify(base)].HasErrors()
}

// pipelineRef takes a reference to a pipeline apart.
func (b *pipelineBuilder) pipelineRef(x hcl.Expression) (name, key string, keyed, ok bool) {
	var index cty.Value
	if i, isIndex := x.(*hclsyntax.IndexExpr); isIndex { // the key is computed
		v, hd := i.Key.Value(b.block.Scope())
		if hd.HasErrors() {
			return "", "", false, false
		}
		index, _ = v.Unmark()
		keyed, x = true, i.Collection
	}
	t, hd := hcl.AbsTraversalForExpr(x)
	if hd.HasErrors() || len(t) < 2 || t.RootName() != "pipeline" {
		return "", "", false, false
	}
	if len(t) == 3 && !keyed {
		i, isIndex := t[2].(hcl.TraverseIndex)
		if !isIndex {
			return "", "", false, false
		}
		index, keyed, t = i.Key, true, t[:2]
	}
	a, isAttr := t[1].(hcl.TraverseAttr)
	if !isAttr || len(t) != 2 {
		return "", "", false, false
	}
	if keyed {
		switch {
		case index.IsNull() || index.Type() != cty.String && index.IsKnown():
			return "", "", false, false
		case !index.IsKnown():
			return a.Name, "*", true, true
		}
		key = index.AsString()
	}
	return a.Name, key, keyed, true
}
