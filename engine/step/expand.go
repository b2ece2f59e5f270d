package step

import (
	"context"
	"fmt"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Expand is the configuration of an expand step: one row becomes one for each element of a list.
//
//	expand "line" {
//	  rows   = "products"
//	  keep   = ["order_id"]
//	  fields = {
//	    sku    = "item.id"
//	    amount = "item.price * item.quantity"
//	  }
//	}
//
// A row whose list is empty or nil becomes no row. The rows keep the row number,
// line and text of the row they come from; where a field fails only that element is rejected.
// A replay of it, or of a row that a later step refuses, takes the whole row again, with the
// elements that went through before; the replay says so.
type Expand struct {
	Name   string
	Rows   spec.Text
	As     string
	Keep   []string
	Fields []spec.NamedText
}

// Spec implements plugin.Config.
func (c *Expand) Spec() spec.Body {
	return spec.Body{
		spec.Expr("rows", &c.Rows).Required().Doc("The list whose elements become rows: a field or an expression. Each is accepted or refused by itself, and a replay of one that was refused takes all of its row again, those that were accepted too."),
		spec.String("as", &c.As).Default("item", `"item"`).Check(identifier).Doc("The name by which fields see the element."),
		spec.Exprs("fields", &c.Fields).Doc("The fields of each new row: name = \"expression\" over the element and the fields of the row it comes from. " +
			"Without it the new row has the element's own fields, or the element itself under the name of as when it is not an object."),
		spec.Strings("keep", &c.Keep).Doc("Fields of the row that pass unchanged, before those of fields: a list of names, or \"*\" for all."),
	}
}

func identifier(s string) error {
	if !isIdentifier(s) {
		return fmt.Errorf("must be a plain name, not %q", s)
	}
	return nil
}

// Check implements plugin.Config.
func (c *Expand) Check(at spec.Ranges) diag.List { return checkKeep(c.Keep, at, &c.Keep) }

// Bind implements Config.
func (c *Expand) Bind(b Binding) (Step, diag.List) {
	list, ds := compile(b.Compiler, b.In, c.Rows, record.Invalid)
	if list.expr == nil {
		return nil, ds
	}
	item := record.NullableOf(record.Any)
	if t := list.expr.Type(); t.Kind == record.List {
		item = *t.Elem
	} else if t.Kind != record.Any {
		return nil, append(ds, diag.Errorf("plan.bad_list", b.At.Of(&c.Rows), "rows is not a list", "The expression is a %s; expand needs a list.", t))
	}
	if _, taken := b.In.Slot(c.As); taken {
		return nil, append(ds, diag.Errorf("plan.reserved_name", b.At.Of(&c.As), fmt.Sprintf("The row has a field %q", c.As),
			"Name the element differently with as = \"...\", so that expressions see both."))
	}
	inner := record.NewSchema(append(append([]record.Field(nil), b.In.Fields()...), record.Field{Name: c.As, Type: item}))
	s := &expandStep{in: b.In, inner: inner, address: b.Address, list: list, item: record.Slot(b.In.Len())}
	fields := c.Fields
	if len(fields) == 0 {
		fields = c.ownFields(item)
	}
	var d diag.List
	s.projection, d = project(projectionSpec{in: inner, compiler: b.Over(inner), keepable: b.In, keep: c.Keep, fields: fields, at: b.At, keepAt: &c.Keep})
	if ds = append(ds, d...); s.projection == nil {
		return nil, ds
	}
	return s, ds
}

// ownFields returns the fields of an element as expressions.
func (c *Expand) ownFields(item record.Type) []spec.NamedText {
	if item.Kind != record.Object {
		return []spec.NamedText{{Name: c.As, Text: spec.Text{S: c.As, Range: c.Rows.Range}}}
	}
	out := make([]spec.NamedText, len(item.Fields))
	for i, f := range item.Fields {
		text := c.As + "." + f.Name
		if !isIdentifier(f.Name) {
			text = fmt.Sprintf("%s[%q]", c.As, f.Name)
		}
		out[i] = spec.NamedText{Name: f.Name, Text: spec.Text{S: text, Range: c.Rows.Range}}
	}
	return out
}

type expandStep struct {
	in         *record.Schema
	inner      *record.Schema // in and the element
	address    string
	list       formula
	item       record.Slot // of the element in inner
	projection *projection
}

func (s *expandStep) Out() *record.Schema { return s.projection.out }
func (s *expandStep) Stateful() bool      { return false }

func (s *expandStep) Reads(want []record.Slot) []record.Slot {
	return union(s.in.Len(), s.fromRow(want), s.list.expr.Reads())
}

// fromRow returns the slots of the row, without the element, that want needs.
func (s *expandStep) fromRow(want []record.Slot) []record.Slot {
	need := s.projection.reads(want)
	if n := len(need); n > 0 && need[n-1] == s.item {
		need = need[:n-1]
	}
	return need
}

func (s *expandStep) New(_ Env, want []record.Slot) Runner {
	return &expandRunner{expandStep: s, list: s.list.evaluator(), need: s.fromRow(want), projector: s.projection.projector(s.address, want)}
}

type expandRunner struct {
	*expandStep
	list      evaluator
	need      []record.Slot
	projector projector
	at        []int32 // row of each element
	elems     []int32 // place of each element in the list column
	wide      record.Batch
	out       record.Batch
}

// Apply implements Runner.
func (r *expandRunner) Apply(_ context.Context, in *record.Batch, t *Tally) (*record.Batch, error) {
	from := len(in.Rejects)
	list := r.list.rows(in, r.address, "rows")
	in.Drop(from)
	from = len(in.Rejects)
	r.at, r.elems = r.at[:0], r.elems[:0]
	shape(&r.wide, r.inner, 0)
	item := &r.wide.Cols[r.item]
	if list.Type.Kind == record.List {
		r.places(in, list)
		gather(item, list.Elem, r.elems)
	} else {
		r.anyItems(in, list, item)
		in.Drop(from)
	}
	t.Expanded += int64(len(r.at)) - int64(in.Live())
	r.widen(in)
	r.projector.fill(&r.out, &r.wide)
	r.out.Rejects = append(r.out.Rejects[:0], r.wide.Rejects...)
	return &r.out, nil
}

// places lists the elements of the selected rows.
func (r *expandRunner) places(in *record.Batch, list *record.Column) {
	for k := range in.Live() {
		i := in.Row(k)
		if list.IsNull(i) {
			continue
		}
		for j := list.Offs[i]; j < list.Offs[i+1]; j++ {
			r.at, r.elems = append(r.at, int32(i)), append(r.elems, int32(j))
		}
	}
}

// anyItems collects the elements of lists whose type is known only now. A row
// with something else is rejected.
func (r *expandRunner) anyItems(in *record.Batch, list, item *record.Column) {
	item.Resize(r.inner.Fields()[r.item].Type, 0)
	item.Anys = item.Anys[:0]
	var vs []any
	for k := range in.Live() {
		i := in.Row(k)
		if list.IsNull(i) {
			continue
		}
		elems, ok := list.Anys[i].([]any)
		if !ok {
			in.Reject(i, r.address, "rows", "row.bad_value", fmt.Sprintf("rows is not a list but %s", clip(appendText(nil, list, i), 80)))
			continue
		}
		for range elems {
			r.at = append(r.at, int32(i))
		}
		vs = append(vs, elems...)
	}
	item.Resize(r.inner.Fields()[r.item].Type, len(vs))
	copy(item.Anys, vs)
}

// widen repeats what the new rows need of the rows they come from.
func (r *expandRunner) widen(in *record.Batch) {
	w, n := &r.wide, len(r.at)
	w.N = n
	next := 0
	for s := range r.in.Len() {
		if next < len(r.need) && int(r.need[next]) == s {
			gather(&w.Cols[s], &in.Cols[s], r.at)
			next++
			continue
		}
		absent(&w.Cols[s], n)
	}
	w.Origin, w.RawData = in.Origin, in.RawData
	w.RowNos, w.Lines, w.Raw = w.RowNos[:0], w.Lines[:0], w.Raw[:0]
	for _, i := range r.at {
		w.RowNos = append(w.RowNos, in.RowNo(int(i)))
		w.Lines = append(w.Lines, lineNo(in, int(i)))
		if in.Raw != nil {
			w.Raw = append(w.Raw, in.Raw[i])
		}
	}
	if in.Raw == nil {
		w.Raw = nil
	}
}

// EndObject implements Runner.
func (r *expandRunner) EndObject(context.Context, *Tally, func(*record.Batch) error) error {
	return nil
}
