package compute

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// lowerer turns a checked tree into kernels. When it meets something that has
// none it notes why and goes on with nil; the smallest part around it that can
// stand alone is then thrown away and becomes a program for the VM.
type lowerer struct {
	e     *Expr
	why   string   // what has no kernel, until a part around it is found
	notes []string // what runs row by row, for people
	loops []*loopInfo
	lets  []loweredLet
}

// loopInfo collects what a loop's body needs from around.
type loopInfo struct{ owned bool }

// kernels finds out which parts of the expression have kernels.
func (e *Expr) kernels() {
	l := &lowerer{e: e}
	l.whole()
	e.slow = l.why
	e.notes = rowByRow(l.notes)
}

// whole lowers the expression, giving nil when all of it is for the VM.
func (l *lowerer) whole() kernel {
	e := l.e
	if e.ck.info[e.root].t.Kind == record.Any && e.typ.Kind != record.Any {
		return l.none("a result whose type shows only at run time")
	}
	in := l.info(e.root)
	if in.isK || in.t.Kind == record.Int && e.typ.Kind != record.Int {
		return l.as(e.root, e.typ)
	}
	return l.kernel(e.root)
}

func (l *lowerer) none(format string, args ...any) kernel {
	if l.why == "" {
		l.why = fmt.Sprintf(format, args...)
	}
	return nil
}

func (l *lowerer) info(n ast.Node) info { return l.e.ck.info[n] }

// as is node for a place that takes values of type to.
func (l *lowerer) as(n ast.Node, to record.Type) kernel {
	in := l.info(n)
	number := to.Kind == record.Float || to.Kind == record.Decimal
	if in.isK && number {
		if v, err := convertConst(in.k, to.Kind); err == nil {
			return &constK{v: v, typ: to}
		}
		return l.none("a number literal that is out of range")
	}
	k := l.node(n)
	if number && in.t.Kind == record.Int {
		return &castK{x: k, typ: to}
	}
	return k
}

func convertConst(v any, k record.Kind) (any, error) {
	if v == nil {
		return nil, nil
	}
	if k == record.Decimal {
		return decimalOf(v)
	}
	if i, ok := v.(int); ok {
		return floatOfInt(int64(i))
	}
	return v, nil
}

// node lowers n, or makes it a part for the VM.
func (l *lowerer) node(n ast.Node) kernel {
	if l.why != "" {
		return nil // the node above is a part, or is in one
	}
	mark := len(l.notes)
	k := l.kernel(n)
	if l.why != "" {
		return l.part(n, mark)
	}
	return k
}

func (l *lowerer) kernel(n ast.Node) kernel {
	in := l.info(n)
	switch {
	case in.isK:
		return &constK{v: in.k, typ: in.t}
	case in.ref > 0:
		return l.column(in.ref-1, in.t)
	case in.whole:
		return l.row(in.t)
	}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return l.unary(n)
	case *ast.BinaryNode:
		return l.binary(n)
	case *ast.ChainNode:
		return l.node(n.Node)
	case *ast.MemberNode:
		return l.member(n)
	case *ast.SliceNode:
		return l.slice(n)
	case *ast.CallNode:
		return l.call(n)
	case *ast.BuiltinNode:
		return l.builtin(n)
	case *ast.PointerNode:
		if n.Name == "" {
			return elemK{}
		}
		return l.none("#%s", n.Name)
	case *ast.ConditionalNode:
		return l.conditional(n, in.t)
	case *ast.ArrayNode:
		return l.array(n, in.t)
	case *ast.MapNode:
		return l.object(n, in.t)
	case *ast.VariableDeclaratorNode:
		return l.let(n)
	case *ast.SequenceNode:
		return l.sequence(n)
	case *ast.IdentifierNode:
		return l.variable(n, in.t)
	}
	return l.none("this kind of expression")
}

func (l *lowerer) column(ref int, t record.Type) kernel {
	if len(l.loops) == 0 {
		return &colK{ref}
	}
	// Lists around would be copied for every element: loops over them would
	// multiply memory. The VM repeats them within its step budget.
	if !copyable(t.Kind) {
		return l.none("%s of the row around a loop", words(t))
	}
	for _, loop := range l.loops {
		loop.owned = true
	}
	return &outerK{ref: ref, levels: len(l.loops), typ: t}
}

func (l *lowerer) row(t record.Type) kernel {
	if len(l.loops) > 0 {
		return l.none("the whole row inside a loop")
	}
	slots := l.e.c.schema.Visible()
	return &rowK{typ: t, slots: slots, cols: make([]record.Column, len(slots))}
}

func (l *lowerer) conditional(n *ast.ConditionalNode, t record.Type) kernel {
	if !storable(t) || t.Kind == record.Invalid {
		return l.none("a choice between values of type %s", words(t))
	}
	if taken := l.e.ck.taken(n); taken != nil {
		if in := l.info(taken); in.isK {
			return &constK{v: in.k, typ: t}
		}
		return l.node(taken)
	}
	cond := l.bool(n.Cond)
	if !copyable(t.Kind) || t.Kind == record.Any {
		return &chooseK{cond: cond, a: l.node(n.Exp1), b: l.node(n.Exp2), chooser: chooser{typ: t}}
	}
	return &condK{cond: cond, a: newBranch(l.as(n.Exp1, t)), b: newBranch(l.as(n.Exp2, t)), typ: t}
}

// bool lowers n, which must be known to be a bool.
func (l *lowerer) bool(n ast.Node) kernel {
	if l.info(n).t.Kind != record.Bool {
		return l.none("a condition whose type shows only at run time")
	}
	return l.node(n)
}

func (l *lowerer) array(n *ast.ArrayNode, t record.Type) kernel {
	k := &listK{typ: t}
	if !copyable(t.Elem.Kind) || t.Elem.Kind == record.Any {
		return l.none("a list of %s", words(*t.Elem))
	}
	for _, m := range n.Nodes {
		k.kids = append(k.kids, l.as(m, *t.Elem))
	}
	return k
}

func (l *lowerer) object(n *ast.MapNode, t record.Type) kernel {
	if t.Kind != record.Object {
		return l.none("an object with computed field names")
	}
	k := &objectK{typ: t, cols: make([]record.Column, len(n.Pairs))}
	for _, p := range n.Pairs {
		k.kids = append(k.kids, l.node(p.(*ast.PairNode).Value))
	}
	return k
}

func (l *lowerer) member(n *ast.MemberNode) kernel {
	base, prop := l.info(n.Node).t, l.info(n.Property)
	if l.info(n.Node).isK {
		return l.none("a variable that is not known")
	}
	switch base.Kind {
	case record.List:
		at, ok := prop.k.(int)
		if !ok {
			return l.none("a computed list index")
		}
		if base.Nullable {
			return l.none("an element of a list that may be nil")
		}
		return &pickK{list: l.node(n.Node), at: at, must: true, typ: l.info(n).t}
	case record.Object:
		name, ok := prop.k.(string)
		if !ok {
			return l.none("a computed field name")
		}
		index := fieldIndex(base, name)
		t := l.info(n).t
		if base.Nullable {
			t = nullable(t)
		}
		x := l.node(n.Node)
		// first(rows).a gathers the field alone, not the whole row.
		if p, ok := x.(*pickK); ok && !p.typ.Fields[index].Type.Nullable && !p.elemNull {
			p.path, p.typ = append(p.path, index), nullable(t)
			return p
		}
		return &fieldK{x: x, index: index, typ: t}
	}
	return l.none("a field of a value whose type shows only at run time")
}

func fieldIndex(t record.Type, name string) int {
	for i, f := range t.Fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

func (l *lowerer) slice(n *ast.SliceNode) kernel {
	if l.info(n.Node).t.Kind != record.String {
		return l.none("a slice of a list")
	}
	end := func(m ast.Node) (k int, isK bool) {
		if m == nil {
			return 0, true
		}
		k, isK = l.info(m).k.(int)
		return k, isK
	}
	from, fromK := end(n.From)
	to, toK := end(n.To)
	if fromK && toK {
		return &cutK{x: l.node(n.Node), cut: cutSlice(from, to, n.To == nil)}
	}
	k := &sliceK{x: l.node(n.Node)}
	for _, e := range []struct {
		n  ast.Node
		to *kernel
	}{{n.From, &k.from}, {n.To, &k.to}} {
		if e.n == nil {
			continue
		}
		if l.info(e.n).t.Kind != record.Int {
			return l.none("a slice whose ends have types that show only at run time")
		}
		*e.to = l.node(e.n)
	}
	return k
}
