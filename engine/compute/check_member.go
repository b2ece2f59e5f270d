package compute

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// chain types a?.b.c: the whole is nil when a part before ?. is.
func (c *checker) chain(n *ast.ChainNode) info {
	in := c.expr(n.Node)
	if in.isK || !c.breaks(n.Node) {
		return info{t: in.t, isK: in.isK, k: in.k}
	}
	return info{t: nullable(in.t)}
}

// breaks tells whether a value before a ?. of n may be nil.
func (c *checker) breaks(n ast.Node) bool {
	for {
		switch m := n.(type) {
		case *ast.MemberNode:
			if m.Optional && !certain(c.info[m.Node]) {
				return true
			}
			n = m.Node
		case *ast.SliceNode:
			n = m.Node
		case *ast.CallNode:
			n = m.Callee
		default:
			return false
		}
	}
}

func (c *checker) member(n *ast.MemberNode) info {
	if in, ok := c.rowField(n); ok {
		return in
	}
	base := c.expr(n.Node)
	prop := c.expr(n.Property)
	if base.isK {
		if in, ok := c.constMember(n, base, prop); ok {
			return in
		}
	}
	if dynamic(base.t) {
		return info{t: base.t}
	}
	if base.t.Kind == record.Null {
		return c.fail(n, "expr.nullable", "nil has no fields", "")
	}
	if base.t.Nullable && !n.Optional {
		return c.failSpan(n.Node, "expr.nullable", "This value may be nil", "A field of nil fails. Write ?. instead of . to get nil then, or ask for it first with != nil.")
	}
	switch base.t.Kind {
	case record.Object:
		return c.field(n, base.t, prop)
	case record.List:
		if prop.t.Kind != record.Int && !dynamic(prop.t) {
			return c.failSpan(n.Property, "expr.type", "A list is indexed by an int", "This is %s.", words(prop.t))
		}
		if n.Optional && base.t.Nullable {
			return info{t: nullable(*base.t.Elem)}
		}
		return info{t: *base.t.Elem}
	case record.String:
		return c.fail(n, "expr.type", "A string has no fields or elements", "x[0:1] is the first character of x, x[-1:] the last.")
	}
	return c.fail(n, "expr.type", fmt.Sprintf("%s has no fields", words(base.t)), "Only objects and lists have.")
}

// rowField resolves row["Odd Name"] and row.name.
func (c *checker) rowField(n *ast.MemberNode) (info, bool) {
	id, ok := n.Node.(*ast.IdentifierNode)
	if !ok || id.Value != "row" || !c.sc.row {
		return info{}, false
	}
	if _, own := c.sc.index["row"]; own || slices.ContainsFunc(c.lets, func(l letVar) bool { return l.name == "row" }) {
		return info{}, false
	}
	name, ok := n.Property.(*ast.StringNode)
	if !ok {
		return info{}, false
	}
	if i, ok := c.sc.index[name.Value]; ok {
		return info{t: c.sc.fields[i].Type, ref: i + 1}, true
	}
	return c.unknown(name, name.Value), true
}

// constMember folds var.x and literals' fields.
func (c *checker) constMember(n *ast.MemberNode, base, prop info) (info, bool) {
	key, ok := prop.k.(string)
	if !ok {
		return info{}, false
	}
	switch m := base.k.(type) {
	case map[string]any:
		v, ok := m[key]
		if _, unknown := v.(Unknown); unknown {
			return info{t: tAny}, true
		}
		if _, long := v.(TooLong); long {
			return c.failSpan(n, "expr.constant", "This number has more digits than are kept", "Numbers have at most 64 bits. An id is a text: give the variable the type string."), true
		}
		if ok {
			return konst(v), true
		}
		if v := c.configuredBy(n.Node); v != nil {
			return v.value(c, n, key), true
		}
		names := slices.Sorted(maps.Keys(m))
		c.named(n.Property, fmt.Sprintf("There is no field %q", key), key, names, "Fields", names)
		return info{t: tBad}, true
	case nil:
		if n.Optional {
			return konst(nil), true
		}
	}
	return info{}, false
}

// field types an object's field; a computed name gives whatever the fields hold.
func (c *checker) field(n *ast.MemberNode, t record.Type, prop info) info {
	name, ok := prop.k.(string)
	if !ok {
		if prop.t.Kind != record.String && !dynamic(prop.t) {
			return c.failSpan(n.Property, "expr.type", "A field's name must be a string", "This is %s.", words(prop.t))
		}
		return info{t: tAny}
	}
	for _, f := range t.Fields {
		if f.Name == name {
			return info{t: f.Type}
		}
	}
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	c.named(n.Property, fmt.Sprintf("There is no field %q here", name), name, names, "Fields", names)
	return info{t: tBad}
}

func (c *checker) slice(n *ast.SliceNode) info {
	base := c.expr(n.Node)
	for _, end := range []ast.Node{n.From, n.To} {
		if end == nil {
			continue
		}
		if in := c.expr(end); !dynamic(in.t) && c.solid(end, in, "A slice", n) && in.t.Kind != record.Int {
			c.failSpan(end, "expr.type", "A slice is cut at an int", "This is %s.", words(in.t))
		}
	}
	if dynamic(base.t) {
		return info{t: base.t}
	}
	if !c.solid(n.Node, base, "A slice", n) {
		return info{t: tBad}
	}
	if base.t.Kind != record.List && base.t.Kind != record.String {
		return c.failSpan(n.Node, "expr.type", "Only strings and lists can be sliced", "This is %s.", words(base.t))
	}
	return info{t: base.t}
}
