package plan

import (
	"slices"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/spec"
)

// Failed is a pipeline that is declared and cannot be planned.
type Failed struct {
	Address string
	Diags   diag.List // why: errors of its own and of what it depends on
}

// Fault returns why the plan lacks the pipeline at address although it may be
// declared: it has errors, or what it was read from cannot be read now. files are
// those that it was read from when it was last planned. An empty list says that
// the pipeline is no longer declared.
func (p *Plan) Fault(address string, files []string) diag.List {
	for _, f := range p.Failed {
		if f.Address == address {
			return f.Diags
		}
	}
	return p.faults.Unclear(address, files)
}

// files returns the configuration files that the block depends on for being there.
func filesOf(blk *config.Block) []string {
	return append(slices.Clone(blk.Module.Calls), blk.Header.Filename)
}

// inherited returns the errors of what a pipeline block stands in: of its file
// and of its module.
func (b *builder) inherited(blk *config.Block) diag.List {
	out := slices.Clone(b.faults.OfModule(blk.Module.Address))
	return append(out, b.faults.Files[blk.Header.Filename]...)
}

// broken notes that the block behind ref has errors, so that what refers to it
// is not used.
func (b *builder) broken(ref *spec.Ref, ds diag.List) {
	if ds.HasErrors() {
		b.refs[ref] = append(b.refs[ref], ds...)
	}
}

// brokenRefs returns the errors of the blocks that the pipeline's steps refer to.
func (b *pipelineBuilder) brokenRefs() diag.List {
	var out diag.List
	for _, n := range b.nodes {
		if n.Config == nil {
			continue
		}
		for _, ref := range n.Config.Spec().Refs() {
			out = append(out, b.refs[ref]...)
		}
	}
	return out
}

// errors returns why the pipeline cannot be used: what was reported after the
// first n diagnostics, and the errors of what it stands in or refers to.
func (b *pipelineBuilder) errors(n int) diag.List {
	var out diag.List
	for _, d := range b.diags[n:] {
		if d.Severity == diag.Error {
			out = append(out, d)
		}
	}
	out = append(out, b.inherited(b.block)...)
	return append(out, b.brokenRefs()...).Sort()
}

// Narrow returns the errors found while reading the configuration that concern
// only some files or modules.
func (p *Plan) Narrow() diag.List {
	var out diag.List
	for _, m := range []map[string]diag.List{p.faults.Files, p.faults.Modules, p.faults.Calls} {
		for _, ds := range m {
			out = append(out, ds...)
		}
	}
	return out
}
