package exec

import (
	"cmp"
	"maps"
	"slices"

	"weir/engine/state"
)

// Together finds out which dead letters are of use only together: a row that was
// refused and those that were refused because of it, and what hangs together with
// these. Add all of a pipeline, Settle, and then ask.
type Together struct {
	parent map[uint64]uint64
	stale  map[uint64]bool // by root, after Settle: one of them was overtaken
	late   []uint64        // those that were
	sets   map[groupsOf]*groupSet
}

// groupsOf are the groups that one step makes of one object.
type groupsOf struct{ object, step string }

type groupSet struct {
	any   bool // some letter may belong to each of the groups
	ids   []uint64
	keys  map[uint64]uint64 // a letter of each key
	spans []spanned
}

type spanned struct {
	from, to int64
	id       uint64
}

// NewTogether knows of no letters.
func NewTogether() *Together {
	return &Together{parent: map[uint64]uint64{}, sets: map[groupsOf]*groupSet{}}
}

// Add takes a letter. Those that were refused alone are not kept.
func (t *Together) Add(x *state.Reject) {
	for i := range x.Groups {
		g := &x.Groups[i]
		k := groupsOf{x.ObjectID, g.Step}
		s := t.sets[k]
		if s == nil {
			s = &groupSet{keys: map[uint64]uint64{}}
			t.sets[k] = s
		}
		t.root(x.ID)
		if x.Overtaken.Row > 0 {
			t.late = append(t.late, x.ID)
		}
		s.ids = append(s.ids, x.ID)
		switch {
		case g.Any():
			s.any = true
		case g.Key == 0:
			s.spans = append(s.spans, spanned{g.From, g.To, x.ID})
		case s.keys[g.Key] == 0:
			s.keys[g.Key] = x.ID
		default:
			t.join(s.keys[g.Key], x.ID)
		}
	}
}

// Settle joins what only all letters tell.
func (t *Together) Settle() {
	for _, s := range t.sets {
		if s.any {
			for _, id := range s.ids {
				t.join(s.ids[0], id)
			}
		}
		slices.SortFunc(s.spans, func(a, b spanned) int { return cmp.Compare(a.from, b.from) })
		for i := 1; i < len(s.spans); i++ {
			a, b := &s.spans[i-1], &s.spans[i]
			if b.from <= a.to {
				t.join(a.id, b.id)
				b.to = max(a.to, b.to)
			}
		}
	}
	t.stale = map[uint64]bool{}
	for _, id := range t.late {
		t.stale[t.root(id)] = true
	}
}

// Stale reports whether id, or a letter together with it, was overtaken by a later row.
func (t *Together) Stale(id uint64) bool { return t != nil && t.stale[t.Of(id)] }

// Of returns the number of one letter of those together with id, the same for all
// of them; 0 when id was refused alone.
func (t *Together) Of(id uint64) uint64 {
	if t == nil {
		return 0
	}
	if _, ok := t.parent[id]; !ok {
		return 0
	}
	return t.root(id)
}

// With returns ids and those that are together with one of them, ascending.
func (t *Together) With(ids []uint64) []uint64 {
	chosen := map[uint64]bool{}
	for _, id := range ids {
		if r := t.Of(id); r > 0 {
			chosen[r] = true
		}
	}
	out := slices.Clone(ids)
	for id := range t.parent {
		if chosen[t.root(id)] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (t *Together) root(id uint64) uint64 {
	p, ok := t.parent[id]
	if !ok {
		t.parent[id] = id
		return id
	}
	for p != id {
		t.parent[id] = t.parent[p]
		id, p = p, t.parent[p]
	}
	return id
}

func (t *Together) join(a, b uint64) {
	a, b = t.root(a), t.root(b)
	t.parent[max(a, b)] = min(a, b)
}

// together finds out which letters are replayed as one, so that groups which are
// taken whole or not at all are made of all their rows.
func (r *run) together(letters Letters) (*Together, error) {
	if len(r.wholes) == 0 {
		return nil, nil
	}
	t := NewTogether()
	err := letters.Each(func(x state.Reject) bool {
		t.Add(&x)
		return true
	})
	t.Settle()
	return t, err
}

// join notes how x, which is replayed with the other letters of u, goes its way.
func (u *unit) join(x *state.Reject, w *way) {
	if u.ways == nil {
		u.ways = map[uint64]*way{}
	}
	u.ways[x.ID] = w
	u.replays = max(u.replays, x.Replays)
	u.edits += len(x.Edits)
	if u.allowed == nil || w.allowed == nil {
		u.allowed = nil
		return
	}
	u.allowed = maps.Clone(u.allowed)
	maps.Copy(u.allowed, w.allowed)
}
