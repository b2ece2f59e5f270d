package compute

import (
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/function"
	"weir/engine/record"
)

// when lists what is known where n, which was typed, has the given truth.
func (c *checker) when(n ast.Node, truth bool) facts {
	key := condition{n, truth}
	if f, ok := c.asked[key]; ok {
		return f
	}
	f := c.learn(n, truth)
	c.asked[key] = f
	return f
}

func (c *checker) learn(n ast.Node, truth bool) facts {
	in := c.info[n]
	if in.isK {
		return facts{never: in.k != truth}
	}
	if in.value != nil {
		return c.when(in.value, truth)
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return c.when(n.Node, !truth)
		}
	case *ast.BinaryNode:
		return c.learnBinary(n, truth)
	case *ast.ConditionalNode:
		return either(both(c.when(n.Cond, true), c.when(n.Exp1, truth)), both(c.when(n.Cond, false), c.when(n.Exp2, truth)))
	case *ast.VariableDeclaratorNode:
		return c.when(n.Expr, truth)
	case *ast.SequenceNode:
		return c.when(n.Nodes[len(n.Nodes)-1], truth)
	case *ast.PredicateNode:
		return c.when(n.Node, truth)
	case *ast.CallNode:
		if sig := c.calls[n]; sig != nil && sig.fn.Meaning == function.Blank && !truth {
			return c.present(n.Arguments[0])
		}
	case *ast.BuiltinNode:
		return c.learnLoop(n, truth)
	}
	return facts{}
}

func (c *checker) learnBinary(n *ast.BinaryNode, truth bool) facts {
	l, r := n.Left, n.Right
	switch n.Operator {
	case "and", "&&":
		if truth {
			return both(c.when(l, true), c.when(r, true))
		}
		return either(c.when(l, false), both(c.when(l, true), c.when(r, false)))
	case "or", "||":
		if !truth {
			return both(c.when(l, false), c.when(r, false))
		}
		return either(c.when(l, true), both(c.when(l, false), c.when(r, true)))
	case "==", "!=":
		if truth == (n.Operator == "==") {
			return both(c.alike(l, r), c.instead(n, truth))
		}
		var f facts
		if k := c.info[r]; k.isK && k.k == nil {
			f = c.present(l)
		}
		if k := c.info[l]; k.isK && k.k == nil {
			f = c.present(r)
		}
		return both(f, c.instead(n, truth))
	case "<", "<=", ">", ">=":
		return c.instead(n, truth)
	case "in":
		if t := c.info[r].t; truth && t.Kind == record.List && certain(info{t: *t.Elem}) {
			return c.present(l)
		}
	case "contains", "startsWith", "endsWith", "matches":
		if truth {
			return both(c.present(l), c.present(r))
		}
	case "??":
		return either(both(c.present(l), c.when(l, truth)), c.when(r, truth))
	}
	return facts{}
}

// certain tells that a value is known not to be nil.
func certain(in info) bool {
	if in.isK {
		return in.k != nil
	}
	return !in.t.Nullable && !dynamic(in.t) && in.t.Kind != record.Null
}

// alike lists what is known where l and r are equal.
func (c *checker) alike(l, r ast.Node) (f facts) {
	if certain(c.info[r]) {
		f = c.present(l)
	}
	if certain(c.info[l]) {
		f = both(f, c.present(r))
	}
	return f
}

// instead lists what is known where a comparison with a constant gives another
// truth than it gives for the constant that stands for nil, as in (x ?? 0) > 0,
// or for the length of no elements, as in len(x) > 0.
func (c *checker) instead(n *ast.BinaryNode, truth bool) (f facts) {
	l, r := c.info[n.Left], c.info[n.Right]
	if v, of, some := c.standIn(n.Left); of != nil && r.isK && decides(n.Operator, v, r.k, truth) {
		f = c.notStandIn(of, some)
	}
	if v, of, some := c.standIn(n.Right); of != nil && l.isK && decides(n.Operator, l.k, v, truth) {
		f = both(f, c.notStandIn(of, some))
	}
	return f
}

// standIn is what n gives instead of a value of the node of: where that is nil or,
// when some is set, where it has no elements.
func (c *checker) standIn(n ast.Node) (v any, of ast.Node, some bool) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		if k := c.info[n.Right]; n.Operator == "??" && k.isK {
			return k.k, n.Left, false
		}
	case *ast.BuiltinNode:
		if len(n.Arguments) > 0 && (n.Name == "len" || n.Name == "count") {
			return 0, n.Arguments[0], true
		}
	}
	return nil, nil, false
}

func (c *checker) notStandIn(of ast.Node, some bool) facts {
	if !some {
		return c.present(of)
	}
	return c.some(of)
}

// decides tells that comparing the constants a and b does not give truth.
func decides(op string, a, b any, truth bool) bool {
	switch op {
	case "==":
		return equal(a, b) != truth
	case "!=":
		return equal(a, b) == truth
	}
	v, err := ordered(op, a, b)
	return err == nil && v != truth
}

// some tells that the list n has elements.
func (c *checker) some(n ast.Node) facts {
	if p := c.info[n].place; p != "" {
		return facts{known: []string{p + placeSome}}
	}
	return facts{}
}

// learnLoop lists what any(), all() and none() tell about a list and its elements.
func (c *checker) learnLoop(n *ast.BuiltinNode, truth bool) (f facts) {
	if len(n.Arguments) != 2 {
		return f
	}
	list := c.info[n.Arguments[0]].place
	switch n.Name {
	case "any":
		if truth {
			return c.some(n.Arguments[0])
		}
	case "all", "none":
		if !truth || list == "" {
			return f
		}
		for _, rest := range c.ofElement(n, n.Name == "all") {
			f.known = append(f.known, list+placeEach+rest)
		}
	}
	return f
}

// ofElement lists the parts of the element of loop n that are not nil where its
// body has the given truth.
func (c *checker) ofElement(n *ast.BuiltinNode, truth bool) (out []string) {
	elem := c.places[n]
	for _, p := range c.when(n.Arguments[1], truth).known {
		if rest, ok := strings.CutPrefix(p, elem); ok && (rest == "" || rest[0] < ' ') {
			out = append(out, rest)
		}
	}
	return out
}

// present lists what is known where n is not nil.
func (c *checker) present(n ast.Node) (f facts) {
	in := c.info[n]
	if in.isK {
		return facts{never: in.k == nil}
	}
	if in.place != "" {
		f.known = []string{in.place}
	}
	if in.value != nil {
		return both(f, c.present(in.value))
	}
	switch n := n.(type) {
	case *ast.ChainNode:
		return both(f, c.present(n.Node))
	case *ast.MemberNode:
		return both(f, c.present(n.Node))
	case *ast.PredicateNode:
		return c.present(n.Node)
	case *ast.ConditionalNode:
		return either(both(c.when(n.Cond, true), c.present(n.Exp1)), both(c.when(n.Cond, false), c.present(n.Exp2)))
	case *ast.VariableDeclaratorNode:
		return c.present(n.Expr)
	case *ast.SequenceNode:
		return c.present(n.Nodes[len(n.Nodes)-1])
	case *ast.BinaryNode:
		if n.Operator == "??" {
			return either(c.present(n.Left), c.present(n.Right))
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "first", "last", "find", "findLast", "findIndex", "findLastIndex":
			if len(n.Arguments) > 0 {
				return both(f, c.some(n.Arguments[0]))
			}
		}
	case *ast.CallNode:
		if sig := c.calls[n]; sig != nil {
			for i, a := range n.Arguments {
				if i < len(sig.strict) && sig.strict[i] {
					f = both(f, c.present(a))
				}
			}
		}
	}
	return f
}
