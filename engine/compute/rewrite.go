package compute

import (
	"fmt"
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
	lists int

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

// variable rewrites a name that let made.
func (w *rewriter) variable(n *ast.IdentifierNode) ast.Node {
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
		return dollar(n, "float", out)
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
		return at(&ast.ChainNode{Node: w.node(n.Node)}, n)
	case *ast.MemberNode:
		return at(&ast.MemberNode{Node: w.node(n.Node), Property: w.node(n.Property), Optional: n.Optional, Method: n.Method}, n)
	case *ast.SliceNode:
		out := at(&ast.SliceNode{Node: w.node(n.Node)}, n)
		if n.From != nil {
			out.From = w.node(n.From)
		}
		if n.To != nil {
			out.To = w.node(n.To)
		}
		return out
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
		return at(&ast.MapNode{Pairs: w.nodes(n.Pairs)}, n)
	case *ast.PairNode:
		return at(&ast.PairNode{Key: w.node(n.Key), Value: w.node(n.Value)}, n)
	case *ast.PointerNode:
		return w.pointer(n)
	case *ast.IdentifierNode:
		return w.variable(n)
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
	if n.Operator == "-" && !plainNumber(t) {
		return dollar(n, "arith", text(n, "-"), at(&ast.ConstantNode{Value: 0}, n), x)
	}
	if n.Operator == "+" {
		return x
	}
	return at(&ast.UnaryNode{Operator: n.Operator, Node: x}, n)
}

func (w *rewriter) binary(n *ast.BinaryNode) ast.Node {
	lt, rt := w.c.info[n.Left].t, w.c.info[n.Right].t
	l, r := w.node(n.Left), w.node(n.Right)
	plain := at(&ast.BinaryNode{Operator: n.Operator, Left: l, Right: r}, n)
	switch n.Operator {
	case "==", "!=":
		if scalar(lt) && scalar(rt) {
			return plain
		}
		eq := dollar(n, "equal", l, r)
		if n.Operator == "!=" {
			return at(&ast.UnaryNode{Operator: "not", Node: eq}, n)
		}
		return eq
	case "<", "<=", ">", ">=":
		if lt.Kind == rt.Kind && lt.Kind != record.Decimal && lt.Kind != record.Date && !dynamic(lt) || plainNumber(lt) && plainNumber(rt) {
			return plain
		}
		return dollar(n, "ordered", text(n, n.Operator), l, r)
	case "+", "-", "*", "/":
		timed := lt.Kind == record.Time || lt.Kind == duration
		if plainNumber(lt) && plainNumber(rt) || timed && !dynamic(rt) {
			return plain
		}
		return dollar(n, "arith", text(n, n.Operator), l, r)
	case "in":
		if k, ok := w.c.info[n.Right].k.([]any); ok && scalar(lt) && !slices.ContainsFunc(k, isDecimal) {
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

func (w *rewriter) call(n *ast.CallNode) ast.Node {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		out := at(&ast.CallNode{Callee: w.node(n.Callee), Arguments: w.nodes(n.Arguments)}, n)
		if w.c.info[n].t.Kind == record.Int {
			return at(&ast.BuiltinNode{Name: "int", Arguments: []ast.Node{out}}, n) // a Month is no int yet
		}
		return out
	}
	if isTry(n) {
		return w.try(n)
	}
	if id.Value == "now" && w.c.calls[n] == nil {
		return dollar(n, "now")
	}
	out := at(&ast.CallNode{Callee: at(&ast.IdentifierNode{Value: id.Value}, id)}, n)
	for i, a := range n.Arguments {
		out.Arguments = append(out.Arguments, w.as(a, w.c.calls[n].args[i]))
	}
	return out
}

// deep are the built-ins that walk all that is inside an argument.
var deep = [...]string{"flatten", "concat", "keys", "values", "toPairs", "fromPairs", "reverse", "join"}

// findLast searches the reversed list: expr's own findLast() and findLastIndex()
// leave values on the VM's stack.
func (w *rewriter) findLast(n *ast.BuiltinNode) ast.Node {
	w.lists++
	name := fmt.Sprintf("$list%d", w.lists)
	list := at(&ast.IdentifierNode{Value: name}, n)
	out := at(&ast.VariableDeclaratorNode{Name: name, Value: w.node(n.Arguments[0])}, n)
	w.next = name
	args := []ast.Node{dollar(n, "reversed", list), w.node(n.Arguments[1])}
	if n.Name == "findLast" {
		out.Expr = at(&ast.BuiltinNode{Name: "find", Arguments: args}, n)
	} else {
		out.Expr = dollar(n, "back", list, at(&ast.BuiltinNode{Name: "findIndex", Arguments: args}, n))
	}
	return out
}

func (w *rewriter) builtin(n *ast.BuiltinNode) ast.Node {
	if n.Name == "findLast" || n.Name == "findLastIndex" {
		return w.findLast(n)
	}
	kind := w.c.info[n].t.Kind
	plain := at(&ast.BuiltinNode{Name: n.Name, Arguments: w.nodes(n.Arguments)}, n)
	args := plain.Arguments
	switch n.Name {
	case "sum":
		list := args[0]
		if len(args) == 2 {
			list = at(&ast.BuiltinNode{Name: "map", Arguments: args}, n)
		}
		return dollar(n, "sum", at(&ast.ConstantNode{Value: int(kind)}, n), list)
	case "sortBy":
		p := args[1].(*ast.PredicateNode)
		p.Node = dollar(n, "sortKey", p.Node)
		return plain
	case "min", "max", "mean", "median":
		out := dollar(n, "measure", append([]ast.Node{text(n, n.Name), at(&ast.ConstantNode{Value: int(kind)}, n)}, args...)...)
		if kind == record.Time {
			return zoned(out, w.c.info[n].t)
		}
		return out
	case "abs", "round", "floor", "ceil", "int", "float":
		if t := w.c.info[n.Arguments[0]].t; plainNumber(t) || t.Kind == record.String {
			return plain
		}
		return dollar(n, "number", text(n, n.Name), args[0])
	case "string", "toJSON", "type", "sort", "uniq", "repeat", "replace", "join":
		return dollar(n, n.Name, args...)
	}
	if slices.Contains(deep[:], n.Name) {
		for i := range args {
			args[i] = dollar(n, "bound", args[i])
		}
	}
	return plain
}
