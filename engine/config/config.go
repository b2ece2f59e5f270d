// Package config reads configuration folders: files into blocks, variables into
// values, modules into a tree, and names into references.
//
// Everything that is read goes through a Reader and is kept in the Snapshot, so
// that what a configuration means is a pure value of its bytes. Steps and plugin
// blocks are left undecoded, with the scope to decode them in; package plan does that.
package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/spec"
)

// Config is a loaded configuration: the root module and all it instantiates.
type Config struct {
	Root     *Module
	Modules  []*Module // depth first, the root first
	Snapshot *Snapshot
	Faults   Faults // what the errors found while loading concern
}

// Module is one instance of a folder of files with its own variables.
type Module struct {
	Address string // "" for the root, else "acme_srs", "outer.inner" or, of for_each, `acme["nl"]`
	Dir     string
	Calls   []string             // files of the module blocks that lead here, the outermost first
	Vars    map[string]cty.Value // with marks
	Scope   *hcl.EvalContext     // what expressions in the module's blocks see

	Connections []*Block
	Schemas     []*Block
	Entities    []*Block
	Mappings    []*Block
	Pipelines   []*Block
	Engine      *Block // only in the root

	names map[string]hcl.Range // "connection.ftp.activate" -> where it is declared

	// What it was made from, for making it again only when that changed; see Cache.
	files   []string
	sources [][]byte // of files
	args    map[string]given
	reads   *reads
	inner   []*Module
	clean   bool
	shed    bool // see Module.Shed
}

// Block is a top-level block whose body is decoded later.
type Block struct {
	Type   string
	Labels []string
	Name   string // the labels joined with a dot; with the key for one of several that for_each makes
	Body   hcl.Body
	Header hcl.Range // the type and labels
	Module *Module
	Ref    *spec.Ref // what references to the block evaluate to; nil for pipelines

	scope *hcl.EvalContext // nil when it is the module's
}

// Scope returns what expressions in the block see.
func (b *Block) Scope() *hcl.EvalContext {
	if b.scope != nil {
		return b.scope
	}
	return b.Module.Scope
}

// Address returns the block's address in the whole configuration, such as "acme_srs.purchases".
func (b *Block) Address() string { return b.Module.Qualify(b.Name) }

// Qualify returns the address of a name of the module in the whole configuration.
func (m *Module) Qualify(name string) string {
	if m.Address == "" {
		return name
	}
	return m.Address + "." + name
}
