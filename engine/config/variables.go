package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"weir/engine/diag"
	"weir/engine/spec"
)

// variable is a decoded variable block.
type variable struct {
	name       string
	header     hcl.Range
	ty         cty.Type
	defaults   *typeexpr.Defaults
	def        *cty.Value
	defRange   hcl.Range
	sensitive  bool
	validation []validation
}

type validation struct {
	condition hcl.Expression
	message   string
}

func variableSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}, {Name: "description"}, {Name: "sensitive"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "validation"}},
	}
}

func decodeVariable(b *hcl.Block, fns *hcl.EvalContext) (*variable, diag.List) {
	v := &variable{name: b.Labels[0], header: b.DefRange, ty: cty.DynamicPseudoType}
	var ds diag.List
	c, hd := b.Body.Content(variableSchema())
	ds = append(ds, spec.FromHCL(hd)...)
	if a, ok := c.Attributes["type"]; ok {
		ty, defs, hd := typeexpr.TypeConstraintWithDefaults(a.Expr)
		ds = append(ds, spec.FromHCL(hd)...)
		v.ty, v.defaults = ty, defs
	}
	if a, ok := c.Attributes["sensitive"]; ok {
		val, hd := a.Expr.Value(nil)
		ds = append(ds, spec.FromHCL(hd)...)
		v.sensitive = !hd.HasErrors() && val.Type() == cty.Bool && val.True()
	}
	if a, ok := c.Attributes["default"]; ok {
		val, hd := a.Expr.Value(fns)
		ds = append(ds, spec.FromHCL(hd)...)
		v.defRange = a.Expr.Range()
		if !hd.HasErrors() {
			conv, d := v.convert(val, v.defRange, "The default of variable "+v.name)
			ds = append(ds, d...)
			v.def = &conv
		}
	}
	for _, vb := range c.Blocks {
		one, d := decodeValidation(vb)
		ds = append(ds, d...)
		v.validation = append(v.validation, one)
	}
	return v, ds
}

func decodeValidation(b *hcl.Block) (validation, diag.List) {
	c, hd := b.Body.Content(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "condition", Required: true}, {Name: "error_message", Required: true}}})
	ds := spec.FromHCL(hd)
	var v validation
	if a, ok := c.Attributes["condition"]; ok {
		v.condition = a.Expr
	}
	if a, ok := c.Attributes["error_message"]; ok {
		val, hd := a.Expr.Value(nil)
		ds = append(ds, spec.FromHCL(hd)...)
		if u, _ := val.Unmark(); !hd.HasErrors() && u.Type() == cty.String && !u.IsNull() {
			v.message = u.AsString()
		}
	}
	return v, ds
}

func (v *variable) convert(val cty.Value, rng hcl.Range, what string) (cty.Value, diag.List) {
	if u, _ := val.Unmark(); u.IsNull() {
		return cty.NullVal(v.ty), nil
	}
	if v.defaults != nil {
		val = v.defaults.Apply(val)
	}
	out, err := convert.Convert(val, v.ty)
	if err != nil {
		why := ": " + err.Error()
		if v.sensitive || !spec.Quotable(val) {
			why = ""
		}
		return cty.UnknownVal(v.ty), diag.List{diag.Errorf("config.wrong_type", &rng, "Wrong type for variable "+v.name,
			"%s must be of type %s%s.", what, v.ty.FriendlyNameForConstraint(), why)}
	}
	if v.sensitive {
		out = out.Mark(spec.Sensitive)
	}
	return out, nil
}

// given is a value from outside with the place it came from.
type given struct {
	val  cty.Value
	rng  *hcl.Range
	what string
}

// outside collects the values given to the root module: environment, *.vars.hcl
// of the folder, --var-file, --var; the later wins.
func (l *loader) outside(dir string, vars map[string]*variable) map[string]given {
	out := map[string]given{}
	for name := range vars {
		if s, ok := l.in.env("WEIR_VAR_" + name); ok {
			out[name] = l.fromText(vars[name], s, "environment variable WEIR_VAR_"+name)
		}
	}
	files := l.snap.files(dir, isVars)
	for _, f := range append(files, l.in.VarFiles...) {
		l.varFile(f, vars, out)
	}
	for _, fl := range l.in.Vars {
		v := vars[fl.Name]
		if v == nil {
			l.unknownVariable(fl.Name, vars, nil, "--var "+fl.Name)
			continue
		}
		if v.sensitive {
			l.add(diag.Warnf("config.secret_argument", &v.header, "The secret "+fl.Name+" is given in the arguments of the program",
				"Every process of the machine can read it there. Give it in the environment as WEIR_VAR_%s, or in a file named with --var-file.", fl.Name))
		}
		out[fl.Name] = l.fromText(v, fl.Value, "--var "+fl.Name)
	}
	for _, name := range sortedKeys(l.in.Values) {
		if vars[name] == nil {
			l.unknownVariable(name, vars, nil, "given as a value")
			continue
		}
		out[name] = given{l.in.Values[name], nil, "The value of " + name}
	}
	return out
}

func (l *loader) unknownVariable(name string, vars map[string]*variable, rng *hcl.Range, where string) {
	names := sortedKeys(vars)
	detail := "Variables: " + strings.Join(names, ", ") + "."
	if m := diag.Suggest(name, names); m != "" {
		detail = fmt.Sprintf("Did you mean %q? %s", m, detail)
	}
	if len(names) == 0 {
		detail = "This configuration declares no variables."
	}
	l.add(diag.Errorf("config.unknown_variable", rng, fmt.Sprintf("No variable %q is declared (%s)", name, where), "%s", detail))
}

func (l *loader) varFile(name string, vars map[string]*variable, out map[string]given) {
	l.snap.keepUnshown(name)
	f, ds := l.snap.parse(name)
	l.add(withoutContent(ds)...)
	if f == nil {
		return
	}
	attrs, hd := f.Body.JustAttributes()
	l.add(withoutContent(spec.FromHCL(hd))...)
	for _, n := range sortedKeys(attrs) {
		if vars[n] == nil {
			l.unknownVariable(n, vars, &attrs[n].NameRange, filepath.Base(name))
			continue
		}
		if vars[n].sensitive {
			l.snap.hide(attrs[n].Expr)
		}
		val, hd := attrs[n].Expr.Value(&hcl.EvalContext{Functions: functions(filepath.Dir(name), l.snap, l.in, newReads())})
		l.add(withoutContent(spec.FromHCL(hd))...)
		if !hd.HasErrors() {
			out[n] = given{unquoted(val), attrs[n].Expr.Range().Ptr(), "The value of " + n}
		}
	}
}

// fromText reads a value given as text: as it is for strings, as an HCL expression otherwise.
func (l *loader) fromText(v *variable, s, where string) given {
	if v.ty == cty.String || v.ty == cty.DynamicPseudoType {
		return given{cty.StringVal(s), nil, "The value from " + where}
	}
	if ds := tooDeep(where, []byte(s)); ds != nil || len(s) > maxFileSize {
		l.add(diag.Errorf("config.too_deep", &v.header, "The value of variable "+v.name+" cannot be read",
			"The value from %s is nested too deeply or too long. Brackets may be nested %d deep.", where, maxDepth))
		return given{cty.UnknownVal(v.ty), nil, ""}
	}
	e, hd := hclsyntax.ParseExpression([]byte(s), where, hcl.InitialPos)
	var val cty.Value
	if !hd.HasErrors() {
		val, hd = e.Value(nil)
	}
	if hd.HasErrors() {
		val = cty.StringVal(s) // "a" for a number: the conversion says what is wrong
	}
	return given{val, nil, "The value from " + where}
}

// resolve fixes the value of every variable of a module.
func (l *loader) resolve(vars map[string]*variable, from map[string]given, callRange *hcl.Range) map[string]cty.Value {
	out := map[string]cty.Value{}
	for _, name := range sortedKeys(vars) {
		v := vars[name]
		g, ok := from[name]
		if v.sensitive {
			l.snap.conceal(v.defRange)
			if g.rng != nil {
				l.snap.conceal(*g.rng)
			}
		}
		if u, _ := g.val.Unmark(); ok && (u == cty.NilVal || u.IsNull()) && v.def != nil {
			ok = false // null asks for the default
		}
		switch {
		case ok:
			rng := v.header
			if g.rng != nil {
				rng = *g.rng
			}
			val, ds := v.convert(g.val, rng, g.what)
			l.add(ds...)
			out[name] = val
		case v.def != nil:
			out[name] = *v.def
		default:
			out[name] = cty.UnknownVal(v.ty)
			if v.sensitive {
				out[name] = out[name].Mark(spec.Sensitive)
			}
			if !l.in.AllowMissing || callRange != nil {
				l.missing(v, callRange)
			}
		}
	}
	return out
}

func (l *loader) missing(v *variable, callRange *hcl.Range) {
	if callRange != nil {
		l.add(diag.Errorf("config.missing_variable", callRange, fmt.Sprintf("The module needs a value for %q", v.name),
			"Add %s = ... to this module block; the variable is declared at %s:%d and has no default.", v.name, v.header.Filename, v.header.Start.Line))
		return
	}
	if v.sensitive {
		l.add(diag.Errorf("config.missing_variable", &v.header, fmt.Sprintf("No value for variable %q", v.name),
			"It is a secret: give it in the environment as WEIR_VAR_%s, or in a file ending in .vars.hcl.", v.name))
		return
	}
	l.add(diag.Errorf("config.missing_variable", &v.header, fmt.Sprintf("No value for variable %q", v.name),
		"Give one with --var %s=VALUE, in a file ending in .vars.hcl, or in the environment as WEIR_VAR_%s.", v.name, v.name))
}

// validate checks the validation blocks of the module's variables.
func (l *loader) validate(vars map[string]*variable, values map[string]cty.Value, scope *hcl.EvalContext) {
	for _, name := range sortedKeys(vars) {
		for _, c := range vars[name].validation {
			if c.condition == nil || !values[name].IsWhollyKnown() {
				continue
			}
			val, hd := c.condition.Value(scope)
			l.add(spec.FromHCL(hd)...)
			if u, _ := val.Unmark(); !hd.HasErrors() && u.Type() == cty.Bool && u.IsKnown() && !u.IsNull() && u.False() {
				rng := c.condition.Range()
				l.add(diag.Errorf("config.invalid_variable", &rng, fmt.Sprintf("Invalid value for variable %q", name), "%s", c.message))
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
