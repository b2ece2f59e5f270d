package lineage

import (
	"slices"
	"strings"

	"go.uber.org/zap"

	"weir/engine/identity"
	"weir/engine/plan"
	"weir/engine/state"
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

// inSpace says how much a space holds, up to the verb.
func (b *Book) inSpace(space string) string {
	c, err := b.CountSpace(space)
	switch {
	case err != nil:
		b.log.Warn("what is stored cannot be counted", zap.String("space", space), zap.Error(err))
		return "Keys are"
	case c.Keys == 0:
		return number(c.Marked, "entity is", "entities are")
	case c.Keys == c.Entities:
		return number(c.Keys, "key is", "keys are")
	case c.Entities == 1:
		return number(1, "entity", "") + " with " + number(c.Keys, "", "keys") + " is"
	}
	return number(c.Entities, "", "entities") + " with " + number(c.Keys, "", "keys") + " are"
}

// CountSpace counts what is kept in a space, which takes as long as reading it.
func (b *Book) CountSpace(space string) (identity.Counts, error) {
	r, err := b.store.ReadSpace(space)
	if err != nil {
		return identity.Counts{}, err
	}
	name := space // by which its entities are known, without the pipeline
	if _, own, ok := strings.Cut(space, "/"); ok {
		name = own
	}
	return identity.Count(name, readOnly{r}, func(f func(key, value []byte) bool) error { return b.store.ScanSpace(space, nil, f) })
}

// readOnly makes a reader of a space one that identity takes.
type readOnly struct{ state.SpaceReader }

// Put implements identity.State.
func (readOnly) Put(_, _ []byte) {}

// Delete implements identity.State.
func (readOnly) Delete([]byte) {}

// DropSpace forgets the keys of an identity space (entity.NAME), and with them what
// each pipeline keeps of its entities: that a row of them passed. The latter goes first.
// Where a crash comes between, rows pass once more, and none is taken for known
// (I3). No pipeline that uses the space may run meanwhile.
func (b *Book) DropSpace(name string) error {
	var marks []string
	err := b.scan(func(string) bool { return true }, func(r *Record) {
		for _, s := range r.Description.Shape.Steps {
			if s.Space == name && s.Own != "" {
				marks = append(marks, s.Own)
			}
		}
	})
	if err != nil {
		return err
	}
	for _, m := range marks {
		if err := b.store.DropSpace(m); err != nil {
			return err
		}
	}
	return b.store.DropSpace(name)
}
