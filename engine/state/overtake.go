package state

import "weir/engine/state/kv"

// HasRejects reports whether the pipeline has dead letters, committed or pending.
func (s *Session) HasRejects() (some bool, err error) {
	if len(s.rejectEnd) > 0 {
		return true, nil
	}
	prefix := key(kindReject, s.pid)
	err = s.store.kv.Scan(prefix, after(prefix), func(_, _ []byte) bool {
		some = true
		return false
	})
	return some, err
}

// Overtake notes with the next commit that a later row of the entity of a dead letter went
// through. One that is not there any more is left out; what overtook it first stays.
func (s *Session) Overtake(id uint64, o Overtaking) {
	if s.overtaken == nil {
		s.overtaken = map[uint64]Overtaking{}
	}
	if _, known := s.overtaken[id]; !known {
		s.overtaken[id] = o
	}
}

// stageRejects adds the changes of dead letters to w.
func (s *Session) stageRejects(w *kv.Writes) error {
	start := 0
	for i, end := range s.rejectEnd {
		id, text := s.lastReject+uint64(i)+1, s.rejects[start:end]
		if o, ok := s.overtaken[id]; ok {
			r, _, err := decodeReject(id, text)
			if err != nil {
				return err
			}
			text = r.overtaken(text, o)
		}
		w.Put(numberKey(kindReject, s.pid, id), text)
		start = end
	}
	for id, o := range s.overtaken {
		if id > s.lastReject {
			continue
		}
		k := numberKey(kindReject, s.pid, id)
		v, ok, err := s.store.kv.Get(k, nil)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		r, _, err := decodeReject(id, v)
		if err != nil {
			return err
		}
		w.Put(k, r.overtaken(v, o))
	}
	for h, text := range s.headers {
		w.Put(numberKey(kindHeader, s.pid, h), text)
	}
	for _, id := range s.taken {
		w.Delete(numberKey(kindReject, s.pid, id))
	}
	return nil
}
