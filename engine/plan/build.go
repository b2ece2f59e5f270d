package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/identity"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// Options are what a plan is built with.
type Options struct {
	Plugins map[string]plugin.Plugin
	Steps   map[string]func(name string) step.Config
	// Compiler makes the compiler of a step's row expressions, which can name values.
	Compiler func(in *record.Schema, values Values) plugin.Compiler
	// Endpoints are servers that take the place of those of connections, by the
	// connection's address, such as "ftp.activate" or "acme_srs.ftp.activate".
	Endpoints map[string]plugin.Endpoint
	// Offline makes it an error when a connection leads to another machine and no endpoint takes its place.
	Offline bool
	// Instrument wraps the compiler of a step's row expressions, to observe
	// them; nil does nothing. pipeline and step are addresses.
	Instrument func(pipeline, step string, c plugin.Compiler) plugin.Compiler
	// Folder is the folder at which relative paths of this machine begin.
	Folder string
	// Stop is asked between steps; once it is true what is left is not planned. nil never stops.
	Stop func() bool
	// Before is an earlier plan, made with the same options. What it has of modules that
	// are taken over from its configuration, see config.Cache, is used again. nil: nothing is.
	Before *Plan
	// Columns checks the declaration of one column of a schema block.
	Columns func(name string, decl spec.Text) diag.List
}

// Build plans c. All problems are reported together; a pipeline with errors is
// left out of the plan.
func Build(c *config.Config, o Options) (*Plan, diag.List) {
	b := NewBuilder(o)
	for _, m := range c.Modules {
		if !b.Module(m, &c.Faults) {
			break
		}
	}
	return b.Plan(c)
}

// Builder plans a configuration module by module, as it is loaded: it is a config.Follower.
type Builder struct {
	b    *builder
	p    *Plan
	lost bool
}

// NewBuilder returns a builder.
func NewBuilder(o Options) *Builder {
	return &Builder{
		b: &builder{o: o, cache: newCache(), refs: map[*spec.Ref]diag.List{}},
		p: &Plan{modules: map[*config.Module][]*Pipeline{}},
	}
}

// Module implements config.Follower: it plans m. Outer modules come before inner ones.
func (x *Builder) Module(m *config.Module, f *config.Faults) bool {
	b := x.b
	b.faults = f
	if b.stopped() {
		return false
	}
	if b.reusable(m) {
		x.p.modules[m] = b.o.Before.modules[m]
		x.p.Pipelines = append(x.p.Pipelines, x.p.modules[m]...)
		return true
	}
	if m.Shed() {
		x.lost = true
		return false
	}
	rest := b.diags
	b.diags = nil
	b.named(m)
	quiet := len(b.diags) == 0
	b.blocks, b.diags = append(b.blocks, b.diags...), rest
	b.blocksAt = of(b.blocksAt, len(b.blocks), m.Address)
	b.module(x.p, m, quiet)
	return true
}

// Settled implements config.Follower: the plan has all that there is to m, and nothing
// to say about it. A plan of a configuration that takes m over does not decode it again.
func (x *Builder) Settled(m *config.Module) bool {
	_, ok := x.p.modules[m]
	return ok
}

// Lost reports that a module cannot be planned: the configuration took it over from an
// earlier one, where it was settled, and now it is not, since a fault elsewhere may
// concern it. It must be loaded again without what was kept of that; see config.Cache.
func (x *Builder) Lost() bool { return x.lost }

// Plan returns the plan of c, all of whose modules came to Module.
func (x *Builder) Plan(c *config.Config) (*Plan, diag.List) {
	b, p := x.b, x.p
	p.faults, b.faults = &c.Faults, &c.Faults
	b.diags = append(b.blocks.Merge(b.blocksAt), b.diags.Merge(b.at)...)
	if b.stopped() {
		return p, b.diags.Sort()
	}
	if e := c.Root.Engine; e != nil {
		at, ds := EngineSpec(&p.Engine).Decode(e.Body, c.Root.Scope)
		p.Engine.at, p.Engine.missing = at, e.Body.MissingItemRange()
		if b.add(ds...); !ds.HasErrors() {
			b.add(p.Engine.access()...)
		}
	}
	b.compareTargets(p)
	b.order(p)
	p.Revision = c.Snapshot.Revision() // now: decoding read the files that blocks name
	return p, b.diags.Sort()
}

// reusable reports whether the plan of m was made before: the module is the very
// one that an earlier configuration had, and nothing was to be said about it.
func (b *builder) reusable(m *config.Module) bool {
	if b.o.Before == nil {
		return false
	}
	_, ok := b.o.Before.modules[m]
	return ok && len(b.faults.OfModule(m.Address)) == 0
}

// module plans the pipelines of m. quiet tells that there is nothing to be said
// about the blocks that they refer to.
func (b *builder) module(p *Plan, m *config.Module, quiet bool) {
	first := len(b.diags)
	from := len(p.Pipelines)
	values := rowValues(m)
	shown := describeValues(values)
	for _, blk := range m.Pipelines {
		if b.stopped() {
			return
		}
		before := len(b.diags)
		pb := &pipelineBuilder{builder: b, block: blk, given: values, shown: shown, byAddress: map[string]*Node{}}
		pl := pb.build()
		b.at = of(b.at, len(b.diags), instanceOf(blk))
		if ds := pb.errors(before); len(ds) > 0 {
			p.Failed = append(p.Failed, Failed{Address: pl.Address, Diags: ds})
			quiet = false
			continue
		}
		if pb.unknown {
			p.Open, quiet = append(p.Open, pl), false
			continue
		}
		p.Pipelines = append(p.Pipelines, pl)
	}
	if quiet && len(b.diags) == first {
		p.modules[m] = slices.Clone(p.Pipelines[from:])
	}
}

type builder struct {
	o      Options
	cache  *cache
	blocks diag.List // about the blocks that pipelines refer to; they come before the rest
	diags  diag.List
	// The instances that each of blocks and of diags was found in, see diag.List.Merge.
	blocksAt, at []string
	faults       *config.Faults
	refs         map[*spec.Ref]diag.List // errors of the blocks that others refer to
}

// of notes that what was found since the last time, up to n problems, was found in an instance.
func of(at []string, n int, instance string) []string {
	for len(at) < n {
		at = append(at, instance)
	}
	return at
}

// instanceOf is the address of what a pipeline is an instance of: of its block, when it
// has for_each, or of its module.
func instanceOf(blk *config.Block) string {
	if strings.HasSuffix(blk.Name, "]") {
		return blk.Address()
	}
	return blk.Module.Address
}

func (b *builder) stopped() bool { return b.o.Stop != nil && b.o.Stop() }

func (b *builder) add(ds ...diag.Diagnostic) { b.diags = append(b.diags, ds...) }

// named decodes the blocks that pipelines refer to.
func (b *builder) named(m *config.Module) {
	for _, blk := range m.Connections {
		b.connection(blk)
	}
	for _, blk := range m.Mappings {
		var fields []spec.NamedText
		body := spec.Body{spec.Exprs("fields", &fields).Required().Doc("Field name = expression.")}
		at, ds := body.Decode(blk.Body, m.Scope)
		b.add(ds...)
		b.broken(blk.Ref, ds)
		blk.Ref.Value, blk.Ref.Values = fields, body.Values(at)
	}
	for _, blk := range m.Entities {
		e := &identity.Entity{Name: blk.Name}
		body := e.Spec()
		at, ds := body.Decode(blk.Body, m.Scope)
		if !ds.HasErrors() {
			ds = append(ds, e.Check(at)...)
		}
		b.add(ds...)
		b.broken(blk.Ref, ds)
		blk.Ref.Value, blk.Ref.Values = e, body.Values(at)
	}
	for _, blk := range m.Schemas {
		before := len(b.diags)
		blk.Ref.Value = b.schema(blk)
		b.broken(blk.Ref, b.diags[before:])
	}
}

func (b *builder) connection(blk *config.Block) {
	before := len(b.diags)
	defer func() { b.broken(blk.Ref, b.diags[before:]) }()
	p, ok := b.plugin(blk.Labels[0], "connection", func(p plugin.Plugin) bool { return p.Connection != nil }, blk.Header)
	if !ok {
		return
	}
	c := p.Connection()
	body := c.Spec()
	at, ds := body.Decode(blk.Body, blk.Scope())
	if m, ok := c.(plugin.Movable); ok && !ds.HasErrors() {
		ds = append(ds, b.move(blk, m)...)
	}
	b.add(ds...)
	if !ds.HasErrors() {
		b.add(at.Checkable(c.Check(at))...)
	}
	blk.Ref.Value, blk.Ref.Values = c, body.Values(at)
}

// move points a connection at the endpoint that takes its server's place.
func (b *builder) move(blk *config.Block, m plugin.Movable) diag.List {
	address := blk.Module.Qualify(blk.Name)
	e, ok := b.o.Endpoints[address]
	switch {
	case !ok && b.o.Offline:
		return diag.List{diag.Errorf("test.no_server", &blk.Header, "Nothing stands in for connection."+address,
			"A test never leaves this machine. Add a block to it: serve %q %q { }.", blk.Labels[0], blk.Module.Qualify(blk.Labels[1]))}
	case !ok:
		return nil
	}
	if err := m.MoveTo(e); err != nil {
		return diag.List{diag.Errorf("config.invalid_value", &blk.Header, "The connection cannot be pointed at another server", "%s.", err)}
	}
	return nil
}

// plugin finds the plugin that a TYPE label names.
func (b *builder) plugin(name, kind string, has func(plugin.Plugin) bool, rng hcl.Range) (plugin.Plugin, bool) {
	p, ok := b.o.Plugins[name]
	if ok && has(p) {
		return p, true
	}
	var names []string
	for n, p := range b.o.Plugins {
		if has(p) {
			names = append(names, n)
		}
	}
	detail := "There is: " + strings.Join(sorted(names), ", ") + "."
	d := diag.Errorf("config.unknown_plugin", &rng, fmt.Sprintf("There is no %s %q", kind, name), "")
	if m := diag.Suggest(name, names); m != "" {
		detail, d.Fix = fmt.Sprintf("Did you mean %q? %s", m, detail), ""
	}
	d.Detail = detail
	b.add(d)
	return plugin.Plugin{}, false
}

// schema decodes a schema block into column declarations, in the order of the file.
func (b *builder) schema(blk *config.Block) []spec.NamedText {
	var out []spec.NamedText
	types := map[int]*spec.Text{}
	body := spec.Body{spec.Blocks("field", []string{"name"}, "One field of the record.",
		func() spec.Body { return schemaField(new(spec.Text)) },
		func(labels []string, _ hcl.Range) spec.Body {
			t := new(spec.Text)
			types[len(out)] = t
			out = append(out, spec.NamedText{Name: labels[0]})
			return schemaField(t)
		})}
	at, ds := body.Decode(blk.Body, blk.Scope())
	b.add(ds...)
	blk.Ref.Values = body.Values(at)
	for i := range out {
		out[i].Text = *types[i]
		if b.o.Columns != nil && !out[i].Text.IsZero() {
			b.add(b.o.Columns(out[i].Name, out[i].Text)...)
		}
	}
	return out
}

func schemaField(t *spec.Text) spec.Body {
	doc := new(string)
	return spec.Body{
		spec.Expr("type", t).Required().Doc("A column declaration, such as \"text\" or \"decimal comma optional\"."),
		spec.String("description", doc).Prose().Doc("What the field means."),
	}
}

// order sorts the pipelines so that each comes after those it names in after.
func (b *builder) order(p *Plan) {
	state := make(map[string]int, len(p.Pipelines))
	at := make(map[string]*Pipeline, len(p.Pipelines))
	for _, pl := range p.Pipelines {
		at[pl.Address] = pl
	}
	out := make([]*Pipeline, 0, len(p.Pipelines))
	var visit func(pl *Pipeline, path []string)
	visit = func(pl *Pipeline, path []string) {
		path = append(path, pl.Address)
		switch state[pl.Address] {
		case 2:
			return
		case 1:
			d := diag.Errorf("plan.cycle", &pl.Header, "Pipelines wait for each other", "%s.", strings.Join(path, " -> "))
			b.add(d)
			for _, a := range path[slices.Index(path, pl.Address) : len(path)-1] {
				p.Failed = append(p.Failed, Failed{Address: a, Diags: diag.List{d}})
			}
			return
		}
		state[pl.Address] = 1
		for _, a := range pl.After {
			if q := at[a]; q != nil {
				visit(q, path)
			}
		}
		state[pl.Address] = 2
		out = append(out, pl)
	}
	for _, pl := range p.Pipelines {
		visit(pl, nil)
	}
	p.Pipelines = slices.DeleteFunc(out, func(pl *Pipeline) bool {
		return slices.ContainsFunc(p.Failed, func(f Failed) bool { return f.Address == pl.Address })
	})
}
