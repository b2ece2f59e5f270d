package identity

import (
	"fmt"
	"strings"
)

// Options say how a Resolver treats keys that disagree.
type Options struct {
	// Attach links the unknown keys of a row to the entity that its other keys found.
	Attach bool
	// MaxMerge is the number of known entities one row may make into one. 1 merges nothing.
	MaxMerge int
	// Keep lets the strongest known key decide and leaves weaker keys with the
	// entities they belong to, so that nothing is merged or refused.
	Keep bool
}

// Origin tells which row caused a merge.
type Origin struct {
	Object string
	Row    int64
}

// Result is what a row's keys resolved to.
type Result struct {
	ID      ID
	Known   bool // it was known before this row
	Matched int  // the key that decided, -1 when the entity is new
	Merged  []ID // entities that ended in this one by this row; valid until the next Resolve
}

// Conflict is the error of a row whose keys belong to entities that must not
// become one. The state is unchanged.
type Conflict struct {
	Code   string
	Reason string
}

// Error implements error.
func (c *Conflict) Error() string { return c.Reason }

// Codes of a Conflict.
const (
	CodeMergeLimit = "row.merge_limit"
	CodeKeptApart  = "row.kept_apart"
)

// Resolver resolves rows in one space. One goroutine at a time uses it, and one
// resolver at a time a space: pipelines that share an entity take turns. Rows
// are resolved in the order of the source, each seeing what those before it
// changed (I4).
type Resolver struct {
	space string
	keys  []string // strongest first
	names [][]byte // the same
	state State
	opt   Options

	found    []keyEntry
	known    []bool
	distinct []int // keys whose entries name different entities, strongest first
	merged   []ID

	rec    entityRecord // of recID when loaded
	recID  ID
	loaded bool
	dirty  bool
	key    []byte
	val    []byte
}

// NewResolver returns a resolver for rows with the given keys, strongest first.
// space is the name that IDs derive from: it must not change while the state lives.
func NewResolver(space string, keys []string, st State, opt Options) *Resolver {
	r := &Resolver{space: space, keys: keys, state: st, opt: opt,
		found: make([]keyEntry, len(keys)), known: make([]bool, len(keys))}
	for _, k := range keys {
		r.names = append(r.names, []byte(k))
	}
	return r
}

// Resolve finds or makes the entity with the given key values, one for each
// key; an empty value is absent. At least one must be present. The error is a
// *Conflict when the row is at fault, else the state's.
func (r *Resolver) Resolve(values [][]byte, at Origin) (Result, error) {
	r.loaded, r.dirty, r.merged = false, false, r.merged[:0]
	if err := r.lookUp(values); err != nil {
		return Result{}, err
	}
	if len(r.distinct) == 0 {
		return r.create(values)
	}
	res := Result{ID: r.found[r.distinct[0]].id, Known: true, Matched: r.distinct[0]}
	if len(r.distinct) > 1 && !r.opt.Keep {
		if err := r.allow(); err != nil {
			return Result{}, err
		}
		for _, k := range r.distinct[1:] {
			if err := r.merge(res.Matched, k, values, at); err != nil {
				return Result{}, err
			}
		}
	}
	if err := r.attach(res.ID, values); err != nil {
		return Result{}, err
	}
	r.store(res.ID)
	res.Merged = r.merged
	return res, nil
}

// lookUp finds the entry of each present key.
func (r *Resolver) lookUp(values [][]byte) error {
	r.distinct = r.distinct[:0]
	for k, name := range r.keys {
		r.known[k] = false
		if len(values[k]) == 0 {
			continue
		}
		r.key = appendEntryKey(r.key[:0], r.space, name, values[k])
		v, ok, err := r.state.Get(r.key)
		if err == nil && !ok && len(values[k]) > longValue {
			r.key = appendPlainKey(r.key[:0], name, values[k])
			v, ok, err = r.state.Get(r.key)
		}
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if r.found[k], err = parseEntry(v, r.space, name, values[k]); err != nil {
			return err
		}
		r.known[k] = true
		r.addDistinct(k)
	}
	return nil
}

func (r *Resolver) addDistinct(k int) {
	for _, d := range r.distinct {
		if r.found[d].id == r.found[k].id {
			return
		}
	}
	r.distinct = append(r.distinct, k)
}

// create makes a new entity of the present keys.
func (r *Resolver) create(values [][]byte) (Result, error) {
	r.rec.links, r.rec.merged = r.rec.links[:0], r.rec.merged[:0]
	var id ID
	for k, name := range r.keys {
		if len(values[k]) == 0 {
			continue
		}
		if len(r.rec.links) == 0 {
			id = NewID(r.space, name, values[k])
		}
		r.rec.links = append(r.rec.links, link{r.names[k], values[k]})
		r.putEntry(name, values[k], keyEntry{id, true})
		if !r.opt.Attach {
			break
		}
	}
	r.recID, r.loaded, r.dirty = id, true, true
	r.store(id)
	return Result{ID: id, Matched: -1}, nil
}

// attach brings the entity's links up to date with the row's values: unknown
// ones are linked, and each value that the entity has becomes its present one.
// A row that brings nothing new reads no record and writes nothing.
func (r *Resolver) attach(id ID, values [][]byte) error {
	for k := range r.keys {
		if len(values[k]) == 0 {
			continue
		}
		switch {
		case r.known[k] && r.found[k].id == id && r.found[k].last:
			continue
		case r.known[k] && r.found[k].id != id: // left with its own entity
			continue
		case !r.known[k] && !r.opt.Attach:
			continue
		}
		if err := r.load(id, values); err != nil {
			return err
		}
		r.touch(id, k, values[k])
	}
	return nil
}

// touch makes value the present value of key k, linking it when it is new.
func (r *Resolver) touch(id ID, k int, value []byte) {
	name := r.keys[k]
	if old := r.rec.present(name); old != nil && string(old) != string(value) {
		r.putEntry(name, old, keyEntry{id, false})
	}
	l := link{r.names[k], value}
	if i := r.rec.find(name, value); i >= 0 {
		l = r.rec.links[i]
		r.rec.links = append(r.rec.links[:i], r.rec.links[i+1:]...)
	}
	r.rec.links = append(r.rec.links, l)
	r.putEntry(name, value, keyEntry{id, true})
	r.dirty = true
}

// load reads the record of id, unless it is loaded. An entity that has none is
// known by a single key: the one among values that its identity derives from.
func (r *Resolver) load(id ID, values [][]byte) error {
	if r.loaded && r.recID == id {
		return nil
	}
	ok, err := r.read(&r.rec, id)
	if err != nil {
		return err
	}
	if !ok {
		r.rec.links, r.rec.merged = r.rec.links[:0], r.rec.merged[:0]
		for k, name := range r.keys {
			if len(values[k]) > 0 && NewID(r.space, name, values[k]) == id {
				r.rec.links = append(r.rec.links, link{r.names[k], values[k]})
			}
		}
	}
	r.recID, r.loaded = id, true
	return nil
}

func (r *Resolver) read(into *entityRecord, id ID) (bool, error) {
	r.key = appendIDKey(r.key[:0], 'e', id)
	v, ok, err := r.state.Get(r.key)
	if err != nil || !ok {
		return false, err
	}
	return true, into.parse(v)
}

func (r *Resolver) putEntry(name string, value []byte, e keyEntry) {
	r.key = appendEntryKey(r.key[:0], r.space, name, value)
	r.val = e.append(r.val[:0])
	r.state.Put(r.key, r.val)
}

// store writes the loaded record when it changed.
func (r *Resolver) store(id ID) {
	if !r.dirty {
		return
	}
	r.key = appendIDKey(r.key[:0], 'e', id)
	r.val = r.rec.append(r.val[:0])
	r.state.Put(r.key, r.val)
	r.dirty = false
}

// Present calls f with the value last seen of entity id under each name, in the
// order given; nil when there is none. The value is valid during the call.
// values are those of the row that was just resolved to id.
func (r *Resolver) Present(id ID, names []string, values [][]byte, f func(i int, value []byte)) error {
	if err := r.load(id, values); err != nil {
		return err
	}
	for i, name := range names {
		f(i, r.rec.present(name))
	}
	return nil
}

// allow reports whether the distinct entities of the row may become one.
func (r *Resolver) allow() error {
	names := make([]string, len(r.distinct))
	for i, k := range r.distinct {
		names[i] = r.keys[k]
	}
	if n := len(r.distinct); n > r.opt.MaxMerge {
		return &Conflict{CodeMergeLimit, fmt.Sprintf("the keys %s belong to %d different entities, and max_merge allows %d to become one. "+
			"Correct the row, or allow it with max_merge = %d, or let the strongest key decide with conflict = \"keep\"",
			strings.Join(names, ", "), n, r.opt.MaxMerge, n)}
	}
	for i, a := range r.distinct {
		for _, b := range r.distinct[:i] {
			apart, err := r.apart(r.found[a].id, r.found[b].id)
			if err != nil {
				return err
			}
			if apart {
				return &Conflict{CodeKeptApart, fmt.Sprintf("the keys %s and %s belong to two entities that were separated by hand and are kept apart",
					r.keys[b], r.keys[a])}
			}
		}
	}
	return nil
}
