package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
// names already is an error, and nothing is changed then.
func (s *Store) Keep(from, to string, spaces map[string]string) error {
	var w kv.Writes
	if from != "" && from != to {
		if err := s.rename(&w, kindPipes, from, to); err != nil {
			return err
		}
		for _, name := range s.spacesOf(from) {
			if _, given := spaces[name]; given {
				continue
			}
			if err := s.rename(&w, kindSpaces, name, to+strings.TrimPrefix(name, from)); err != nil {
				return err
			}
		}
	}
	for a, b := range spaces {
		if err := s.rename(&w, kindSpaces, a, b); err != nil {
			return err
		}
	}
	if len(w.List) == 0 {
		return nil
	}
	return s.kv.Apply(&w)
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
// again. Totals, runs and dead letters stay. A session that still works on it is fenced first.
func (s *Store) Rebuild(pipeline string, spaces []string) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if err != nil {
		return err
	}
	if pid != 0 {
		if _, err := s.Pipeline(context.Background(), pipeline, 0, ""); err != nil {
			return err
		}
		for _, kind := range []byte{kindCursor, kindToken, kindCut, kindAhead, kindFile, kindOldFile} {
			if err := s.deleteWhere(key(kind, pid), func(_, _ []byte) (bool, error) { return true, nil }); err != nil {
				return err
			}
		}
	}
	for _, name := range append(s.spacesOf(pipeline), spaces...) {
		if err := s.DropSpace(name); err != nil {
			return err
		}
	}
	return nil
}

// Fork lays what is stored of a pipeline aside, and the spaces named, under names
// that end in ~ and n: the pipeline then begins anew. A session that still works on
// it is fenced first.
func (s *Store) Fork(pipeline string, n uint64, spaces []string) error {
	if _, err := s.Pipeline(context.Background(), pipeline, 0, ""); err != nil {
		return err
	}
	aside := func(name string) string { return fmt.Sprintf("%s~%d", name, n) }
	moved := map[string]string{}
	for _, name := range spaces {
		if !strings.HasPrefix(name, pipeline+"/") {
			moved[name] = aside(name)
		}
	}
	return s.Keep(pipeline, aside(pipeline), moved)
}
