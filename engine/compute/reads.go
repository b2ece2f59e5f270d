package compute

import (
	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// rowsReads returns the slots of the rows' fields that a Rows-expression reads.
// Where a row goes somewhere that this does not follow, all visible fields count.
func (e *Expr) rowsReads() []record.Slot {
	u := &usage{e: e, names: map[string]bool{}}
	u.value(e.root)
	if u.all {
		return e.c.schema.Visible()
	}
	var out []record.Slot
	for name := range u.names {
		if s, ok := e.c.schema.Slot(name); ok {
			out = append(out, s)
		}
	}
	return out
}

type usage struct {
	e     *Expr
	names map[string]bool
	all   bool
	loops []bool // whether # of each loop around is a row
}

// rows tells whether n is the list of rows or a part of it, visiting what is beside.
func (u *usage) rows(n ast.Node) bool {
	if in := u.e.ck.info[n]; in.ref > 0 {
		return in.ref-1 == u.e.ck.sc.rows
	}
	switch n := n.(type) {
	case *ast.BuiltinNode:
		switch n.Name {
		case "filter", "sortBy":
			if u.rows(n.Arguments[0]) {
				u.body(n, true)
				return true
			}
		case "reverse":
			return u.rows(n.Arguments[0])
		case "take":
			if u.rows(n.Arguments[0]) {
				u.value(n.Arguments[1])
				return true
			}
		}
	case *ast.SliceNode:
		if u.rows(n.Node) {
			u.maybe(n.From)
			u.maybe(n.To)
			return true
		}
	}
	return false
}

func (u *usage) maybe(n ast.Node) {
	if n != nil {
		u.value(n)
	}
}

// row tells whether n is one row.
func (u *usage) row(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.PointerNode:
		return n.Name == "" && len(u.loops) > 0 && u.loops[len(u.loops)-1]
	case *ast.BuiltinNode:
		switch n.Name {
		case "first", "last":
			return u.rows(n.Arguments[0])
		case "find", "findLast":
			if u.rows(n.Arguments[0]) {
				u.body(n, true)
				return true
			}
		}
	case *ast.MemberNode:
		if u.e.ck.info[n.Property].t.Kind == record.Int && u.rows(n.Node) {
			u.value(n.Property)
			return true
		}
	}
	return false
}

func (u *usage) body(n *ast.BuiltinNode, row bool) {
	if len(n.Arguments) > 1 {
		u.loops = append(u.loops, row)
		u.value(bodyOf(n.Arguments[1]))
		u.loops = u.loops[:len(u.loops)-1]
	}
	if len(n.Arguments) > 2 {
		u.value(n.Arguments[2])
	}
}

// value visits n, whose value is used as a whole.
func (u *usage) value(n ast.Node) {
	if u.row(n) || u.rows(n) {
		u.all = true
		return
	}
	switch n := n.(type) {
	case *ast.MemberNode:
		if name, ok := u.e.ck.info[n.Property].k.(string); ok && u.row(n.Node) {
			u.names[name] = true
			return
		}
		u.value(n.Node)
		u.value(n.Property)
	case *ast.BuiltinNode:
		if _, loops := loopOf(n); loops {
			rows := u.rows(n.Arguments[0])
			if !rows {
				u.value(n.Arguments[0])
			}
			u.all = u.all || rows && (n.Name == "groupBy" || n.Name == "reduce" || len(n.Arguments) == 1)
			u.body(n, rows)
			return
		}
		if n.Name == "len" && u.rows(n.Arguments[0]) {
			return
		}
		u.each(n.Arguments)
	default:
		u.each(children(n))
	}
}

func (u *usage) each(ns []ast.Node) {
	for _, n := range ns {
		u.value(n)
	}
}

// children lists the nodes directly below n.
func children(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.SliceNode:
		out := []ast.Node{n.Node}
		if n.From != nil {
			out = append(out, n.From)
		}
		if n.To != nil {
			out = append(out, n.To)
		}
		return out
	case *ast.CallNode:
		if m, ok := n.Callee.(*ast.MemberNode); ok {
			return append([]ast.Node{m.Node}, n.Arguments...)
		}
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.VariableDeclaratorNode:
		return []ast.Node{n.Value, n.Expr}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	}
	return nil
}
