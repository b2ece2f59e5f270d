package compute

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"weir/engine/record"
)

// rewriter copies a checked tree into one for the VM: columns become variables
// of their own name space, and what expr does not do as this language does
// becomes a call of a "$" function, which no source text can name.
type rewriter struct {
	c     *checker
	list  string // the reversed list that # is an element of, "" for one in order
	next  string // list for the predicate that comes next
	lists int    // how many variables of its own it has made

	compile func(n ast.Node) (*vm.Program, error) // makes a program of a rewritten tree
	err     error                                 // of a program that could not be made

	alone bool     // the tree is the x of a try(): a program by itself
	loops int      // around, within the tree
	free  []string // names that it needs from around
}

// pointerNames are the names under which an x of try() has the element around it.
var pointerNames = map[string]string{"$elem": "", "$index": "index", "$acc": "acc"} //nolint:gochecknoglobals // a constant

// needs notes that the tree needs a name from around.
func (w *rewriter) needs(name string) {
	if w.alone && !slices.Contains(w.free, name) {
		w.free = append(w.free, name)
	}
}

// named rewrites a name that let made.
func (w *rewriter) named(n *ast.IdentifierNode) ast.Node {
	w.needs(n.Value)
	return at(&ast.IdentifierNode{Value: n.Value}, n)
}

func at[N ast.Node](n N, like ast.Node) N {
	n.SetLocation(like.Location())
	return n
}

// dollar calls a helper function with the run's budget as its first argument.
func dollar(like ast.Node, name string, args ...ast.Node) ast.Node {
	args = append([]ast.Node{at(&ast.IdentifierNode{Value: "$run"}, like)}, args...)
	return at(&ast.CallNode{Callee: at(&ast.IdentifierNode{Value: "$" + name}, like), Arguments: args}, like)
}

func text(like ast.Node, s string) ast.Node { return at(&ast.StringNode{Value: s}, like) }

func (w *rewriter) nodes(ns []ast.Node) []ast.Node {
	out := make([]ast.Node, len(ns))
	for i, n := range ns {
		out[i] = w.node(n)
	}
	return out
}

// as is node for a place that takes values of type to, converting numbers.
func (w *rewriter) as(n ast.Node, to record.Type) ast.Node {
	from := w.c.info[n].t
	out := w.node(n)
	switch {
	case to.Kind == record.Float && from.Kind == record.Int:
		return dollar(n, "toFloat", out)
	case to.Kind == record.Decimal && (from.Kind == record.Int || from.Kind == record.Float):
		return dollar(n, "decimal", out)
	case to.Kind == record.Time && from.Kind == record.Time && !sameZone(to, from):
		return zoned(out, to)
	}
	return out
}

// zoned shows the datetime that x gives in the zone of its type t.
func zoned(x ast.Node, t record.Type) ast.Node {
	return dollar(x, "zone", x, at(&ast.ConstantNode{Value: t.Location()}, x))
}

func (w *rewriter) node(n ast.Node) ast.Node {
	in := w.c.info[n]
	switch {
	case in.isK:
		return at(&ast.ConstantNode{Value: in.k}, n)
	case in.ref > 0:
		return at(&ast.IdentifierNode{Value: "@" + w.c.sc.fields[in.ref-1].Name}, n)
	case in.whole:
		return at(&ast.IdentifierNode{Value: "@row"}, n)
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return w.unary(n)
	case *ast.BinaryNode:
		return w.binary(n)
	case *ast.ChainNode:
		return w.chain(n.Node)
	case *ast.MemberNode:
		if n.Optional {
			return w.chain(n)
		}
		return w.member(n, w.node(n.Node))
	case *ast.SliceNode:
		return w.slice(n, w.node(n.Node))
	case *ast.CallNode:
		return w.call(n)
	case *ast.BuiltinNode:
		return w.builtin(n)
	case *ast.PredicateNode:
		return w.predicate(n)
	case *ast.VariableDeclaratorNode:
		return at(&ast.VariableDeclaratorNode{Name: n.Name, Value: w.node(n.Value), Expr: w.node(n.Expr)}, n)
	case *ast.SequenceNode:
		return at(&ast.SequenceNode{Nodes: w.nodes(n.Nodes)}, n)
	case *ast.ConditionalNode:
		if taken := w.c.taken(n); taken != nil {
			return w.as(taken, in.t)
		}
		return at(&ast.ConditionalNode{Ternary: n.Ternary, Cond: w.node(n.Cond), Exp1: w.as(n.Exp1, in.t), Exp2: w.as(n.Exp2, in.t)}, n)
	case *ast.ArrayNode:
		out := at(&ast.ArrayNode{Nodes: make([]ast.Node, len(n.Nodes))}, n)
		for i, m := range n.Nodes {
			out.Nodes[i] = w.as(m, *in.t.Elem)
		}
		return out
	case *ast.MapNode:
		return w.object(n)
	case *ast.PairNode:
		return at(&ast.PairNode{Key: w.node(n.Key), Value: w.node(n.Value)}, n)
	case *ast.PointerNode:
		return w.pointer(n)
	case *ast.IdentifierNode:
		return w.named(n)
	}
	return n
}

func (w *rewriter) predicate(n *ast.PredicateNode) ast.Node {
	around := w.list
	w.list, w.next = w.next, ""
	w.loops++
	out := at(&ast.PredicateNode{Node: dollar(n, "tick", w.node(n.Node))}, n)
	w.list = around
	w.loops--
	return out
}

func (w *rewriter) pointer(n *ast.PointerNode) ast.Node {
	if w.alone && w.loops == 0 {
		for name, pointer := range pointerNames {
			if pointer == n.Name {
				w.needs(name)
				return at(&ast.IdentifierNode{Value: name}, n)
			}
		}
	}
	out := at(&ast.PointerNode{Name: n.Name}, n)
	if n.Name == "index" && w.list != "" {
		return dollar(n, "back", at(&ast.IdentifierNode{Value: w.list}, n), out)
	}
	return out
}

func (w *rewriter) unary(n *ast.UnaryNode) ast.Node {
	t := w.c.info[n.Node].t
	x := w.node(n.Node)
	switch {
	case n.Operator == "-":
		return dollar(n, "neg", x)
	case n.Operator == "+" && number(t):
		return x
	case n.Operator == "+":
		return dollar(n, "arith", text(n, "+"), at(&ast.ConstantNode{Value: 0}, n), x)
	}
	return at(&ast.UnaryNode{Operator: n.Operator, Node: x}, n)
}

func (w *rewriter) binary(n *ast.BinaryNode) ast.Node {
	lt, rt := w.c.info[n.Left].t, w.c.info[n.Right].t
	l, r := w.node(n.Left), w.node(n.Right)
	plain := at(&ast.BinaryNode{Operator: n.Operator, Left: l, Right: r}, n)
	switch n.Operator {
	case "==", "!=":
		if scalar(lt) && scalar(rt) && (lt.Kind == rt.Kind || !number(lt) || !number(rt)) {
			return plain
		}
		eq := dollar(n, "equal", l, r)
		if n.Operator == "!=" {
			return at(&ast.UnaryNode{Operator: "not", Node: eq}, n)
		}
		return eq
	case "<", "<=", ">", ">=":
		if lt.Kind == rt.Kind && lt.Kind != record.Decimal && lt.Kind != record.Date && !dynamic(lt) {
			return plain
		}
		return dollar(n, "ordered", text(n, n.Operator), l, r)
	case "+", "-", "*", "/", "%", "**", "^":
		if isPower(n.Operator) && w.c.info[n].t.Kind == record.Int {
			return dollar(n, "power", l, r)
		}
		return dollar(n, "arith", text(n, n.Operator), l, r)
	case "..":
		return dollar(n, "range", l, r)
	case "in":
		if _, ok := w.c.info[n.Right].k.([]any); ok && scalar(lt) && !number(lt) {
			return plain
		}
		return dollar(n, "in", l, r)
	case "??":
		t := w.c.info[n].t
		plain.Left, plain.Right = w.as(n.Left, t), w.as(n.Right, t)
	}
	return plain
}

// scalar tells whether expr's == is ours for values of t.
func scalar(t record.Type) bool {
	switch t.Kind {
	case record.Bool, record.Int, record.Float, record.String, record.Time, record.Null:
		return true
	}
	return false
}
