package compute

import (
	"bytes"
	"regexp"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

func (l *lowerer) unary(n *ast.UnaryNode) kernel {
	t := l.info(n.Node).t
	switch {
	case t.Kind == record.Bool:
		return &notK{x: l.node(n.Node)}
	case !number(t):
		return l.none("%s of a value whose type shows only at run time", n.Operator)
	case n.Operator == "+":
		return l.node(n.Node)
	}
	return &numberK{x: l.node(n.Node), op: "-", typ: t}
}

func (l *lowerer) binary(n *ast.BinaryNode) kernel {
	switch n.Operator {
	case "and", "&&", "or", "||":
		return &logicK{a: l.bool(n.Left), b: l.bool(n.Right), or: n.Operator == "or" || n.Operator == "||"}
	case "==", "!=":
		return l.equal(n, n.Operator == "!=")
	case "<", "<=", ">", ">=":
		if k := l.mixed(n, n.Operator); k != nil {
			return k
		}
		t, ok := l.common(n)
		if !ok || t.Kind == duration {
			return l.none("%s between %s and %s", n.Operator, words(l.info(n.Left).t), words(l.info(n.Right).t))
		}
		return &orderK{a: l.as(n.Left, t), b: l.as(n.Right, t), op: n.Operator}
	case "+", "-", "*", "/", "%", "**", "^":
		return l.arithmetic(n)
	case "in":
		return l.in(n)
	case "??":
		t := l.info(n).t
		if !storable(t) || !storable(l.info(n.Left).t) || t.Kind == record.Invalid {
			return l.none("?? between values of type %s", words(t))
		}
		if !copyable(t.Kind) || t.Kind == record.Any {
			return &orElseK{a: l.node(n.Left), b: l.node(n.Right), chooser: chooser{typ: t}}
		}
		return &coalesceK{a: l.as(n.Left, t), b: newBranch(l.as(n.Right, t)), typ: t}
	case "contains", "startsWith", "endsWith", "matches":
		return l.stringTest(n)
	}
	return l.none("operator %s", n.Operator)
}

// common is the type in which both operands are compared.
func (l *lowerer) common(n *ast.BinaryNode) (record.Type, bool) {
	a, b := l.info(n.Left).t, l.info(n.Right).t
	switch {
	case dynamic(a) || dynamic(b):
		return tAny, false
	case a.Kind == record.Decimal && number(b), b.Kind == record.Decimal && number(a):
		return tDec, true
	}
	return a, a.Kind == b.Kind
}

// mixed lowers a comparison of an int with a float; nil for others.
func (l *lowerer) mixed(n *ast.BinaryNode, op string) kernel {
	a, b := l.info(n.Left).t.Kind, l.info(n.Right).t.Kind
	switch {
	case a == record.Int && b == record.Float:
		return &mixedK{int: l.node(n.Left), float: l.node(n.Right), op: op}
	case a == record.Float && b == record.Int:
		return &mixedK{int: l.node(n.Right), float: l.node(n.Left), op: mirrored(op)}
	}
	return nil
}

// mirrored is the operator that says of b and a what op says of a and b.
func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func (l *lowerer) equal(n *ast.BinaryNode, not bool) kernel {
	a, b := l.info(n.Left), l.info(n.Right)
	switch {
	case b.isK && b.k == nil:
		return &isNilK{x: l.node(n.Left), not: not}
	case a.isK && a.k == nil:
		return &isNilK{x: l.node(n.Right), not: not}
	}
	if k := l.mixed(n, n.Operator); k != nil {
		return k
	}
	t, ok := l.common(n)
	if !ok || t.Kind == record.List || t.Kind == record.Object || t.Kind == duration || t.Kind == record.Null {
		return l.none("== between %s and %s", words(a.t), words(b.t))
	}
	if s, ok := b.k.(string); ok {
		return &eqTextK{x: l.node(n.Left), s: s, not: not}
	}
	if s, ok := a.k.(string); ok {
		return &eqTextK{x: l.node(n.Right), s: s, not: not}
	}
	return &eqK{a: l.as(n.Left, t), b: l.as(n.Right, t), not: not}
}

func (l *lowerer) arithmetic(n *ast.BinaryNode) kernel {
	t := l.info(n).t
	op := n.Operator
	switch t.Kind {
	case record.String:
		return l.concat(n)
	case record.Int:
		if isPower(op) {
			return &powIntK{a: l.node(n.Left), b: l.node(n.Right)}
		}
		return &intK{a: l.as(n.Left, t), b: l.as(n.Right, t), op: op}
	case record.Float:
		if !plainNumber(l.info(n.Left).t) || !plainNumber(l.info(n.Right).t) {
			return l.none("%s of values whose types show only at run time", op)
		}
		if isPower(op) && l.info(n.Left).t.Kind == record.Int && l.info(n.Right).t.Kind == record.Int {
			return &powWholeK{a: l.node(n.Left), b: l.node(n.Right)}
		}
		return &floatK{a: l.as(n.Left, t), b: l.as(n.Right, t), op: op}
	case record.Decimal:
		return &decimalK{a: l.as(n.Left, t), b: l.as(n.Right, t), op: op}
	}
	return l.none("%s between %s and %s", op, words(l.info(n.Left).t), words(l.info(n.Right).t))
}

// concat flattens a chain of + into one kernel.
func (l *lowerer) concat(n *ast.BinaryNode) kernel {
	k := &concatK{limit: l.e.c.o.Bytes}
	var add func(m ast.Node)
	add = func(m ast.Node) {
		if b, ok := m.(*ast.BinaryNode); ok && b.Operator == "+" {
			add(b.Left)
			add(b.Right)
			return
		}
		if s, ok := l.info(m).k.(string); ok {
			k.parts = append(k.parts, concatPart{text: []byte(s)})
			return
		}
		k.parts = append(k.parts, concatPart{k: l.node(m)})
	}
	add(n)
	return k
}

func (l *lowerer) in(n *ast.BinaryNode) kernel {
	x := l.info(n.Left)
	list, ok := l.info(n.Right).k.([]any)
	if !ok {
		return l.none("in a list that is not constant")
	}
	switch x.t.Kind {
	case record.String:
		return newInText(l.node(n.Left), list)
	case record.Int, record.Float, record.Decimal, record.Bool:
	default:
		return l.none("in for %s", words(x.t))
	}
	t, null := nonNull(x.t), false
	var vs []any
	for _, v := range list {
		null = null || v == nil
		if c, ok := equalOf(v, t.Kind); ok {
			vs = append(vs, c)
		}
	}
	k := &inK{x: l.node(n.Left), null: null}
	fill(&k.list, t, vs)
	return k
}

// equalOf returns the value of kind k that equals v; false when there is none.
func equalOf(v any, k record.Kind) (any, bool) {
	var out any
	var err error
	switch {
	case k == record.Bool:
		_, same := v.(bool)
		return v, same
	case !isNumber(v):
		return nil, false
	case k == record.Decimal:
		out, err = decimalOf(v)
	case k == record.Float:
		if d, isDec := v.(record.DecimalValue); isDec {
			v = d.Float()
		}
		out, err = floatOf(v)
	default:
		out, err = numberOf("int", v)
	}
	return out, err == nil && equal(out, v)
}

func (l *lowerer) stringTest(n *ast.BinaryNode) kernel {
	if dynamic(l.info(n.Left).t) || dynamic(l.info(n.Right).t) {
		return l.none("%s of a value whose type shows only at run time", n.Operator)
	}
	if n.Operator == "matches" {
		s, ok := l.info(n.Right).k.(string)
		if !ok {
			return l.none("matches with a computed pattern")
		}
		return &matchK{x: l.node(n.Left), re: regexp.MustCompile(s)}
	}
	tests := map[string]func(a, b []byte) bool{"contains": bytes.Contains, "startsWith": bytes.HasPrefix, "endsWith": bytes.HasSuffix}
	return &textTestK{a: l.node(n.Left), b: l.node(n.Right), test: tests[n.Operator]}
}
