package plan

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/identity"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// shape returns what the stored state of p depends on.
func (d *describer) shape(p *Pipeline) Shape {
	t := &tracer{d: d, p: p, memo: map[fieldOf]lineage{}}
	var out Shape
	for _, n := range p.Nodes {
		switch c := n.Config.(type) {
		case *step.Dedupe:
			out.Steps = append(out.Steps, t.dedupe(n, c))
		case *step.Group:
			out.Steps = append(out.Steps, t.group(n, c))
		}
		switch {
		case n.Source != nil:
			out.Sources = append(out.Sources, d.source(n))
		case n.Sink != nil:
			out.Sinks = append(out.Sinks, SinkShape{Step: n.Address, Fields: d.visible(n.In), header: &n.Header})
		}
	}
	for i := range out.Steps {
		s := &out.Steps[i]
		s.Keys, s.Compared, s.Declared = d.sharedKeys(s.Keys), d.sharedKeys(s.Compared), d.sharedKeys(s.Declared)
	}
	return out
}

func (d *describer) source(n *Node) SourceShape {
	out := SourceShape{Step: n.Address, Type: n.Type, header: &n.Header}
	if f, ok := plugin.FolderOf(n.Source); ok {
		out.Location, out.Path, out.After = f.Place, f.Path, f.After
		if f.Place == "" {
			out.Location = "file://"
		}
	}
	out.location, out.path, out.after = &n.Header, &n.Header, &n.Header
	values := d.valuesOf(n)
	for i := range values {
		v := &values[i]
		switch {
		case v.Name == "path":
			out.path = rangeOrHeader(&v.Range, n)
		case v.Name == "after":
			out.after = rangeOrHeader(&v.Range, n)
		}
	}
	for i := range n.refs {
		out.location = rangeOrHeader(&n.refs[i].Range, n)
		for j := range n.refs[i].Ref.Values {
			if w := &n.refs[i].Ref.Values[j]; w.Name == "host" {
				out.location = rangeOrHeader(&w.Range, n)
			}
		}
	}
	for _, r := range n.Readers {
		if r.Kind == "decode" {
			out.Decoder, out.Format, out.Framing = r.Address, r.Type, d.framingOf(r)
		}
	}
	return out
}

// framingOf returns the options of a decoder that decide what a committed place means.
func (d *describer) framingOf(n *Node) []Setting {
	var ss []Setting
	if f, ok := n.Decoder.(plugin.Framer); ok {
		ss = d.pick(n, f.Framing())
	} else {
		values := d.valuesOf(n)
		for i := range values {
			v := &values[i]
			if v.Name == "columns" || strings.HasPrefix(v.Name, "columns.") || v.Prose {
				continue
			}
			ss = append(ss, d.setting(v, v.Name))
		}
	}
	return d.shared(ss)
}

func (t *tracer) group(n *Node, c *step.Group) StepShape {
	out := StepShape{Step: n.Address, Kind: n.Kind, Within: c.Within, header: &n.Header, keep: &n.Header}
	for _, by := range c.By {
		l := t.expression(n, by.S, by)
		rng := by.Range
		out.Keys = append(out.Keys, Key{Name: shown(by.S), Digest: l.digest, Trace: l.trace, rng: rangeOrHeader(&rng, n)})
	}
	return out
}

func (t *tracer) dedupe(n *Node, c *step.Dedupe) StepShape {
	out := StepShape{Step: n.Address, Kind: n.Kind, Keep: c.Keep, header: &n.Header, keep: &n.Header}
	if s, ok := n.Step.(step.Storer); ok {
		keys, passed := s.Spaces()
		out.Space = storedName(t.p.Address, keys)
		if passed != keys {
			out.Own = storedName(t.p.Address, passed)
		}
	}
	values := t.d.valuesOf(n)
	for i := range values {
		if v := &values[i]; v.Name == "keep" || v.Name == "fields" && !v.Unset && len(c.Fields) > 0 {
			out.keep = rangeOrHeader(&v.Range, n)
		}
	}
	for _, k := range orderedKeys(c) {
		l := t.expression(n, "keys."+k.Name, k.Text)
		rng := k.Text.Range
		out.Keys = append(out.Keys, Key{Name: k.Name, Expression: shown(k.Text.S), Digest: l.digest, Trace: l.trace, rng: rangeOrHeader(&rng, n)})
	}
	if c.Entity != nil {
		out.Entity = c.Entity.Address()
		out.Declared = t.declared(n, c.Entity)
	}
	if c.Keep == "changed" {
		out.Compared = t.compared(n, c)
	}
	return out
}

// orderedKeys returns the keys of a dedupe step, strongest first.
func orderedKeys(c *step.Dedupe) []spec.NamedText {
	out := slices.Clone(c.Keys)
	if len(c.Order) > 0 {
		slices.SortStableFunc(out, func(a, b spec.NamedText) int { return slices.Index(c.Order, a.Name) - slices.Index(c.Order, b.Name) })
	}
	return out
}

func (t *tracer) declared(n *Node, r *spec.Ref) []Key {
	e, _ := r.Value.(*identity.Entity)
	if e == nil {
		return nil
	}
	out := make([]Key, len(e.Keys))
	for i, k := range e.Keys {
		rng := k.Text.Range
		out[i] = Key{Name: k.Name, Expression: shown(k.Text.S), Digest: t.text(k.Text.S), rng: rangeOrHeader(&rng, n)}
	}
	return out
}

func (t *tracer) compared(n *Node, c *step.Dedupe) []Key {
	var slots []record.Slot
	if len(c.Fields) == 0 {
		slots = n.In.Visible()
	}
	for _, name := range c.Fields {
		if s, ok := n.In.Slot(name); ok {
			slots = append(slots, s)
		}
	}
	out := make([]Key, len(slots))
	for i, s := range slots {
		f := n.In.Fields()[s]
		l := t.input(n, s)
		// The type decides the bytes that are compared.
		out[i] = Key{Name: f.Name, Digest: t.own("compared", l.digest.String(), f.Type.String())}
		if len(l.trace) > 0 {
			out[i].rng = l.trace[0].rng
		}
	}
	return out
}

// storedName is the name in the store of a space that a step of a pipeline asks for.
func storedName(pipeline, space string) string {
	if strings.HasPrefix(space, "entity.") {
		return space
	}
	return pipeline + "/" + space
}

// firstRange returns the first range that is known: a shape that comes from the
// store has none.
func firstRange(rs ...*hcl.Range) *hcl.Range {
	for _, r := range rs {
		if r != nil {
			return r
		}
	}
	return nil
}

// Shares reports whether p keeps keys in an identity space (entity.NAME) that other
// pipelines may use as well.
func (p *Pipeline) Shares(space string) bool {
	return slices.ContainsFunc(p.Nodes, func(n *Node) bool {
		c, ok := n.Config.(*step.Dedupe)
		if !ok || c.Entity == nil {
			return false
		}
		s, ok := n.Step.(step.Storer)
		if !ok {
			return false
		}
		keys, _ := s.Spaces()
		return keys == space
	})
}
