package compute

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// loop is a built-in that evaluates a body for each element of a list.
type loop struct {
	predicate bool // the body must be a bool
	result    func(list, body info) info
}

func loops() map[string]loop {
	keep := func(l, _ info) info { return info{t: l.t} }
	one := func(l, _ info) info { return info{t: nullable(elemOf(l.t))} }
	boolean := func(_, _ info) info { return info{t: tBool} }
	index := func(_, _ info) info { return info{t: nullable(tInt)} }
	return map[string]loop{
		"all": {true, boolean}, "none": {true, boolean}, "any": {true, boolean}, "one": {true, boolean},
		"filter": {true, keep}, "find": {true, one}, "findLast": {true, one}, "findIndex": {true, index}, "findLastIndex": {true, index},
		"count":   {true, func(_, _ info) info { return info{t: tInt} }},
		"map":     {false, func(l, b info) info { return info{t: record.ListOf(known(b.t)), nonEmpty: l.nonEmpty} }},
		"sum":     {false, func(_, b info) info { return info{t: b.t} }},
		"groupBy": {false, func(_, _ info) info { return info{t: tAny} }},
		"sortBy":  {false, func(l, _ info) info { return info{t: l.t, nonEmpty: l.nonEmpty} }},
		"reduce":  {false, func(_, _ info) info { return info{t: tAny} }},
	}
}

func known(t record.Type) record.Type {
	if t.Kind == record.Invalid {
		return tAny
	}
	return t
}

func loopOf(n *ast.BuiltinNode) (loop, bool) {
	l, ok := loops()[n.Name]
	return l, ok
}

func (c *checker) loop(n *ast.BuiltinNode, l loop) info {
	list := c.expr(n.Arguments[0])
	elem := tAny
	if !dynamic(list.t) {
		if !c.solid(n.Arguments[0], list, n.Name+"()", n) {
			elem = tBad
		} else if list.t.Kind != record.List {
			c.failSpan(n.Arguments[0], "expr.type", fmt.Sprintf("%s() needs a list", n.Name), "This is %s.", words(list.t))
			elem = tBad
		} else {
			elem = *list.t.Elem
		}
	}
	body := info{t: elem}
	var at ast.Node = n.Arguments[0]
	if len(n.Arguments) > 1 {
		at = n.Arguments[1]
		c.places[n] = c.newPlace()
		c.elems = append(c.elems, element{elem, c.places[n]})
		body = c.expr(at)
		c.elems = c.elems[:len(c.elems)-1]
	}
	if len(n.Arguments) > 2 {
		c.expr(n.Arguments[2])
	}
	switch {
	case dynamic(body.t):
	case l.predicate:
		if c.solid(bodyOf(at), body, n.Name+"()", n) && body.t.Kind != record.Bool {
			c.failSpan(bodyOf(at), "expr.type", fmt.Sprintf("The condition of %s() must be a bool", n.Name), "This is %s.", words(body.t))
		}
	case n.Name == "sum":
		if c.solid(bodyOf(at), body, "sum()", n) && !number(body.t) {
			return c.failSpan(bodyOf(at), "expr.type", "sum() needs numbers", "This is %s.", words(body.t))
		}
		body.t.Nullable = false
	case n.Name == "sortBy":
		c.solid(bodyOf(at), body, "sortBy()", n)
	}
	if n.Name == "sum" && body.t.Kind == record.Invalid {
		return info{t: tBad}
	}
	switch n.Name {
	case "filter", "find", "findLast":
		for _, rest := range c.ofElement(n, true) {
			list.t = narrow(list.t, placeEach+rest)
		}
	}
	return l.result(list, body)
}

func bodyOf(n ast.Node) ast.Node {
	if p, ok := n.(*ast.PredicateNode); ok {
		return p.Node
	}
	return n
}
