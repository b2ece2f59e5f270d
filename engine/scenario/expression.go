package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/spec"
)

// expression is an expression of a test. Unlike row expressions it is not
// typed: what servers record has no schema. It is immutable.
type expression struct {
	text    spec.Text
	node    ast.Node
	program *vm.Program
	options []expr.Option
}

// compile reads t. env tells the names it may use and how they are shaped; want
// says that it is a condition.
func compile(t spec.Text, env map[string]any, condition bool) (*expression, diag.List) {
	e := &expression{text: t, options: []expr.Option{expr.Env(env), expr.DisableBuiltin("now"), expr.DisableBuiltin("timezone")}}
	for _, f := range function.All() {
		e.options = append(e.options, expr.Function(f.Name, f.Call))
	}
	options := e.options
	if condition {
		options = append(slices.Clip(options), expr.AsBool())
	}
	// Names are checked before == is replaced: the checker is blind to those in arguments of functions.
	if _, err := expr.Compile(t.S, options...); err != nil {
		return nil, diag.List{compileProblem(t, env, err)}
	}
	e.options = append(e.options, expr.Function(equalName, equalFunction, new(func(any, any) bool)), expr.Patch(equality{}))
	p, err := expr.Compile(t.S, e.options...)
	if err != nil {
		return nil, diag.List{compileProblem(t, env, err)}
	}
	tree, err := parser.Parse(t.S)
	if err != nil {
		return nil, diag.List{compileProblem(t, env, err)}
	}
	e.program, e.node = p, tree.Node
	return e, nil
}

func compileProblem(t spec.Text, env map[string]any, err error) diag.Diagnostic {
	var fe *file.Error
	if !errors.As(err, &fe) {
		rng := t.RuneRange(0, utf8.RuneCountInString(t.S))
		first, _, _ := strings.Cut(err.Error(), "\n")
		return diag.Errorf("expr.type", &rng, "This must be a condition", "It must be true or false: %s.", first)
	}
	rng := t.RuneRange(fe.From, max(fe.To, fe.From+1))
	name, unknown := strings.CutPrefix(fe.Message, "unknown name ")
	if !unknown {
		return diag.Errorf("expr.syntax", &rng, "This expression cannot be read", "%s.", fe.Message)
	}
	names := make([]string, 0, len(env))
	for n := range env {
		names = append(names, n)
	}
	slices.Sort(names)
	detail := "The names here: " + strings.Join(names, ", ") + "."
	if m := diag.Suggest(name, names); m != "" {
		detail = fmt.Sprintf("Did you mean %q? %s", m, detail)
	}
	return diag.Errorf("expr.unknown_name", &rng, fmt.Sprintf("There is no %q here", name), "%s", detail)
}

// value evaluates e.
func (e *expression) value(env map[string]any) (any, error) {
	v, err := expr.Run(e.program, env)
	return v, plain(err)
}

// plain takes the message out of an error of expr.
func plain(err error) error {
	var fe *file.Error
	if errors.As(err, &fe) {
		return errors.New(fe.Message)
	}
	return err
}

// part evaluates a part of e, which fails when it uses names that only the whole gives it.
func (e *expression) part(n ast.Node, env map[string]any) (any, error) {
	p, err := expr.Compile(n.String(), e.options...)
	if err != nil {
		return nil, plain(err)
	}
	v, err := expr.Run(p, env)
	return v, plain(err)
}

// span returns the runes of the source that n was made from.
func (e *expression) span(n ast.Node) (from, to int) {
	v := &spanVisitor{from: 1 << 30}
	ast.Walk(&n, v)
	src := []rune(e.text.S)
	from, to = min(v.from, len(src)), min(v.to, len(src))
	// Locations leave out closing brackets, and opening ones of what stands in brackets.
	open := 0
	for _, r := range src[min(from, to):to] {
		switch r {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			open--
		}
	}
	for ; open > 0 && to < len(src) && strings.ContainsRune(")]} ", src[to]); to++ {
		if src[to] != ' ' {
			open--
		}
	}
	return from, to
}

type spanVisitor struct{ from, to int }

// Visit implements ast.Visitor.
func (v *spanVisitor) Visit(n *ast.Node) {
	l := (*n).Location()
	if l.To == 0 {
		return
	}
	v.from, v.to = min(v.from, l.From), max(v.to, l.To)
}

func (e *expression) rangeOf(n ast.Node) *hcl.Range {
	if n == nil {
		r := e.text.RuneRange(0, utf8.RuneCountInString(e.text.S))
		return &r
	}
	r := e.text.RuneRange(e.span(n))
	return &r
}

func (e *expression) source(n ast.Node) string {
	from, to := e.span(n)
	return strings.TrimSpace(string([]rune(e.text.S)[from:to]))
}

// culprit returns the part of a condition that is false for env: of parts
// joined by and, the first that does not hold.
func (e *expression) culprit(env map[string]any) ast.Node {
	n := e.node
	for {
		b, ok := n.(*ast.BinaryNode)
		if !ok || b.Operator != "and" && b.Operator != "&&" {
			return n
		}
		n = b.Right
		if v, err := e.part(b.Left, env); err != nil || v != true {
			n = b.Left
		}
	}
}

// explain says why the condition n is false: the values of its two sides, or of
// what it looks at.
func (e *expression) explain(n ast.Node, env map[string]any) string {
	switch x := n.(type) {
	case *ast.BinaryNode:
		got, gerr := e.part(x.Left, env)
		want, werr := e.part(x.Right, env)
		if gerr == nil && werr == nil {
			return e.compare(x, got, want)
		}
	case *ast.BuiltinNode:
		if len(x.Arguments) > 0 {
			if v, err := e.part(x.Arguments[0], env); err == nil {
				return e.valueLine(x.Arguments[0], v) + e.offender(x, v, env)
			}
		}
	case *ast.UnaryNode:
		if v, err := e.part(x.Node, env); err == nil && (x.Operator == "not" || x.Operator == "!") {
			return e.valueLine(x.Node, v)
		}
	}
	return ""
}

// offender names the first element for which the predicate of all() does not hold.
func (e *expression) offender(x *ast.BuiltinNode, list any, env map[string]any) string {
	if x.Name != "all" || len(x.Arguments) != 2 {
		return ""
	}
	elems, _ := list.([]any)
	for i := range elems {
		one := ast.Node(&ast.BuiltinNode{Name: "all", Arguments: []ast.Node{
			&ast.SliceNode{Node: x.Arguments[0], From: &ast.IntegerNode{Value: i}, To: &ast.IntegerNode{Value: i + 1}}, x.Arguments[1]}})
		if v, err := e.part(one, env); err == nil && v == false {
			return fmt.Sprintf("it does not hold for element %d:\n%s", i, indent(pretty(elems[i]), "  "))
		}
	}
	return ""
}

func (e *expression) valueLine(n ast.Node, v any) string {
	return labelled(e.source(n)+" is", pretty(v))
}

func (e *expression) compare(x *ast.BinaryNode, got, want any) string {
	g, w := pretty(got), pretty(want)
	if x.Operator == "==" && strings.Contains(g, "\n") && strings.Contains(w, "\n") {
		return "difference (- expected, + got):\n" + indent(lineDiff(w, g), "  ")
	}
	switch x.Operator {
	case "==":
		return labelled("got     ", g) + labelled("expected", w)
	case "!=":
		return labelled("both are", g)
	}
	return labelled(e.source(x.Left)+" is", g) + labelled(e.source(x.Right)+" is", w)
}

func labelled(label, v string) string {
	if strings.Contains(v, "\n") {
		return label + "\n" + indent(v, "  ")
	}
	return label + " " + v + "\n"
}
