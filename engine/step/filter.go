package step

import (
	"context"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Filter is the configuration of a filter step: it lets rows pass by a
// condition and counts the others under its name.
//
//	filter "no_customer" {
//	  drop = "number == '' and email == nil"
//	}
//
// A condition that is nil for a row says neither; the row is rejected, with code row.nil_condition.
type Filter struct {
	Name    string
	Drop    spec.Text
	Keep    spec.Text
	hasDrop bool
	hasKeep bool
}

// Spec implements plugin.Config.
func (c *Filter) Spec() spec.Body {
	return spec.Body{
		spec.Expr("drop", &c.Drop).Set(&c.hasDrop).Doc("Rows for which this is true go no further. They are counted in the ledger under the block's name. " +
			"A row for which it is nil is rejected."),
		spec.Expr("keep", &c.Keep).Set(&c.hasKeep).Doc("Only rows for which this is true go on. Either drop or keep is written, not both."),
	}
}

// Check implements plugin.Config.
func (c *Filter) Check(at spec.Ranges) diag.List {
	switch {
	case c.hasDrop && c.hasKeep:
		return diag.List{diag.Errorf("config.conflict", at.Of(&c.Keep), "Both drop and keep",
			"A filter has one condition. Write it as drop or as keep, or use two filters so that each is counted by its own name.")}
	case !c.hasDrop && !c.hasKeep:
		return diag.List{diag.Errorf("config.missing_attribute", at.Of(&c.Drop), "A filter without a condition",
			"Write drop = \"condition\" or keep = \"condition\".")}
	}
	return nil
}

// Bind implements Config.
func (c *Filter) Bind(b Binding) (Step, diag.List) {
	text, pass := c.Drop, false
	if c.hasKeep {
		text, pass = c.Keep, true
	}
	f, ds := compile(b.Compiler, b.In, text, record.Bool)
	if f.expr == nil {
		return nil, ds
	}
	return &filterStep{in: b.In, cond: f, pass: pass, address: b.Address}, ds
}

type filterStep struct {
	in      *record.Schema
	cond    formula
	pass    bool // the value of the condition with which a row goes on
	address string
}

func (s *filterStep) Out() *record.Schema { return s.in }
func (s *filterStep) Stateful() bool      { return false }

func (s *filterStep) Reads(want []record.Slot) []record.Slot {
	return union(s.in.Len(), want, s.cond.expr.Reads())
}

func (s *filterStep) New(Env, []record.Slot) Runner {
	return &filterRunner{filterStep: s, eval: s.cond.evaluator()}
}

type filterRunner struct {
	*filterStep
	eval evaluator
	sel  []int32
}

// Apply implements Runner.
func (r *filterRunner) Apply(_ context.Context, in *record.Batch, t *Tally) (*record.Batch, error) {
	from := len(in.Rejects)
	cond := r.eval.rows(in, r.address, "")
	in.Drop(from) // what failed is not judged
	from = len(in.Rejects)
	sel := emptySelection(r.sel, in.N)
	for k := range in.Live() {
		i := in.Row(k)
		switch v, ok := truth(cond, i); {
		case !ok:
			in.Reject(i, r.address, "", codeNoCondition, reasonNoCondition)
		case v == r.pass:
			sel = append(sel, int32(i))
		default:
			t.Filtered++
		}
	}
	in.Drop(from)
	r.sel, in.Sel = sel, sel
	return in, nil
}

// EndObject implements Runner.
func (r *filterRunner) EndObject(context.Context, *Tally, func(*record.Batch) error) error {
	return nil
}
