package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// reference is a traversal written in from or after.
type reference struct {
	name string
	rng  hcl.Range
}

// references reads one traversal or a list of them, without evaluating anything.
func references(e hcl.Expression) ([]reference, diag.List) {
	exprs := []hcl.Expression{e}
	if t, ok := e.(*hclsyntax.TupleConsExpr); ok {
		exprs = t.ExprList()
	}
	var out []reference
	var ds diag.List
	for _, x := range exprs {
		t, hd := hcl.AbsTraversalForExpr(x)
		rng := x.Range()
		if hd.HasErrors() || len(t) != 2 {
			ds = append(ds, diag.Errorf("plan.invalid_reference", &rng, "Not a reference", "Write KIND.NAME without quotes, such as source.files or map.line, or a list of those."))
			continue
		}
		a, ok := t[1].(hcl.TraverseAttr)
		if !ok {
			ds = append(ds, diag.Errorf("plan.invalid_reference", &rng, "Not a reference", "Write KIND.NAME, such as source.files."))
			continue
		}
		out = append(out, reference{t.RootName() + "." + a.Name, rng})
	}
	return out, ds
}

// wire connects the nodes: by from, else each to the step above it.
func (b *pipelineBuilder) wire() {
	var above *planned
	for _, n := range b.nodes {
		switch {
		case n.Kind == "source":
		case n.from != nil:
			b.wireFrom(n)
		case above == nil:
			b.add(diag.Errorf("plan.no_input", &n.Header, n.Address+" has nothing to read", "Put a source above it, or name a step in from."))
			n.failed = true
		case above.Kind == "sink":
			b.add(diag.Errorf("plan.no_input", &n.Header, n.Address+" has nothing to read",
				"The step above it is a sink, which passes nothing on. Name the step it reads in from."))
			n.failed = true
		default:
			link(above.Node, n.Node)
		}
		above = n
	}
	b.cycles()
}

func link(from, to *Node) {
	if !slices.Contains(to.Inputs, from) {
		to.Inputs = append(to.Inputs, from)
		from.Readers = append(from.Readers, to)
	}
}

func (b *pipelineBuilder) wireFrom(n *planned) {
	refs, ds := references(n.from)
	b.add(ds...)
	n.failed = ds.HasErrors()
	for _, r := range refs {
		in := b.byAddress[r.name]
		switch {
		case in == nil:
			names := sortedKeys(b.byAddress)
			detail := "Steps: " + strings.Join(names, ", ") + "."
			d := diag.Errorf("plan.unknown_reference", &r.rng, "There is no step "+r.name, "")
			if m := diag.Suggest(r.name, names); m != "" {
				detail, d.Fix = fmt.Sprintf("Did you mean %s? %s", m, detail), m
			}
			d.Detail = detail
			b.add(d)
			n.failed = true
		case in.Kind == "sink":
			b.add(diag.Errorf("plan.invalid_reference", &r.rng, r.name+" is a sink", "A sink passes nothing on; name the step that it reads."))
			n.failed = true
		default:
			link(in, n.Node)
		}
	}
}

// cycles reports nodes that read themselves, and cuts them out of the graph.
func (b *pipelineBuilder) cycles() {
	state := map[*Node]int{}
	var path []*Node
	var visit func(n *Node)
	visit = func(n *Node) {
		state[n] = 1
		path = append(path, n)
		for _, in := range slices.Clone(n.Inputs) {
			switch state[in] {
			case 0:
				visit(in)
			case 1:
				i := slices.Index(path, in)
				var names []string
				for _, m := range path[i:] {
					names = append(names, m.Address)
					m.failed = true
				}
				slices.Reverse(names)
				names = append(names, names[0])
				b.add(diag.Errorf("plan.cycle", b.fromRange(n), "Steps read each other in a circle", "%s.", strings.Join(names, " -> ")))
				n.Inputs = slices.DeleteFunc(n.Inputs, func(m *Node) bool { return m == in })
				in.Readers = slices.DeleteFunc(in.Readers, func(m *Node) bool { return m == n })
			}
		}
		path = path[:len(path)-1]
		state[n] = 2
	}
	for _, n := range b.nodes {
		if state[n.Node] == 0 {
			visit(n.Node)
		}
	}
}

func (b *pipelineBuilder) fromRange(n *Node) *hcl.Range {
	for _, p := range b.nodes {
		if p.Node == n && p.from != nil {
			return p.from.Range().Ptr()
		}
	}
	return &n.Header
}
