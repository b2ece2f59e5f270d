package columns

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Set is the columns of one decoder.
type Set struct {
	Columns []Column // in the order of the file where it can be told, else by name
	Ordered bool     // the order of Columns is that of the file
	Schema  *record.Schema
}

// FromMap reads a map of declarations by column name, the value of an attribute
// columns written at use, and reports every problem. The schema has a field for
// every column, also for those in error. A null takes away a column of base,
// the declarations of a schema block, which come first; base may be nil.
func FromMap(v cty.Value, use hcl.Range, base []spec.NamedText) (Set, diag.List) {
	u, _ := v.Unmark()
	if u.IsNull() && base == nil || !u.IsKnown() || !u.IsNull() && !u.Type().IsMapType() && !u.Type().IsObjectType() {
		return Set{Schema: record.NewSchema(nil)}, diag.List{diag.Errorf("config.invalid_value", &use, "Invalid value for columns",
			`columns must be a map of a declaration for each column: { number = "text" }.`)}
	}
	own, gone, diags := declarations(u, use)
	var s Set
	for _, d := range base {
		replaced := slices.ContainsFunc(own, func(o spec.NamedText) bool { return o.Name == d.Name })
		if !replaced && !slices.Contains(gone, d.Name) {
			s.Columns = append(s.Columns, Column{Name: d.Name, Decl: d.Text})
		}
	}
	for _, d := range own {
		s.Columns = append(s.Columns, Column{Name: d.Name, Decl: d.Text})
	}
	for i, c := range s.Columns {
		var ds diag.List
		s.Columns[i], ds = Parse(c.Name, c.Decl)
		diags = append(diags, ds...)
		if ds.HasErrors() { // so that what reads the column is not reported too
			s.Columns[i].Type = record.Of(record.Any)
		}
	}
	s.order()
	diags = append(diags, s.sameSource()...)
	fields := make([]record.Field, len(s.Columns))
	for i := range s.Columns {
		fields[i] = record.Field{Name: s.Columns[i].Name, Type: s.Columns[i].Type}
	}
	s.Schema = record.NewSchema(fields)
	return s, diags
}

// declarations reads the entries of a map: the declarations, and the names set to null.
func declarations(u cty.Value, use hcl.Range) (own []spec.NamedText, gone []string, diags diag.List) {
	if u.IsNull() {
		return nil, nil, nil
	}
	for it := u.ElementIterator(); it.Next(); {
		kv, ev := it.Element()
		k, _ := kv.Unmark()
		e, _ := ev.Unmark()
		if e.IsNull() {
			gone = append(gone, k.AsString())
			continue
		}
		t, err := spec.NewText(ev, use)
		if err != nil || e.Type() != cty.String {
			diags = append(diags, diag.Errorf("config.invalid_column", &use, "A column declaration is not a string",
				`Column %s must be declared in quotes, such as "text" or "decimal comma".`, k.AsString()))
			continue
		}
		own = append(own, spec.NamedText{Name: k.AsString(), Text: t})
	}
	return own, gone, diags
}

// order sorts the columns by where they were written. Those from several files,
// or computed, have no order of their own: files come by name, computed ones last by name.
func (s *Set) order() {
	s.Ordered = true
	for i := range s.Columns {
		o := s.Columns[i].Decl.Origin
		if o == nil || s.Columns[0].Decl.Origin == nil || o.Range.Filename != s.Columns[0].Decl.Origin.Range.Filename {
			s.Ordered = len(s.Columns) == 1
		}
	}
	slices.SortStableFunc(s.Columns, func(a, b Column) int {
		ao, bo := a.Decl.Origin, b.Decl.Origin
		switch {
		case ao == nil && bo == nil:
			return cmp.Compare(a.Name, b.Name)
		case ao == nil:
			return 1
		case bo == nil:
			return -1
		}
		return cmp.Or(cmp.Compare(ao.Range.Filename, bo.Range.Filename), cmp.Compare(ao.Range.Start.Byte, bo.Range.Start.Byte), cmp.Compare(a.Name, b.Name))
	})
	// One literal that declares several columns, as a variable may, does not tell which comes first.
	for i := 1; i < len(s.Columns); i++ {
		a, b := s.Columns[i-1].Decl.Origin, s.Columns[i].Decl.Origin
		if a != nil && b != nil && a.Range == b.Range {
			s.Ordered = false
		}
	}
}

// sameSource reports two columns that read the same cell: it is allowed, but a
// from that names another column's own name is more likely a slip.
func (s *Set) sameSource() diag.List {
	var diags diag.List
	seen := map[string]string{}
	for i := range s.Columns {
		c := &s.Columns[i]
		if other, ok := seen[c.From]; ok {
			rng := c.Decl.Range
			diags = append(diags, diag.Warnf("config.same_column", &rng, fmt.Sprintf("Two columns read %q", c.From),
				"Columns %s and %s both get the text of this column. Remove one unless that is meant.", other, c.Name))
		}
		seen[c.From] = c.Name
	}
	return diags
}
