package identity

import "bytes"

// Counts says how much a space holds.
type Counts struct {
	Entities int
	Keys     int // key values, of all entities
	Marked   int // entities of which a dedupe step keeps here what it let pass
}

// Count counts what is in a space. scan calls its argument with each key of the
// space, ascending, and its value, until that returns false; st reads the same space.
func Count(space string, st State, scan func(f func(key, value []byte) bool) error) (Counts, error) {
	var c Counts
	var bad error
	marks := map[byte]int{}
	err := scan(func(k, v []byte) bool {
		switch {
		case len(k) == 0:
		case k[0] == 'e':
			c.Entities++
		case k[0] == 'f', k[0] == 'h':
			marks[k[0]]++
		case k[0] == 'k', k[0] == 'l':
			c.Keys++
			var alone bool
			if alone, bad = standsAlone(space, st, k, v, c.Entities > 0); alone {
				c.Entities++
			}
		}
		return bad == nil
	})
	c.Marked = max(marks['f'], marks['h'])
	if err == nil {
		err = bad
	}
	return c, err
}

// standsAlone reports whether the entry of a key stands for an entity without a
// record; records says that there are some in the space.
func standsAlone(space string, st State, key, entry []byte, records bool) (bool, error) {
	if len(entry) == 0 {
		return false, errDamaged
	}
	if entry[0]&flagID != 0 || !records {
		return entry[0]&flagID == 0, nil
	}
	name, value, _ := bytes.Cut(key[1:], []byte{0})
	id := NewID(space, string(name), value)
	if key[0] == 'l' && len(value) == len(id) {
		id = ID(value)
	}
	_, has, err := st.Get(appendIDKey(nil, 'e', id))
	return !has, err
}
