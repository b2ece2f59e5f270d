package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"weir/engine/spec"
)

// mixed returns e as a template that has values in it, nil for anything else.
func mixed(e hclsyntax.Expression) *hclsyntax.TemplateExpr {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok {
		return nil
	}
	for _, p := range t.Parts {
		if _, literal := p.(*hclsyntax.LiteralValueExpr); !literal {
			return t
		}
	}
	return nil
}

// templateValue evaluates a template and gives its text an origin made of those of its
// parts, so that a problem in it is reported where that part was written.
func templateValue(t *hclsyntax.TemplateExpr, src []byte, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	var hd hcl.Diagnostics
	parts := make([]hclsyntax.Expression, len(t.Parts))
	for i, p := range t.Parts {
		l, literal := p.(*hclsyntax.LiteralValueExpr)
		if !literal {
			v, d := p.Value(ctx)
			hd = append(hd, d...)
			l = &hclsyntax.LiteralValueExpr{Val: v, SrcRange: p.Range()}
		}
		parts[i] = l
	}
	if hd.HasErrors() {
		return cty.DynamicVal, hd
	}
	v, more := (&hclsyntax.TemplateExpr{Parts: parts, SrcRange: t.SrcRange}).Value(ctx)
	hd = append(hd, more...)
	u, marks := v.Unmark()
	if hd.HasErrors() || u.Type() != cty.String || !u.IsKnown() || u.IsNull() {
		return v, hd
	}
	o := composed(t, parts, src, u.AsString())
	if o == nil {
		return v, hd
	}
	for m := range marks {
		if _, ok := m.(*spec.Origin); ok {
			delete(marks, m)
		}
	}
	return u.WithMarks(marks).Mark(o), hd
}

// composed makes the origin of the text that a template came to, nil when it cannot be told.
func composed(t *hclsyntax.TemplateExpr, parts []hclsyntax.Expression, src []byte, text string) *spec.Origin {
	quoted := src[t.SrcRange.Start.Byte] == '"'
	pieces := make([]spec.Piece, len(parts))
	var all strings.Builder
	for i, p := range parts {
		l, _ := p.(*hclsyntax.LiteralValueExpr)
		u, marks := l.Val.Unmark()
		s, err := convert.Convert(u, cty.String)
		if err != nil || s.IsNull() || !s.IsKnown() {
			return nil
		}
		one := spec.Piece{Text: s.AsString(), Range: l.SrcRange}
		all.WriteString(one.Text)
		if t.Parts[i] == p {
			one.Origin = literalOrigin(one, src, quoted)
		}
		for m := range marks {
			if o, ok := m.(*spec.Origin); ok && o.Text == one.Text {
				one.Origin = o
			}
		}
		pieces[i] = one
	}
	if all.String() != text {
		return nil
	}
	return spec.NewComposedOrigin(text, t.SrcRange, pieces)
}

// literalOrigin returns the origin of a part of a template that is written out, nil when
// it cannot be told.
func literalOrigin(p spec.Piece, src []byte, quoted bool) *spec.Origin {
	raw, base := src[p.Range.Start.Byte:p.Range.End.Byte], p.Range.Start.Byte
	if !quoted { // <<- strips the indentation that all lines share
		strip := max(0, blanks(raw)-blanks([]byte(p.Text)))
		raw, base = raw[strip:], base+strip
	}
	offs, rest, ok := decodeLine(nil, raw, base, p.Text, quoted)
	if !ok || rest != "" {
		return nil
	}
	return spec.NewOrigin(p.Text, p.Range, src, append(offs, base+len(raw)))
}

// sameArg reports whether two values given to a module are the same, and were written
// at the same places.
func sameArg(a, b cty.Value) bool {
	if a.RawEquals(b) {
		return true
	}
	x, xm := a.UnmarkDeepWithPaths()
	y, ym := b.UnmarkDeepWithPaths()
	if !x.RawEquals(y) || len(xm) != len(ym) {
		return false
	}
	for _, m := range xm {
		found := false
		for _, n := range ym {
			found = found || m.Path.Equals(n.Path) && sameMarks(m.Marks, n.Marks)
		}
		if !found {
			return false
		}
	}
	return true
}

func sameMarks(a, b cty.ValueMarks) bool {
	if len(a) != len(b) {
		return false
	}
	for m := range a {
		_, found := b[m]
		if o, ok := m.(*spec.Origin); ok && !found {
			for n := range b {
				p, isOrigin := n.(*spec.Origin)
				found = found || isOrigin && o.Same(p)
			}
		}
		if !found {
			return false
		}
	}
	return true
}
