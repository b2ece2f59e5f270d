package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/engine/state/kv"
)

// deleteBatch is how many keys one commit of a clean-up removes.
const deleteBatch = 20_000

// ForgetFile removes what the ledger of a pipeline knows of the present file at
// path, so that the next run reads it from its beginning. It reports whether
// there was an entry. When rows of it were committed, those are read once more on
// purpose: what is made of the file gets other delivery keys than before. Otherwise
// the keys stay, so that what was delivered and not committed is recognised. The
// pipeline must not be running.
func (s *Store) ForgetFile(pipeline, source, path string) (bool, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return false, err
	}
	k := fileKey(pid, source, path)
	v, ok, err := s.kv.Get(k, nil)
	if err != nil || !ok {
		return false, err
	}
	e, err := decodeFile(source, path, v)
	if err != nil {
		return false, err
	}
	var w kv.Writes
	w.Require(k, v)
	w.Delete(k)
	ck := nameKey(kindCursor, pid, source)
	if v, ok, err = s.kv.Get(ck, nil); err != nil {
		return false, err
	}
	if ok {
		c, err := decodeCursor(v)
		if err != nil {
			return false, err
		}
		if c.Object == e.ID { // it would forbid to begin anew (I2)
			w.Require(ck, v)
			w.Delete(ck)
		}
	}
	if e.Rows > 0 {
		if err := s.readingAgain(&w, pid, e.ID); err != nil {
			return false, err
		}
	}
	return true, s.kv.Apply(&w)
}

// DiscardRejects removes dead letters of a pipeline by number, and returns how many
// there were. The rows stay counted as rejected. The pipeline must not be running.
func (s *Store) DiscardRejects(pipeline string, ids []uint64) (n int, err error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(ids, deleteBatch) {
		var w kv.Writes
		found := 0
		for _, id := range batch {
			k := numberKey(kindReject, pid, id)
			v, ok, err := s.kv.Get(k, nil)
			if err != nil {
				return n, err
			}
			if !ok {
				continue
			}
			w.Delete(k)
			found++
			x, h, err := decodeReject(id, v)
			if err == nil && len(x.Edits) > 0 {
				x.Header, err = s.header(pid, h, map[uint64][]byte{})
			}
			if err != nil {
				return n, err
			}
			if len(x.Edits) > 0 {
				e := Ended{Reject: x, Outcome: Discarded, When: s.clock.Now()}
				w.Put(numberKey(kindEnded, pid, id), e.encode())
			}
		}
		if err := s.kv.Apply(&w); err != nil {
			return n, err
		}
		n += found
	}
	return n, nil
}

// Pruned counts what Prune removed.
type Pruned struct{ Runs, Rejects, Files int64 }

// Prune removes what a pipeline recorded before the given time and no longer
// needs: runs that ended, dead letters, files that were archived, and the history
// of the file ledger. Cursors, keys and totals stay. A file that is put back
// with its old time after its entry was pruned is read again.
func (s *Store) Prune(pipeline string, before time.Time) (p Pruned, err error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return p, err
	}
	old := func(n *int64, judge func(k, v []byte) (time.Time, bool, error)) func(k, v []byte) (bool, error) {
		return func(k, v []byte) (bool, error) {
			at, may, err := judge(k, v)
			if err != nil || !may || !at.Before(before) {
				return false, err
			}
			*n++
			return true, nil
		}
	}
	file := func(history bool) func(k, v []byte) (time.Time, bool, error) {
		return func(_, v []byte) (time.Time, bool, error) {
			e, err := decodeFile("", "", v)
			return e.Changed, history || e.State == FileArchived, err
		}
	}
	for _, c := range []struct {
		kind byte
		f    func(k, v []byte) (bool, error)
	}{
		{kindRun, old(&p.Runs, func(_, v []byte) (time.Time, bool, error) {
			r, err := decodeRun(0, v)
			return r.Started, r.Outcome != Running, err
		})},
		{kindReject, old(&p.Rejects, func(_, v []byte) (time.Time, bool, error) {
			r, _, err := decodeReject(0, v)
			return r.At, true, err
		})},
		{kindEnded, old(&p.Rejects, func(_, v []byte) (time.Time, bool, error) {
			e, err := s.ended(pid, 0, v, map[uint64][]byte{})
			return e.When, true, err
		})},
		{kindFile, old(&p.Files, file(false))},
		{kindOldFile, old(&p.Files, file(true))},
	} {
		if err := s.deleteWhere(key(c.kind, pid), c.f); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Drop removes everything that is known of a pipeline, the keys of its own
// spaces included; those of entities stay. A session that still works on it is
// fenced first. What runs under its address later is another incarnation.
func (s *Store) Drop(ctx context.Context, pipeline string) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return err
	}
	if _, err := s.Pipeline(ctx, pipeline, 0, ""); err != nil {
		return err
	}
	var w kv.Writes
	if err := s.raise(&w, pipeline, false, nil); err != nil { // before anything is gone: what is read again has other keys
		return err
	}
	if err := s.kv.Apply(&w); err != nil {
		return err
	}
	prefixes := [][]byte{}
	names := [][]byte{append([]byte{kindPipes}, pipeline...), key(kindOwner, pid)}
	err = s.kv.Scan([]byte{kindSpaces}, []byte{kindSpaces + 1}, func(k, v []byte) bool {
		if strings.HasPrefix(string(k[1:]), pipeline+"/") {
			prefixes = append(prefixes, key(kindSpace, binary.BigEndian.Uint32(v)))
			names = append(names, bytes.Clone(k))
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, kind := range []byte{kindCursor, kindToken, kindCut, kindAhead, kindFile, kindReject, kindTotals, kindRun, kindNumbers, kindOldFile, kindHeader, kindTrail, kindHeld, kindHeldPart, kindReading, kindEnded} {
		prefixes = append(prefixes, key(kind, pid))
	}
	for _, p := range prefixes {
		if err := s.deleteWhere(p, func(_, _ []byte) (bool, error) { return true, nil }); err != nil {
			return fmt.Errorf("removing the state of %s: %w", pipeline, err)
		}
	}
	w.Reset()
	for _, n := range names {
		w.Delete(n)
	}
	return s.kv.Apply(&w)
}

// DropSpace forgets all keys of the named space. No pipeline that uses it may be running.
// What pipelines keep of the entities of a shared one is in spaces of their own; see
// DropSpace of engine/lineage.
func (s *Store) DropSpace(name string) error {
	sid, err := s.numberOf(kindSpaces, name)
	if sid == 0 || err != nil {
		return err
	}
	if err := s.deleteWhere(key(kindSpace, sid), func(_, _ []byte) (bool, error) { return true, nil }); err != nil {
		return fmt.Errorf("removing the keys of %s: %w", name, err)
	}
	var w kv.Writes
	w.Delete(append([]byte{kindSpaces}, name...))
	w.Delete(key(kindVersion, sid))
	return s.kv.Apply(&w)
}

// deleteWhere removes the keys below prefix that f chooses, in commits of bounded size.
func (s *Store) deleteWhere(prefix []byte, f func(k, v []byte) (bool, error)) error {
	end := after(prefix)
	for from := prefix; from != nil; {
		var w kv.Writes
		var next []byte
		var bad error
		err := s.kv.Scan(from, end, func(k, v []byte) bool {
			if len(w.List) == deleteBatch {
				next = bytes.Clone(k)
				return false
			}
			var del bool
			if del, bad = f(k, v); del && bad == nil {
				w.Delete(bytes.Clone(k))
			}
			return bad == nil
		})
		if err = firstOf(err, bad); err != nil {
			return err
		}
		if len(w.List) > 0 {
			if err := s.kv.Apply(&w); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}
