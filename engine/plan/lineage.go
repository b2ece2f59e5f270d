package plan

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/step"
)

// lineage is what a value is computed from, up to the columns of the source.
type lineage struct {
	digest Digest
	trace  []Trace
}

// tracer follows fields of one pipeline upwards.
type tracer struct {
	d    *describer
	p    *Pipeline
	memo map[fieldOf]lineage
}

type fieldOf struct {
	n    *Node
	slot record.Slot
}

// field returns what a field of the rows that n emits is computed from.
func (t *tracer) field(n *Node, slot record.Slot) lineage {
	k := fieldOf{n, slot}
	if l, ok := t.memo[k]; ok {
		return l
	}
	l := t.follow(n, slot)
	t.memo[k] = l
	return l
}

func (t *tracer) follow(n *Node, slot record.Slot) lineage {
	f := n.Out.Fields()[slot]
	if n.MakesRows() {
		return t.column(n, f)
	}
	if text, ok := definition(n.Config, f.Name); ok && !f.Hidden {
		return t.expression(n, f.Name, text)
	}
	if n.In != nil {
		if in, ok := n.In.Slot(f.Name); ok {
			return t.input(n, in)
		}
	}
	if c, ok := n.Config.(*step.Expand); ok && len(c.Fields) == 0 {
		l := t.expression(n, f.Name, c.Rows)
		l.digest = t.own("element", l.digest.String(), f.Name)
		return l
	}
	// The step makes it: dedupe.
	own := t.own("made", n.Kind, f.Name)
	return lineage{own, []Trace{{Step: n.Address, Field: f.Name, Digest: own, rng: &n.Header}}}
}

// definition returns the expression that a step computes a field with; false
// when the field passes through.
func definition(c plugin.Config, name string) (spec.Text, bool) {
	find := func(fs []spec.NamedText) (spec.Text, bool) {
		i := slices.IndexFunc(fs, func(f spec.NamedText) bool { return f.Name == name })
		if i < 0 {
			return spec.Text{}, false
		}
		return fs[i].Text, true
	}
	switch c := c.(type) {
	case *step.Map:
		if text, ok := find(c.Fields); ok || c.Extends == nil {
			return text, ok
		}
		base, _ := c.Extends.Value.([]spec.NamedText)
		return find(base)
	case *step.Group:
		return find(c.Fields)
	case *step.Expand:
		return find(c.Fields)
	}
	return spec.Text{}, false
}

// input returns what a field of the rows that n reads is computed from.
func (t *tracer) input(n *Node, slot record.Slot) lineage {
	if len(n.Inputs) == 1 {
		return t.field(n.Inputs[0], slot)
	}
	var parts []string
	var out lineage
	for _, in := range n.Inputs {
		l := t.field(in, slot)
		parts = append(parts, l.digest.String())
		out.trace = mergeTrace(out.trace, l.trace)
	}
	out.digest = t.own(append([]string{"inputs"}, parts...)...)
	return out
}

// expression returns what a row expression of n, which defines name, is computed
// from. The plain name of a field is that field, whatever it is called.
func (t *tracer) expression(n *Node, name string, text spec.Text) lineage {
	if slot, ok := n.In.Slot(strings.TrimSpace(text.S)); ok && !n.In.Fields()[slot].Hidden {
		return t.input(n, slot)
	}
	own := t.text(text.S)
	rng := text.Range
	out := lineage{trace: []Trace{{Step: n.Address, Field: name, Digest: own, rng: rangeOrHeader(&rng, n)}}}
	parts := []string{"expression", own.String()}
	for _, slot := range readsOf(n, text) {
		var l lineage
		label := "element"
		if c, ok := n.Config.(*step.Expand); ok && int(slot) >= n.In.Len() {
			l = t.expression(n, "rows", c.Rows)
		} else {
			l, label = t.input(n, slot), n.In.Fields()[slot].Name
		}
		parts = append(parts, label, l.digest.String())
		out.trace = mergeTrace(out.trace, l.trace)
	}
	out.digest = t.own(parts...)
	return out
}

// rangeOrHeader returns a range, which it does not keep, or the header of n in place of none.
func rangeOrHeader(r *hcl.Range, n *Node) *hcl.Range {
	if r.Filename == "" {
		return &n.Header
	}
	out := *r
	return &out
}

// readsOf returns the slots that a compiled expression of n reads, by name.
func readsOf(n *Node, text spec.Text) []record.Slot {
	for _, e := range n.Exprs {
		if e.Text.S == text.S && e.Text.Range == text.Range {
			out := slices.Clone(e.Expr.Reads())
			slices.SortFunc(out, func(a, b record.Slot) int { return strings.Compare(nameOf(n, a), nameOf(n, b)) })
			return out
		}
	}
	return nil
}

func nameOf(n *Node, s record.Slot) string {
	if int(s) < n.In.Len() {
		return n.In.Fields()[s].Name
	}
	return ""
}

// text digests an expression and the variables it can read.
func (t *tracer) text(expr string) Digest {
	m := t.d.mentioned(expr)
	names := m.names
	if m.all {
		names = t.p.vars.names
	}
	parts := []string{"text", expr}
	for _, name := range names {
		if _, ok := t.p.vars.text[name]; ok {
			parts = append(parts, name, string(t.p.vars.appendValue(nil, name, t.d.key)))
		}
	}
	return t.own(parts...)
}

// column returns the declaration of a decoder's column.
func (t *tracer) column(n *Node, f record.Field) lineage {
	parts := []string{"column", f.Name}
	rng := &n.Header
	values := t.d.valuesOf(n)
	for i := range values {
		if v := &values[i]; v.Name == "columns."+f.Name {
			parts, rng = append(parts, v.Text), rangeOrHeader(&v.Range, n)
		}
	}
	for i := 0; i < len(n.refs) && len(parts) == 2; i++ { // what the decoder declares itself replaces the schema's
		for j := range n.refs[i].Ref.Values {
			if w := &n.refs[i].Ref.Values[j]; w.Name == "field."+f.Name+".type" {
				parts, rng = append(parts, w.Text), rangeOrHeader(&w.Range, n)
			}
		}
	}
	if len(parts) == 2 {
		parts = append(parts, f.Type.String())
	}
	if fr, ok := n.Decoder.(plugin.Framer); ok {
		for _, s := range t.d.pick(n, fr.Cells()) {
			parts = append(parts, s.Name, s.Digest.String())
		}
	}
	own := t.own(parts...)
	return lineage{own, []Trace{{Step: n.Address, Field: f.Name, Digest: own, rng: rng}}}
}

// pick returns the settings of n with the given names.
func (d *describer) pick(n *Node, names []string) []Setting {
	var out []Setting
	values := d.valuesOf(n)
	for i := range values {
		if v := &values[i]; slices.Contains(names, v.Name) {
			out = append(out, d.setting(v, v.Name))
		}
	}
	return out
}

// own digests parts.
func (t *tracer) own(parts ...string) Digest {
	b := t.d.buf[:0]
	for _, p := range parts {
		b = appendPart(b, p)
	}
	t.d.buf = b
	return sum(b)
}

// mergeTrace adds what b has besides a.
func mergeTrace(a, b []Trace) []Trace {
	for _, x := range b {
		if !slices.ContainsFunc(a, func(y Trace) bool { return x.Step == y.Step && x.Field == y.Field }) {
			a = append(a, x)
		}
	}
	return a
}
