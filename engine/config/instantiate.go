package config

import (
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/spec"
)

// call loads the modules that a module block instantiates.
func (l *loader) call(m *Module, b *hcl.Block, parents []string) {
	before := len(l.diags)
	attrs, hd := b.Body.JustAttributes()
	l.add(spec.FromHCL(hd)...)
	var each hcl.Expression
	if a := attrs[forEachAttr]; a != nil {
		each = a.Expr
		delete(attrs, forEachAttr)
	}
	all, ok := l.instances(m, b.Labels[0], each)
	if !ok {
		l.faults.Calls[m.Qualify(b.Labels[0])] = l.since(before)
	}
	for _, i := range all {
		if l.stopped() {
			return
		}
		if !l.instantiate(m, b, i, attrs, parents) {
			l.faults.Calls[m.Qualify(i.name)] = l.since(before)
		}
		before = len(l.diags)
	}
}

// instantiate loads one instance of the module that a block calls. It reports false when
// there is nothing to load.
func (l *loader) instantiate(m *Module, b *hcl.Block, i instance, attrs hcl.Attributes, parents []string) bool {
	outer := l.where
	defer func() { l.where = outer }()
	addr := m.Qualify(i.name)
	l.where = addr
	src, ok := attrs["source"]
	if !ok {
		l.add(diag.Errorf("config.missing_attribute", &b.DefRange, "Missing source", "A module block needs source = \"../FOLDER\": the connector it instantiates."))
		return false
	}
	rng := src.Expr.Range()
	val, hd := src.Expr.Value(i.scope)
	l.add(spec.FromHCL(hd)...)
	u, _ := val.Unmark()
	if hd.HasErrors() || u.Type() != cty.String || u.IsNull() || !u.IsKnown() {
		if !hd.HasErrors() {
			l.add(diag.Errorf("config.invalid_value", &rng, "Invalid source", "source must be the path of a folder, as a string."))
		}
		return false
	}
	dir := filepath.Join(m.Dir, u.AsString())
	files := l.snap.files(dir, isSource)
	if len(files) == 0 {
		l.add(diag.Errorf("config.not_found", &rng, "No configuration in "+dir, "The folder of the module does not exist or holds no file ending in .hcl."))
		return false
	}
	here := canonical(dir)
	if !l.mayInclude(dir, here, parents, rng) {
		return false
	}
	parents = append(slices.Clone(parents), here)
	args := map[string]given{}
	for _, n := range sortedKeys(attrs) {
		if n == "source" {
			continue
		}
		a := attrs[n]
		val, hd := a.Expr.Value(i.scope)
		l.add(spec.FromHCL(hd)...)
		if hd.HasErrors() {
			val = cty.DynamicVal
		}
		args[n] = given{val, a.Expr.Range().Ptr(), n}
	}
	header := b.DefRange
	if old := l.reuse(m, addr, dir, files, args, header); old != nil {
		m.inner = append(m.inner, old)
		l.adopt(old)
		return true
	}
	l.module(m, addr, dir, files, args, &header, parents)
	return true
}
