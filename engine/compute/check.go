package compute

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/record"
	"weir/engine/spec"
)

// scope is what an expression can name.
type scope struct {
	fields []record.Field
	index  map[string]int
	row    bool // row["Odd name"] reaches fields, too
	rows   int  // index of the list rows, -1 when there is none
	noRow  bool // it is of no row of an object
}

func newScope(fields []record.Field, row bool, rows int) *scope {
	s := &scope{fields: fields, index: make(map[string]int, len(fields)), row: row, rows: rows}
	for i, f := range fields {
		s.index[f.Name] = i
	}
	return s
}

func (s *scope) rowType() record.Type { return record.NewSchema(s.fields).RowType() }

// info is what the checker finds out about one node.
type info struct {
	t        record.Type
	isK      bool // a constant, whose value is k
	k        any
	ref      int      // 1 + index of the scope's field that the node names; 0 for none
	whole    bool     // the whole row
	nonEmpty bool     // a list that has at least one element
	place    string   // what the value is known under, "" for nothing
	value    ast.Node // what a variable of let was set to
	calc     any      // the number that it has in every row, nil when that is not known
}

// checker types one syntax tree. It reports every problem it finds, once.
type checker struct {
	text  spec.Text
	sc    *scope
	o     *Options
	funcs map[string]*function.Function
	diags diag.List
	info  map[ast.Node]info
	calls map[*ast.CallNode]*signature
	rules map[string]rule
	lets  []letVar
	elems []element // of the loops around, innermost last

	given   map[string]*configured // by var and local
	keyHere ast.Node               // the argument at hand that may be sensitive

	trying int // calls of try() around

	known  []string                    // places that are not nil where the checker is
	asked  map[condition]facts         // what conditions tell
	places map[*ast.BuiltinNode]string // of the elements of loops
	made   int                         // places given to variables and elements
}

// element is the present element of a loop.
type element struct {
	t     record.Type
	place string
}

type letVar struct {
	name string
	info info
}

func (c *checker) at(from, to int) *hcl.Range { return rangeOf(c.text, from, to) }

func (c *checker) fail(n ast.Node, code diag.Code, summary, detail string, args ...any) info {
	loc := n.Location()
	c.diags = append(c.diags, diag.Errorf(code, c.at(loc.From, loc.To), summary, detail, args...))
	return info{t: tBad}
}

// span is the smallest range of runes that holds every token of n.
func span(n ast.Node) (from, to int) {
	from, to = -1, -1
	ast.Walk(&n, visitFunc(func(m ast.Node) {
		if _, after := m.(*ast.ConditionalNode); after {
			return // expr places it at the token behind it
		}
		l := m.Location()
		if l.To <= l.From {
			return
		}
		if from < 0 || l.From < from {
			from = l.From
		}
		to = max(to, l.To)
	}))
	return max(from, 0), max(to, 0)
}

// closed moves the end of the runes from..to of s behind the brackets opened in them.
func closed(s string, from, to int) int {
	var q quotes
	depth, pos := 0, 0
	for _, r := range s {
		if pos >= to && depth <= 0 {
			break
		}
		if inside := q.next(r); pos >= from && !inside {
			switch r {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				if depth--; depth == 0 && pos >= to {
					return pos + 1
				}
			}
		}
		pos++
	}
	return to
}

type visitFunc func(ast.Node)

// Visit implements ast.Visitor.
func (f visitFunc) Visit(n *ast.Node) { f(*n) }

func (c *checker) failSpan(n ast.Node, code diag.Code, summary, detail string, args ...any) info {
	from, to := span(n)
	to = closed(c.text.S, from, to)
	c.diags = append(c.diags, diag.Errorf(code, c.at(from, to), summary, detail, args...))
	return info{t: tBad}
}

// expr types n and everything below it.
func (c *checker) expr(n ast.Node) info {
	in := c.node(n)
	if in.ref > 0 {
		in.place = "@" + strconv.Itoa(in.ref)
	} else if in.place == "" {
		in.place = c.placeOf(n)
	}
	in = c.narrowed(in)
	c.info[n] = in
	return in
}

// newPlace is the place of a variable or an element.
func (c *checker) newPlace() string {
	c.made++
	return "$" + strconv.Itoa(c.made)
}

func konst(v any) info { return info{t: typeOfValue(v), isK: true, k: v} }

func (c *checker) node(n ast.Node) info {
	switch n := n.(type) {
	case *ast.NilNode:
		return konst(nil)
	case *ast.IntegerNode:
		return konst(n.Value)
	case *ast.FloatNode:
		return c.float(n)
	case *ast.BoolNode:
		return konst(n.Value)
	case *ast.StringNode:
		return konst(n.Value)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ChainNode:
		return c.chain(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.builtin(n)
	case *ast.PredicateNode:
		return info{t: c.expr(n.Node).t} // not a constant, even when its body is
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.SequenceNode:
		var last info
		for _, m := range n.Nodes {
			last = c.expr(m)
		}
		return info{t: last.t}
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.object(n)
	}
	return c.fail(n, "expr.type", "This kind of literal is not supported", "Use text, numbers, true, false, nil, lists or objects.")
}

func (c *checker) let(n *ast.VariableDeclaratorNode) info {
	v := c.expr(n.Value)
	if _, taken := c.sc.index[n.Name]; taken {
		return c.fail(n, "expr.type", fmt.Sprintf("%q is already a column", n.Name), "Give the variable another name.")
	}
	place := v.place
	if place == "" {
		place = c.newPlace()
	}
	c.lets = append(c.lets, letVar{n.Name, info{t: v.t, nonEmpty: v.nonEmpty, place: place, value: n.Value}})
	out := c.expr(n.Expr)
	c.lets = c.lets[:len(c.lets)-1]
	return info{t: out.t, nonEmpty: out.nonEmpty}
}

func (c *checker) identifier(n *ast.IdentifierNode) info {
	for i := len(c.lets) - 1; i >= 0; i-- {
		if c.lets[i].name == n.Value {
			return c.lets[i].info
		}
	}
	if i, ok := c.sc.index[n.Value]; ok {
		return info{t: c.sc.fields[i].Type, ref: i + 1, nonEmpty: i == c.sc.rows}
	}
	if v := c.configuredBy(n); v != nil {
		return konst(v.open)
	}
	switch {
	case n.Value == "row" && c.sc.row:
		return info{t: c.sc.rowType(), whole: true}
	case n.Value == "$env":
		return c.fail(n, "expr.unknown_name", "$env does not exist here", `Name the column itself; row["..."] reaches columns with odd names.`)
	}
	if c.isFunction(n.Value) {
		return c.fail(n, "expr.unknown_name", fmt.Sprintf("%q is a function", n.Value), "Call it with brackets: %s(...).", n.Value)
	}
	return c.unknown(n, n.Value)
}

// unknown reports a name that is not there, with the nearest one that is.
func (c *checker) unknown(n ast.Node, name string) info {
	var known []string
	for _, f := range c.sc.fields {
		known = append(known, f.Name)
	}
	pool := slices.Clone(known)
	for _, l := range c.lets {
		pool = append(pool, l.name)
	}
	pool = append(pool, "var", "local")
	if c.inElement(n, name) || c.foreign(n, name) {
		return info{t: tBad}
	}
	c.named(n, fmt.Sprintf("There is no column %q here", name), name, pool, "Columns", known)
	if d := &c.diags[len(c.diags)-1]; d.Fix == "" && c.quotedByHCL(n, name) {
		d.Detail = fmt.Sprintf("For the text itself write '%s', in quotes of its own. ", name) + d.Detail
	}
	return info{t: tBad}
}

// quotedByHCL tells whether the name is all of the expression, which then looks as a
// text does in other languages: "Kowalski".
func (c *checker) quotedByHCL(n ast.Node, name string) bool {
	_, isName := n.(*ast.IdentifierNode)
	return isName && strings.TrimSpace(c.text.S) == name
}

// inElement reports a name that is a field of the element or of the rows at hand.
func (c *checker) inElement(n ast.Node, name string) bool {
	has := func(t record.Type) bool { return t.Kind == record.Object && fieldIndex(t, name) >= 0 }
	detail, fix := "", ""
	switch {
	case len(c.elems) > 0 && has(c.elems[len(c.elems)-1].t):
		fix = "." + name
		detail = fmt.Sprintf("It is a field of the element: write %s with a dot.", fix)
	case c.sc.rows >= 0 && has(*c.sc.fields[c.sc.rows].Type.Elem):
		fix = "first(rows)." + name
		detail = fmt.Sprintf("It is a field of each row: write %s, or a summary such as map(rows, .%s).", fix, name)
	default:
		return false
	}
	loc := n.Location()
	d := diag.Errorf("expr.unknown_name", c.at(loc.From, loc.To), fmt.Sprintf("There is no column %q here", name), "%s", detail)
	d.Fix = fix
	c.diags = append(c.diags, d)
	return true
}

// named reports an unknown name out of a pool of names, listing what there is.
func (c *checker) named(n ast.Node, summary, name string, pool []string, kind string, list []string) {
	detail := ""
	near := diag.Suggest(name, pool)
	if near != "" {
		detail = fmt.Sprintf("Did you mean %q? ", near)
	}
	const show = 30
	more := ""
	if len(list) > show {
		list, more = list[:show], ", ..."
	}
	if len(list) > 0 {
		detail += kind + ": " + strings.Join(list, ", ") + more + "."
	} else {
		detail += "There are none."
	}
	loc := n.Location()
	d := diag.Errorf("expr.unknown_name", c.at(loc.From, loc.To), summary, "%s", detail)
	if _, isName := n.(*ast.IdentifierNode); isName {
		d.Fix = near
	}
	c.diags = append(c.diags, d)
}

func (c *checker) pointer(n *ast.PointerNode) info {
	if len(c.elems) == 0 {
		return c.fail(n, "expr.type", "# means nothing here", "It is the present element inside all(), any(), map(), filter() and the like.")
	}
	switch n.Name {
	case "":
		e := c.elems[len(c.elems)-1]
		return info{t: e.t, place: e.place}
	case "index":
		return info{t: tInt}
	case "acc":
		return info{t: tAny}
	}
	return c.fail(n, "expr.unknown_name", fmt.Sprintf("There is no #%s", n.Name), "There are #, #index and, in reduce(), #acc.")
}

func short(n ast.Node) string {
	if s := n.String(); len(s) <= 40 {
		return s
	}
	return "..."
}
