package step

import (
	"fmt"
	"strings"
	"unicode"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// formula is a compiled row expression, or the plain name of a field, which
// costs nothing to evaluate.
type formula struct {
	expr plugin.Expr
	slot record.Slot // of the field that the text names, or -1
}

// compile compiles t over in. want restricts the kind, record.Invalid allows any.
func compile(c plugin.Compiler, in *record.Schema, t spec.Text, want record.Kind) (formula, diag.List) {
	e, ds := c.Row(t, want)
	if ds.HasErrors() || e == nil {
		return formula{}, ds
	}
	f := formula{expr: e, slot: -1}
	name := strings.TrimSpace(t.S)
	reads := e.Reads()
	if s, ok := in.Slot(name); ok && isIdentifier(name) && len(reads) == 1 && reads[0] == s &&
		in.Fields()[s].Type.Kind == e.Type().Kind {
		f.slot = s
	}
	return f, ds
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// evaluator evaluates a formula. One goroutine at a time uses it.
type evaluator struct {
	slot record.Slot
	eval plugin.Eval
}

func (f formula) evaluator() evaluator {
	if f.slot >= 0 {
		return evaluator{slot: f.slot}
	}
	return evaluator{slot: -1, eval: f.expr.New()}
}

// rows evaluates for the selected rows of b: see [plugin.Eval].
func (e *evaluator) rows(b *record.Batch, step, column string) *record.Column {
	if e.slot >= 0 {
		return &b.Cols[e.slot]
	}
	return e.eval.Rows(b, step, column)
}

// isKeyKind reports whether values of kind k have a text by which they can be
// looked up. Floats have none: two ways to compute one number need not agree.
func isKeyKind(k record.Kind) bool {
	return k != record.List && k != record.Object && k != record.Float
}

// evaluators makes one evaluator for each formula.
func evaluators(fs []formula) []evaluator {
	out := make([]evaluator, len(fs))
	for i, f := range fs {
		out[i] = f.evaluator()
	}
	return out
}

// truth returns condition i and whether it is one: nil is neither true nor false.
func truth(c *record.Column, i int) (value, ok bool) {
	if c.IsNull(i) {
		return false, false
	}
	if c.Type.Kind == record.Bool {
		return c.Bools[i], true
	}
	if c.Type.Kind == record.Any {
		value, ok = c.Anys[i].(bool)
	}
	return value, ok
}

// The reject of a row whose condition is nil, or not a condition.
const (
	codeNoCondition   = "row.nil_condition"
	reasonNoCondition = "the condition is nil for this row, neither true nor false. Say what nil means, for example: coalesce(x, '') == 'yes'"
)

// suggestion returns a sentence that names the known name nearest to name, or all of them when they are few.
func suggestion(name string, known []string) string {
	if m := diag.Suggest(name, known); m != "" {
		return fmt.Sprintf(" Did you mean %q?", m)
	}
	switch {
	case len(known) == 0:
		return ""
	case len(known) <= 12:
		return " There are: " + strings.Join(known, ", ") + "."
	}
	return fmt.Sprintf(" There are %d, the first of them %s.", len(known), strings.Join(known[:12], ", "))
}

// visibleNames lists the fields of s that are part of the row.
func visibleNames(s *record.Schema) []string {
	slots := s.Visible()
	out := make([]string, 0, len(slots))
	for _, i := range slots {
		out = append(out, s.Fields()[i].Name)
	}
	return out
}

// visibleSlots resolves names of visible fields of in. option names the
// attribute for the diagnostics, which point at p's value.
func visibleSlots(in *record.Schema, names []string, option string, at spec.Ranges, p any) ([]record.Slot, diag.List) {
	var out []record.Slot
	var ds diag.List
	seen := map[string]bool{}
	for _, name := range names {
		s, ok := in.Slot(name)
		switch {
		case !ok || in.Fields()[s].Hidden:
			ds = append(ds, diag.Errorf("plan.unknown_field", at.Of(p), fmt.Sprintf("No field %q reaches this step", name),
				"%s names a field that the step above does not give.%s", option, suggestion(name, visibleNames(in))))
		case seen[name]:
			ds = append(ds, diag.Errorf("plan.duplicate_field", at.Of(p), fmt.Sprintf("Field %q is named twice", name),
				"Remove one of the two from %s.", option))
		default:
			out = append(out, s)
		}
		seen[name] = true
	}
	return out, ds
}
