package plan

import (
	"maps"
	"math/big"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"weir/engine/compute"
	"weir/engine/config"
	"weir/engine/spec"
)

// Values are the values of a configuration that row expressions can name: variables
// under var and locals under local. In the place of a sensitive one stands its
// spec.Secret, or the mark spec.Sensitive when it is no text: rows end in logs and
// dead letters (I9).
type Values struct {
	Vars, Locals map[string]any
	Pieces       bool // the rows are pieces that an expand step made of others
}

// rowValues returns the values that the row expressions of m can name.
func rowValues(m *config.Module) Values {
	out := Values{Vars: make(map[string]any, len(m.Vars))}
	for n, v := range m.Vars {
		addValue(out.Vars, n, v)
	}
	locals := m.Scope.Variables["local"]
	if locals == cty.NilVal || !locals.Type().IsObjectType() || locals.LengthInt() == 0 {
		return out
	}
	out.Locals = make(map[string]any, locals.LengthInt())
	for n, v := range locals.AsValueMap() {
		addValue(out.Locals, n, v)
	}
	return out
}

func addValue(out map[string]any, name string, v cty.Value) {
	u, _ := v.UnmarkDeep()
	switch text := u.Type() == cty.String && !u.IsNull(); {
	case spec.ContainsSensitive(v) && text && u.IsKnown():
		out[name] = spec.NewSecret(u.AsString())
	case spec.ContainsSensitive(v) && text:
		out[name] = spec.NewSecret("the text of " + name + ", which is not known while planning and testing")
	case spec.ContainsSensitive(v):
		out[name] = spec.Sensitive
	case u.IsWhollyKnown():
		out[name] = goValue(u)
	default:
		out[name] = compute.Unknown{}
	}
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
		return number(v.AsBigFloat())
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

// number is n as an int where it is one, else as a float. A whole number that neither
// is exactly, such as an id of 20 digits, is compute.TooLong.
func number(n *big.Float) any {
	if i, acc := n.Int64(); acc == big.Exact {
		return int(i)
	}
	f, _ := n.Float64()
	if n.IsInt() && n.Text('g', -1) != new(big.Float).SetPrec(n.Prec()).SetFloat64(f).Text('g', -1) {
		return compute.TooLong(n.Text('f', 0))
	}
	return f
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
