package rest

import (
	"fmt"
	"strings"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// orderOf compiles what tells which rows must stay in the order of the source
// when several requests are under way (I4): ordering_key, or else what the dedupe
// step before the sink found out about each row. Both its identity and its keys
// count: two rows with the same key may have had different identities before a merge.
func (s *Sink) orderOf(in *record.Schema, at spec.Ranges, c plugin.Compiler) ([]plugin.Expr, diag.List) {
	texts := []spec.Text{s.batch.key}
	switch {
	case strings.TrimSpace(s.batch.key.S) == "nil":
		return nil, nil
	case s.batch.key.IsZero():
		if texts = dedupeTexts(in); texts == nil {
			return nil, diag.List{diag.Errorf("config.missing_attribute", at.Of(&s.batch.parallel), "parallel needs an ordering_key",
				"Rows about the same thing must reach the receiver in the order of the source, and there is no dedupe step before the sink that tells which those are. "+
					"Say what a row is about, such as ordering_key = \"customer_no\", or write ordering_key = \"nil\" where the order of rows does not matter.")}
		}
		for i := range texts {
			if r := at.Of(&s.batch.parallel); r != nil {
				texts[i].Range = *r
			}
		}
	}
	var out []plugin.Expr
	var ds diag.List
	for _, t := range texts {
		e, d := c.Row(t, record.Invalid)
		ds = append(ds, d...)
		if e != nil && !d.HasErrors() {
			out = append(out, e)
		}
	}
	return out, ds
}

// dedupeTexts returns the expressions for the identity and the keys that a dedupe
// step gave each row, nil when there was none.
func dedupeTexts(in *record.Schema) []spec.Text {
	slot, ok := in.Slot("dedupe")
	if !ok || !in.Fields()[slot].Hidden {
		return nil
	}
	out := []spec.Text{{S: "dedupe.id"}}
	for _, f := range in.Fields()[slot].Type.Fields {
		if f.Name != "keys" {
			continue
		}
		for _, k := range f.Type.Fields {
			out = append(out, spec.Text{S: fmt.Sprintf("dedupe.keys[%q]", k.Name)})
		}
	}
	return out
}
