package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/state/kv"
)

// ErrFenced is returned to a session that no longer owns its pipeline: another
// one was taken later. Nothing of what it asked for was written.
var ErrFenced = errors.New("another generation took over this pipeline; what was not committed is left to it")

// ErrShared is returned by Commit when another pipeline changed an entity that
// the pending changes depend on. Nothing was written. Discard and go on from
// the cursor, holding the entity's space: see Store.Hold.
var ErrShared = errors.New("another pipeline changed the same entity at the same time; the rows since the last commit must be processed again")

// Session is the work on one pipeline by its owner. One goroutine uses it.
type Session struct {
	store    *Store
	pid      uint32
	address  string
	gen      uint64
	revision string
	ownerKey []byte
	owner    []byte // the record that must still be there at each commit
	fenced   bool

	incarnation uint64            // see Incarnation
	readings    map[string]uint64 // by object; nil when there are none

	cursors map[string]*cursorSlot
	tokens  map[string]*tokenSlot
	cuts    map[string][]int64
	ahead   map[string]Intent // see Reserve
	spaces  map[string]*Space
	held    map[string]*heldSlot // by object
	pending Counts

	files    map[string]FileEntry // pending, by fileKey
	replaced []FileEntry          // pending entries of the history

	rejects   []byte // pending, encoded one after another
	rejectEnd []int  // where each ends
	headers   map[uint64][]byte
	taken     []uint64              // dead letters that the next commit removes
	ended     []Ended               // of them, those that were edited
	overtaken map[uint64]Overtaking // see Overtake
	trail     []Trail               // deliveries to be recorded
	back      Counts                // what it takes back from the totals for them

	lastReject, lastRun uint64 // committed
	totals              Totals // committed
	run                 *Run   // under way, with the counts of its commits; nil when none was started
	recorded            bool   // run is in the store
	lastEnded           bool   // the run before is known to have ended
	polled              time.Time
	idle                bool // the last run found nothing, see FinishRun

	w kv.Writes
}

type cursorSlot struct {
	committed, now Cursor
	have, haveNow  bool
	dirty          bool
}

type tokenSlot struct {
	now, committed []byte
	dirty          bool
}

// Spool is that of the session's store.
func (s *Session) Spool() string { return s.store.Spool() }

// SpoolLimit returns how many bytes all that is in that folder may have; 0 is no limit.
func (s *Session) SpoolLimit() int64 { return s.store.spoolLimit }

// Pipeline takes ownership of a pipeline, giving it the next epoch: from now on
// whatever an earlier session asks for is refused with ErrFenced.
func (s *Store) Pipeline(ctx context.Context, address string, generation uint64, revision string) (*Session, error) {
	pid, err := s.number(kindPipes, address)
	if err != nil {
		return nil, err
	}
	se := &Session{
		store: s, pid: pid, address: address, gen: generation, revision: revision, ownerKey: key(kindOwner, pid),
		cursors: map[string]*cursorSlot{}, tokens: map[string]*tokenSlot{}, cuts: map[string][]int64{}, ahead: map[string]Intent{},
		spaces: map[string]*Space{}, files: map[string]FileEntry{}, headers: map[uint64][]byte{}, held: map[string]*heldSlot{},
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := se.take()
		var c *kv.Conflict
		if errors.As(err, &c) {
			continue // somebody else took it at the same moment
		}
		if err == nil {
			err = se.load()
		}
		if err != nil {
			return nil, err
		}
		return se, nil
	}
}

func (s *Session) take() error {
	old, ok, err := s.store.kv.Get(s.ownerKey, nil)
	if err != nil {
		return err
	}
	var w kv.Writes
	var o owner
	if ok {
		if o, err = decodeOwner(old); err != nil {
			return err
		}
		w.Require(s.ownerKey, old)
	} else {
		w.RequireAbsent(s.ownerKey)
	}
	e := newEncoder(nil)
	e.uint(o.epoch + 1)
	e.uint(s.gen)
	e.string(s.revision)
	e.time(s.store.clock.Now())
	s.owner = e.b
	w.Put(s.ownerKey, s.owner)
	return s.store.kv.Apply(&w)
}

// load reads what the session keeps in memory. It runs after the epoch was
// taken, so no older session changes it any more.
func (s *Session) load() error {
	if err := s.loadIncarnation(); err != nil {
		return err
	}
	v, ok, err := s.store.kv.Get(key(kindTotals, s.pid), nil)
	if err == nil && ok {
		s.totals, err = decodeTotals(v)
	}
	if err != nil {
		return err
	}
	v, ok, err = s.store.kv.Get(key(kindNumbers, s.pid), nil)
	if err == nil && ok {
		err = decode(v, "a numbers record", func(d *decoder) { s.lastReject, s.lastRun = d.uint(), d.uint() })
	}
	if err != nil {
		return err
	}
	prefix := key(kindCut, s.pid)
	err = s.store.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		sink, _ := cutName(k[idLen:])
		n, _ := binary.Varint(v)
		s.cuts[sink] = append(s.cuts[sink], n)
		return true
	})
	if err != nil {
		return err
	}
	prefix = key(kindAhead, s.pid)
	err = s.store.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		s.ahead[string(k[idLen:])] = decodeIntent(v)
		return true
	})
	return firstOf(err, s.loadHeld())
}

// Cursor returns where the named source goes on, and whether it ever committed.
func (s *Session) Cursor(source string) (Cursor, bool, error) {
	c, err := s.cursor(source)
	if err != nil {
		return Cursor{}, false, err
	}
	return c.now, c.haveNow, nil
}

func (s *Session) cursor(source string) (*cursorSlot, error) {
	if c := s.cursors[source]; c != nil {
		return c, nil
	}
	c := &cursorSlot{}
	v, ok, err := s.store.kv.Get(nameKey(kindCursor, s.pid, source), nil)
	if err == nil && ok {
		c.committed, err = decodeCursor(v)
		c.now, c.have, c.haveNow = c.committed, true, true
	}
	if err != nil {
		return nil, err
	}
	s.cursors[source] = c
	return c, nil
}

// SetCursor moves the cursor of the named source. Within an object it only moves
// forward (I2): an error says what is wrong with the engine, not with the data.
func (s *Session) SetCursor(source string, c Cursor) error {
	slot, err := s.cursor(source)
	if err != nil {
		return err
	}
	if slot.haveNow && movesBack(slot.now, c) {
		return fmt.Errorf("source %s of pipeline %s: the cursor in %s would move back from row %d (offset %d) to row %d (offset %d)",
			source, s.address, c.Name, slot.now.Row, slot.now.Offset, c.Row, c.Offset)
	}
	slot.now, slot.haveNow, slot.dirty = c, true, true
	return nil
}

// SinkToken returns the resume token of a sink, nil when it has none.
func (s *Session) SinkToken(sink string) ([]byte, error) {
	t, err := s.token(sink)
	if err != nil {
		return nil, err
	}
	return t.now, nil
}

func (s *Session) token(sink string) (*tokenSlot, error) {
	if t := s.tokens[sink]; t != nil {
		return t, nil
	}
	v, ok, err := s.store.kv.Get(nameKey(kindToken, s.pid, sink), nil)
	if err != nil {
		return nil, err
	}
	if ok && v == nil {
		v = []byte{}
	}
	t := &tokenSlot{now: v, committed: v}
	s.tokens[sink] = t
	return t, nil
}

// SetSinkToken sets the resume token of a sink, copying it; nil removes it.
func (s *Session) SetSinkToken(sink string, token []byte) error {
	t, err := s.token(sink)
	if err != nil {
		return err
	}
	t.now, t.dirty = bytes.Clone(token), true
	return nil
}

// Space returns the keys of the named space, the same value each time. A name
// that begins with "entity." is that of an entity and common to all pipelines;
// any other belongs to this pipeline. An error in reaching the space is
// returned by its Get and by Commit.
func (s *Session) Space(name string) *Space {
	if sp := s.spaces[name]; sp != nil {
		return sp
	}
	sp := &Space{store: s.store, name: s.address + "/" + name}
	if strings.HasPrefix(name, "entity.") {
		sp.name, sp.shared = name, true
	}
	s.spaces[name] = sp
	return sp
}

// AddReject adds a dead letter, copying what r holds, and returns the number that it
// has once it is committed. Each one is also to be counted with Count.
func (s *Session) AddReject(r Reject) uint64 {
	r.Reason = diag.Cut(r.Reason)
	if r.Revision == "" {
		r.Revision = s.revision
	}
	if r.Run == "" && s.run != nil {
		r.Run = s.run.ID
	}
	if r.At.IsZero() {
		r.At = s.store.clock.Now()
	}
	if h := r.header(); h != 0 && s.headers[h] == nil {
		s.headers[h] = bytes.Clone(r.Header)
	}
	s.rejects = r.encode(s.rejects)
	s.rejectEnd = append(s.rejectEnd, len(s.rejects))
	return s.lastReject + uint64(len(s.rejectEnd))
}

// TakeReject removes a dead letter with the next commit. The row is processed
// anew and counted as any other; back is what it was counted as before, its
// reading included, and is taken back from the totals of the pipeline. back must
// add up, so that the totals go on to do so (I3).
func (s *Session) TakeReject(id uint64, back Counts) {
	s.taken = append(s.taken, id)
	s.back.Add(back)
}

// Count adds to the ledger of the next commit.
func (s *Session) Count(c Counts) { s.pending.Add(c) }

// Pending returns how many keys and bytes of spaces and rejects the next commit
// writes, for deciding when it is due.
func (s *Session) Pending() (keys int, size int64) {
	for _, sp := range s.spaces {
		keys += len(sp.dirty)
		size += int64(len(sp.arena) - sp.settled)
	}
	return keys + len(s.rejectEnd), size + int64(len(s.rejects))
}

// RecordCut makes durable at once that a delivery to the sink ended, because of
// time, with the rows-th row since the last commit. After a crash the same rows
// are cut the same way and so get the same key.
func (s *Session) RecordCut(sink string, rows int64) error {
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	w.Put(cutKey(s.pid, sink, len(s.cuts[sink])), binary.AppendVarint(nil, rows))
	if err := s.apply(&w); err != nil {
		return err
	}
	s.cuts[sink] = append(s.cuts[sink], rows)
	return nil
}

// Cuts returns the cuts recorded for the sink since the last commit, in order.
func (s *Session) Cuts(sink string) []int64 { return slices.Clone(s.cuts[sink]) }

// Discard drops everything that is pending. Recorded cuts and reservations stay.
func (s *Session) Discard() {
	for _, c := range s.cursors {
		c.now, c.haveNow, c.dirty = c.committed, c.have, false
	}
	for _, t := range s.tokens {
		t.now, t.dirty = t.committed, false
	}
	for _, sp := range s.spaces {
		sp.reset()
	}
	s.discardHeld()
	s.dropPending()
}

func (s *Session) dropPending() {
	clear(s.files)
	s.replaced = s.replaced[:0]
	s.rejects, s.rejectEnd, s.taken = s.rejects[:0], s.rejectEnd[:0], s.taken[:0]
	s.ended = s.ended[:0]
	clear(s.headers)
	clear(s.overtaken)
	s.trail = s.trail[:0]
	s.back.reset()
	s.pending.reset()
}
