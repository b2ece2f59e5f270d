package serve

import (
	"context"
	"time"
)

// Activity is what goes on in a server at one moment. Tests that go by a clock of
// their own move it when everything that goes on waits.
type Activity struct {
	Running int       // runs that have not ended, without those that were left behind
	Working int       // reads of the folder under way, and changes that wait for nothing
	Asked   int       // changes that asked a run for something, which it has yet to do
	Due     bool      // something is due and has not begun
	Next    time.Time // when something falls due or a deadline passes; zero for never
}

// activity is what Activity is made from. It is under the server's mutex.
type activity struct {
	reads   int // of the folder, from the request to the decision
	changes int // of pipelines, under way
	waits   map[*wait]struct{}
	retryAt time.Time // when again looks whether something is to be tried; zero while it tries
}

// wait is a change that waits for a run: until it no longer has to, or the time has come.
type wait struct {
	still func() bool
	until time.Time
}

// Activity returns what goes on now. What has fallen due, or been answered, counts as
// due, or as at work, until its goroutine has seen to it: no moment shows less than goes on.
func (s *Server) Activity() Activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	out := Activity{Running: s.running, Working: s.activity.reads + s.activity.changes}
	next := func(t time.Time) {
		if !t.IsZero() && (out.Next.IsZero() || t.Before(out.Next)) {
			out.Next = t
		}
		out.Due = out.Due || !t.IsZero() && !t.After(now)
	}
	for w := range s.activity.waits {
		if w.still() && now.Before(w.until) {
			out.Working--
			out.Asked++
			next(w.until)
		}
	}
	if !s.stopping {
		next(s.activity.retryAt)
		if len(s.queue) > 0 && s.running < s.o.Parallel && s.takenOver == nil {
			next(s.queue[0].due)
		}
	}
	return out
}

// reading counts reads of the folder.
func (s *Server) reading(n int) {
	s.mu.Lock()
	s.activity.reads += n
	s.mu.Unlock()
	s.o.Quiet()
}

// changeOver notes the end of a change.
func (s *Server) changeOver() {
	s.mu.Lock()
	s.activity.changes--
	s.mu.Unlock()
	s.o.Quiet()
}

// waitFor is after, for a change that waits as long as still reports true.
func (s *Server) waitFor(ctx context.Context, still func() bool, d time.Duration) (<-chan struct{}, func()) {
	w := &wait{still: still}
	s.mu.Lock()
	w.until = s.clock.Now().Add(d)
	if s.activity.waits == nil {
		s.activity.waits = map[*wait]struct{}{}
	}
	s.activity.waits[w] = struct{}{}
	s.mu.Unlock()
	over, stop := s.at(ctx, w.until)
	s.o.Quiet()
	return over, func() {
		stop()
		s.mu.Lock()
		delete(s.activity.waits, w)
		s.mu.Unlock()
	}
}

// active reports whether r has not ended.
func (r *run) active() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// retryLater notes when what could not be done is tried again, and returns that time.
func (s *Server) retryLater() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activity.retryAt = s.clock.Now().Add(retryPause)
	return s.activity.retryAt
}

// retryNow reports whether there is something to try, which then counts as a read.
func (s *Server) retryNow() (retry, stopping bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activity.retryAt = time.Time{}
	if s.retry && !s.stopping {
		s.activity.reads++
	}
	return s.retry, s.stopping
}

// sleepUntil waits until t, or until ctx is done. A clock that tests move may pass t
// between a look at it and a sleep, so such a clock has a sleep of its own for that.
func (s *Server) sleepUntil(ctx context.Context, t time.Time) error {
	if c, ok := s.clock.(interface {
		SleepUntil(ctx context.Context, t time.Time) error
	}); ok {
		return c.SleepUntil(ctx, t)
	}
	return s.clock.Sleep(ctx, t.Sub(s.clock.Now()))
}
