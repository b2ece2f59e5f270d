package scenario

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"weir/engine/spec"
)

// branchesOf finds the sides of the ternaries in a row expression, each with the
// condition under which it is taken. Those within predicates, which are about the
// elements of a list, and below let are left out.
func branchesOf(t spec.Text) []*branch {
	tree, err := parser.Parse(t.S)
	if err != nil {
		return nil
	}
	f := &branchFinder{e: &expression{text: t, node: tree.Node}}
	f.walk(tree.Node, nil)
	return f.out
}

type branchFinder struct {
	e   *expression
	out []*branch
}

// walk visits n, which is evaluated when all of path is true.
func (f *branchFinder) walk(n ast.Node, path []string) {
	switch x := n.(type) {
	case *ast.ConditionalNode:
		f.walk(x.Cond, path)
		cond := "(" + x.Cond.String() + ")"
		for _, side := range []struct {
			node ast.Node
			cond string
		}{{x.Exp1, cond}, {x.Exp2, "not " + cond}} {
			taken := append(append([]string{}, path...), side.cond)
			if _, nested := side.node.(*ast.ConditionalNode); !nested { // whose own sides say the same
				f.out = append(f.out, &branch{rng: *f.e.rangeOf(side.node), text: f.e.source(side.node), cond: strings.Join(taken, " and ")})
			}
			f.walk(side.node, taken)
		}
	case *ast.UnaryNode:
		f.walk(x.Node, path)
	case *ast.BinaryNode:
		f.walk(x.Left, path)
		f.walk(x.Right, path)
	case *ast.ChainNode:
		f.walk(x.Node, path)
	case *ast.MemberNode:
		f.walk(x.Node, path)
	case *ast.CallNode:
		f.all(x.Arguments, path)
	case *ast.BuiltinNode:
		f.all(x.Arguments, path)
	case *ast.ArrayNode:
		f.all(x.Nodes, path)
	case *ast.MapNode:
		f.all(x.Pairs, path)
	case *ast.PairNode:
		f.walk(x.Value, path)
	}
}

func (f *branchFinder) all(nodes []ast.Node, path []string) {
	for _, n := range nodes {
		f.walk(n, path)
	}
}
