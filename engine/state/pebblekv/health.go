package pebblekv

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// fullTries is how many writes of the database in a row may find no room while it is
// opened or closed. Commits find out sooner: Apply looks before it writes.
const fullTries = 20

// health is what is known of the store: why nothing can be written any more, if anything,
// and how often in a row the disk had no room.
type health struct {
	mu    sync.Mutex
	dead  error
	full  int
	why   error         // of the last of them
	noted bool          // the lack of room was logged
	stuck chan struct{} // closed when full reached fullTries, or the database itself gave up
}

func newHealth() *health { return &health{stuck: make(chan struct{})} }

// Health returns why nothing can be written any more: the folder was damaged, taken over
// or could not be written to. What was committed before stays, and what can be read can be read.
// nil means that commits are possible as far as is known.
func (s *Store) Health() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.dead
}

// die keeps err as the reason why nothing is written from now on: what reached
// the log is unknown, and later commits must not build on it.
func (s *Store) die(err error) error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	if s.health.dead == nil {
		s.health.dead = explain(s.dir, "written", err)
	}
	return s.health.dead
}

// corrupted is told of a file that is not as it was written, wherever it is met. Nothing
// may be built on such a store.
func (s *Store) corrupted(info pebble.DataCorruptionInfo) {
	_ = s.die(damaged(s.dir, &damage{what: info.Path + " is not as it was written", err: info.Details}))
	pauseFull() // work of the database itself is tried again at once and for ever
}

// gaveUp is told that the database cannot go on in a goroutine of its own.
func (s *Store) gaveUp(f *fatal) {
	_ = s.die(f)
	s.guard.stop()
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.full = max(s.health.full, fullTries)
	s.stickLocked()
}

// backgroundError is told of failed flushes and compactions. Pebble tries them
// again; the commits themselves are in the log already.
func (s *Store) backgroundError(err error) {
	if pebble.IsCorruptionError(err) {
		_ = s.die(damaged(s.dir, err))
	}
	s.health.mu.Lock()
	again := s.health.noted
	s.health.noted = true
	s.health.mu.Unlock()
	if !again {
		s.o.Log.Warn("the state store could not tidy its files; it will try again", zap.String("folder", s.dir), zap.Error(err))
	}
}

// noRoom is told of every write of the database that found no room.
func (s *Store) noRoom(err error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.why = err
	if s.health.full++; s.health.full >= fullTries {
		s.stickLocked()
	}
}

func (s *Store) stickLocked() {
	select {
	case <-s.health.stuck:
	default:
		close(s.health.stuck)
	}
}

// tidied is told that the database wrote a table.
func (s *Store) tidied() {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.noted = false
	select {
	case <-s.health.stuck:
		s.health.stuck = make(chan struct{})
	default:
	}
	s.health.full = 0
}

// bounded calls f, which opens or closes the database, and gives up when the database finds
// no room again and again: it would wait for ever, whatever signal comes.
func (s *Store) bounded(f func() error) error {
	s.health.mu.Lock()
	stuck := s.health.stuck
	s.health.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-stuck:
	}
	s.guard.stop()
	if err := s.Health(); err != nil {
		return err
	}
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return diskFull(s.dir, fmt.Errorf("the database cannot write its files: %w", s.health.why))
}

// caught turns a panic of the database into an error: it panics where it cannot go on,
// which with files that are not as they were written is anywhere. It is deferred.
func caught(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if f, ok := r.(*fatal); ok {
		*err = f
		return
	}
	if e, ok := r.(error); ok {
		*err = &damage{what: "the database cannot make sense of its files", err: e}
		return
	}
	*err = &damage{what: fmt.Sprintf("the database cannot make sense of its files: %v", r)}
}

// met is caught for reading. It is deferred.
func (s *Store) met(err *error) {
	r := recover()
	if r == nil {
		return
	}
	f, ok := r.(*fatal)
	if !ok {
		panic(r)
	}
	*err = explain(s.dir, "read", f)
}
