package step

import (
	"context"
	"fmt"
	"slices"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Map is the configuration of a map step: the row becomes exactly the fields named.
//
//	map "line" {
//	  extends = mapping.customer_defaults
//	  keep    = ["filiaal"]
//	  fields = {
//	    number = "trim(klantnummer)"
//	    email  = "email(email)"
//	  }
//	}
//
// A field that nobody reads further down is not computed, so its errors reject no row.
type Map struct {
	Name    string
	Extends *spec.Ref
	Keep    []string
	Drop    []string
	Fields  []spec.NamedText
}

// Spec implements plugin.Config.
func (c *Map) Spec() spec.Body {
	return spec.Body{
		spec.Exprs("fields", &c.Fields).Doc("The fields of the new row: name = \"expression\". They stand in the row in the order written. " +
			"A plain field name, such as \"email\", passes the value as it is."),
		spec.Reference("extends", "mapping", &c.Extends).Doc("A mapping block whose fields come first. A line of fields with the same name replaces the mapping's line in its place."),
		spec.Strings("keep", &c.Keep).Doc("Fields that pass unchanged, before those of fields: a list of names, or \"*\" for all. " +
			"With \"*\" a line of fields replaces the field of its name in place. Without keep, nothing passes that fields does not name."),
		spec.Strings("drop", &c.Drop).Doc("With keep = \"*\": fields that do not pass after all. Expressions of this step still see them."),
	}
}

// Check implements plugin.Config.
func (c *Map) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if c.Extends != nil {
		if _, ok := c.Extends.Value.([]spec.NamedText); !ok {
			ds = append(ds, diag.Errorf("config.invalid_value", at.Of(&c.Extends), fmt.Sprintf("Mapping %q has no fields", c.Extends.Name),
				"Declare it as: mapping %q { fields = { name = \"expression\" } }.", c.Extends.Name))
		}
	}
	if len(c.Fields) == 0 && len(c.Keep) == 0 && c.Extends == nil {
		ds = append(ds, diag.Errorf("config.missing_attribute", at.Of(&c.Fields), "The new row has no fields",
			"Write fields = { name = \"expression\" }, keep = [\"name\"], or both."))
	}
	if len(c.Drop) > 0 && !slices.Equal(c.Keep, []string{"*"}) {
		ds = append(ds, diag.Errorf("config.conflict", at.Of(&c.Drop), "drop is without effect", "Only with keep = \"*\" do fields pass that are not named; drop takes some of them out."))
	}
	return append(ds, checkKeep(c.Keep, at, &c.Keep)...)
}

// checkKeep reports a "*" that is not alone.
func checkKeep(keep []string, at spec.Ranges, p any) diag.List {
	for _, k := range keep {
		if k == "*" && len(keep) > 1 {
			return diag.List{diag.Errorf("config.invalid_value", at.Of(p), "\"*\" stands alone", "keep = \"*\" already passes every field.")}
		}
	}
	return nil
}

// merged returns the mapping's lines with the block's own over them.
func (c *Map) merged() []spec.NamedText {
	if c.Extends == nil {
		return c.Fields
	}
	base, _ := c.Extends.Value.([]spec.NamedText)
	out := append([]spec.NamedText(nil), base...)
	place := make(map[string]int, len(out))
	for i, f := range out {
		place[f.Name] = i
	}
	for _, f := range c.Fields {
		if i, ok := place[f.Name]; ok {
			out[i] = f
			continue
		}
		place[f.Name] = len(out)
		out = append(out, f)
	}
	return out
}

// Bind implements Config.
func (c *Map) Bind(b Binding) (Step, diag.List) {
	p, ds := project(projectionSpec{in: b.In, compiler: b.Compiler, keepable: b.In, keep: c.Keep, drop: c.Drop, fields: c.merged(), at: b.At, keepAt: &c.Keep, dropAt: &c.Drop})
	if p == nil {
		return nil, ds
	}
	return &mapStep{projection: p, address: b.Address}, ds
}

type mapStep struct {
	*projection
	address string
}

func (s *mapStep) Out() *record.Schema                    { return s.out }
func (s *mapStep) Reads(want []record.Slot) []record.Slot { return s.reads(want) }
func (s *mapStep) Stateful() bool                         { return false }

func (s *mapStep) New(_ Env, want []record.Slot) Runner {
	return &mapRunner{projector: s.projector(s.address, want)}
}

type mapRunner struct {
	projector
	out record.Batch
}

// Apply implements Runner.
func (r *mapRunner) Apply(_ context.Context, in *record.Batch, _ *Tally) (*record.Batch, error) {
	r.fill(&r.out, in)
	return &r.out, nil
}

// EndObject implements Runner.
func (r *mapRunner) EndObject(context.Context, *Tally, func(*record.Batch) error) error { return nil }
