package step

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Check is the configuration of a check step: conditions that must hold. A row
// for which one does not is rejected with its message, the first that fails in
// this order: rules as written, in, unique, one_to_one.
//
//	check "customer" {
//	  rule "has_name" {
//	    that    = "name != ''"
//	    message = "customer {code} has no name"
//	  }
//	  in {
//	    field  = "warehouse_code"
//	    values = var.warehouses
//	  }
//	  unique     = ["currency", "price_label"]
//	  one_to_one = ["rep_email", "rep_code"]
//	}
//
// unique and one_to_one compare the rows of one object (a file, a page). What
// they remember is kept in memory until the object ends, and is part of a commit
// in its middle, so that a run that goes on there still notices a repeat.
type Check struct {
	Name     string
	Rules    []*Rule
	Ins      []*In
	Unique   []string
	OneToOne []string
	Within   string
}

// Rule is one condition of a check.
type Rule struct {
	Name    string
	That    spec.Text
	Message spec.Text
	rng     hcl.Range
}

// In is a reference table of a check.
type In struct {
	Field      spec.Text
	Values     cty.Value
	AllowEmpty bool
	Message    spec.Text
	rng        hcl.Range
}

// Spec implements plugin.Config.
func (c *Check) Spec() spec.Body {
	return spec.Body{
		spec.Blocks("rule", []string{"name"}, "A condition that must hold for every row.", func() spec.Body { return new(Rule).spec() },
			func(labels []string, rng hcl.Range) spec.Body {
				r := &Rule{rng: rng}
				if len(labels) > 0 {
					r.Name = labels[0]
				}
				c.Rules = append(c.Rules, r)
				return r.spec()
			}),
		spec.Blocks("in", nil, "A field whose value must be one of a table.", func() spec.Body { return new(In).spec() },
			func(_ []string, rng hcl.Range) spec.Body {
				t := &In{rng: rng}
				c.Ins = append(c.Ins, t)
				return t.spec()
			}),
		spec.Strings("unique", &c.Unique).Doc("Fields whose values together may appear once in an object. Repeats are rejected and the reason gives the first row, also one that is refused by a later step: it is the object that is checked. " +
			"A row in which one of them is nil is not compared."),
		spec.Strings("one_to_one", &c.OneToOne).Doc("Two fields: each value of the one goes with a single value of the other, both ways. " +
			"The first pair seen in an object stands, rows that contradict it are rejected. A row in which one of them is nil or '' is not compared."),
		spec.Choice("within", &c.Within, "object").Default("object", `"object"`).Doc("Where unique and one_to_one compare: the rows of one object."),
	}
}

func (r *Rule) spec() spec.Body {
	return spec.Body{
		spec.Expr("that", &r.That).Required().Doc("The condition. A row for which it is false or nil is rejected."),
		spec.Expr("message", &r.Message).Doc("Why the row was refused, for people. {expression} in it shows a value of the row, such as \"no price for {sku}\"; {{ is a brace. " +
			"Without it the reason quotes the condition."),
	}
}

func (t *In) spec() spec.Body {
	return spec.Body{
		spec.Expr("field", &t.Field).Required().Doc("The field, or an expression, whose value is looked up."),
		spec.Raw("values", "list of values, or a map", &t.Values).Required().Doc("The table: a list of the values allowed, or a map whose keys they are."),
		spec.Bool("allow_empty", &t.AllowEmpty).Default(false, "false").Doc("Whether nil and '' pass without being looked up."),
		spec.Expr("message", &t.Message).Doc("Why the row was refused, as in rule."),
	}
}

// Check implements plugin.Config.
func (c *Check) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if len(c.Rules)+len(c.Ins)+len(c.Unique)+len(c.OneToOne) == 0 {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&c.Unique), "A check without a condition",
			"Write at least one rule block, in block, unique or one_to_one."))
	}
	if n := len(c.OneToOne); n != 0 && n != 2 {
		ds = append(ds, diag.Errorf("config.invalid_value", at.Of(&c.OneToOne), "Invalid value for one_to_one",
			"one_to_one needs exactly two fields, such as [\"rep_email\", \"rep_code\"], not %d.", n))
	}
	seen := map[string]bool{}
	for _, r := range c.Rules {
		if seen[r.Name] {
			ds = append(ds, diag.Errorf("config.duplicate", &r.rng, fmt.Sprintf("Two rules are named %q", r.Name), "Give each rule a name of its own."))
		}
		seen[r.Name] = true
	}
	for _, t := range c.Ins {
		if _, err := tableOf(t.Values); err != nil {
			ds = append(ds, diag.Errorf("config.invalid_value", at.Of(&t.Values), "Invalid value for values", "values %s.", err))
		}
	}
	return ds
}

// Bind implements Config.
func (c *Check) Bind(b Binding) (Step, diag.List) {
	s := &checkStep{in: b.In, address: b.Address}
	var ds diag.List
	for _, r := range c.Rules {
		t, d := bindRule(b, r)
		ds, s.tests = append(ds, d...), append(s.tests, t)
	}
	for _, i := range c.Ins {
		t, d := bindIn(b, i)
		ds, s.tests = append(ds, d...), append(s.tests, t)
	}
	var d diag.List
	s.unique, d = visibleSlots(b.In, c.Unique, "unique", b.At, &c.Unique)
	ds = append(ds, d...)
	s.oneToOne, d = visibleSlots(b.In, c.OneToOne, "one_to_one", b.At, &c.OneToOne)
	ds = append(ds, d...)
	if ds.HasErrors() {
		return nil, ds
	}
	return s, ds
}

type checkStep struct {
	in       *record.Schema
	address  string
	tests    []test
	unique   []record.Slot
	oneToOne []record.Slot // two, or none
}

func (s *checkStep) Out() *record.Schema { return s.in }
func (s *checkStep) Stateful() bool      { return len(s.unique)+len(s.oneToOne) > 0 }

func (s *checkStep) Reads(want []record.Slot) []record.Slot {
	sets := [][]record.Slot{want, s.unique, s.oneToOne}
	for _, t := range s.tests {
		sets = append(sets, t.cond.expr.Reads(), t.message.reads())
	}
	return union(s.in.Len(), sets...)
}

func (s *checkStep) New(Env, []record.Slot) Runner {
	r := &checkRunner{checkStep: s}
	for _, t := range s.tests {
		r.tests = append(r.tests, testRunner{test: t, eval: t.cond.evaluator()})
	}
	return r
}

type checkRunner struct {
	*checkStep
	tests  []testRunner
	seen   objectMemory
	failed []int32
}

// Apply implements Runner.
func (r *checkRunner) Apply(_ context.Context, in *record.Batch, _ *Tally) (*record.Batch, error) {
	for i := range r.tests {
		from := len(in.Rejects)
		r.failed = r.tests[i].apply(in, r.address, r.failed)
		in.Drop(from)
	}
	if r.Stateful() {
		from := len(in.Rejects)
		if in.Live() > 0 && r.seen.first == 0 {
			r.seen.first = in.RowNo(in.Row(0))
		}
		r.applyUnique(in)
		in.Drop(from)
		from = len(in.Rejects)
		r.applyOneToOne(in)
		in.Drop(from)
	}
	return in, nil
}

// EndObject implements Runner.
func (r *checkRunner) EndObject(context.Context, *Tally, func(*record.Batch) error) error {
	r.seen.reset()
	return nil
}

// tableOf returns the values of a reference table as text.
func tableOf(v cty.Value) (map[string]struct{}, error) {
	u, _ := v.UnmarkDeep()
	if u == cty.NilVal || u.IsNull() || !u.CanIterateElements() {
		return nil, errors.New("must be a list such as [\"A\", \"B\"], or a map whose keys are the values")
	}
	byKey := u.Type().IsMapType() || u.Type().IsObjectType()
	out := map[string]struct{}{}
	for it := u.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if byKey {
			e = k
		}
		s, err := spec.NewText(e, hcl.Range{})
		if err != nil {
			return nil, errors.New("must hold strings or numbers only")
		}
		out[s.S] = struct{}{}
	}
	if len(out) == 0 {
		return nil, errors.New("must not be empty: every row would be refused")
	}
	return out, nil
}

// sortedKeys returns the keys of m in order, for messages.
func sortedKeys(m map[string]struct{}) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
