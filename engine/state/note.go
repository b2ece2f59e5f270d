package state

import (
	"slices"

	"weir/engine/state/kv"
)

// Note is a named value of the engine itself, which belongs to no pipeline.
type Note struct {
	Name  string
	Value []byte // nil removes the note
}

func noteKey(name string) []byte { return append([]byte{kindNote}, name...) }

// Note returns the named note, nil when there is none.
func (s *Store) Note(name string) ([]byte, error) {
	v, ok, err := s.kv.Get(noteKey(name), nil)
	if err != nil || !ok {
		return nil, err
	}
	return v, nil
}

// PutNotes writes notes, all or none, durably.
func (s *Store) PutNotes(notes ...Note) error {
	var w kv.Writes
	for _, n := range notes {
		if n.Value == nil {
			w.Delete(noteKey(n.Name))
			continue
		}
		w.Put(noteKey(n.Name), n.Value)
	}
	return s.kv.Apply(&w)
}

// EachNote calls f with the notes whose names begin with prefix, by name, until it returns
// false. A value is valid during the call.
func (s *Store) EachNote(prefix string, f func(name string, value []byte) bool) error {
	return s.kv.Scan(noteKey(prefix), after(noteKey(prefix)), func(k, v []byte) bool { return f(string(k[1:]), v) })
}

// Notes returns the notes whose names begin with prefix, by name.
func (s *Store) Notes(prefix string) ([]Note, error) {
	var out []Note
	err := s.kv.Scan(noteKey(prefix), after(noteKey(prefix)), func(k, v []byte) bool {
		out = append(out, Note{Name: string(k[1:]), Value: slices.Clone(v)})
		return true
	})
	return out, err
}
