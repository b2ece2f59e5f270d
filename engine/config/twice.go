package config

import (
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"weir/engine/diag"
	"weir/engine/spec"
)

// twice finds names that are given twice in one object, of which HCL would take the
// last without a word: fields, columns, headers, bodies of tests.
type twice struct{ found diag.List }

// enter looks at a node of a parsed file.
func (w *twice) enter(n hclsyntax.Node) {
	o, ok := n.(*hclsyntax.ObjectConsExpr)
	if !ok || len(o.Items) < 2 {
		return
	}
	first := make(map[string]int, len(o.Items)) // name to line
	computed := false
	for _, it := range o.Items {
		name, ok := constantKey(it.KeyExpr)
		if !ok {
			computed = true
			continue
		}
		rng := it.KeyExpr.Range()
		if line, ok := first[name]; ok {
			w.found = append(w.found, givenTwice(strconv.Quote(name), rng, line))
			continue
		}
		first[name] = rng.Start.Line
	}
	if computed {
		watchKeys(o)
	}
}

func givenTwice(shown string, at hcl.Range, line int) diag.Diagnostic {
	return diag.Errorf("config.duplicate", &at, shown+" is given twice",
		"It is given at line %d already, and only one of the two could count. Remove one, or give it another name.", line)
}

// constantKey returns the name that a key is whatever the values of variables are.
func constantKey(e hclsyntax.Expression) (string, bool) {
	k, ok := e.(*hclsyntax.ObjectConsKeyExpr)
	if !ok {
		return "", false
	}
	if word := hcl.ExprAsKeyword(k.Wrapped); word != "" && !k.ForceNonLiteral {
		return word, true
	}
	switch x := k.Wrapped.(type) {
	case *hclsyntax.LiteralValueExpr:
		return keyText(x.Val)
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			v, _ := x.Value(nil)
			return keyText(v)
		}
	}
	return "", false
}

// keyText is the name that a value is as a key.
func keyText(v cty.Value) (string, bool) {
	v, _ = v.Unmark()
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() || !s.IsKnown() {
		return "", false
	}
	return s.AsString(), true
}

// watchedKey is a key of an object some of whose keys are computed: they are compared
// each time the object is evaluated, which begins with the first and takes them in order.
type watchedKey struct {
	*hclsyntax.ParenthesesExpr
	seen  map[string]int // name to line, shared by the keys of an object
	first bool
}

// watchKeys makes the keys of o be compared when they are evaluated.
func watchKeys(o *hclsyntax.ObjectConsExpr) {
	seen := map[string]int{}
	for i := range o.Items {
		k := o.Items[i].KeyExpr
		o.Items[i].KeyExpr = &watchedKey{&hclsyntax.ParenthesesExpr{Expression: k, SrcRange: k.Range()}, seen, i == 0}
	}
}

// Value implements hcl.Expression.
func (k *watchedKey) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if k.first {
		clear(k.seen)
	}
	v, hd := k.Expression.Value(ctx)
	name, ok := keyText(v)
	if !ok || hd.HasErrors() {
		return v, hd
	}
	rng := k.Range()
	if line, ok := k.seen[name]; ok {
		shown := strconv.Quote(name)
		if !spec.Quotable(v) {
			shown = "A name that is not shown"
		}
		d := givenTwice(shown, rng, line)
		return cty.DynamicVal, append(hd, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: d.Summary, Detail: d.Detail, Subject: &rng})
	}
	k.seen[name] = rng.Start.Line
	return v, hd
}

// UnwrapExpression lets hcl see the key itself where its form matters.
func (k *watchedKey) UnwrapExpression() hcl.Expression { return k.Expression }
