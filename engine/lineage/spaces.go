package lineage

import (
	"slices"
	"strings"

	"weir/engine/plan"
)

// spacesOf lists the spaces of keys that effects are about.
func spacesOf(list []plan.Effect) []string {
	var out []string
	for _, e := range list {
		if e.Space != "" && !slices.Contains(out, e.Space) {
			out = append(out, e.Space)
		}
	}
	return out
}

// renames maps spaces that nothing looks at any more to those of the steps that
// take their place: a step of the same kind that is new in the pipeline.
func renames(effects []plan.Effect, is *plan.Shape) map[string]string {
	out := map[string]string{}
	for _, e := range effects {
		if e.Kind != plan.KeysOrphaned || e.Space == "" {
			continue
		}
		for i := range is.Steps {
			st := &is.Steps[i]
			kind, _, _ := strings.Cut(e.Step, ".")
			if st.Kind == kind && st.Space != "" && st.Space != e.Space && st.Entity == "" {
				out[e.Space] = st.Space
			}
		}
	}
	return out
}

// moved adds to spaces those of a pipeline that has another address now: the address
// is part of the names of what its steps keep for themselves.
func moved(spaces map[string]string, was, is *plan.Shape) {
	for i := range was.Steps {
		o := &was.Steps[i]
		j := slices.IndexFunc(is.Steps, func(s plan.StepShape) bool { return s.Step == o.Step && s.Kind == o.Kind })
		if j < 0 {
			continue
		}
		s := &is.Steps[j]
		if o.Entity == "" && s.Entity == "" && o.Space != "" && o.Space != s.Space {
			spaces[o.Space] = s.Space
		}
		if o.Own != "" && s.Own != "" && o.Own != s.Own {
			spaces[o.Own] = s.Own
		}
	}
}
