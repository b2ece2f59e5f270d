package spec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"weir/engine/diag"
)

// unquoted converts the diagnostics of an attribute that holds row expressions. Where one
// is written without quotes, so that the names of columns in it mean nothing, it says so
// of the whole, once.
func unquoted(e hcl.Expression, hd hcl.Diagnostics) diag.List {
	var out diag.List
	told := map[hcl.Range]bool{}
	for i, d := range FromHCL(hd) {
		if i >= len(hd) || d.Subject == nil || d.Fix != "" || hd[i].Summary != "Unknown variable" && hd[i].Summary != "Call to unknown function" {
			out = append(out, d)
			continue
		}
		whole := part(e, *d.Subject)
		if _, alone := whole.(*hclsyntax.ScopeTraversalExpr); whole == nil || alone {
			out = append(out, d)
			continue
		}
		at := whole.Range()
		if told[at] {
			continue
		}
		told[at] = true
		out = append(out, diag.Errorf("config.unknown_reference", &at, "The expression stands in quotes",
			"It is computed for each row: put the whole between double quotes, and texts in it between single ones. (%s.)", strings.TrimSuffix(d.Summary, ".")))
	}
	return out
}

// part returns the expression in e that rng lies in: an entry of an object, an element of
// a list, or e itself; nil when that is made by a function.
func part(e hcl.Expression, rng hcl.Range) hcl.Expression {
	if pairs, hd := hcl.ExprMap(e); !hd.HasErrors() {
		for _, p := range pairs {
			if within(rng, p.Value.Range()) {
				return plainExpr(p.Value)
			}
		}
		return nil
	}
	if list, hd := hcl.ExprList(e); !hd.HasErrors() {
		for _, x := range list {
			if within(rng, x.Range()) {
				return plainExpr(x)
			}
		}
		return nil
	}
	return plainExpr(e)
}

// plainExpr returns e without what the loader put around it.
func plainExpr(e hcl.Expression) hcl.Expression {
	if u, ok := e.(interface{ UnwrapExpression() hcl.Expression }); ok {
		e = u.UnwrapExpression()
	}
	return e
}
