package state

import (
	"encoding/binary"
	"strconv"
	"strings"

	"weir/engine/state/kv"
)

// An incarnation is what a pipeline has been since somebody last wished that it
// begins anew. Rows that are read again on purpose are other deliveries than
// before, so the number is part of their keys; a receiver that drops what it has
// seen would otherwise drop what it was meant to get. Rows that are read again after
// a crash belong to the same incarnation and keep their keys (I7).

// incarnation is the record of a pipeline's incarnation.
type incarnation struct {
	n      uint64
	drop   bool     // what is stored is being dropped for a rebuild: it is to be finished first
	spaces []string // that go with it
}

func (i incarnation) encode() []byte {
	e := newEncoder(nil)
	e.uint(i.n)
	e.bool(i.drop)
	e.uint(uint64(len(i.spaces)))
	for _, s := range i.spaces {
		e.string(s)
	}
	return e.b
}

// incarnationOf returns the record of a pipeline, and as it is stored; nil when it is not.
func (s *Store) incarnationOf(pipeline string) (i incarnation, raw []byte, err error) {
	v, ok, err := s.kv.Get(incarnationKey(pipeline), nil)
	if err != nil || !ok {
		return i, nil, err
	}
	i, err = decodeIncarnation(v)
	return i, v, err
}

func decodeIncarnation(v []byte) (i incarnation, err error) {
	err = decode(v, "an incarnation", func(d *decoder) {
		i.n, i.drop = d.uint(), d.bool()
		for n := d.count(); n > 0 && !d.bad; n-- {
			i.spaces = append(i.spaces, d.string())
		}
	})
	return i, err
}

// Incarnation returns how often what was stored under the address of a pipeline was
// dropped, laid aside or moved away. It outlives the state, so it never goes back.
func (s *Store) Incarnation(pipeline string) (uint64, error) {
	i, _, err := s.incarnationOf(pipeline)
	return i.n, err
}

func incarnationKey(pipeline string) []byte { return append([]byte{kindIncarnation}, pipeline...) }

// raise adds to w that a pipeline begins a new incarnation, and what is left to drop
// for it, if anything. What was laid aside never runs and has none.
func (s *Store) raise(w *kv.Writes, pipeline string, drop bool, spaces []string) error {
	if _, _, aside := Aside(pipeline); aside {
		return nil
	}
	i, raw, err := s.incarnationOf(pipeline)
	if err != nil {
		return err
	}
	k := incarnationKey(pipeline)
	if raw == nil {
		w.RequireAbsent(k)
	} else {
		w.Require(k, raw)
	}
	w.Put(k, incarnation{n: i.n + 1, drop: drop, spaces: spaces}.encode())
	return nil
}

// finish drops what a rebuild began to drop. No session older than the caller's can
// add to it any more.
func (s *Store) finish(pid uint32, pipeline string) error {
	i, raw, err := s.incarnationOf(pipeline)
	if err != nil || !i.drop {
		return err
	}
	for _, kind := range []byte{kindCursor, kindToken, kindCut, kindAhead, kindReading, kindFile, kindOldFile} {
		if err := s.deleteWhere(key(kind, pid), func(_, _ []byte) (bool, error) { return true, nil }); err != nil {
			return err
		}
	}
	if err := s.dropHeld(pid); err != nil {
		return err
	}
	for _, name := range append(s.spacesOf(pipeline), i.spaces...) {
		if err := s.DropSpace(name); err != nil {
			return err
		}
	}
	var w kv.Writes
	k := incarnationKey(pipeline)
	w.Require(k, raw)
	w.Put(k, incarnation{n: i.n}.encode())
	return s.kv.Apply(&w)
}

// readingAgain adds to w that somebody wished that an object is read once more.
func (s *Store) readingAgain(w *kv.Writes, pid uint32, object string) error {
	k := nameKey(kindReading, pid, object)
	v, ok, err := s.kv.Get(k, nil)
	if err != nil {
		return err
	}
	n := uint64(0)
	if ok {
		w.Require(k, v)
		n, _ = binary.Uvarint(v)
	} else {
		w.RequireAbsent(k)
	}
	w.Put(k, binary.AppendUvarint(nil, n+1))
	return nil
}

// loadIncarnation reads which incarnation the pipeline is in. It runs after the epoch was
// taken: whoever raises it later has fenced this session. What a rebuild has left to drop is
// dropped before anything of it is looked at.
func (s *Session) loadIncarnation() error {
	if err := s.store.finish(s.pid, s.address); err != nil {
		return err
	}
	var err error
	if s.incarnation, err = s.store.Incarnation(s.address); err != nil {
		return err
	}
	prefix := key(kindReading, s.pid)
	return s.store.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		if s.readings == nil {
			s.readings = map[string]uint64{}
		}
		s.readings[string(k[idLen:])], _ = binary.Uvarint(v)
		return true
	})
}

// Incarnation returns that of the pipeline, and how often somebody wished that the
// object is read once more although rows of it were committed. Both are 0 for a
// pipeline that always went on where it was.
func (s *Session) Incarnation(object string) (pipeline, reading uint64) {
	return s.incarnation, s.readings[object]
}

// asideMark stands between the name of what was laid aside and its number. It
// cannot be in the address of a pipeline or an entity.
const asideMark = "~"

// Aside reports whether name is that of a pipeline or a space which Fork laid
// aside, what it was called before, and its number.
func Aside(name string) (was string, n uint64, aside bool) {
	was, number, found := strings.Cut(name, asideMark)
	if !found {
		return name, 0, false
	}
	n, err := strconv.ParseUint(number, 10, 64)
	return was, n, err == nil
}

// AsideName returns the name under which Fork lays aside what is called name.
func AsideName(name string, n uint64) string {
	return name + asideMark + strconv.FormatUint(n, 10)
}
