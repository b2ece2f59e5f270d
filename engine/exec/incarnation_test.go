package exec_test

import (
	"errors"
	"slices"
	"testing"

	"weir/engine/state"
)

// change does something to the store between two runs.
func (r *rig) change(f func(*state.Store) error) {
	r.t.Helper()
	store, err := state.New(r.kv, state.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer r.kv.Reopen()
	if err = errors.Join(f(store), store.Close()); err != nil {
		r.t.Fatal(err)
	}
}

// newKeys returns the keys that out got since the first n deliveries.
func (r *rig) newKeys(n int) (keys []string) {
	for _, d := range r.probe.seen["out"][n:] {
		keys = append(keys, d.Key)
	}
	return keys
}

const toProbe = source + `
  sink "probe" "out" {
    to   = "out"
    rows = 7
  }
`

// Rows that are read again because the state was dropped or laid aside on purpose
// have other keys than before, each time; those of a crash have the same (I7).
func TestKeysOfIncarnations(t *testing.T) {
	r := newRig(t, t.TempDir(), toProbe)
	r.put("a.csv", csvRows(0, 70))
	r.done()
	known := r.newKeys(0)
	if len(known) != 10 {
		t.Fatalf("%d deliveries", len(known))
	}
	for name, f := range map[string]func(*state.Store) error{
		"rebuild": func(s *state.Store) error { return s.Rebuild("p", nil) },
		"fork":    func(s *state.Store) error { _, err := s.Fork("p", nil); return err },
		"drop":    func(s *state.Store) error { return s.Drop(t.Context(), "p") },
		"file":    func(s *state.Store) error { return r.forgetAll(s) },
	} {
		r.change(f)
		n := len(r.probe.seen["out"])
		r.killAt("delivered", 4)
		first := r.newKeys(n)
		r.done()
		all := r.newKeys(n)
		if len(first) == 0 || len(all) != len(first)+10 || !slices.Equal(all[len(first):][:len(first)], first) {
			t.Errorf("%s: keys before the crash %v, in all %v", name, first, all)
		}
		for _, k := range all {
			if slices.Contains(known, k) {
				t.Errorf("%s: key %s was used before", name, k)
			}
		}
		known = append(known, all...)
	}
}

// forgetAll makes the next run read every file again.
func (r *rig) forgetAll(s *state.Store) error {
	list, err := s.Files("p", false)
	for _, f := range list {
		_, ferr := s.ForgetFile("p", f.Source, f.Path)
		err = errors.Join(err, ferr)
	}
	return err
}
