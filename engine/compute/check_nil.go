package compute

import (
	"fmt"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

// solid reports n, a part of whole, when it may be nil; what says who cannot take nil.
// whole may be nil.
func (c *checker) solid(n ast.Node, in info, what string, whole ast.Node) bool {
	switch {
	case in.t.Kind == record.Null:
		c.failSpan(n, "expr.nullable", "nil cannot be used here", "%s needs a value.", what)
		return false
	case in.t.Nullable:
		c.failSpan(n, "expr.nullable", "This value may be nil", "%s needs a value that is never nil. %s", what, c.forNil(n, in.t, whole))
		return false
	}
	return true
}

// forNil tells what to write where n may be nil. What nil stands for is for the author
// to say: no value is proposed, so that what is not known does not become 0 or ” by
// following the advice.
func (c *checker) forNil(n ast.Node, t record.Type, whole ast.Node) string {
	x, all := c.written(n), c.source(whole)
	switch w := whole.(type) {
	case *ast.BinaryNode:
		switch w.Operator {
		case "and", "&&", "or", "||", "<", "<=", ">", ">=":
			if t.Kind != record.Bool {
				return fmt.Sprintf("Ask for it first: `%s != nil and %s`. Or write `(%s ?? VALUE)` with what nil stands for.", x, all, x)
			}
		}
	case *ast.BuiltinNode:
		if w.Name == "sum" && len(w.Arguments) == 1 {
			return fmt.Sprintf("Leave nil out: `sum(filter(%s, # != nil))`. Or write `map(%s, # ?? VALUE)` with what nil stands for.", x, x)
		}
		if w.Name == "sum" {
			return fmt.Sprintf("Leave nil out: `sum(filter(%s, %s != nil), %s)`. Or write `(%s ?? VALUE)` with what nil stands for.", c.written(w.Arguments[0]), x, x, x)
		}
	}
	if t.Kind == record.Bool {
		return fmt.Sprintf("Write `%s == true` when nil shall not count as true, `%s != false` when it shall.", x, x)
	}
	return fmt.Sprintf("Write `%s == nil ? nil : %s` to keep nil, or `(%s ?? VALUE)` with what nil stands for.", x, all, x)
}

// written is n as it is written, in brackets where it needs them beside an operator.
func (c *checker) written(n ast.Node) string {
	switch n.(type) {
	case *ast.BinaryNode, *ast.ConditionalNode:
		return "(" + c.source(n) + ")"
	}
	return c.source(n)
}

// source is n as it is written, "..." when that is long.
func (c *checker) source(n ast.Node) string {
	if n == nil {
		return "..."
	}
	from, to := span(n)
	to = closed(c.text.S, from, to)
	runes := []rune(c.text.S)
	if to > len(runes) || from >= to || to-from > 60 {
		return "..."
	}
	return string(runes[from:to])
}
