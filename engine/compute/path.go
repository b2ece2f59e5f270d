package compute

import (
	"fmt"
	"maps"
	"strings"

	"github.com/expr-lang/expr/ast"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Path implements plugin.Compiler. Constant text is the structure of the path:
// literals, variables of the configuration, and what "+", a choice or let makes of them.
// Everything else is a value and is escaped, but for what raw() marks. It is the
// checked tree that is looked at, so that no text of a row is ever taken for structure.
func (c *Compiler) Path(t spec.Text) (plugin.Expr, diag.List) {
	o := c.o
	o.Functions = append(append([]function.Function{}, o.Functions...), function.Path()...)
	pc := New(c.schema, o)
	tree, diags := pc.parse(t)
	if diags != nil {
		return nil, diags
	}
	ck := pc.checker(t, newScope(c.schema.Fields(), true, -1))
	in := ck.expr(tree.Node)
	if !ck.diags.HasErrors() {
		ck.wanted(tree.Node, in, record.String)
	}
	if ck.diags.HasErrors() {
		return nil, ck.diags.Sort()
	}
	p := &pather{ck: ck, lets: map[string]string{}}
	root := p.path(tree.Node, edge{first: true, last: true})
	p.strayRaw(tree.Node)
	if ck.diags.HasErrors() {
		return nil, ck.diags.Sort()
	}
	again := pc.checker(t, newScope(c.schema.Fields(), true, -1))
	e, diags := pc.finish(again, root, overRow, record.String, tree.Source)
	if e == nil {
		return nil, diags
	}
	e.pattern = p.pattern.String()
	return e, diags
}

// Pattern shows how a path is put together: its constant text, with the values
// between braces. It is "" for an expression that is no path.
func (e *Expr) Pattern() string { return e.pattern }

// pather marks the values of a path, making a new tree. One whose segment has nothing besides
// values is refused when they are empty or step up in the path.
type pather struct {
	ck      *checker
	lets    map[string]string // variables that are constant text
	raws    []ast.Node        // calls of raw() that were taken
	pattern strings.Builder
}

// edge is what is known of the text beside a part of a path.
type edge struct {
	first, last bool // nothing comes before, nothing behind
	query       bool // a literal before holds "?"
	inLeft      bool // the segment has literal text before
	inRight     bool // and behind
}

// literal returns the constant text that n is.
func (p *pather) literal(n ast.Node) (string, bool) {
	if in := p.ck.info[n]; in.isK {
		s, ok := in.k.(string)
		return s, ok
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		l, ok := p.literal(n.Left)
		r, also := p.literal(n.Right)
		return l + r, ok && also && n.Operator == "+"
	case *ast.IdentifierNode:
		s, ok := p.lets[n.Value]
		return s, ok
	}
	return "", false
}

// path rewrites a part of a path.
func (p *pather) path(n ast.Node, at edge) ast.Node {
	switch m := n.(type) {
	case *ast.VariableDeclaratorNode:
		before := maps.Clone(p.lets)
		delete(p.lets, m.Name)
		if s, ok := p.literal(m.Value); ok {
			p.lets[m.Name] = s
		}
		out := moved(&ast.VariableDeclaratorNode{Name: m.Name, Value: m.Value, Expr: p.path(m.Expr, at)}, n)
		p.lets = before
		return out
	case *ast.ConditionalNode:
		if s, ok := p.literal(n); ok {
			return p.text(n, s, at)
		}
		p.pattern.WriteString("{")
		a := p.path(m.Exp1, at)
		p.pattern.WriteString(" or ")
		b := p.path(m.Exp2, at)
		p.pattern.WriteString("}")
		return moved(&ast.ConditionalNode{Ternary: m.Ternary, Cond: m.Cond, Exp1: a, Exp2: b}, n)
	case *ast.BinaryNode:
		if _, ok := p.literal(n); ok || m.Operator != "+" && m.Operator != "??" {
			break
		}
		if m.Operator == "+" {
			return p.chain(n, at)
		}
		p.pattern.WriteString("{")
		a := p.path(m.Left, at)
		p.pattern.WriteString(" or ")
		b := p.path(m.Right, at)
		p.pattern.WriteString("}")
		return moved(&ast.BinaryNode{Operator: m.Operator, Left: a, Right: b}, n)
	}
	return p.chain(n, at)
}

func moved[N ast.Node](n N, like ast.Node) N { return at(n, like) }

// chain rewrites parts that are joined by "+".
func (p *pather) chain(n ast.Node, around edge) ast.Node {
	parts := p.flatten(nil, n)
	var out ast.Node
	join := func(x ast.Node) {
		if out == nil {
			out = x
		} else {
			out = moved(&ast.BinaryNode{Operator: "+", Left: out, Right: x}, n)
		}
	}
	left := around
	for i := 0; i < len(parts); {
		here := left
		here.first = around.first && i == 0
		if s, ok := p.literal(parts[i]); ok {
			here.last = around.last && i == len(parts)-1
			join(p.text(parts[i], s, here))
			left = left.after(s)
			i++
			continue
		}
		j := i + 1
		for isValue(parts[i]) && j < len(parts) && isValue(parts[j]) && !p.isLiteral(parts[j]) {
			j++
		}
		here.last = around.last && j == len(parts)
		here.inRight = around.inRight && j == len(parts)
		if j < len(parts) {
			if s, ok := p.literal(parts[j]); ok {
				here.inRight = s != "" && s[0] != '/' && s[0] != '?'
			}
		}
		if isValue(parts[i]) {
			join(p.values(parts[i:j], here))
		} else {
			join(p.path(parts[i], here))
		}
		left.inLeft = false // a value may be empty: it vouches for nothing
		i = j
	}
	return out
}

// after is e with the literal s before.
func (e edge) after(s string) edge {
	e.query = e.query || strings.Contains(s, "?")
	if s != "" {
		e.inLeft = s[len(s)-1] != '/'
	}
	return e
}

func (p *pather) isLiteral(n ast.Node) bool { _, ok := p.literal(n); return ok }

func (p *pather) flatten(dst []ast.Node, n ast.Node) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "+" && !p.isLiteral(n) {
		return p.flatten(p.flatten(dst, b.Left), b.Right)
	}
	return append(dst, n)
}

// isValue tells whether n is one value, not a choice between parts of a path.
func isValue(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ConditionalNode, *ast.VariableDeclaratorNode:
		return false
	case *ast.BinaryNode:
		return n.Operator != "??"
	}
	return true
}

// text checks constant text.
func (p *pather) text(n ast.Node, s string, at edge) ast.Node {
	p.pattern.WriteString(s)
	if at.first && !strings.HasPrefix(s, "/") || at.first && strings.HasPrefix(s, "//") {
		p.ck.failSpan(n, "expr.path", "The path must begin with one slash", "It is added to the url of the connection: write '/v1/items/' + id, for example.")
		return n
	}
	if why := badPathText(s); why != "" {
		p.ck.failSpan(n, "expr.path", "This text cannot stand in a path", "It has %s. Write such characters as %% and two hexadecimal digits.", why)
	}
	return n
}

// badPathText says what constant text of a path has that no path can have.
func badPathText(s string) string {
	hex := func(i int) bool { return i < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i]) >= 0 }
	for i, b := range []byte(s) {
		switch {
		case b == ' ':
			return "a space"
		case b < ' ' || b == 0x7f:
			return "a control character"
		case b == '#' || b == '\\':
			return fmt.Sprintf("%q", b)
		case b == '%' && !(hex(i+1) && hex(i+2)):
			return `"%" without two hexadecimal digits`
		}
	}
	return ""
}

// values escapes values that stand beside one another.
func (p *pather) values(ns []ast.Node, at edge) ast.Node {
	var out ast.Node
	raw := false
	for i, n := range ns {
		x := n
		p.pattern.WriteString("{" + n.String() + "}")
		switch name := callee(n); {
		case p.ck.info[n].t.Kind == record.Null:
		case name == "raw":
			p.raws = append(p.raws, n)
			raw = true
		case at.first && i == 0:
			p.ck.failSpan(n, "expr.path", "A path cannot begin with a value", "Values are escaped, slashes too: write '/v1/items/' + %s, or raw(%s) when it holds a whole path that may go anywhere below the connection's url.", short(n), short(n))
		case name != "url": // whose result is escaped
			x = hidden(n, function.PathValue, n)
		}
		if out == nil {
			out = x
		} else {
			out = moved(&ast.BinaryNode{Operator: "+", Left: out, Right: x}, n)
		}
	}
	if raw || at.query || at.inLeft || at.inRight || p.ck.info[ns[0]].t.Kind == record.Null {
		return out
	}
	return hidden(ns[0], function.PathSegment, out)
}

func hidden(like ast.Node, name string, arg ast.Node) ast.Node {
	return moved(&ast.CallNode{Callee: moved(&ast.IdentifierNode{Value: name}, like), Arguments: []ast.Node{arg}}, like)
}

func callee(n ast.Node) string {
	if c, ok := n.(*ast.CallNode); ok {
		if id, ok := c.Callee.(*ast.IdentifierNode); ok {
			return id.Value
		}
	}
	return ""
}

// strayRaw reports raw() where it is a part of a value and so has no effect.
func (p *pather) strayRaw(root ast.Node) {
	ast.Walk(&root, visitFunc(func(n ast.Node) {
		if callee(n) != "raw" {
			return
		}
		for _, r := range p.raws {
			if r == n {
				return
			}
		}
		p.ck.failSpan(n, "expr.path", "raw() has no effect here", "What is made of it is a value and is escaped. Put raw() around the whole value.")
	}))
}
