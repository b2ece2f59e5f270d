package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// locals evaluates the named values of a module in the order of their
// dependencies, and reports cycles.
func (l *loader) locals(m *Module, blocks []*hcl.Block, scope *hcl.EvalContext) {
	attrs := map[string]*hcl.Attribute{}
	for _, b := range blocks {
		as, hd := b.Body.JustAttributes()
		l.add(spec.FromHCL(hd)...)
		for n, a := range as {
			if first, ok := attrs[n]; ok {
				l.add(diag.Errorf("config.duplicate", &a.NameRange, fmt.Sprintf("Duplicate local %q", n),
					"It is already set at %s:%d.", first.NameRange.Filename, first.NameRange.Start.Line))
				continue
			}
			attrs[n] = a
		}
	}
	e := &localEval{l: l, scope: scope, attrs: attrs, values: map[string]cty.Value{}, state: map[string]int{}}
	for n := range attrs {
		e.values[n] = cty.DynamicVal
	}
	for _, n := range sortedKeys(attrs) {
		e.eval(n, nil)
	}
	scope.Variables["local"] = cty.ObjectVal(e.values)
}

type localEval struct {
	l      *loader
	scope  *hcl.EvalContext
	attrs  map[string]*hcl.Attribute
	values map[string]cty.Value
	state  map[string]int // 1 under way, 2 done
}

func (e *localEval) eval(name string, path []string) {
	a := e.attrs[name]
	path = append(path, name)
	switch {
	case e.state[name] == 2:
		return
	case e.state[name] == 1:
		e.l.add(diag.Errorf("config.cycle", &a.NameRange, fmt.Sprintf("Local %q depends on itself", name), "%s.", strings.Join(path, " -> ")))
		return
	}
	e.state[name] = 1
	for _, t := range a.Expr.Variables() {
		if len(t) < 2 || t.RootName() != "local" {
			continue
		}
		if at, ok := t[1].(hcl.TraverseAttr); ok && e.attrs[at.Name] != nil {
			e.eval(at.Name, path)
		}
	}
	e.scope.Variables["local"] = cty.ObjectVal(e.values)
	v, hd := a.Expr.Value(e.scope)
	if hd.HasErrors() {
		v = cty.DynamicVal
		if e.state[name] == 1 {
			e.l.add(spec.FromHCL(hd)...)
		}
	}
	e.values[name], e.state[name] = v, 2
}
