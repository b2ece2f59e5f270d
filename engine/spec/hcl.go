package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
)

// TooLarge is the summary of the problem that evaluating a configuration would
// take too much memory.
const TooLarge = "The values become too large"

// missingLabel matches what hcl says of a block that lacks a label.
func missingLabel() *regexp.Regexp {
	return regexp.MustCompile(`^All (\S+) blocks must have \d+ labels \(([^)]*)\)`)
}

// forKey matches what hcl says of a for expression that makes one key twice.
func forKey() *regexp.Regexp { return regexp.MustCompile(`produced the key (".*") in this`) }

// FromHCL converts diagnostics of the hcl library: it gives them codes, and a
// reference to something that does not exist gets the names that do.
func FromHCL(hd hcl.Diagnostics) diag.List {
	hd = slices.Compact(slices.Clone(hd)) // one problem met by every round of a loop
	out := diag.FromHCL("config.invalid", hd)
	for i := range out {
		quieted := out[i].Summary != "Unknown variable" && out[i].Summary != "Unsupported attribute" && quiet(&out[i], hd[i])
		switch s := out[i].Summary; {
		case s == "Unsupported argument":
			out[i].Code = "config.unknown_attribute"
			if forEach := strings.Contains(out[i].Detail, `"for_each"`); forEach || strings.Contains(out[i].Detail, `"count"`) {
				out[i].Summary = "Only modules and pipelines can be made several times"
				out[i].Detail = "for_each stands in a module or a pipeline block; what is in it is made with it, once for each key."
			}
		case s == "Unsupported block type":
			out[i].Code = "config.unknown_block"
		case s == "Missing required argument":
			out[i].Code = "config.missing_attribute"
		case strings.HasPrefix(s, "Missing") && strings.Contains(s, "for"):
			out[i].Code = "config.missing_label"
			if m := missingLabel().FindStringSubmatch(out[i].Detail); m != nil {
				out[i].Detail = fmt.Sprintf("Write %s \"%s\" {, with names of your own.", m[1], strings.ToUpper(strings.ReplaceAll(m[2], ", ", "\" \"")))
			}
		case s == "Duplicate object key":
			out[i].Code = "config.duplicate"
			if m := forKey().FindStringSubmatch(out[i].Detail); m != nil && !quieted {
				out[i].Summary = "Two items have the key " + m[1]
				out[i].Detail = "Each key may come once among the items that the for expression goes through. Correct the data, or make the key of more than one column."
			}
		case strings.HasPrefix(s, "Duplicate") || strings.HasSuffix(s, " is given twice"):
			out[i].Code = "config.duplicate"
		case s == "Unknown variable" || s == "Unsupported attribute":
			out[i].Code = "config.unknown_reference"
			suggest(&out[i], hd[i])
		case s == TooLarge:
			out[i].Code = "config.too_large"
		case s == "Call to unknown function":
			out[i].Code = "config.unknown_function"
		case s == "Invalid function argument" || s == "Error in function call":
			failedCall(&out[i], hd, quieted)
		}
	}
	return out
}

// failedCall rewrites the diagnostic of a function that could not do what it was asked:
// which of its parameters the hcl library says is to blame tells people nothing.
// A quieted one keeps the detail that it has.
func failedCall(d *diag.Diagnostic, hd hcl.Diagnostics, quieted bool) {
	for _, h := range hd {
		call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](h)
		if !ok || h.Subject == nil || d.Subject == nil || *h.Subject != *d.Subject || call.FunctionCallError() == nil {
			continue
		}
		text := call.FunctionCallError().Error()
		d.Summary = call.CalledFunctionName() + "() cannot be evaluated"
		if !quieted || text == SecretName {
			d.Detail = strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
		}
		return
	}
}

// suggest rewrites the diagnostic of a traversal that leads nowhere: it points at
// the step that is wrong and lists what is there.
func suggest(d *diag.Diagnostic, h *hcl.Diagnostic) {
	t, ok := h.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !ok || h.EvalContext == nil {
		return
	}
	var names []string
	for c := h.EvalContext; c != nil; c = c.Parent() {
		for n := range c.Variables {
			names = append(names, n)
		}
	}
	missing, at, path := t.Traversal.RootName(), t.Traversal[0].SourceRange(), ""
	if v, ok := rootValue(h.EvalContext, missing); ok {
		path = missing
		found := false
		for _, step := range t.Traversal[1:] {
			a, isAttr := step.(hcl.TraverseAttr)
			u, _ := v.Unmark()
			if !isAttr || !u.Type().IsObjectType() {
				return
			}
			if !u.Type().HasAttribute(a.Name) {
				if v.HasMark(Sensitive) || v.HasMark(Unquoted) { // a name in it is
					d.Detail = NotQuoted
					return
				}
				names = slices.Collect(maps.Keys(u.Type().AttributeTypes()))
				missing, at, found = a.Name, a.SrcRange, true
				at.Start.Byte, at.Start.Column = at.Start.Byte+1, at.Start.Column+1 // without the dot
				break
			}
			path += "." + a.Name
			v = u.GetAttr(a.Name)
		}
		if !found {
			return
		}
	}
	slices.Sort(names)
	what := "There is no " + missing
	if path != "" {
		what = fmt.Sprintf("There is no %s.%s", path, missing)
	}
	d.Summary, d.Subject, d.Detail = what, &at, "Nothing of that kind is declared here."
	if len(names) > 0 {
		d.Detail = "There is: " + strings.Join(names, ", ") + "."
	}
	if len(t.Traversal) == 1 && path == "" {
		d.Detail = fmt.Sprintf("A text, such as an expression over the columns of a row, stands in quotes: %q. ", missing) + d.Detail
	}
	if missing == "each" && path == "" {
		d.Detail = "each.key and each.value are known in module and pipeline blocks that have for_each."
		return
	}
	if m := diag.Suggest(missing, names); m != "" {
		d.Detail, d.Fix = fmt.Sprintf("Did you mean %q? %s", m, d.Detail), m
	}
}

func rootValue(ctx *hcl.EvalContext, name string) (cty.Value, bool) {
	for c := ctx; c != nil; c = c.Parent() {
		if v, ok := c.Variables[name]; ok {
			return v, true
		}
	}
	return cty.NilVal, false
}
