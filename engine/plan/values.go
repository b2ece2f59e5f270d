package plan

import (
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/spec"
)

// rowVars returns the module's variables as row expressions see them under var.
// Sensitive ones are left out: rows end in logs and dead letters (I9).
func rowVars(m *config.Module) map[string]any {
	out := make(map[string]any, len(m.Vars))
	for n, v := range m.Vars {
		if spec.ContainsSensitive(v) || !v.IsWhollyKnown() {
			continue
		}
		u, _ := v.UnmarkDeep()
		out[n] = goValue(u)
	}
	return out
}

func goValue(v cty.Value) any {
	ty := v.Type()
	switch {
	case v.IsNull():
		return nil
	case ty == cty.String:
		return v.AsString()
	case ty == cty.Bool:
		return v.True()
	case ty == cty.Number:
		if i, acc := v.AsBigFloat().Int64(); acc == 0 {
			return int(i)
		}
		f, _ := v.AsBigFloat().Float64()
		return f
	case ty.IsObjectType() || ty.IsMapType():
		out := map[string]any{}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			out[k.AsString()] = goValue(e)
		}
		return out
	case v.CanIterateElements():
		out := []any{}
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			out = append(out, goValue(e))
		}
		return out
	}
	return nil
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
