package compute

import (
	"fmt"
	"regexp"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

func (c *checker) unary(n *ast.UnaryNode) info {
	in := c.expr(n.Node)
	if dynamic(in.t) {
		if n.Operator == "!" || n.Operator == "not" {
			return info{t: tBool}
		}
		return info{t: in.t}
	}
	if !c.solid(n.Node, in, fmt.Sprintf("%q", n.Operator), n) {
		return info{t: tBad}
	}
	switch n.Operator {
	case "!", "not":
		if in.t.Kind == record.Bool {
			return info{t: tBool}
		}
		return c.fail(n, "expr.type", fmt.Sprintf("%q needs a bool", n.Operator), "It was given %s.", words(in.t))
	}
	if !number(in.t) {
		return c.fail(n, "expr.type", fmt.Sprintf("%q needs a number", n.Operator), "It was given %s.", words(in.t))
	}
	if n.Operator == "-" {
		return c.negated(n, in, info{t: in.t})
	}
	return info{t: in.t, isK: in.isK, k: in.k, calc: in.calc}
}

func (c *checker) binary(n *ast.BinaryNode) info {
	l := c.expr(n.Left)
	switch n.Operator {
	case "and", "&&":
		return c.logic(n, l, false)
	case "or", "||":
		return c.logic(n, l, true)
	}
	r := c.expr(n.Right)
	switch n.Operator {
	case "==", "!=":
		if !comparable(l.t, r.t) {
			return c.mismatch(n, l, r, "are never equal")
		}
		if decimalFloat(l, r) {
			return c.decimalFloat(n)
		}
		if v, ok := sameConst(l, r); ok {
			return konst(v == (n.Operator == "=="))
		}
		return info{t: tBool}
	case "<", "<=", ">", ">=":
		return c.order(n, l, r)
	case "+", "-", "*", "/", "%", "**", "^":
		if dividesByZero(n.Operator, l, r) {
			return c.noValue(n, errDivideByZero)
		}
		return c.calculated(n, l, r, c.arithmetic(n, l, r))
	case "in":
		return c.in(n, l, r)
	case "contains", "startsWith", "endsWith", "matches":
		return c.stringTest(n, l, r)
	case "..":
		if c.operands(n, l, r) && (isInt(l.t) && isInt(r.t)) {
			return info{t: record.ListOf(tInt)}
		}
		return info{t: tBad}
	case "??":
		t := unify(nonNull(l.t), r.t)
		if l.t.Kind == record.Null {
			t = r.t
		}
		if l.t.Kind == record.Any {
			t = tAny
		}
		return info{t: t, nonEmpty: l.nonEmpty && r.nonEmpty}
	}
	return c.fail(n, "expr.type", fmt.Sprintf("There is no operator %q", n.Operator), "")
}

func isInt(t record.Type) bool { return t.Kind == record.Int || dynamic(t) }

func (c *checker) mismatch(n *ast.BinaryNode, l, r info, why string) info {
	return c.fail(n, "expr.type", fmt.Sprintf("%s and %s %s", words(l.t), words(r.t), why), "Convert one of them first: string(), int(), float() or decimal().")
}

// decimalFloat tells whether a decimal would meet a float that is not a literal (I6).
func decimalFloat(l, r info) bool {
	return l.t.Kind == record.Decimal && r.t.Kind == record.Float && !r.isK || r.t.Kind == record.Decimal && l.t.Kind == record.Float && !l.isK
}

func (c *checker) decimalFloat(n ast.Node) info {
	return c.fail(n, "expr.type", "decimal and float do not mix", "A float is not exact, money is (I6). Convert the float with decimal(), or the decimal with float().")
}

// operands checks that both sides of n exist at run time.
func (c *checker) operands(n *ast.BinaryNode, l, r info) bool {
	what := fmt.Sprintf("%q", n.Operator)
	a := dynamic(l.t) || c.solid(n.Left, l, what, n)
	b := dynamic(r.t) || c.solid(n.Right, r, what, n)
	return a && b
}

// sameConst tells whether two constants are equal, where that is plain.
func sameConst(l, r info) (same, ok bool) {
	if !l.isK || !r.isK {
		return false, false
	}
	if l.k == nil || r.k == nil {
		return l.k == r.k, true
	}
	switch l.k.(type) {
	case string, bool, int:
		return l.k == r.k, l.t.Kind == r.t.Kind
	}
	return false, false
}

// logic types n, whose right side is not evaluated where the left one gives decided.
func (c *checker) logic(n *ast.BinaryNode, l info, decided bool) info {
	if l.isK && l.k == decided {
		c.dead(n.Right)
		return konst(decided)
	}
	r := c.knowing(c.when(n.Left, !decided), n.Right)
	if !c.operands(n, l, r) {
		return info{t: tBool}
	}
	for _, side := range []struct {
		n  ast.Node
		in info
	}{{n.Left, l}, {n.Right, r}} {
		switch {
		case side.in.t.Kind == record.Bool || dynamic(side.in.t):
		case n.Operator == "||" && l.t.Kind == record.String && r.t.Kind == record.String:
			return c.fail(n, "expr.type", `"||" means "or" and needs a bool on both sides`, "Both are text: write + to put them together.")
		default:
			c.failSpan(side.n, "expr.type", fmt.Sprintf("%q needs a bool on both sides", n.Operator), "This is %s.", words(side.in.t))
		}
	}
	return info{t: tBool}
}

func (c *checker) order(n *ast.BinaryNode, l, r info) info {
	if !c.operands(n, l, r) {
		return info{t: tBool}
	}
	if dynamic(l.t) || dynamic(r.t) {
		return info{t: tBool}
	}
	switch {
	case decimalFloat(l, r):
		return c.decimalFloat(n)
	case number(l.t) && number(r.t):
	case l.t.Kind == r.t.Kind && (l.t.Kind == record.String || l.t.Kind == record.Time || l.t.Kind == record.Date || l.t.Kind == duration):
	default:
		return c.mismatch(n, l, r, fmt.Sprintf("cannot be compared with %q", n.Operator))
	}
	return info{t: tBool}
}

func (c *checker) arithmetic(n *ast.BinaryNode, l, r info) info {
	if !c.operands(n, l, r) {
		return info{t: tBad}
	}
	if l.t.Kind == record.Invalid || r.t.Kind == record.Invalid {
		return info{t: tBad}
	}
	if dynamic(l.t) || dynamic(r.t) {
		if isPower(n.Operator) {
			return info{t: tFloat}
		}
		return info{t: tAny}
	}
	if decimalFloat(l, r) {
		return c.decimalFloat(n)
	}
	op := n.Operator
	dec := l.t.Kind == record.Decimal || r.t.Kind == record.Decimal
	numbers := number(l.t) && number(r.t)
	switch {
	case op == "%" && l.t.Kind == record.Int && r.t.Kind == record.Int:
		return info{t: tInt}
	case op == "%":
	case isPower(op) && wholePower(l, r):
		return info{t: tInt}
	case isPower(op) && numbers && !dec:
		return info{t: tFloat}
	case isPower(op):
	case numbers && dec:
		return info{t: tDec}
	case numbers && op == "/":
		return info{t: tFloat}
	case numbers:
		return info{t: unify(l.t, r.t)}
	case op == "+" && l.t.Kind == record.String && r.t.Kind == record.String:
		return info{t: tString}
	case op == "-" && l.t.Kind == record.Time && r.t.Kind == record.Time:
		return info{t: tDur}
	case (op == "+" || op == "-") && l.t.Kind == record.Time && r.t.Kind == duration:
		return info{t: l.t}
	case (op == "+" || op == "-") && l.t.Kind == duration && r.t.Kind == duration:
		return info{t: tDur}
	}
	return c.mismatch(n, l, r, fmt.Sprintf("cannot be combined with %q", op))
}

func (c *checker) in(n *ast.BinaryNode, l, r info) info {
	switch {
	case dynamic(r.t) || r.t.Kind == record.Null:
	case r.t.Kind == record.List:
		if !comparable(l.t, *r.t.Elem) {
			return c.mismatch(n, l, info{t: *r.t.Elem}, "are never equal")
		}
	case r.t.Kind == record.Object:
		if l.t.Kind != record.String && !dynamic(l.t) || l.t.Nullable {
			return c.failSpan(n.Left, "expr.type", "A field's name must be a string", "This is %s.", words(l.t))
		}
	default:
		return c.failSpan(n.Right, "expr.type", `"in" needs a list or an object at its right`, "This is %s.", words(r.t))
	}
	return info{t: tBool}
}

func (c *checker) stringTest(n *ast.BinaryNode, l, r info) info {
	for _, side := range []struct {
		n  ast.Node
		in info
	}{{n.Left, l}, {n.Right, r}} {
		if side.in.t.Kind != record.String && side.in.t.Kind != record.Null && !dynamic(side.in.t) {
			c.failSpan(side.n, "expr.type", fmt.Sprintf("%q needs a string on both sides", n.Operator), "This is %s. Convert it with string().", words(side.in.t))
		}
	}
	if s, ok := r.k.(string); ok && n.Operator == "matches" {
		if _, err := regexp.Compile(s); err != nil {
			c.failSpan(n.Right, "expr.type", "This is not a regular expression", "%s.", err)
		}
	}
	return info{t: tBool}
}

func (c *checker) conditional(n *ast.ConditionalNode) info {
	cond := c.expr(n.Cond)
	if k, isBool := cond.k.(bool); cond.isK && isBool {
		return c.decided(n, k)
	}
	a, b := c.knowing(c.when(n.Cond, true), n.Exp1), c.knowing(c.when(n.Cond, false), n.Exp2)
	if !dynamic(cond.t) && c.solid(n.Cond, cond, "A condition", n) && cond.t.Kind != record.Bool {
		c.failSpan(n.Cond, "expr.type", "A condition must be a bool", "This is %s. Compare it with something, such as != ''.", words(cond.t))
	}
	if a.t.Kind == record.Decimal && b.t.Kind == record.Float && b.isK || b.t.Kind == record.Decimal && a.t.Kind == record.Float && a.isK {
		return info{t: record.Type{Kind: record.Decimal, Nullable: a.t.Nullable || b.t.Nullable}}
	}
	return info{t: unify(a.t, b.t), nonEmpty: a.nonEmpty && b.nonEmpty}
}

// decided types a choice whose condition is a constant. The side that is not taken
// tells whether it may be nil, too, and the type where the other is nil.
func (c *checker) decided(n *ast.ConditionalNode, truth bool) info {
	taken, other := n.Exp1, n.Exp2
	if !truth {
		taken, other = n.Exp2, n.Exp1
	}
	a, b := c.expr(taken), c.dead(other)
	t := unify(a.t, b.t)
	if a.t.Kind != record.Null && !nonNull(t).Equal(nonNull(a.t)) {
		t = a.t
	}
	return info{t: t, nonEmpty: a.nonEmpty}
}

// taken is the side of n that is always taken, nil when that depends on the row.
func (c *checker) taken(n *ast.ConditionalNode) ast.Node {
	in := c.info[n.Cond]
	k, isBool := in.k.(bool)
	switch {
	case !in.isK || !isBool:
		return nil
	case k:
		return n.Exp1
	}
	return n.Exp2
}

func (c *checker) array(n *ast.ArrayNode) info {
	elem, all := tBad, true
	ks := make([]any, 0, len(n.Nodes))
	for _, m := range n.Nodes {
		in := c.expr(m)
		elem = unify(elem, in.t)
		all = all && in.isK
		ks = append(ks, in.k)
	}
	if elem.Kind == record.Invalid {
		elem = tAny
	}
	out := info{t: record.ListOf(elem), nonEmpty: len(n.Nodes) > 0}
	if all {
		for i := range ks {
			if elem.Kind != record.Float && elem.Kind != record.Decimal {
				break
			}
			v, err := convertConst(ks[i], elem.Kind)
			if err != nil {
				return c.noValue(n.Nodes[i], err)
			}
			ks[i] = v
		}
		out.isK, out.k = true, ks
	}
	return out
}

func (c *checker) object(n *ast.MapNode) info {
	var fs []record.Field
	seen := map[string]bool{}
	open := false
	for _, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		key, v := c.expr(pair.Key), c.expr(pair.Value)
		name, isK := key.k.(string)
		switch {
		case isK && seen[name]:
			c.fail(pair.Key, "expr.type", fmt.Sprintf("The field %q is given twice", name), "Remove one of them.")
		case isK:
			seen[name] = true
			fs = append(fs, record.Field{Name: name, Type: v.t})
		case key.t.Kind != record.String && !dynamic(key.t):
			c.failSpan(pair.Key, "expr.type", "A field's name must be a string", "This is %s.", words(key.t))
		default:
			open = true
		}
	}
	if open {
		return info{t: tAny}
	}
	return info{t: record.ObjectOf(fs)}
}
