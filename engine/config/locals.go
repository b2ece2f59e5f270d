package config

import (
	"fmt"
	"slices"
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
	failed int
}

// maxExplained is for how many locals that fail the problem names what there is.
const maxExplained = 50

func (e *localEval) eval(name string, path []string) {
	a := e.attrs[name]
	path = append(path, name)
	switch {
	case e.state[name] == 2:
		return
	case e.state[name] == 1:
		e.l.add(diag.Errorf("config.cycle", &a.NameRange, fmt.Sprintf("Local %q depends on itself", name), "%s.", circle(path, name)))
		return
	}
	e.state[name] = 1
	used := map[string]cty.Value{} // what the expression reads: an object of all locals each time would cost their square
	for _, t := range a.Expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		at, ok := hcl.TraverseAttr{}, false
		if len(t) > 1 {
			at, ok = t[1].(hcl.TraverseAttr)
		}
		if !ok {
			used = e.values // read as a whole
		} else if e.attrs[at.Name] != nil {
			e.eval(at.Name, path)
			used[at.Name] = e.values[at.Name]
		}
	}
	v, hd := e.value(a, used)
	if hd.HasErrors() && e.failed < maxExplained {
		e.failed++
		v, hd = e.value(a, e.values)
	}
	if hd.HasErrors() {
		v = cty.DynamicVal
		if e.state[name] == 1 {
			e.l.add(spec.FromHCL(hd)...)
		}
	}
	e.values[name], e.state[name] = v, 2
}

func (e *localEval) value(a *hcl.Attribute, locals map[string]cty.Value) (cty.Value, hcl.Diagnostics) {
	e.scope.Variables["local"] = cty.ObjectVal(locals)
	return a.Expr.Value(e.scope)
}

// circle writes out the part of path that leads from name back to it, shortened
// when it is long.
func circle(path []string, name string) string {
	path = path[slices.Index(path, name):]
	if n := len(path); n > 12 {
		path = append(append(slices.Clone(path[:5]), "..."), path[n-5:]...)
	}
	return strings.Join(path, " -> ")
}
