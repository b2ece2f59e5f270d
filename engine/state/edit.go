package state

import (
	"encoding/binary"
	"fmt"
	"time"

	"weir/engine/state/kv"
)

// Edit is a change that a person made to a copy of a dead letter's text.
type Edit struct {
	Text   []byte // of the row since then
	By     string // who changed it
	Reason string // why, for people
	At     time.Time
}

// Text returns what a replay reads: what the last edit made of Raw, else Raw itself.
func (r *Reject) Text() []byte {
	if n := len(r.Edits); n > 0 {
		return r.Edits[n-1].Text
	}
	return r.Raw
}

func encodeEdits(e *encoder, edits []Edit) {
	e.uint(uint64(len(edits)))
	for i := range edits {
		x := &edits[i]
		e.string(string(x.Text))
		e.string(x.By)
		e.string(x.Reason)
		e.time(x.At)
	}
}

func decodeEdits(d *decoder) (out []Edit) {
	for n := d.count(); n > 0; n-- {
		out = append(out, Edit{Text: []byte(d.string()), By: d.string(), Reason: d.string(), At: d.time()})
	}
	return out
}

// Ended is a dead letter that was edited and is no longer among the refused rows.
type Ended struct {
	Reject
	Outcome string // Replayed or Discarded
	RunID   string // of the replay that took it
	When    time.Time
}

// What became of an edited letter.
const (
	Replayed  = "replayed"  // the run that took it says what became of the row; it may have been refused again
	Discarded = "discarded" // by a person
)

func (x *Ended) encode() []byte {
	e := &encoder{b: x.Reject.encode(nil)}
	e.string(x.Outcome)
	e.string(x.RunID)
	e.time(x.When)
	return e.b
}

// ChangedError tells that an edit was made of a letter that is not any more as its author saw it.
type ChangedError struct {
	Pipeline string
	ID       uint64
	Gone     bool  // it was replayed or discarded
	Ended    Ended // then, when it had been edited
	Edit     Edit  // else the edit that came first
}

// Error implements error.
func (e *ChangedError) Error() string {
	switch {
	case !e.Gone:
		return fmt.Sprintf("refused row %d of pipeline %s was edited meanwhile, by %s at %s (%s). Look at it with weir rejects show, and edit that", e.ID, e.Pipeline, e.Edit.By, e.Edit.At.UTC().Format(time.RFC3339), e.Edit.Reason)
	case e.Ended.Outcome != "":
		return fmt.Sprintf("pipeline %s has no refused row %d any more: it was %s at %s", e.Pipeline, e.ID, e.Ended.Outcome, e.Ended.When.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("pipeline %s has no refused row %d; it may have been replayed or discarded", e.Pipeline, e.ID)
}

// EditReject adds an edit to a dead letter, whose text stays as it was beside it. seen is how
// many edits its author knew of. A *ChangedError tells that the letter is not as it was then.
// The pipeline must not be running.
func (s *Store) EditReject(pipeline string, id uint64, seen int, e Edit) (Reject, error) {
	pid, err := s.numberOf(kindPipes, pipeline)
	if err != nil {
		return Reject{}, err
	}
	k := numberKey(kindReject, pid, id)
	v, ok, err := s.kv.Get(k, nil)
	if err != nil {
		return Reject{}, err
	}
	if pid == 0 || !ok {
		return Reject{}, s.gone(pipeline, pid, id)
	}
	x, err := s.reject(pid, id, v, map[uint64][]byte{})
	if err != nil {
		return x, err
	}
	if len(x.Edits) != seen {
		c := &ChangedError{Pipeline: pipeline, ID: id}
		if n := len(x.Edits); n > 0 {
			c.Edit = x.Edits[n-1]
		}
		return x, c
	}
	if e.At.IsZero() {
		e.At = s.clock.Now()
	}
	x.Edits = append(x.Edits, e)
	var w kv.Writes
	w.Require(k, v)
	w.Put(k, x.encode(nil))
	return x, s.kv.Apply(&w)
}

// gone says that there is no letter id, and what became of it when that is known.
func (s *Store) gone(pipeline string, pid uint32, id uint64) error {
	c := &ChangedError{Pipeline: pipeline, ID: id, Gone: true}
	v, ok, err := s.kv.Get(numberKey(kindEnded, pid, id), nil)
	if err != nil {
		return err
	}
	if ok {
		if c.Ended, err = s.ended(pid, id, v, map[uint64][]byte{}); err != nil {
			return err
		}
	}
	return c
}

// Ended calls f with the letters that were edited and then replayed or discarded, by
// number, until it returns false. They are kept until they are pruned.
func (s *Store) Ended(pipeline string, f func(Ended) bool) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return err
	}
	var bad error
	headers := map[uint64][]byte{}
	prefix := key(kindEnded, pid)
	err = s.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		var x Ended
		if x, bad = s.ended(pid, binary.BigEndian.Uint64(k[idLen:]), v, headers); bad != nil {
			return false
		}
		return f(x)
	})
	return firstOf(err, bad)
}

func (s *Store) ended(pid uint32, id uint64, v []byte, headers map[uint64][]byte) (x Ended, err error) {
	var h uint64
	err = decode(v, "an edited reject", func(d *decoder) {
		h = x.decodeFrom(d)
		x.Outcome, x.RunID, x.When = d.string(), d.string(), d.time()
	})
	if err != nil {
		return x, err
	}
	x.ID = id
	x.Header, err = s.header(pid, h, headers)
	return x, err
}

// Take is TakeReject for a letter whose edits are to be known afterwards.
func (s *Session) Take(x *Reject, back Counts) {
	s.TakeReject(x.ID, back)
	if len(x.Edits) == 0 {
		return
	}
	e := Ended{Reject: *x, Outcome: Replayed, When: s.store.clock.Now()}
	if s.run != nil {
		e.RunID = s.run.ID
	}
	s.ended = append(s.ended, e)
}
