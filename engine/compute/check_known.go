package compute

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// A place names a value that an expression can ask for more than once: a column,
// a variable of let, the present element of a loop, a part of one of these, or a
// call with such arguments. Values never change while an expression is evaluated,
// so what a condition finds out about a place holds wherever the condition decided
// that the evaluation goes. The parts of a place follow these signs.
const (
	placeField = "\x00" // a field's name
	placeIndex = "\x01" // one element
	placeEach  = "\x02" // every element
	placeSome  = "\x03" // not a part: the list has elements
)

// maxPlace bounds a place: those of nested calls grow.
const maxPlace = 200

// facts are the places known not to be nil, and lists known to have elements,
// under some condition. never tells that the condition cannot hold.
type facts struct {
	known []string
	never bool
}

func both(a, b facts) facts {
	return facts{append(slices.Clip(a.known), b.known...), a.never || b.never}
}

func either(a, b facts) facts {
	switch {
	case a.never:
		return b
	case b.never:
		return a
	}
	return facts{known: slices.DeleteFunc(slices.Clone(a.known), func(p string) bool { return !slices.Contains(b.known, p) })}
}

// condition is a condition and what it gives.
type condition struct {
	n     ast.Node
	truth bool
}

// knowing types n where f holds.
func (c *checker) knowing(f facts, n ast.Node) info {
	mark := len(c.known)
	c.known = append(c.known, f.known...)
	in := c.expr(n)
	c.known = c.known[:mark]
	return in
}

// dead types n, which is never evaluated: what is wrong with it because of the
// constants that keep it from being evaluated is no problem.
func (c *checker) dead(n ast.Node) info {
	mark := len(c.diags)
	in := c.expr(n)
	kept := c.diags[:mark]
	for _, d := range c.diags[mark:] {
		if d.Code != "expr.nullable" && d.Code != "expr.argument" && d.Code != "expr.type" && d.Code != "expr.constant" {
			kept = append(kept, d)
		}
	}
	if len(kept) < len(c.diags) {
		in = info{t: tBad}
	}
	c.diags = kept
	return in
}

// placeOf is the place of n, whose parts were typed, "" when it has none.
func (c *checker) placeOf(n ast.Node) string {
	out := ""
	switch n := n.(type) {
	case *ast.ChainNode:
		out = c.info[n.Node].place
	case *ast.MemberNode:
		base := c.info[n.Node].place
		switch k := c.info[n.Property].k.(type) {
		case string:
			out = base + placeField + k
		case int:
			out = base + placeIndex + strconv.Itoa(k)
		}
		if base == "" {
			return ""
		}
	case *ast.BuiltinNode:
		if _, loops := loopOf(n); loops || len(n.Arguments) == 0 {
			return ""
		}
		if list := c.info[n.Arguments[0]].place; list != "" && n.Name == "first" {
			return list + placeIndex + "0"
		} else if list != "" && n.Name == "last" {
			return list + placeIndex + "-1"
		}
		out = c.placeOfCall(n.Name, n.Arguments)
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && c.calls[n] != nil {
			out = c.placeOfCall(id.Value, n.Arguments)
		}
	}
	if len(out) > maxPlace {
		return ""
	}
	return out
}

func (c *checker) placeOfCall(name string, args []ast.Node) string {
	parts := make([]string, len(args))
	for i, a := range args {
		in := c.info[a]
		switch {
		case in.isK:
			parts[i] = a.String()
		case in.place == "":
			return ""
		default:
			parts[i] = in.place
		}
	}
	return name + "(" + strings.Join(parts, ",") + ")"
}

// narrowed is in with what is known of its place.
func (c *checker) narrowed(in info) info {
	if in.place == "" || in.isK {
		return in
	}
	for _, k := range c.known {
		rest, ok := strings.CutPrefix(k, in.place)
		switch {
		case !ok:
		case rest == placeSome:
			in.nonEmpty = true
		default:
			in.t = narrow(in.t, rest)
		}
	}
	return in
}

// narrow is t without nil at the part that rest names.
func narrow(t record.Type, rest string) record.Type {
	if rest == "" {
		return nonNull(t)
	}
	sign, rest := rest[:1], rest[1:]
	switch {
	case sign == placeEach && t.Kind == record.List:
		elem := narrow(*t.Elem, rest)
		t.Elem = &elem
	case sign == placeField && t.Kind == record.Object:
		end := strings.IndexAny(rest, placeField+placeIndex+placeEach+placeSome)
		if end < 0 {
			end = len(rest)
		}
		if i := fieldIndex(t, rest[:end]); i >= 0 {
			t.Fields = slices.Clone(t.Fields)
			t.Fields[i].Type = narrow(t.Fields[i].Type, rest[end:])
		}
	}
	return t
}
