package plan

import (
	"slices"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// bind decodes a node's options and binds it to the schema that reaches it.
// Options are decoded also when the input is broken, so that one run reports
// all that can be known.
func (b *pipelineBuilder) bind(n *planned) {
	before := len(b.diags)
	in, ok := b.input(n)
	ok = b.decode(n) && ok && !n.failed
	if ok {
		b.bindTo(n, in)
		n.Exprs = slices.Clone(n.Exprs) // without room for more
	}
	errors := b.diags[before:].HasErrors()
	if errors && n.Out == nil && (n.Kind == "filter" || n.Kind == "check") {
		n.Out = in // what they pass on is known all the same
	}
	// A node with errors whose fields are known lets what comes after it be checked.
	n.failed = !ok || errors && n.Out == nil
}

// input returns the schema of what n reads: that of all its inputs alike.
func (b *pipelineBuilder) input(n *planned) (*record.Schema, bool) {
	if n.Kind == "source" {
		return nil, true
	}
	var in *record.Schema
	for _, i := range n.Inputs {
		if i.failed && i.Out == nil {
			return nil, false
		}
		switch {
		case n.Kind == "decode" && i.Kind != "source":
			b.add(diag.Errorf("plan.invalid_input", &n.Header, n.Address+" cannot read "+i.Address, "A decoder reads the bytes of a source."))
			return nil, false
		case n.Kind == "decode" && i.MakesRows():
			b.add(diag.Errorf("plan.invalid_input", &n.Header, n.Address+" cannot read "+i.Address, "A source "+i.Type+" yields rows, which need no decoder. Remove the decode block."))
			return nil, false
		case n.Kind != "decode" && i.Kind == "source" && !i.MakesRows():
			b.add(diag.Errorf("plan.invalid_input", &n.Header, n.Address+" cannot read "+i.Address,
				"A source yields bytes. Put a decode block after it, such as decode \"csv\"."))
			return nil, false
		case in != nil && !sameFields(in, i.Out):
			b.add(diag.Errorf("plan.inputs_differ", b.fromRange(n.Node), "The inputs of "+n.Address+" have different fields",
				"%s. Give them the same fields, in the same order, with a map.", unlike(in, i.Out, n.Inputs[0].Address, i.Address)))
			return nil, false
		}
		in = i.Out
	}
	return in, len(n.Inputs) > 0
}

func sameFields(a, b *record.Schema) bool {
	return slices.EqualFunc(a.Fields(), b.Fields(), func(x, y record.Field) bool {
		return x.Name == y.Name && x.Hidden == y.Hidden && x.Type.Equal(y.Type)
	})
}

// decode makes the node's configuration from its block.
func (b *pipelineBuilder) decode(n *planned) bool {
	var c plugin.Config
	rng := n.block.LabelRanges[0]
	switch n.Kind {
	case "source":
		if p, ok := b.plugin(n.Type, "source", func(p plugin.Plugin) bool { return p.Source != nil }, rng); ok {
			n.Source = p.Source()
			c = n.Source
		}
	case "decode":
		if p, ok := b.plugin(n.Type, "decoder", func(p plugin.Plugin) bool { return p.Decoder != nil }, rng); ok {
			n.Decoder = p.Decoder()
			c = n.Decoder
		}
	case "sink":
		if p, ok := b.plugin(n.Type, "sink", func(p plugin.Plugin) bool { return p.Sink != nil }, rng); ok {
			n.Sink = p.Sink()
			c = n.Sink
		}
	default:
		n.conf = b.o.Steps[n.Kind](n.block.Labels[0])
		c = n.conf
	}
	if c == nil {
		return false
	}
	n.Config = c
	body := c.Spec()
	at, ds := body.Decode(n.rest, b.block.Scope())
	n.at = at
	n.values, n.refs = b.cache.share(append(n.common, body.Values(at)...))
	if !ds.HasErrors() {
		ds = append(ds, at.Checkable(c.Check(at))...)
	}
	b.add(ds...)
	b.open(n, at.Unknown())
	for _, ref := range body.Refs() {
		if ref.Kind == "mapping" && b.refs[ref].HasErrors() {
			b.unknown = true
			return false // which fields there are is not known: what reads them is not to blame
		}
	}
	return !ds.HasErrors() && !n.open
}

// open notes the options of n whose values depend on variables that have none. Of a step
// that expressions or fields are missing of, nothing more can be said, nor of what reads it.
func (b *pipelineBuilder) open(n *planned, names []string) {
	if len(names) == 0 {
		return
	}
	b.unchecked = append(b.unchecked, Unchecked{Step: n.Address, Options: names})
	plain := []string{"string", "int", "bool", "duration", "size"}
	types := map[string]string{}
	for _, o := range n.Config.Spec().Describe() {
		types[o.Name] = o.Type
	}
	if n.Kind != "source" && slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(plain, types[name]) }) {
		n.open, b.unknown = true, true
	}
}

func (b *pipelineBuilder) bindTo(n *planned, in *record.Schema) {
	n.In = in
	var ds diag.List
	var compiler plugin.Compiler
	if in != nil {
		compiler = b.compilerOf(n)(in)
		ds = b.route(n, compiler)
	}
	switch n.Kind {
	case "source":
		ds = append(ds, b.bindSource(n)...)
	case "decode":
		ds = append(ds, b.bindDecoder(n)...)
	case "sink":
		ds = append(ds, n.at.Checkable(n.Sink.Bind(in, n.at, compiler))...)
	default:
		s, d := n.conf.Bind(step.Binding{Address: n.Address, Pipeline: b.block.Address(), In: in, At: n.at, Compiler: compiler, Over: b.compilerOf(n)})
		ds = append(ds, d...)
		if s != nil {
			n.Step, n.Out = s, s.Out()
		}
	}
	b.add(ds...)
}

// bindSource fixes what a source yields. Its expressions see values alone.
func (b *pipelineBuilder) bindSource(n *planned) diag.List {
	offer, ds := n.Source.Bind(n.at, b.compilerOf(n)(record.NewSchema(nil)))
	ds = n.at.Checkable(ds)
	if offer.Rows == nil {
		return ds
	}
	out, d := withMeta(n, tolerant(offer.Rows))
	n.Out = b.cache.schema(out)
	return append(ds, d...)
}

// bindDecoder fixes the rows of a decoder. Decoders that are configured alike are one.
func (b *pipelineBuilder) bindDecoder(n *planned) diag.List {
	key := decoderKey{kind: n.Type}
	if len(n.refs) == 0 {
		key.values = n.values
	}
	if have, ok := b.cache.decoders[key]; ok && key.values != nil {
		n.Decoder, n.Config, n.Out = have.config, have.config, have.out
		return nil
	}
	s, ds := n.Decoder.Bind(n.at)
	ds = n.at.Checkable(ds)
	b.doubtful = b.doubtful || ds.HasErrors()
	if ds.HasErrors() && s.Len() == 0 {
		return ds
	}
	var d diag.List
	n.Out, d = withMeta(n, tolerant(s))
	n.Out = b.cache.schema(n.Out)
	if ds = append(ds, d...); len(ds) == 0 {
		b.cache.decoders[key] = boundDecoder{n.Decoder, n.Out}
	}
	return ds
}

// compilerOf returns what makes compilers of n's expressions over the rows of a schema.
func (b *pipelineBuilder) compilerOf(n *planned) func(*record.Schema) plugin.Compiler {
	return func(in *record.Schema) plugin.Compiler {
		given := b.given
		given.Pieces = n.Kind == "expand" && in != n.In || n.Expanded()
		var c plugin.Compiler = b.cache.compiler(in, b.shown, given.Pieces, func() plugin.Compiler { return b.o.Compiler(in, given) })
		if b.o.Instrument != nil {
			c = b.o.Instrument(b.block.Address(), n.Address, c)
		}
		return recorder{c, n.Node}
	}
}

// Expanded tells whether an expand step made the rows that come to n.
func (n *Node) Expanded() bool {
	return slices.ContainsFunc(n.Inputs, func(m *Node) bool { return m.Kind == "expand" || m.Expanded() })
}

// tolerant gives columns whose declaration is wrong the type any, so that what
// reads them is not reported too.
func tolerant(s *record.Schema) *record.Schema {
	fields := slices.Clone(s.Fields())
	for i := range fields {
		if fields[i].Type.Kind == record.Invalid {
			fields[i].Type = record.Of(record.Any)
		}
	}
	return record.NewSchema(fields)
}

// recorder notes on a node the expressions that are compiled for it.
type recorder struct {
	plugin.Compiler
	n *Node
}

func (r recorder) note(t spec.Text, e plugin.Expr, ds diag.List, row bool) (plugin.Expr, diag.List) {
	if e != nil && !ds.HasErrors() {
		r.n.Exprs = append(r.n.Exprs, Compiled{t, e, row})
	}
	return e, ds
}

// Row implements plugin.Compiler.
func (r recorder) Row(t spec.Text, want record.Kind) (plugin.Expr, diag.List) {
	e, ds := r.Compiler.Row(t, want)
	return r.note(t, e, ds, true)
}

// Path implements plugin.Compiler.
func (r recorder) Path(t spec.Text) (plugin.Expr, diag.List) {
	e, ds := r.Compiler.Path(t)
	return r.note(t, e, ds, true)
}

// Rows implements plugin.Compiler.
func (r recorder) Rows(t spec.Text, extra []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	e, ds := r.Compiler.Rows(t, extra, want)
	return r.note(t, e, ds, false)
}

// Value implements plugin.Compiler.
func (r recorder) Value(t spec.Text, env []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	e, ds := r.Compiler.Value(t, env, want)
	return r.note(t, e, ds, false)
}

// withMeta adds the hidden field that tells where a row came from.
func withMeta(n *planned, s *record.Schema) (*record.Schema, diag.List) {
	if _, taken := s.Slot("meta"); taken {
		return s, diag.List{diag.Errorf("plan.reserved_name", &n.Header, "A column cannot be called meta",
			"meta tells where a row came from. Read the column under another name.")}
	}
	return record.NewSchema(append(slices.Clone(s.Fields()), Meta())), nil
}

func (b *pipelineBuilder) route(n *planned, c plugin.Compiler) diag.List {
	if n.WhenText.IsZero() {
		return nil
	}
	e, ds := c.Row(n.WhenText, record.Bool)
	if !ds.HasErrors() {
		n.When = e
	}
	return ds
}

// project computes backwards which columns are read after each node.
func project(p *Pipeline) {
	for i := len(p.Nodes) - 1; i >= 0; i-- {
		n := p.Nodes[i]
		if n.Out == nil {
			continue
		}
		need := make([]bool, n.Out.Len())
		for _, r := range n.Readers {
			for _, s := range reads(r) {
				need[s] = true
			}
		}
		// A sibling that takes what the others leave needs their conditions evaluated.
		n.Want = nil
		for s, ok := range need {
			if ok {
				n.Want = append(n.Want, record.Slot(s))
			}
		}
	}
}

func reads(r *Node) []record.Slot {
	var out []record.Slot
	if r.When != nil {
		out = append(out, r.When.Reads()...)
	}
	if r.Sink != nil {
		for _, x := range r.Exprs { // they may read hidden fields
			if x.Row {
				out = append(out, x.Expr.Reads()...)
			}
		}
		return append(out, r.In.Visible()...)
	}
	return append(out, r.Step.Reads(r.Want)...)
}
