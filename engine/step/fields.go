package step

import (
	"fmt"
	"slices"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// projection makes the fields of an output row: some kept from the input, some
// computed, and the hidden fields of the input. It is what map and expand share.
type projection struct {
	in, out *record.Schema
	sources []formula // one per field of out
}

// projectionSpec is what a projection is built from.
type projectionSpec struct {
	in       *record.Schema
	compiler plugin.Compiler // over in
	keepable *record.Schema  // the schema whose visible fields may be kept; its slots are those of in
	keep     []string
	drop     []string // of those that "*" keeps
	fields   []spec.NamedText
	at       spec.Ranges
	keepAt   any // the bound field of keep
	dropAt   any // of drop
}

// project resolves and compiles a projection, reporting every problem.
func project(p projectionSpec) (*projection, diag.List) {
	kept, ds := p.kept()
	place := map[string]int{}
	var fields []record.Field
	var sources []formula
	add := func(f record.Field, src formula) {
		if i, ok := place[f.Name]; ok {
			fields[i], sources[i] = f, src
			return
		}
		place[f.Name] = len(fields)
		fields, sources = append(fields, f), append(sources, src)
	}
	for _, s := range kept {
		add(p.in.Fields()[s], formula{slot: s})
	}
	explicit := len(p.keep) > 0 && p.keep[0] != "*"
	for _, nt := range p.fields {
		rng := nt.Text.Range
		if s, ok := p.in.Slot(nt.Name); ok && p.in.Fields()[s].Hidden {
			ds = append(ds, diag.Errorf("plan.reserved_name", &rng, fmt.Sprintf("%q is a reserved name", nt.Name),
				"Expressions see the engine's own %s under that name. Choose another name for the field.", nt.Name))
			continue
		}
		if _, ok := place[nt.Name]; ok && explicit {
			ds = append(ds, diag.Errorf("plan.duplicate_field", &rng, fmt.Sprintf("Field %q is both kept and computed", nt.Name),
				"Remove it from keep or from fields."))
			continue
		}
		f, fd := compile(p.compiler, p.in, nt.Text, record.Invalid)
		ds = append(ds, fd...)
		t := record.Of(record.Any) // of a field in error, so that what reads it is not reported too
		if f.expr != nil {
			t = f.expr.Type()
		}
		add(record.Field{Name: nt.Name, Type: t}, f)
	}
	for s, f := range p.in.Fields() {
		if f.Hidden {
			add(f, formula{slot: record.Slot(s)})
		}
	}
	return &projection{in: p.in, out: record.NewSchema(fields), sources: sources}, ds
}

// kept returns the slots that keep names.
func (p projectionSpec) kept() ([]record.Slot, diag.List) {
	if len(p.keep) == 1 && p.keep[0] == "*" {
		dropped, ds := visibleSlots(p.keepable, p.drop, "drop", p.at, p.dropAt)
		return slices.DeleteFunc(p.keepable.Visible(), func(s record.Slot) bool { return slices.Contains(dropped, s) }), ds
	}
	return visibleSlots(p.keepable, p.keep, "keep", p.at, p.keepAt)
}

// reads returns the input slots needed for the output slots want.
func (p *projection) reads(want []record.Slot) []record.Slot {
	need := make([][]record.Slot, 0, len(want))
	for _, w := range want {
		if f := p.sources[w]; f.slot >= 0 {
			need = append(need, []record.Slot{f.slot})
		} else {
			need = append(need, f.expr.Reads())
		}
	}
	return union(p.in.Len(), need...)
}

// projector executes a projection. One goroutine at a time uses it.
type projector struct {
	p     *projection
	step  string
	want  []bool
	evals []evaluator
}

func (p *projection) projector(step string, want []record.Slot) projector {
	pr := projector{p: p, step: step, want: wanted(p.out.Len(), want), evals: make([]evaluator, p.out.Len())}
	for i, f := range p.sources {
		if pr.want[i] {
			pr.evals[i] = f.evaluator()
		}
	}
	return pr
}

// fill makes out the projected rows of in, sharing its columns. Rows whose
// fields fail are rejected in in. out is valid until the next call, or until in is reused.
func (pr *projector) fill(out, in *record.Batch) {
	from := len(in.Rejects)
	shape(out, pr.p.out, in.N)
	for i := range out.Cols {
		if !pr.want[i] {
			absent(&out.Cols[i], in.N)
			continue
		}
		out.Cols[i].Alias(pr.evals[i].rows(in, pr.step, pr.p.out.Fields()[i].Name))
	}
	in.Drop(from)
	out.From(in)
}
