package plan

import (
	"fmt"
	"slices"
	"strings"
)

// dedupe tells what becomes of the keys of a dedupe step.
func (e *effects) dedupe(o, s *StepShape) {
	if o.Space != s.Space {
		e.add(orphaned(o, s))
		return
	}
	before := len(e.out)
	e.keys(o, s)
	e.declared(o, s)
	if !slices.ContainsFunc(e.out[before:], func(x Effect) bool { return x.Breaks }) {
		e.add(Effect{Step: s.Step, Kind: KeysValid, Space: s.Space, Range: s.header, Text: s.Step + ": its keys stay valid"})
	}
	e.comparison(o, s)
}

// orphaned is the effect of a step that looks for its keys somewhere else.
func orphaned(o, s *StepShape) Effect {
	name := func(x *StepShape) string {
		if x.Entity == "" {
			return "a space of its own"
		}
		return "entity." + x.Entity
	}
	return Effect{Step: s.Step, Kind: KeysOrphaned, Breaks: true, Space: o.Space, Range: s.header,
		Text: fmt.Sprintf("%s keeps its keys in %s instead of %s: what is stored there is not looked at, so every row counts as new", s.Step, name(s), name(o))}
}

func keyNamed(ks []Key, name string) *Key {
	for i := range ks {
		if ks[i].Name == name {
			return &ks[i]
		}
	}
	return nil
}

// keys compares the keys of the step itself.
func (e *effects) keys(o, s *StepShape) {
	renamed := map[string]bool{} // names that a removed key has now
	for i := range o.Keys {
		k := &o.Keys[i]
		if keyNamed(s.Keys, k.Name) != nil {
			continue
		}
		j := slices.IndexFunc(s.Keys, func(n Key) bool { return n.Digest == k.Digest && keyNamed(o.Keys, n.Name) == nil && !renamed[n.Name] })
		if j >= 0 {
			n := &s.Keys[j]
			renamed[n.Name] = true
			e.add(Effect{Step: s.Step, Kind: KeysRekeyed, Breaks: true, Space: o.Space, Key: k.Name, Range: firstRange(n.rng, s.header),
				Text: fmt.Sprintf("%s: the key %s is called %s now; its values are stored under the former name and are not found", s.Step, k.Name, n.Name)})
			continue
		}
		e.add(Effect{Step: s.Step, Kind: KeyRemoved, Breaks: true, Space: o.Space, Key: k.Name, Range: s.header,
			Text: fmt.Sprintf("%s: the key %s is gone; what is known by it alone is not found any more", s.Step, k.Name)})
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		was := keyNamed(o.Keys, k.Name)
		switch {
		case was == nil && !renamed[k.Name]:
			e.add(Effect{Step: s.Step, Kind: KeyAdded, Space: s.Space, Key: k.Name, Range: firstRange(k.rng, s.header),
				Text: fmt.Sprintf("%s: the key %s is new; what is known stays known by its other keys", s.Step, k.Name)})
		case was != nil && was.Digest != k.Digest:
			e.add(Effect{Step: s.Step, Kind: KeysRekeyed, Breaks: true, Space: s.Space, Key: k.Name, Range: firstRange(k.rng, s.header),
				Text: fmt.Sprintf("%s: the key %s is computed in another way%s; rows that are known may count as new", s.Step, k.Name, because(was, k))})
		}
	}
}

// because names the definitions above a key that changed, where they are not its own.
func because(was, is *Key) string {
	var out []string
	for _, t := range is.Trace {
		i := slices.IndexFunc(was.Trace, func(w Trace) bool { return w.Step == t.Step && w.Field == t.Field })
		if i < 0 || was.Trace[i].Digest != t.Digest {
			out = append(out, t.Step+": "+t.Field)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// declared compares the keys of the entity: how they are normalised.
func (e *effects) declared(o, s *StepShape) {
	for i := range s.Declared {
		k := &s.Declared[i]
		was := keyNamed(o.Declared, k.Name)
		switch {
		case was == nil && keyNamed(s.Keys, k.Name) == nil:
			e.add(Effect{Step: s.Step, Kind: KeyAdded, Space: s.Space, Key: k.Name, Range: firstRange(k.rng, s.header),
				Text: fmt.Sprintf("entity.%s has a new key %s; what is known stays known by its other keys", s.Entity, k.Name)})
		case was != nil && was.Digest != k.Digest && keyNamed(s.Keys, k.Name) != nil:
			e.add(Effect{Step: s.Step, Kind: KeysRekeyed, Breaks: true, Space: s.Space, Key: k.Name, Range: firstRange(k.rng, s.header),
				Text: fmt.Sprintf("entity.%s: the key %s is normalised in another way; values that are stored keep the former form and may not be found", s.Entity, k.Name)})
		}
	}
}

// comparison tells which known rows pass once more.
func (e *effects) comparison(o, s *StepShape) {
	x := Effect{Step: s.Step, Kind: ComparisonChanged, Space: s.Own, Range: firstRange(s.keep, s.header)}
	if x.Space == "" {
		x.Space = s.Space
	}
	switch {
	case s.Keep == "changed" && o.Keep != "changed":
		x.Text = s.Step + ": nothing is stored yet to compare with, so every known row passes once more"
	case s.Keep == "first" && o.Keep != "first" && s.Entity != "":
		x.Text = s.Step + ": it is not stored which rows passed before, so every known row passes once more"
	case s.Keep == "first" && o.Keep != "first":
		x.Text = s.Step + ": rows that are known do not pass any more"
	case s.Keep != "changed":
		return
	default:
		names, computed := comparedChanges(o.Compared, s.Compared)
		switch {
		case names != "":
			x.Text = fmt.Sprintf("%s: other fields are compared (%s), so every known row passes once more", s.Step, names)
		case len(computed) > 0:
			x.Text = fmt.Sprintf("%s: %s computed in another way, so known rows for which that gives another value pass once more", s.Step, are(computed))
			if k := keyNamed(s.Compared, computed[0]); k.rng != nil {
				x.Range = k.rng
			}
		default:
			return
		}
	}
	e.add(x)
}

func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, ", ") + " are"
}

// comparedChanges says which fields are compared besides, or no longer; else
// which are computed in another way.
func comparedChanges(old, updated []Key) (names string, computed []string) {
	var parts []string
	for i := range updated {
		k := &updated[i]
		was := keyNamed(old, k.Name)
		if was == nil {
			parts = append(parts, "with "+k.Name)
		} else if was.Digest != k.Digest {
			computed = append(computed, k.Name)
		}
	}
	for i := range old {
		if keyNamed(updated, old[i].Name) == nil {
			parts = append(parts, "without "+old[i].Name)
		}
	}
	if len(parts) == 0 && !slices.EqualFunc(old, updated, func(a, b Key) bool { return a.Name == b.Name }) {
		parts = []string{"in another order"}
	}
	return strings.Join(parts, ", "), computed
}
