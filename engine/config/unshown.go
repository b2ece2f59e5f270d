package config

import (
	"bytes"
	"slices"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// keepUnshown keeps the lines of a file of variables out of what is printed: it may hold
// secrets, also where its form is wrong (I9).
func (s *Snapshot) keepUnshown(name string) { s.unshown[name] = nil }

// conceal keeps the text at rng, the value of a variable that is sensitive, out of what is
// printed, unless it only names where that is: a reference or a call.
func (s *Snapshot) conceal(rng hcl.Range) {
	src := s.Sources[rng.Filename]
	if at := rng.Start.Byte; at >= rng.End.Byte || at >= len(src) || unicode.IsLetter(rune(src[at])) {
		return
	}
	if places, is := s.unshown[rng.Filename]; !is || places != nil {
		s.unshown[rng.Filename] = append(places, rng)
	}
}

// Shown returns the configuration files by name, for printing diagnostics: without the
// files of variables, and with asterisks where others spell out the value of a variable
// that is sensitive.
func (s *Snapshot) Shown() map[string][]byte {
	out := make(map[string][]byte, len(s.Sources))
	for name, src := range s.Sources {
		places, some := s.unshown[name]
		switch {
		case !some:
			out[name] = src
		case places != nil:
			out[name] = concealed(src, places)
		}
	}
	return out
}

// Printable returns what may be printed of src, a file that nothing but its name is known
// of: nil for one of variables, and asterisks for the defaults of sensitive variables. src
// is not changed.
func Printable(name string, src []byte) []byte {
	if isVars(name) || tooDeep(name, src) != nil {
		return nil
	}
	f, _ := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok || len(body.Attributes) > 0 || len(body.Blocks) == 0 {
		return nil
	}
	var places []hcl.Range
	for _, b := range body.Blocks {
		is, def := b.Body.Attributes["sensitive"], b.Body.Attributes["default"]
		if b.Type != "variable" || is == nil || def == nil {
			continue
		}
		if v, hd := is.Expr.Value(nil); hd.HasErrors() || !v.RawEquals(cty.False) {
			places = append(places, def.Expr.Range())
		}
	}
	return concealed(src, places)
}

// concealed returns src with asterisks at places, where lines end as before.
func concealed(src []byte, places []hcl.Range) []byte {
	src = bytes.Clone(src)
	for _, r := range places {
		if r.Start.Byte > r.End.Byte || r.End.Byte > len(src) {
			continue
		}
		for i, c := range src[r.Start.Byte:r.End.Byte] {
			if c != '\n' && c != '\r' {
				src[r.Start.Byte+i] = '*'
			}
		}
	}
	return src
}

// withoutContent takes out of ds, the problems with a file of variables, all that could
// quote what it holds: there a name without quotes or a wrong character is part of a value.
func withoutContent(ds diag.List) diag.List {
	telling := []diag.Code{"config.unreadable", "config.too_large", "config.emptied", "config.empty", "config.too_deep", "config.not_found"}
	out := make(diag.List, 0, len(ds))
	for _, d := range ds {
		if !slices.Contains(telling, d.Code) {
			d.Summary, d.Fix, d.Context = "This file of variables cannot be understood here", "", nil
			d.Detail = "What such files hold is not shown. Each entry is NAME = VALUE: a text stands in double quotes, and numbers, true and false stand without; secret(\"NAME\") and env(\"NAME\") read from outside."
		}
		out = append(out, d)
	}
	return out
}

// unquoted marks the texts of v, which a file of variables holds.
func unquoted(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, e cty.Value) (cty.Value, error) {
		if e.Type() == cty.String {
			e = e.Mark(spec.Unquoted)
		}
		return e, nil
	})
	if err != nil { // which the function above never returns
		return v
	}
	return out
}
