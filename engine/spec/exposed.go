package spec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// exposed reports that e, the value of an option that is shown, has a secret in it.
func exposed(o Option, e hcl.Expression, ctx *hcl.EvalContext) diag.Diagnostic {
	rng := sensitiveAt(e, ctx).Range()
	detail := "%s would show the secret in plans, logs or data. Secrets are allowed only in attributes that hold credentials."
	if strings.Contains(o.Type, "expression") {
		detail += ` An expression can have one as the key of hmac(): declare a variable "k" with sensitive = true and the secret as its default, and write hmac(x, var.k) without ${}.`
	}
	return diag.Errorf("config.secret_exposed", &rng, sensitivePart(e, ctx)+" cannot be used here", detail, o.Name)
}

// sensitiveAt is the smallest part of e that is written by itself and has a secret in it.
func sensitiveAt(e hcl.Expression, ctx *hcl.EvalContext) hcl.Expression {
	var parts []hclsyntax.Expression
	switch e := e.(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			parts = append(parts, item.ValueExpr)
		}
	case *hclsyntax.TupleConsExpr:
		parts = e.Exprs
	case *hclsyntax.TemplateExpr:
		parts = e.Parts
	case *hclsyntax.TemplateWrapExpr:
		parts = append(parts, e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		parts = append(parts, e.Expression)
	}
	for _, p := range parts {
		if v, hd := p.Value(ctx); !hd.HasErrors() && ContainsSensitive(v) {
			return sensitiveAt(p, ctx)
		}
	}
	return e
}
