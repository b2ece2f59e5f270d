package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"weir/engine/exec"
	"weir/engine/plan"
)

// ErrNotBegun tells that a pipeline was not run, because the run was asked to stop before.
var ErrNotBegun = errors.New("it was not begun: the run was asked to stop")

// DrainError tells that a run was asked to stop, came to no commit within the drain time,
// and was cancelled.
type DrainError struct{ Drain time.Duration }

// Error implements error.
func (e *DrainError) Error() string {
	return fmt.Sprintf("asked to stop, it came to no commit within %s (drain in the engine block) and was broken off", e.Drain)
}

// Unwrap makes it a cancellation.
func (e *DrainError) Unwrap() error { return context.Canceled }

// errDrained is the cause of a context that ends when the drain time is over.
var errDrained = errors.New("the drain time is over")

// stopper ends runs that are asked to stop: at their next commit, or, when they do not
// come to one within the drain time, by cancelling them.
type stopper struct {
	ctx    context.Context // of the runs
	cancel context.CancelCauseFunc
	stop   <-chan struct{}
	drain  time.Duration
	hung   func(where string) // see RunOptions
	over   chan struct{}
	wait   sync.WaitGroup

	mu  sync.Mutex
	now *exec.Control // of the run under way
}

// stopper returns what ends runs when stop is closed.
func (e *Engine) stopper(ctx context.Context, stop <-chan struct{}, hung func(string), p *plan.Plan) *stopper {
	s := &stopper{stop: stop, hung: hung, drain: p.Engine.Drain, over: make(chan struct{})}
	if s.drain <= 0 {
		s.drain = plan.DefaultDrain
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.wait.Go(func() {
		select {
		case <-s.over:
			return
		case <-stop:
		}
		s.mu.Lock()
		if s.now != nil {
			s.now.Stop()
		}
		s.mu.Unlock()
		drained, end := context.WithCancel(context.WithoutCancel(ctx))
		defer end()
		s.wait.Go(func() {
			select {
			case <-s.over:
				end()
			case <-drained.Done():
			}
		})
		if e.clock.Sleep(drained, s.drain) == nil {
			s.cancel(errDrained)
		}
		if s.hung != nil && e.clock.Sleep(drained, hangTime) == nil {
			s.hung(s.where())
		}
	})
	return s
}

// hangTime is how long a run that was cancelled may take to end, before it counts as hanging.
const hangTime = 5 * time.Second

// where tells what the run under way waits for, "" when it waits for nothing outside.
func (s *stopper) where() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return ""
	}
	return s.now.Where()
}

// control returns what steers the run that begins now.
func (s *stopper) control() *exec.Control {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = new(exec.Control)
	if s.asked() {
		s.now.Stop()
	}
	return s.now
}

// asked reports whether runs are to stop.
func (s *stopper) asked() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// explain says of a run that was cancelled after the drain time that it was.
func (s *stopper) explain(err error) error {
	if err == nil || !errors.Is(context.Cause(s.ctx), errDrained) || errors.Is(err, exec.ErrStopped) {
		return err
	}
	return &DrainError{Drain: s.drain}
}

// end releases what s holds. No run is under way by then.
func (s *stopper) end() {
	close(s.over)
	s.wait.Wait()
	s.cancel(nil)
}
