package state

import (
	"context"

	"weir/engine/state/kv"
)

// Advance makes the session that of a later generation of the configuration. It
// keeps its epoch: only what is committed from now on carries the new generation.
// There must be nothing pending. ErrFenced is returned as by Commit.
func (s *Session) Advance(ctx context.Context, generation uint64, revision string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o, err := decodeOwner(s.owner)
	if err != nil {
		return err
	}
	e := newEncoder(nil)
	e.uint(o.epoch)
	e.uint(generation)
	e.string(revision)
	e.time(s.store.clock.Now())
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	w.Put(s.ownerKey, e.b)
	if err := s.apply(&w); err != nil {
		return err
	}
	s.owner, s.gen, s.revision = e.b, generation, revision
	return nil
}

// Generation returns the generation of the configuration that the session commits for.
func (s *Session) Generation() uint64 { return s.gen }
