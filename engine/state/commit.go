package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"weir/engine/plugin"
	"weir/engine/state/kv"
)

// LedgerError says that the counts of a commit do not account for every row (I3).
// It is a defect of the engine; nothing was written.
type LedgerError struct {
	Pipeline string
	Counts   Counts
	Rejects  int // dead letters added
}

// Error implements error.
func (e *LedgerError) Error() string {
	if d := e.Counts.Difference(); d != 0 {
		what := "rows are unaccounted for"
		if d < 0 {
			what = "rows too many are accounted for"
			d = -d
		}
		return fmt.Sprintf("pipeline %s: the ledger does not add up: %d %s (%s). Nothing was committed. This is a defect of weir; please report it", e.Pipeline, d, what, e.Counts)
	}
	return fmt.Sprintf("pipeline %s: the ledger counts %d rejected rows and %d were written to the dead letters. Nothing was committed. This is a defect of weir; please report it",
		e.Pipeline, e.Counts.Rejected, e.Rejects)
}

// Commit makes everything pending durable, in one atomic write (I5), and clears
// the recorded cuts and reservations. With nothing pending it only checks that the session still
// owns the pipeline. It returns a *LedgerError when the counts do not add up (I3),
// ErrFenced or ErrShared when the commit is refused, and a Failure when the store
// cannot write. After any error the pending changes are still there: Discard
// them, or call Commit again.
func (s *Session) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.pending.Difference() != 0 || s.back.Difference() != 0 || s.pending.Rejected != int64(len(s.rejectEnd)) {
		return &LedgerError{Pipeline: s.address, Counts: s.pending.clone(), Rejects: len(s.rejectEnd)}
	}
	s.w.Reset()
	defer s.w.Reset()
	s.w.Require(s.ownerKey, s.owner)
	changed, err := s.stageRecords()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.spaces)) {
		if err := s.spaces[name].stage(&s.w); err != nil {
			s.distrust()
			return err
		}
	}
	if changed || len(s.w.List) > 0 {
		if err := s.stageStart(&s.w); err != nil {
			return err
		}
		totals, run := s.stageTotals()
		if err := s.apply(&s.w); err != nil {
			s.distrust()
			return err
		}
		s.totals, s.run = totals, run
		s.started()
	} else if err := s.apply(&s.w); err != nil {
		return err
	}
	s.settle()
	return nil
}

// distrust tells the spaces that what they staged was not written.
func (s *Session) distrust() {
	for _, sp := range s.spaces {
		sp.distrust()
	}
}

// stageRecords adds everything but spaces and totals to the write.
func (s *Session) stageRecords() (changed bool, err error) {
	for source, c := range s.cursors {
		if !c.dirty {
			continue
		}
		if c.have && movesBack(c.committed, c.now) {
			return false, fmt.Errorf("source %s of pipeline %s: the cursor would move back", source, s.address) // I2
		}
		s.w.Put(nameKey(kindCursor, s.pid, source), encodeCursor(c.now, nil))
	}
	for sink, t := range s.tokens {
		switch {
		case !t.dirty || bytes.Equal(t.now, t.committed) && (t.now == nil) == (t.committed == nil):
		case t.now == nil:
			s.w.Delete(nameKey(kindToken, s.pid, sink))
		default:
			s.w.Put(nameKey(kindToken, s.pid, sink), t.now)
		}
	}
	for sink, list := range s.cuts {
		for n := range list {
			s.w.Delete(cutKey(s.pid, sink, n))
		}
	}
	for sink := range s.ahead {
		if !s.ends(sink) {
			continue
		}
		s.w.Delete(nameKey(kindAhead, s.pid, sink))
	}
	for _, h := range s.held {
		h.stage(s.pid, &s.w)
	}
	for i := range s.replaced {
		f := &s.replaced[i]
		s.w.Put(oldFileKey(s.pid, f.Source, f.Path, f.ID), encodeFile(f))
	}
	for k, f := range s.files {
		s.w.Put([]byte(k), encodeFile(&f))
	}
	if err := s.stageRejects(&s.w); err != nil {
		return false, err
	}
	for i := range s.ended {
		s.w.Put(numberKey(kindEnded, s.pid, s.ended[i].ID), s.ended[i].encode())
	}
	for i := range s.trail {
		s.w.Put(s.trail[i].key(s.pid), s.trail[i].encode())
	}
	if len(s.rejectEnd) > 0 {
		s.w.Put(key(kindNumbers, s.pid), numbers(s.lastReject+uint64(len(s.rejectEnd)), max(s.lastRun, s.runNumber())))
	}
	return !s.pending.isZero() || len(s.taken)+len(s.overtaken) > 0, nil
}

func numbers(reject, run uint64) []byte {
	e := newEncoder(nil)
	e.uint(reject)
	e.uint(run)
	return e.b
}

// stageTotals adds the totals and the run with the pending counts, and returns them.
func (s *Session) stageTotals() (Totals, *Run) {
	t := s.totals
	t.Counts = t.clone()
	t.Add(s.pending)
	t.subtract(s.back)
	t.Commits++
	t.Last = s.store.clock.Now()
	s.w.Put(key(kindTotals, s.pid), t.encode())
	if s.run == nil {
		return t, nil
	}
	r := *s.run
	r.Counts = r.Counts.clone()
	r.Counts.Add(s.pending)
	s.w.Put(numberKey(kindRun, s.pid, r.Number), r.encode())
	return t, &r
}

// settle makes what was pending the committed state.
func (s *Session) settle() {
	for _, c := range s.cursors {
		c.committed, c.have, c.dirty = c.now, c.haveNow, false
	}
	for _, t := range s.tokens {
		t.committed, t.dirty = t.now, false
	}
	clear(s.cuts)
	maps.DeleteFunc(s.ahead, func(sink string, _ Intent) bool { return s.ends(sink) })
	for _, sp := range s.spaces {
		sp.settle()
	}
	s.settleHeld()
	s.lastReject += uint64(len(s.rejectEnd))
	s.dropPending()
}

// Clock returns the clock of the store.
func (s *Session) Clock() plugin.Clock { return s.store.clock }

// Address returns the address of the pipeline.
func (s *Session) Address() string { return s.address }

// apply writes w for the owner of the pipeline.
func (s *Session) apply(w *kv.Writes) error {
	if s.fenced {
		return ErrFenced
	}
	err := s.store.kv.Apply(w)
	var c *kv.Conflict
	switch {
	case kv.Lost(err) != nil:
		s.fenced = true
		return fmt.Errorf("%w: %w", ErrFenced, err)
	case !errors.As(err, &c):
		return err
	}
	if bytes.Equal(c.Key, s.ownerKey) {
		s.fenced = true
		return ErrFenced
	}
	return ErrShared
}
