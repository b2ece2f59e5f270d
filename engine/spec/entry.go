package spec

import (
	"errors"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// EntryOf returns the expressions of the entry called key where e is an object that is
// written out with constant keys, nil otherwise.
func EntryOf(e hcl.Expression, key string) *hcl.KeyValuePair {
	pairs, hd := hcl.ExprMap(e)
	if hd.HasErrors() {
		return nil
	}
	for _, p := range pairs {
		k, hd := p.Key.Value(nil)
		if u, _ := k.Unmark(); !hd.HasErrors() && u.Type() == cty.String && u.IsKnown() && !u.IsNull() && u.AsString() == key {
			return &p
		}
	}
	return nil
}

// entryError is what is wrong with one entry of a map.
type entryError struct {
	key string
	err error
}

// Error implements error.
func (e *entryError) Error() string { return e.key + ": " + e.err.Error() }

// Unwrap returns what is wrong.
func (e *entryError) Unwrap() error { return e.err }

func asSecret(v cty.Value) (Secret, error) {
	if u, _ := v.Unmark(); !u.IsKnown() && (u.Type() == cty.String || u.Type() == cty.DynamicPseudoType) {
		return UnknownSecret(), nil
	}
	s, err := asString(v)
	return NewSecret(s), err
}

func eachEntry(v cty.Value, _ hcl.Range, f func(k string, v cty.Value) error) error {
	u, _ := v.Unmark()
	if !u.Type().IsMapType() && !u.Type().IsObjectType() {
		return errors.New("must be a map: { name = value }")
	}
	for it := u.ElementIterator(); it.Next(); {
		kv, ev := it.Element()
		k, _ := kv.Unmark()
		if un, _ := ev.Unmark(); un.IsNull() {
			continue
		}
		if err := f(k.AsString(), ev); err != nil {
			return &entryError{k.AsString(), err}
		}
	}
	return nil
}
