package spec

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
)

type unquotedMark struct{}

// Unquoted is the cty mark of a value that no diagnostic quotes: it was read from a file of
// variables, which may hold what is secret without saying so (I9).
var Unquoted = unquotedMark{} //nolint:gochecknoglobals // a mark is a constant of a struct type

// Quotable tells whether a diagnostic may quote v: neither it nor anything within it is
// marked Sensitive or Unquoted.
func Quotable(v cty.Value) bool { return !contains(v, Sensitive, Unquoted) }

// NotQuoted is the detail of a problem with a value that must not be quoted, in the place
// of what a library says of it: that often has the value in it, whole or in parts (I9).
const NotQuoted = "The value is sensitive or comes from a file of variables, so neither it nor what exactly is wrong with it is shown."

// SecretName is what env(), file() and secret() say of a name that is a secret.
const SecretName = "the name of a variable or of a file is shown in many places, so it must not be a secret"

// quiet takes what may quote a value out of d, which was made of h, when h is about an
// expression that reads one which must not be quoted. It reports whether it did.
func quiet(d *diag.Diagnostic, h *hcl.Diagnostic) bool {
	if h.Expression == nil || h.EvalContext == nil || onlyTypes(h.Detail) || quotableExpr(h.Expression, h.EvalContext) {
		return false
	}
	d.Detail, d.Fix = NotQuoted, ""
	return true
}

// onlyTypes reports whether a text of the hcl library says no more than of which type a
// value must be.
func onlyTypes(detail string) bool {
	if strings.Contains(detail, `"`) {
		return false
	}
	for _, end := range []string{"a number is required.", "a bool is required.", "a string is required.", "must be of type bool."} {
		if strings.HasSuffix(detail, end) {
			return true
		}
	}
	return false
}

// quotableExpr reports whether all that e reads may be quoted.
func quotableExpr(e hcl.Expression, ctx *hcl.EvalContext) bool {
	for _, t := range e.Variables() {
		if !Quotable(reached(t, ctx)) {
			return false
		}
	}
	n, ok := e.(hclsyntax.Node)
	if !ok {
		return true
	}
	secret := false
	_ = hclsyntax.VisitAll(n, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		secret = secret || ok && call.Name == "secret"
		return nil
	})
	return !secret
}

// reached returns what t leads to, or the last value on the way when it leads nowhere.
func reached(t hcl.Traversal, ctx *hcl.EvalContext) cty.Value {
	v, ok := rootValue(ctx, t.RootName())
	if !ok {
		return cty.DynamicVal
	}
	for _, step := range t[1:] {
		next, hd := hcl.Traversal{step}.TraverseRel(v)
		if hd.HasErrors() {
			break
		}
		v = next
	}
	return v
}

// withoutValue returns what the check of an option says of v without v, when v must not
// be quoted.
func withoutValue(text string, v cty.Value) string {
	if Quotable(v) {
		return text
	}
	u, _ := v.UnmarkDeep()
	_ = cty.Walk(u, func(_ cty.Path, e cty.Value) (bool, error) {
		if !e.IsKnown() || e.IsNull() || e.Type() != cty.String || e.AsString() == "" {
			return true, nil
		}
		text = strings.ReplaceAll(text, strconv.Quote(e.AsString()), "the value given")
		if strings.Contains(text, e.AsString()) {
			text = "is not valid; the value is not shown, since it comes from a file of variables"
		}
		return true, nil
	})
	return text
}
