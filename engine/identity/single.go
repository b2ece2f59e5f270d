package identity

import "encoding/binary"

// Single is the resolver of a space with one key and one user, where an entity
// is its key value: one read, and one write when it is new, without allocating.
// What it writes a Resolver reads, so that keys can be added to a space later.
type Single struct {
	space string
	name  string
	state State
	key   []byte
	val   [9]byte
}

// NewSingle returns a resolver for rows with one key.
func NewSingle(space, key string, st State) *Single {
	return &Single{space: space, name: key, state: st}
}

// ID returns the identity of the entity with the given key value.
func (s *Single) ID(value []byte) ID { return NewID(s.space, s.name, value) }

// Visit notes the key value and tells whether it was known.
func (s *Single) Visit(value []byte) (known bool, err error) {
	s.key = appendEntryKey(s.key[:0], s.name, value)
	_, known, err = s.state.Get(s.key)
	if err != nil || known {
		return known, err
	}
	s.val[0] = flagLast
	s.state.Put(s.key, s.val[:1])
	return false, nil
}

// VisitHash is Visit that also keeps hash and tells whether it is the one kept before.
func (s *Single) VisitHash(value []byte, hash uint64) (known, same bool, err error) {
	s.key = appendEntryKey(s.key[:0], s.name, value)
	v, known, err := s.state.Get(s.key)
	if err != nil {
		return false, false, err
	}
	s.val[0] = flagLast | flagHash
	rest := s.val[1:]
	if known {
		if len(v) == 0 {
			return false, false, errDamaged
		}
		n := 1
		if v[0]&flagID != 0 {
			n += len(ID{})
		}
		if v[0]&flagHash != 0 && len(v) == n+8 && binary.LittleEndian.Uint64(v[n:]) == hash {
			return true, true, nil
		}
	}
	binary.LittleEndian.PutUint64(rest, hash)
	s.state.Put(s.key, s.val[:])
	return known, false, nil
}
