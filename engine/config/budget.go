package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"weir/engine/diag"
	"weir/engine/spec"
)

// maxValues bounds the bytes of all values that evaluating a configuration
// makes, so that a few lines cannot fill the memory or run for ever.
const maxValues = 64 << 20

// valueCost is what a value costs besides its text.
const valueCost = 32

// budget is what is left for evaluating a configuration.
type budget struct {
	left  int
	spent hcl.Diagnostics // reported again and again once nothing is left
}

// charge takes the size of v; false when there is not enough left or v has a
// number too large to be written out.
func (b *budget) charge(v cty.Value) bool {
	if b.left -= valueCost; b.left < 0 {
		return false
	}
	v, _ = v.Unmark()
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return true
	}
	switch t := v.Type(); {
	case t == cty.String:
		b.left -= len(v.AsString())
		return b.left >= 0
	case t == cty.Number:
		f := v.AsBigFloat()
		return f.IsInf() || f.MantExp(nil) < 4*maxExponent*maxOperators
	case t.IsCollectionType() || t.IsTupleType() || t.IsObjectType():
		for it := v.ElementIterator(); it.Next(); {
			if _, ev := it.Element(); !b.charge(ev) {
				return false
			}
		}
	}
	return true
}

// exceeded returns the problem that evaluation went over the budget at rng.
func (b *budget) exceeded(rng hcl.Range) hcl.Diagnostics {
	if b.spent == nil {
		b.left = -1
		b.spent = hcl.Diagnostics{{Severity: hcl.DiagError, Summary: spec.TooLarge, Subject: &rng,
			Detail: fmt.Sprintf("Together the values of this configuration would take more than %d MiB. Something repeats itself too often here, or a number is too large.", maxValues>>20)}}
	}
	return b.spent
}

// Exhausted returns the problem that evaluating c went over its budget, nil when
// it did not. The place that met it may have been discarded with its problems,
// as the branch of a condition that is not taken is.
func (c *Config) Exhausted() diag.List {
	b := c.Snapshot.budget
	switch {
	case b.spent != nil:
		return spec.FromHCL(b.spent)
	case b.left < 0:
		return diag.List{diag.Errorf("config.too_large", nil, spec.TooLarge, "%s.", errTooLarge)}
	}
	return nil
}

// metered charges what an expression yields to the budget.
//
// It is built on parentheses because those show the expression within to who
// walks the tree, in search of variables for one.
type metered struct {
	*hclsyntax.ParenthesesExpr
	b   *budget
	src []byte // the file
}

// Value implements hcl.Expression.
func (m *metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if m.b.left <= 0 {
		return cty.DynamicVal, m.b.exceeded(m.Range())
	}
	var v cty.Value
	var hd hcl.Diagnostics
	if t := mixed(m.Expression); t != nil {
		v, hd = templateValue(t, m.src, ctx)
	} else {
		v, hd = m.Expression.Value(ctx)
	}
	if !hd.HasErrors() && !m.b.charge(v) {
		return cty.DynamicVal, m.b.exceeded(m.Range())
	}
	return v, hd
}

// UnwrapExpression lets hcl see the expression itself where its form matters.
func (m *metered) UnwrapExpression() hcl.Expression { return m.Expression }

// meterer puts every expression of a body whose value is copied, repeated or
// converted under the budget.
type meterer struct {
	b   *budget
	src []byte
}

// Enter implements hclsyntax.Walker.
func (w *meterer) Enter(n hclsyntax.Node) hcl.Diagnostics {
	switch x := n.(type) {
	case *hclsyntax.Attribute:
		if mixed(x.Expr) != nil {
			w.one(&x.Expr)
		}
	case *hclsyntax.TemplateExpr:
		w.all(x.Parts)
	case *hclsyntax.TupleConsExpr:
		w.all(x.Exprs)
	case *hclsyntax.FunctionCallExpr:
		w.all(x.Args)
	case *hclsyntax.ObjectConsExpr:
		for i := range x.Items {
			w.one(&x.Items[i].ValueExpr)
		}
	case *hclsyntax.ConditionalExpr:
		w.one(&x.TrueResult)
		w.one(&x.FalseResult)
	case *hclsyntax.ForExpr:
		w.one(&x.CollExpr)
		w.one(&x.ValExpr)
		w.one(&x.KeyExpr)
		w.one(&x.CondExpr)
	}
	return nil
}

// Exit implements hclsyntax.Walker.
func (w *meterer) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

func (w *meterer) all(es []hclsyntax.Expression) {
	for i := range es {
		w.one(&es[i])
	}
}

func (w *meterer) one(e *hclsyntax.Expression) {
	switch x := (*e).(type) {
	case nil, *metered:
		return
	case *hclsyntax.LiteralValueExpr:
		return // its size is that of the file
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			return
		}
	}
	*e = &metered{&hclsyntax.ParenthesesExpr{Expression: *e, SrcRange: (*e).Range()}, w.b, w.src}
}

// bounded charges the results of the function name to the budget, and refuses
// calls whose result would not fit before they are made.
func (b *budget) bounded(name string, f function.Function) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(), Params: f.Params(), VarParam: f.VarParam(), Type: f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if b.left <= 0 || b.foresee(name, args) > b.left {
				b.left = -1
				return cty.DynamicVal, errTooLarge
			}
			v, err := f.Call(args)
			if err == nil && !b.charge(v) {
				b.left = -1
				err = errTooLarge
			}
			return v, err
		},
	})
}

var errTooLarge = errors.New("the values of this configuration would take too much room together")

// foresee returns the least number of bytes that a call yields, for functions
// that make more than they are given.
func (b *budget) foresee(name string, args []cty.Value) int {
	texts := make([]string, len(args))
	for i, a := range args {
		if u, _ := a.Unmark(); u.Type() == cty.String && u.IsKnown() && !u.IsNull() {
			texts[i] = u.AsString()
		}
	}
	switch name {
	case "replace":
		return strings.Count(texts[0], texts[1]) * len(texts[2])
	case "join":
		n := 0
		for _, a := range args[1:] {
			if u, _ := a.Unmark(); u.IsKnown() && !u.IsNull() {
				n += u.LengthInt()
			}
		}
		return n * len(texts[0])
	case "indent":
		u, _ := args[0].Unmark()
		n, _ := u.AsBigFloat().Int64()
		return int(min(max(n, 0), maxValues)) * (1 + strings.Count(texts[1], "\n"))
	case "format", "formatlist":
		if wideVerb().MatchString(texts[0]) {
			return maxValues + 1
		}
	case "jsondecode":
		if tooDeepJSON("", []byte(texts[0])) != nil {
			return maxValues + 1
		}
	}
	return 0
}

// wideVerb matches a verb of format() that pads to 10,000 characters or more.
func wideVerb() *regexp.Regexp { return regexp.MustCompile(`%[^%a-zA-Z]*[0-9]{5}`) }
