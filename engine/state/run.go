package state

import (
	"encoding/binary"
	"errors"
	"time"

	"weir/engine/diag"
	"weir/engine/state/kv"
)

// StartRun records, durably at once, that a run began. ID, Started and Kind come from
// r; a run before it that never ended is marked as interrupted.
func (s *Session) StartRun(r Run) error {
	if err := s.StartPoll(r); err != nil {
		return err
	}
	if err := s.RecordRun(); err != nil {
		s.run = nil
		return err
	}
	return nil
}

// StartPoll is StartRun for a run that may find nothing to do: it is recorded with
// the first thing that is made durable, or by RecordRun. Such a run that
// succeeds without either leaves no record, takes no number and waits for no disk.
func (s *Session) StartPoll(r Run) error {
	if s.run != nil {
		return errors.New("state: a run was started before the last one was finished")
	}
	s.run = &Run{
		Number: s.lastRun + 1, ID: r.ID, Started: r.Started,
		Revision: s.revision, Generation: s.gen, Outcome: Running, Kind: r.Kind,
	}
	return nil
}

// RecordRun makes the beginning of the run durable, if there is one and it is not yet: call it before
// the run does anything that people would look for after a crash.
func (s *Session) RecordRun() error {
	if s.run == nil || s.recorded {
		return nil
	}
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	w.Put(numberKey(kindRun, s.pid, s.run.Number), s.run.encode())
	w.Put(key(kindNumbers, s.pid), numbers(s.lastReject, s.run.Number))
	if err := s.stageStart(&w); err != nil {
		return err
	}
	if err := s.apply(&w); err != nil {
		return err
	}
	s.started()
	return nil
}

// runNumber is the number of the run under way, 0 when there is none.
func (s *Session) runNumber() uint64 {
	if s.run == nil {
		return 0
	}
	return s.run.Number
}

// stageStart adds to the first write of a run what goes with its record, which the
// caller writes: the last number, and that the run before it ended.
func (s *Session) stageStart(w *kv.Writes) error {
	if s.run == nil || s.recorded {
		return nil
	}
	w.Put(key(kindNumbers, s.pid), numbers(s.lastReject+uint64(len(s.rejectEnd)), s.run.Number))
	return s.stageEarlier(w)
}

// stageEarlier adds that the run before the present one ended, if it did not say so itself.
func (s *Session) stageEarlier(w *kv.Writes) error {
	if s.lastRun == 0 || s.lastEnded {
		return nil
	}
	k := numberKey(kindRun, s.pid, s.lastRun)
	v, ok, err := s.store.kv.Get(k, nil)
	if err != nil || !ok {
		return err
	}
	last, err := decodeRun(s.lastRun, v)
	if err != nil {
		return err
	}
	if last.Outcome == Running {
		last.Outcome = Interrupted
		w.Put(k, last.encode())
	}
	return nil
}

// EndEarlier marks as interrupted, durably, a run of a session before this one that
// has not ended and now cannot: it is for whoever takes a pipeline from a run that hangs and
// starts no other at once. It is called before the session's own first run.
func (s *Session) EndEarlier() error {
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	if err := s.stageEarlier(&w); err != nil {
		return err
	}
	if len(w.List) == 0 {
		return nil
	}
	if err := s.apply(&w); err != nil {
		return err
	}
	s.lastEnded = true
	return nil
}

// endRuns marks as interrupted what a process before began and did not end. Of a
// pipeline that can be the last run alone; see stageStart.
func (s *Store) endRuns() error {
	var runs [][]byte
	err := s.kv.Scan([]byte{kindNumbers}, []byte{kindNumbers + 1}, func(k, v []byte) bool {
		var last uint64
		if decode(v, "a numbers record", func(d *decoder) { d.uint(); last = d.uint() }) == nil && last > 0 {
			runs = append(runs, numberKey(kindRun, binary.BigEndian.Uint32(k[1:]), last))
		}
		return true
	})
	var w kv.Writes
	for _, k := range runs {
		v, ok, gerr := s.kv.Get(k, nil)
		if err = errors.Join(err, gerr); !ok || gerr != nil {
			continue
		}
		r, derr := decodeRun(0, v)
		if derr != nil || r.Outcome != Running { // what is damaged is told to who reads it
			continue
		}
		r.Outcome = Interrupted
		w.Require(k, v)
		w.Put(k, r.encode())
	}
	if err != nil || len(w.List) == 0 {
		return err
	}
	return s.kv.Apply(&w)
}

// started notes that the run is recorded.
func (s *Session) started() {
	if s.run != nil && !s.recorded {
		s.recorded, s.lastEnded, s.lastRun = true, false, s.run.Number
	}
}

// FinishRun records, durably at once, how the run ended; see StartPoll for one that
// did nothing. Its counts are those of its commits. text says why it failed and
// holds no secret (I9). Memory that the run needed is given back.
func (s *Session) FinishRun(ended time.Time, outcome, text string) (Run, error) {
	if s.run == nil {
		return Run{}, errors.New("state: FinishRun without a run")
	}
	if !s.recorded && outcome != Failed {
		return s.endPoll(ended, outcome, text)
	}
	if err := s.RecordRun(); err != nil { // a poll that failed
		return Run{}, err
	}
	r := *s.run
	r.Ended, r.Outcome, r.Error = ended, outcome, diag.Cut(text)
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	w.Put(numberKey(kindRun, s.pid, r.Number), r.encode())
	if err := s.apply(&w); err != nil {
		return Run{}, err
	}
	s.run, s.recorded, s.lastEnded, s.polled, s.idle = nil, false, true, ended, false
	s.rest()
	return r, nil
}

// FinishPoll is FinishRun for a poll that ended as the one before did, which is no news:
// when nothing is recorded of it, it leaves no record, also when it failed.
func (s *Session) FinishPoll(ended time.Time, outcome, text string) (Run, error) {
	if s.run == nil || s.recorded {
		return s.FinishRun(ended, outcome, text)
	}
	return s.endPoll(ended, outcome, text)
}

// endPoll ends a run that found nothing, once it is sure that the session still owns the pipeline.
func (s *Session) endPoll(ended time.Time, outcome, text string) (Run, error) {
	var w kv.Writes
	w.Require(s.ownerKey, s.owner)
	if err := s.apply(&w); err != nil {
		return Run{}, err
	}
	r := *s.run
	r.Number, r.Ended, r.Outcome, r.Error = 0, ended, outcome, diag.Cut(text)
	s.run, s.polled, s.idle = nil, ended, true
	s.rest()
	return r, nil
}

// Idle reports whether the last run of this session found nothing and is not recorded.
func (s *Session) Idle() bool { return s.idle }

// LastPoll returns when a run of this session ended last, whether it is recorded or
// not; zero when none did.
func (s *Session) LastPoll() time.Time { return s.polled }

const restBytes = 16 << 10 // that a space or a session at rest may keep of a kind

// rest gives back memory that only a run needs: most pipelines do nothing most of the time.
func (s *Session) rest() {
	for _, sp := range s.spaces {
		if len(sp.dirty) == 0 {
			sp.rest()
		}
	}
	if cap(s.rejects) > restBytes && len(s.rejectEnd) == 0 {
		s.rejects = nil
	}
	if cap(s.w.List) > restBytes/64 {
		s.w = kv.Writes{}
	}
}
