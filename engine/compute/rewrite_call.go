package compute

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

func (w *rewriter) call(n *ast.CallNode) ast.Node {
	if m, ok := n.Callee.(*ast.MemberNode); ok {
		return w.method(n, m, w.node(m.Node))
	}
	if isTry(n) {
		return w.try(n)
	}
	id := n.Callee.(*ast.IdentifierNode)
	if id.Value == "now" && w.c.calls[n] == nil {
		return dollar(n, "now")
	}
	if id.Value == "uuid" && w.c.calls[n] == nil {
		return dollar(n, "uuid", text(n, w.c.labelOf(n)))
	}
	out := at(&ast.CallNode{Callee: at(&ast.IdentifierNode{Value: id.Value}, id)}, n)
	for i, a := range n.Arguments {
		out.Arguments = append(out.Arguments, w.as(a, w.c.calls[n].args[i]))
	}
	return out
}

// method calls what a datetime or a duration, which base gives, has of its own.
func (w *rewriter) method(n *ast.CallNode, m *ast.MemberNode, base ast.Node) ast.Node {
	if dynamic(w.c.info[m.Node].t) {
		base = dollar(n, "moment", base)
	}
	if name, ok := m.Property.(*ast.StringNode); ok && name.Value == "Sub" && len(n.Arguments) == 1 {
		return dollar(n, "arith", text(n, "-"), base, w.node(n.Arguments[0])) // time.Time's own is cut where it does not fit
	}
	callee := at(&ast.MemberNode{Node: base, Property: w.node(m.Property), Method: m.Method}, m)
	out := at(&ast.CallNode{Callee: callee, Arguments: w.nodes(n.Arguments)}, n)
	if w.c.info[n].t.Kind == record.Int {
		return at(&ast.BuiltinNode{Name: "int", Arguments: []ast.Node{out}}, n) // a Month is no int yet
	}
	return out
}

// member is a field or an element of what base gives.
func (w *rewriter) member(n *ast.MemberNode, base ast.Node) ast.Node {
	if t := w.c.info[n.Node].t; t.Kind == record.Object && w.c.info[n.Property].t.Kind == record.String {
		return at(&ast.MemberNode{Node: base, Property: w.node(n.Property)}, n)
	}
	return dollar(n, "fetch", base, w.node(n.Property))
}

func (w *rewriter) slice(n *ast.SliceNode, base ast.Node) ast.Node {
	from, to := at[ast.Node](&ast.ConstantNode{Value: 0}, n), at[ast.Node](&ast.ConstantNode{Value: noEnd{}}, n)
	if n.From != nil {
		from = w.node(n.From)
	}
	if n.To != nil {
		to = w.node(n.To)
	}
	return dollar(n, "slice", base, from, to)
}

// chain is a?.b.c: each ?. ends it with nil where what stands before is nil. It
// becomes choices: expr's own jump out of a chain would leave values on its stack.
func (w *rewriter) chain(n ast.Node) ast.Node {
	var links []ast.Node // from the outside in
	for base := n; ; {
		switch m := base.(type) {
		case *ast.MemberNode:
			links, base = append(links, m), m.Node
			continue
		case *ast.SliceNode:
			links, base = append(links, m), m.Node
			continue
		case *ast.CallNode:
			if callee, ok := m.Callee.(*ast.MemberNode); ok {
				links, base = append(links, m), callee.Node
				continue
			}
		}
		slices.Reverse(links)
		return w.links(w.node(base), links)
	}
}

// links follows the links from base on.
func (w *rewriter) links(base ast.Node, links []ast.Node) ast.Node {
	for i, n := range links {
		if w.c.info[n].isK || w.c.info[n].ref > 0 {
			base = w.node(n)
			continue
		}
		m, isMember := n.(*ast.MemberNode)
		call, isCall := n.(*ast.CallNode)
		if isCall {
			m = call.Callee.(*ast.MemberNode)
		}
		if m != nil && m.Optional && base != nil {
			name := w.variable()
			x := at(&ast.IdentifierNode{Value: name}, n)
			var then ast.Node
			if isCall {
				then = w.method(call, m, x)
			} else {
				then = w.member(m, x)
			}
			rest := at(&ast.ConditionalNode{Ternary: true, Cond: dollar(n, "isNil", x), Exp1: at(&ast.NilNode{}, n), Exp2: w.links(then, links[i+1:])}, n)
			return at(&ast.VariableDeclaratorNode{Name: name, Value: base, Expr: rest}, n)
		}
		switch {
		case isCall:
			base = w.method(call, m, base)
		case isMember:
			base = w.member(m, base)
		default:
			base = w.slice(n.(*ast.SliceNode), base)
		}
	}
	return base
}

// variable makes a name for a let of the rewriter's own.
func (w *rewriter) variable() string {
	w.lists++
	return fmt.Sprintf("$let%d", w.lists)
}

// object makes an object. Computed names may turn out to be one.
func (w *rewriter) object(n *ast.MapNode) ast.Node {
	if w.c.info[n].t.Kind == record.Object {
		return at(&ast.MapNode{Pairs: w.nodes(n.Pairs)}, n)
	}
	var args []ast.Node
	for _, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		args = append(args, w.node(pair.Key), w.node(pair.Value))
	}
	return dollar(n, "object", args...)
}

// deep are the built-ins that walk all that is inside an argument.
var deep = [...]string{"flatten", "concat", "keys", "values", "toPairs", "fromPairs", "reverse", "join"}

// own are the built-ins that functions of this package take the place of.
var own = [...]string{
	"abs", "round", "floor", "ceil", "int", "float", "string", "type", "len", "toJSON", "fromJSON", "toBase64", "fromBase64", "duration",
	"sort", "uniq", "repeat", "replace", "join", "split", "splitAfter", "indexOf", "lastIndexOf",
	"reverse", "concat", "flatten", "first", "last", "get", "take", "keys", "values", "toPairs", "fromPairs", "bitshl",
}

// findLast searches the reversed list: expr's own findLast() and findLastIndex()
// leave values on the VM's stack.
func (w *rewriter) findLast(n *ast.BuiltinNode) ast.Node {
	name := w.variable()
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

// keyed computes the keys of a list first, for sortBy() and groupBy().
func (w *rewriter) keyed(n *ast.BuiltinNode) ast.Node {
	name := w.variable()
	list := at(&ast.IdentifierNode{Value: name}, n)
	args := []ast.Node{list, at(&ast.BuiltinNode{Name: "map", Arguments: []ast.Node{list, w.node(n.Arguments[1])}}, n)}
	args = append(args, w.nodes(n.Arguments[2:])...)
	return at(&ast.VariableDeclaratorNode{Name: name, Value: w.loopList(n), Expr: dollar(n, n.Name, args...)}, n)
}

// loopList is the list of a loop, which expr itself would not check to be one.
func (w *rewriter) loopList(n *ast.BuiltinNode) ast.Node {
	list := w.node(n.Arguments[0])
	if w.c.info[n.Arguments[0]].t.Kind == record.List {
		return list
	}
	return dollar(n, "list", text(n, n.Name), list)
}

func (w *rewriter) builtin(n *ast.BuiltinNode) ast.Node {
	switch n.Name {
	case "findLast", "findLastIndex":
		return w.findLast(n)
	case "sortBy", "groupBy":
		return w.keyed(n)
	}
	kind := w.c.info[n].t.Kind
	plain := at(&ast.BuiltinNode{Name: n.Name}, n)
	if _, loops := loopOf(n); loops {
		plain.Arguments = append([]ast.Node{w.loopList(n)}, w.nodes(n.Arguments[1:])...)
	} else {
		plain.Arguments = w.nodes(n.Arguments)
	}
	args := plain.Arguments
	switch n.Name {
	case "sum":
		list := args[0]
		if len(args) == 2 {
			list = at(&ast.BuiltinNode{Name: "map", Arguments: args}, n)
		}
		return dollar(n, "sum", at(&ast.ConstantNode{Value: int(kind)}, n), list)
	case "min", "max", "mean", "median":
		out := dollar(n, "measure", append([]ast.Node{text(n, n.Name), at(&ast.ConstantNode{Value: int(kind)}, n)}, args...)...)
		if kind == record.Time {
			return zoned(out, w.c.info[n].t)
		}
		return out
	}
	if slices.Contains(deep[:], n.Name) {
		for i := range args {
			args[i] = dollar(n, "bound", args[i])
		}
	}
	if slices.Contains(own[:], n.Name) {
		return dollar(n, n.Name, args...)
	}
	return plain
}
