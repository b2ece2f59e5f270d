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
