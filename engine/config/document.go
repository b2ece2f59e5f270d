package config

import (
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
)

// Document is one HCL file that is no part of a configuration, such as a file of tests.
type Document struct {
	Body  hcl.Body
	Scope *hcl.EvalContext // the functions of the language; relative names start at the file's folder
	// Sources holds the bytes of the file by its name, for printing diagnostics.
	Sources map[string][]byte
}

// ReadDocument reads and parses the file called name within the limits that
// hold for configuration files. Literals carry the place they were written (see
// spec.Origin). Body is nil when the file cannot be read or parsed at all.
func ReadDocument(name string, in Inputs) (*Document, diag.List) {
	s := newSnapshot()
	f, ds := s.parse(name)
	d := &Document{Sources: s.Sources, Scope: &hcl.EvalContext{Functions: functions(filepath.Dir(name), s, in, newReads()), Variables: map[string]cty.Value{}}}
	if f != nil {
		d.Body = f.Body
	}
	return d, ds
}

// Locals evaluates locals blocks into the variable local of the document's scope.
func (d *Document) Locals(blocks []*hcl.Block) diag.List {
	l := &loader{}
	m := &Module{names: map[string]hcl.Range{}}
	l.locals(m, blocks, d.Scope)
	return l.diags
}
