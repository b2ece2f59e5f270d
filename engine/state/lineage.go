package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/engine/state/kv"
)

// CountSpace returns how many keys the named space holds, which takes as long as
// reading them; a space that is not known holds none.
func (s *Store) CountSpace(name string) (int, error) {
	sid, err := s.numberOf(kindSpaces, name)
	if sid == 0 || err != nil {
		return 0, err
	}
	n := 0
	prefix := key(kindSpace, sid)
	err = s.kv.Scan(prefix, after(prefix), func(_, _ []byte) bool {
		n++
		return true
	})
	return n, err
}

// Keep makes what is stored of one pipeline that of another, and of one space of
// keys that of another; from may be "" or equal to to when only spaces change
// their names. Neither pipeline may be running. What is stored under the new
// names already is an error, and nothing is changed then. Whatever is called from
// later on is another incarnation.
func (s *Store) Keep(from, to string, spaces map[string]string) error {
	var w kv.Writes
	if err := s.move(&w, from, to, spaces); err != nil || len(w.List) == 0 {
		return err
	}
	return s.kv.Apply(&w)
}

// KeepAnew is Keep of a pipeline, and Rebuild under its new name, in one commit: totals,
// runs and dead letters go along, and everything is read again.
func (s *Store) KeepAnew(from, to string, spaces []string) error {
	pid, err := s.numberOf(kindPipes, from)
	if pid == 0 || err != nil {
		return err
	}
	if _, err := s.Pipeline(context.Background(), from, 0, ""); err != nil {
		return err
	}
	var w kv.Writes
	if err := s.move(&w, from, to, nil); err != nil {
		return err
	}
	shared := slices.DeleteFunc(slices.Clone(spaces), func(name string) bool { return strings.HasPrefix(name, from+"/") })
	if err := s.raise(&w, to, true, shared); err != nil {
		return err
	}
	if err := s.kv.Apply(&w); err != nil {
		return err
	}
	return s.finish(pid, to)
}

// move adds to w what Keep does.
func (s *Store) move(w *kv.Writes, from, to string, spaces map[string]string) error {
	if from != "" && from != to {
		if err := s.rename(w, kindPipes, from, to); err != nil {
			return err
		}
		if len(w.List) > 0 {
			if err := s.raise(w, from, false, nil); err != nil {
				return err
			}
		}
		for _, name := range s.spacesOf(from) {
			if _, given := spaces[name]; given {
				continue
			}
			if err := s.rename(w, kindSpaces, name, to+strings.TrimPrefix(name, from)); err != nil {
				return err
			}
		}
	}
	for a, b := range spaces {
		if err := s.rename(w, kindSpaces, a, b); err != nil {
			return err
		}
	}
	return nil
}

// rename gives the number of one name to another, which must have none.
func (s *Store) rename(w *kv.Writes, kind byte, from, to string) error {
	n, err := s.numberOf(kind, from)
	if n == 0 || err != nil {
		return err
	}
	if have, err := s.numberOf(kind, to); err != nil || have != 0 {
		return errors.Join(err, fmt.Errorf("state is stored under %s already, so that of %s cannot take its place. Drop one of them with weir state reset", to, from))
	}
	w.RequireAbsent(append([]byte{kind}, to...))
	w.Put(append([]byte{kind}, to...), binary.BigEndian.AppendUint32(nil, n))
	w.Delete(append([]byte{kind}, from...))
	return nil
}

// spacesOf lists the spaces of keys that belong to a pipeline.
func (s *Store) spacesOf(pipeline string) []string {
	var out []string
	prefix := append([]byte{kindSpaces}, pipeline+"/"...)
	_ = s.kv.Scan(prefix, after(prefix), func(k, _ []byte) bool { // an error shows when they are changed
		out = append(out, string(k[1:]))
		return true
	})
	return out
}

// Rebuild forgets where a pipeline's sources are, which files they have read, and
// the keys of its steps and of the spaces named, so that everything is read
// again, as another incarnation. Totals, runs and dead letters stay. A session that
// still works on it is fenced first. What a crash leaves of it is done before the
// next session of the pipeline begins.
func (s *Store) Rebuild(pipeline string, spaces []string) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if err != nil {
		return err
	}
	if pid == 0 { // nothing but spaces that others filled
		for _, name := range append(s.spacesOf(pipeline), spaces...) {
			if err := s.DropSpace(name); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := s.Pipeline(context.Background(), pipeline, 0, ""); err != nil {
		return err
	}
	var w kv.Writes
	if err := s.raise(&w, pipeline, true, spaces); err != nil {
		return err
	}
	if err := s.kv.Apply(&w); err != nil {
		return err
	}
	return s.finish(pid, pipeline)
}

// Fork lays what is stored of a pipeline aside, and the spaces named, under names
// that end in ~ and a number that is free: the pipeline then begins anew, as another
// incarnation. A session that still works on it is fenced first. It returns the number, 0
// when nothing is stored.
func (s *Store) Fork(pipeline string, spaces []string) (uint64, error) {
	moved := map[string]string{}
	for _, name := range spaces {
		if !strings.HasPrefix(name, pipeline+"/") {
			moved[name] = ""
		}
	}
	pid, err := s.numberOf(kindPipes, pipeline)
	if err != nil || pid == 0 && len(moved) == 0 {
		return 0, err
	}
	if pid != 0 {
		if _, err := s.Pipeline(context.Background(), pipeline, 0, ""); err != nil {
			return 0, err
		}
	}
	n, err := s.freeNumber(pipeline, moved)
	if err != nil {
		return 0, err
	}
	for name := range moved {
		moved[name] = AsideName(name, n)
	}
	return n, s.Keep(pipeline, AsideName(pipeline, n), moved)
}

// freeNumber returns the first number under which nothing is laid aside of a
// pipeline, nor of any of the spaces.
func (s *Store) freeNumber(pipeline string, spaces map[string]string) (uint64, error) {
	for n := uint64(1); ; n++ {
		have, err := s.numberOf(kindPipes, AsideName(pipeline, n))
		for name := range spaces {
			sid, serr := s.numberOf(kindSpaces, AsideName(name, n))
			have, err = max(have, sid), errors.Join(err, serr)
		}
		if err != nil || have == 0 {
			return n, err
		}
	}
}
