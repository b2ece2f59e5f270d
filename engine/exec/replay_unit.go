package exec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"weir/engine/plan"
	"weir/engine/state"
)

// unit is a set of dead letters that are replayed as one object: rows of one
// object, so that groups are made of them again, that had come equally far.
type unit struct {
	object   string
	objectID string
	replays  int64
	held     bool // what now() is for its rows is fixed up to the next commit
	edits    int  // of the letters
	letters  []ref
	// allowed are the steps that the rows take; nil is all. Where the pipeline
	// branches, they go only where they were refused: the others have had them.
	allowed map[*plan.Node]bool
	passed  map[*plan.Node]bool // steps that let the rows pass before they were refused
	// ways are how each letter is replayed where they came differently far: a row that was
	// refused and those that were refused because of it; nil where they did not.
	ways map[uint64]*way
	// edited are those of the letters taken so far that were edited, by row; nil when none was.
	edited map[int64]*state.Reject
}

// ref is a dead letter of a unit. There may be millions, so that nothing else is kept of it.
type ref struct {
	id, order uint64
	row       int64
}

// branch returns those of readers that the unit's rows go to.
func (u *unit) branch(readers []*node) []*node {
	if u.allowed == nil {
		return readers
	}
	return slices.DeleteFunc(slices.Clone(readers), func(x *node) bool { return !u.allowed[x.Node] })
}

// unitKey is what the letters of a unit have in common.
type unitKey struct {
	objectID, header, way string
	replays               int64
	edits                 int
	together              uint64 // see Together; then nothing else but the object tells
}

// way is how the letters that one step refused are replayed.
type way struct {
	name            string // the same for ways that need not be told apart
	allowed, passed map[*plan.Node]bool
}

// units sorts letters into what is replayed together.
func (r *run) units(decode *plan.Node, letters Letters) ([]*unit, error) {
	ways := map[string]*way{} // by step
	byKey := map[unitKey]*unit{}
	var out []*unit
	together, err := r.together(letters)
	if err != nil {
		return nil, err
	}
	err = letters.Each(func(x state.Reject) bool {
		if !letters.Stale && (x.Overtaken.Row > 0 || together.Stale(x.ID)) {
			r.stale(&x)
			return true
		}
		w := ways[x.Step]
		if w == nil {
			w = r.way(decode, x.Step)
			ways[x.Step] = w
		}
		k := unitKey{x.ObjectID, string(x.Header), w.name, x.Replays, len(x.Edits), together.Of(x.ID)}
		if k.together > 0 {
			k.header, k.way, k.replays, k.edits = "", "", 0, 0
		}
		u := byKey[k]
		if u == nil {
			u = &unit{object: x.Object, objectID: x.ObjectID, replays: x.Replays, edits: k.edits, allowed: w.allowed, passed: w.passed}
			byKey[k] = u
			out = append(out, u)
		}
		u.letters = append(u.letters, ref{x.ID, x.Order(), x.Row})
		if k.together > 0 {
			u.join(&x, w)
		}
		return true
	})
	for _, u := range out { // they are by the letters' numbers, and so are their letters
		slices.SortStableFunc(u.letters, func(a, b ref) int { return cmp.Compare(a.row, b.row) })
	}
	return out, err
}

// way returns how letters that the step at address refused are replayed.
func (r *run) way(decode *plan.Node, address string) *way {
	w := &way{passed: map[*plan.Node]bool{}}
	if at := r.nodeAt(address); at != nil && at != decode {
		ancestors(at, w.passed)
		if r.branches() {
			w.allowed = map[*plan.Node]bool{at: true}
			ancestors(at, w.allowed)
			descendants(at, w.allowed)
		}
	}
	var name strings.Builder
	for _, n := range r.Pipeline.Nodes {
		// Steps without memory do not tell letters apart.
		fmt.Fprint(&name, w.allowed[n], w.passed[n] && n.Kind == "dedupe", w.passed[n] && n.Kind == "group", " ")
	}
	w.name = name.String()
	return w
}

func (r *run) nodeAt(address string) *plan.Node {
	for _, n := range r.Pipeline.Nodes {
		if n.Address == address {
			return n
		}
	}
	return nil
}

// branches reports whether some step has several readers.
func (r *run) branches() bool {
	return slices.ContainsFunc(r.Pipeline.Nodes, func(n *plan.Node) bool { return len(n.Readers) > 1 })
}

// origin identifies the letters for the keys of their deliveries. With a text that was
// edited they are others: a key has one body for ever (I7).
func (u *unit) origin() string {
	id := fmt.Sprintf("%s!%d", u.objectID, u.replays)
	if u.edits > 0 {
		id += fmt.Sprintf("e%d", u.edits)
	}
	return id
}
