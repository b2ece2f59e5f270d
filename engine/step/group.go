package step

import (
	"fmt"
	"slices"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Group is the configuration of a group step: rows with the same key become one.
//
//	group "order" {
//	  by     = ["order_id"]
//	  within = "object"
//	  fields = {
//	    email    = "first(rows).email"
//	    total    = "sum(rows, .amount)"
//	    products = "map(rows, .product)"
//	  }
//	}
//
// The new row has the row number, line and hidden fields (meta, dedupe) of the
// group's first row, and the text of all its rows. When one of its fields fails,
// the whole group is rejected as one row, with all that text.
//
// A group is made of the rows that reach the step. A row that was filtered before is
// missing from its group. So is one that a dedupe dropped: should the row in whose favour that
// was be refused after the group went out, the one that goes on instead makes a group of its
// own or, with on_reject = "group", is rejected. Missing is also a row that was rejected before, and the group goes on
// without it, unless on_reject = "group" says that a group is whole or not at all,
// as an order with all its lines must be: then each of its other rows is rejected
// too, those that come later as well, with a reason that names the refused row. They
// stay with it: replayed after the refused row was edited, they go out together, once.
// Whether a refused row had belonged to a group is told by what by is computed
// from, decoded again from the row's text. Where that fails, the row may belong to
// any group near it: with within = "adjacent" those before and after it are
// rejected, with within = "object" all of the object. A row whose by fails, or is
// empty throughout, is rejected, and with on_reject = "group" is such a row as well.
//
// A commit in the middle of an object has the rows of unfinished groups in it: of
// adjacent rows one group, else all that came so far. A run that goes on there
// takes them up, also with other fields as long as by and the fields that must be
// held are the same; else they become dead letters. The ledger counts them as held.
type Group struct {
	Name     string
	By       []spec.Text
	Within   string
	Fields   []spec.NamedText
	OnReject string
	MaxRows  int
	MaxBytes int64
}

// The values of within.
const (
	withinObject   = "object"
	withinAdjacent = "adjacent"
)

// The values of on_reject.
const (
	rejectRow   = "row"
	rejectGroup = "group"
)

// Spec implements plugin.Config.
func (c *Group) Spec() spec.Body {
	return spec.Body{
		spec.ExprList("by", &c.By).Required().Doc("What rows of one group have in common: fields or expressions, such as [\"branch\", \"receipt\"]. " +
			"A row for which all of them are nil or '' is rejected."),
		spec.Choice("within", &c.Within, withinObject, withinAdjacent).Default(withinObject, `"object"`).Doc("Where the rows of a group are looked for. A group never spans two objects. " +
			"object: anywhere in the object, which is held in memory until it ends; groups come in the order of their first rows. " +
			"adjacent: among consecutive rows, which takes no memory and suits files sorted by the key; a key that comes again later makes another group. " +
			"A commit in the middle of the object keeps the rows of unfinished groups, up to 64 MiB with what other steps hold; beyond that there is none before the object ends."),
		spec.Exprs("fields", &c.Fields).Required().Doc("The fields of the new row: name = \"expression\" over rows, the list of the group's rows in order: \"first(rows).email\", \"sum(rows, .amount)\"."),
		spec.Choice("on_reject", &c.OnReject, rejectRow, rejectGroup).Default(rejectRow, `"row"`).Doc("What becomes of a group when one of its rows was refused before: by the decoder, a map, a check, the condition of a filter, a dedupe. " +
			"row: the group goes on without it. group: all its rows are refused with it, and replayed with it once it is edited, so that no half order is delivered. " +
			"When it cannot be told which group a refused row belonged to, as what by reads cannot be read, the groups before and after it are refused (adjacent), or all of the object. " +
			"Each row refused in this way counts for the limit of dead_letter."),
		spec.Int("max_rows", &c.MaxRows).Default(1_000_000, "1000000").Check(spec.Between(1, 100_000_000)).Doc("How many rows may be held in memory: of an object or, with within = \"adjacent\", of one group. More stop the pipeline."),
		spec.Size("max_bytes", &c.MaxBytes).Default(defaultBytes, `"160MiB"`).Check(checkBytes).Doc("How much memory these rows may take, with the text that each came from. More stop the pipeline."),
	}
}

// Check implements plugin.Config.
func (c *Group) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if len(c.By) == 0 {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&c.By), "Nothing to group by", "Name at least one field: by = [\"order_id\"]."))
	}
	if len(c.Fields) == 0 {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&c.Fields), "The new row has no fields", "Write fields = { name = \"first(rows).name\" }."))
	}
	return ds
}

// Bind implements Config.
func (c *Group) Bind(b Binding) (Step, diag.List) {
	s := &groupStep{in: b.In, address: b.Address, adjacent: c.Within == withinAdjacent, most: bound{c.MaxRows, c.MaxBytes}, whole: c.OnReject == rejectGroup}
	var ds diag.List
	for _, t := range c.By {
		f, d := compile(b.Compiler, b.In, t, record.Invalid)
		ds, s.by, s.byNames = append(ds, d...), append(s.by, f), append(s.byNames, t.S)
		if slot, ok := b.In.Slot(dedupeField); ok && s.whole && f.expr != nil && slices.Contains(f.expr.Reads(), slot) {
			ds = append(ds, diag.Errorf("plan.bad_key", &t.Range, "by reads dedupe, which a refused row does not have",
				"With on_reject = \"group\" the group of a row must be known also when the row is refused before the dedupe step. Group by a field of the row, or leave on_reject out."))
		}
	}
	var fields []record.Field
	for _, nt := range c.Fields {
		if slot, ok := b.In.Slot(nt.Name); ok && b.In.Fields()[slot].Hidden {
			ds = append(ds, diag.Errorf("plan.reserved_name", &nt.Text.Range, fmt.Sprintf("%q is a reserved name", nt.Name),
				"Expressions see the engine's own %s under that name. Choose another name for the field.", nt.Name))
			continue
		}
		e, d := b.Compiler.Rows(nt.Text, nil, record.Invalid)
		ds = append(ds, d...)
		if e != nil && !d.HasErrors() {
			s.fields, fields = append(s.fields, e), append(fields, record.Field{Name: nt.Name, Type: e.Type()})
		}
	}
	for slot, f := range b.In.Fields() {
		if f.Hidden {
			s.hidden, fields = append(s.hidden, record.Slot(slot)), append(fields, f)
		}
	}
	if ds.HasErrors() {
		return nil, ds
	}
	s.out = record.NewSchema(fields)
	return s, ds
}

type groupStep struct {
	in, out  *record.Schema
	address  string
	adjacent bool
	whole    bool // on_reject = "group"
	most     bound
	by       []formula
	byNames  []string
	fields   []plugin.Expr // the first slots of out
	hidden   []record.Slot // of in; the slots of out after them
}

func (s *groupStep) Out() *record.Schema { return s.out }
func (s *groupStep) Stateful() bool      { return true }

// held returns the slots of in that must be held back for the slots want of out.
func (s *groupStep) held(want []record.Slot) []record.Slot {
	var sets [][]record.Slot
	for _, w := range want {
		if int(w) < len(s.fields) {
			sets = append(sets, s.fields[w].Reads())
		} else {
			sets = append(sets, []record.Slot{s.hidden[int(w)-len(s.fields)]})
		}
	}
	return union(s.in.Len(), sets...)
}

func (s *groupStep) Reads(want []record.Slot) []record.Slot {
	sets := [][]record.Slot{s.held(want)}
	for _, f := range s.by {
		sets = append(sets, f.expr.Reads())
	}
	return union(s.in.Len(), sets...)
}

func (s *groupStep) New(env Env, want []record.Slot) Runner {
	held := s.held(want)
	r := &groupRunner{groupStep: s, want: wanted(s.out.Len(), want), by: evaluators(s.by), rows: newRowBuffer(s.in, held), joined: env.Joined}
	if s.adjacent {
		r.spare = newRowBuffer(s.in, held)
	}
	if s.whole {
		r.whole = &wholeness{adjacent: s.adjacent, out: &lacking{}}
	}
	r.evals = make([]plugin.Eval, len(s.fields))
	r.own = make([]record.Column, len(s.fields))
	for i, e := range s.fields {
		if r.want[i] {
			r.evals[i] = e.New()
		}
	}
	return r
}
