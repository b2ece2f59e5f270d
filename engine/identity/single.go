package identity

import "encoding/binary"

// Single is the resolver of a space with one key and one user, where an entity
// is its key value: one read, and one write when it is new, without allocating.
// Single and Resolver read what the other wrote, so that keys can be added to a
// space and taken away later. One goroutine at a time uses it.
type Single struct {
	space string
	name  string
	state State
	key   []byte
	long  []byte // another one under which a long value may be
	val   []byte
	id    ID   // of the entity visited last, when hasID
	hasID bool // it does not derive from the key
}

// NewSingle returns a resolver for rows with one key.
func NewSingle(space, key string, st State) *Single {
	return &Single{space: space, name: key, state: st}
}

// ID returns the identity of the entity with the given key value, which was the
// last one visited.
func (s *Single) ID(value []byte) ID {
	if s.hasID {
		return s.id
	}
	return NewID(s.space, s.name, value)
}

// Entity returns what tells the entity of a value, which was the last one visited, from
// others: the value, or what stands for a long one. It is valid until the next call.
func (s *Single) Entity(value []byte) []byte {
	if len(value) > longValue {
		return s.key
	}
	return value
}

// Visit notes the key value and tells whether it was known.
func (s *Single) Visit(value []byte) (known bool, err error) {
	_, known, err = s.find(value)
	if err != nil || known {
		return known, err
	}
	s.val = append(s.val[:0], flagLast)
	s.state.Put(s.key, s.val)
	return false, nil
}

// Prober is implemented by states that know whether there is a key at less cost than its value.
type Prober interface {
	Has(key []byte) (bool, error)
}

// Prefetcher is implemented by states that answer Has faster for keys that they were told
// of before, some tens at a time.
type Prefetcher interface {
	Soon(key []byte)
	Prefetch()
}

// Soon tells that See is about to be called with the n values that text returns.
func (s *Single) Soon(n int, text func(i int) []byte) {
	p, ok := s.state.(Prefetcher)
	if !ok {
		return
	}
	for i := range n {
		if v := text(i); len(v) <= longValue { // of others the key alone takes longer than the memory
			s.key = appendPlainKey(s.key[:0], s.name, v)
			p.Soon(s.key)
		}
	}
	p.Prefetch()
}

// See is Visit for a caller that does not ask for ID afterwards.
func (s *Single) See(value []byte) (known bool, err error) {
	p, ok := s.state.(Prober)
	if !ok {
		return s.Visit(value)
	}
	s.key = appendEntryKey(s.key[:0], s.space, s.name, value)
	if known, err = p.Has(s.key); err == nil && !known && len(value) > longValue {
		s.long = appendPlainKey(s.long[:0], s.name, value)
		known, err = p.Has(s.long)
	}
	if err != nil || known {
		return known, err
	}
	s.val = append(s.val[:0], flagLast)
	s.state.Put(s.key, s.val)
	return false, nil
}

// VisitHash is Visit that also keeps hash and tells whether it is the one kept before.
func (s *Single) VisitHash(value []byte, hash uint64) (known, same bool, err error) {
	old, known, err := s.find(value)
	if err != nil {
		return false, false, err
	}
	if len(old) == 8 && binary.LittleEndian.Uint64(old) == hash {
		return true, true, nil
	}
	flags := byte(flagLast | flagHash)
	if s.hasID {
		s.val = append(append(s.val[:0], flags|flagID), s.id[:]...)
	} else {
		s.val = append(s.val[:0], flags)
	}
	s.val = binary.LittleEndian.AppendUint64(s.val, hash)
	s.state.Put(s.key, s.val)
	return known, false, nil
}

// find looks the key value up and returns the hash kept with it, if there is one.
func (s *Single) find(value []byte) (hash []byte, known bool, err error) {
	s.hasID = false
	s.key = appendEntryKey(s.key[:0], s.space, s.name, value)
	v, known, err := s.state.Get(s.key)
	if err == nil && !known && len(value) > longValue {
		s.long = appendPlainKey(s.long[:0], s.name, value)
		v, known, err = s.state.Get(s.long)
	}
	if err != nil || !known {
		return nil, false, err
	}
	if len(v) == 0 {
		return nil, false, errDamaged
	}
	flags, rest := v[0], v[1:]
	if flags&flagID != 0 {
		if len(rest) < len(s.id) {
			return nil, false, errDamaged
		}
		s.hasID, rest = true, rest[copy(s.id[:], rest):]
	}
	if flags&flagHash == 0 {
		return nil, true, nil
	}
	return rest, true, nil
}
