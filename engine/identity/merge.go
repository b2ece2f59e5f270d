package identity

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Link is one key value of an entity.
type Link struct {
	Key     string
	Value   string
	Present bool // the value last seen under its key
}

// Merge is the record of an entity that ended in another one.
type Merge struct {
	Lost   ID     // the entity that ended
	Into   ID     // the one it became part of
	By     string // the key by which the row knew Lost
	Winner string // the stronger key, by which it knew Into
	At     Origin // the row
	Links  []Link // the key values that moved
}

// Description is what is known of an entity.
type Description struct {
	ID     ID
	Links  []Link  // least recently seen first
	Merges []Merge // oldest first
}

// merge ends the entity of key lost in that of key won. The links of the loser
// become older than the winner's own, so the winner's present values stay.
func (r *Resolver) merge(won, lost int, values [][]byte, at Origin) error {
	into, from := r.found[won].id, r.found[lost].id
	if err := r.load(into, values); err != nil {
		return err
	}
	var loser entityRecord // of its own memory: the winner's record keeps views into it
	ok, err := r.read(&loser, from)
	if err != nil {
		return err
	}
	if !ok {
		loser.links = []link{{r.names[lost], bytes.Clone(values[lost])}}
	}
	b := append([]byte{recordVersion}, into[:]...)
	for _, s := range []string{r.keys[lost], r.keys[won], at.Object} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	b = binary.AppendUvarint(b, uint64(at.Row))
	r.state.Put(appendIDKey(nil, 'm', from), loser.append(b))
	r.state.Delete(appendIDKey(nil, 'e', from))

	own := r.rec.links
	r.rec.links = append(append(make([]link, 0, len(loser.links)+len(own)+len(values)), loser.links...), own...)
	r.rec.merged = append(r.rec.merged, from)
	r.dirty = true
	r.point(into, loser.links)
	for k := range r.found {
		if r.known[k] && r.found[k].id == from {
			r.found[k] = keyEntry{id: into}
		}
	}
	r.merged = append(r.merged, from)
	return nil
}

// point makes the key values of ls belong to id, whose record is loaded.
func (r *Resolver) point(id ID, ls []link) {
	for _, l := range ls {
		r.putEntry(string(l.name), l.value, keyEntry{id, bytes.Equal(r.rec.present(string(l.name)), l.value)})
	}
}

func (r *Resolver) apart(a, b ID) (bool, error) {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	r.key = appendIDKey(r.key[:0], 'x', a, b)
	_, ok, err := r.state.Get(r.key)
	return ok, err
}

// parseMerge reads what merge wrote for lost, and the record that lost had.
func parseMerge(lost ID, v []byte) (Merge, entityRecord, error) {
	d := reader{b: v}
	if d.byte() != recordVersion {
		return Merge{}, entityRecord{}, errDamaged
	}
	m := Merge{Lost: lost, Into: d.id(), By: string(d.bytes()), Winner: string(d.bytes())}
	m.At = Origin{Object: string(d.bytes()), Row: int64(d.uvarint())}
	var rec entityRecord
	if d.bad {
		return Merge{}, rec, errDamaged
	}
	if err := rec.parse(d.b); err != nil {
		return Merge{}, rec, err
	}
	m.Links = rec.describe()
	return m, rec, nil
}

func (r *entityRecord) describe() []Link {
	out := make([]Link, len(r.links))
	for i, l := range r.links {
		out[i] = Link{string(l.name), string(l.value), bytes.Equal(r.present(string(l.name)), l.value)}
	}
	return out
}

// Find returns the entity that the key value belongs to, and whether there is one.
func Find(st State, space, key, value string) (ID, bool, error) {
	v, ok, err := st.Get(appendEntryKey(nil, space, key, []byte(value)))
	if err == nil && !ok && len(value) > longValue {
		v, ok, err = st.Get(appendPlainKey(nil, key, []byte(value)))
	}
	if err != nil || !ok {
		return ID{}, false, err
	}
	e, err := parseEntry(v, space, key, []byte(value))
	return e.id, err == nil, err
}

// Explain describes entity id: its key values and which rows merged what into
// it. An entity that is known by one key alone has an empty description.
func Explain(st State, id ID) (Description, error) {
	d := Description{ID: id}
	v, ok, err := st.Get(appendIDKey(nil, 'e', id))
	if err != nil || !ok {
		return d, err
	}
	var rec entityRecord
	if err := rec.parse(v); err != nil {
		return d, err
	}
	d.Links = rec.describe()
	for _, lost := range rec.merged {
		v, ok, err := st.Get(appendIDKey(nil, 'm', lost))
		if err != nil {
			return d, err
		}
		if !ok {
			continue
		}
		m, _, err := parseMerge(lost, v)
		if err != nil {
			return d, err
		}
		d.Merges = append(d.Merges, m)
	}
	return d, nil
}

// Undo separates lost from the entity it was merged into: it gets back the key
// values it had, and the two are kept apart from then on, so that the row that
// joined them is refused instead of joining them again. Key values attached since
// the merge stay with the entity that won. Of several merges in a chain the last
// is undone first.
func Undo(st State, space string, lost ID) error {
	v, ok, err := st.Get(appendIDKey(nil, 'm', lost))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no merge of entity %s is recorded, so there is nothing to undo", lost)
	}
	m, old, err := parseMerge(lost, v)
	if err != nil {
		return err
	}
	r := NewResolver(space, nil, st, Options{})
	if ok, err = r.read(&r.rec, m.Into); err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("entity %s was merged into %s, which was itself merged later: undo that merge first", lost, m.Into)
	}
	moved := map[string]bool{}
	for _, l := range old.links {
		moved[string(l.name)+"\x00"+string(l.value)] = true
	}
	var kept []link
	var back entityRecord
	back.merged = old.merged
	for _, l := range r.rec.links {
		if !moved[string(l.name)+"\x00"+string(l.value)] {
			kept = append(kept, l)
		}
	}
	back.links = old.links
	ids := r.rec.merged[:0]
	for _, id := range r.rec.merged {
		if id != lost {
			ids = append(ids, id)
		}
	}
	r.rec.links, r.rec.merged = kept, ids
	r.point(m.Into, kept)
	st.Put(appendIDKey(nil, 'e', m.Into), r.rec.append(nil))
	r.rec.links, r.rec.merged = back.links, back.merged
	r.point(lost, back.links)
	st.Put(appendIDKey(nil, 'e', lost), r.rec.append(nil))
	st.Delete(appendIDKey(nil, 'm', lost))
	a, b := lost, m.Into
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	st.Put(appendIDKey(nil, 'x', a, b), nil)
	return nil
}
