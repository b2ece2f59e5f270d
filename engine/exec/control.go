package exec

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/state"
)

// ErrStopped tells that a run ended at a commit before its sources did, because
// it was asked to; the next run goes on from there.
var ErrStopped = errors.New("the run was stopped at a commit; the next run goes on from there")

// ErrOver tells that a run had ended before it could take a change.
var ErrOver = errors.New("the run has ended")

// Control steers a run while it goes on. Its methods may be called from any
// goroutine. A Control belongs to one run.
//
// What is asked for happens at the next boundary between two batches at which a
// commit is possible: rows before it were handled, delivered and committed in the
// old way, rows after it are handled in the new way, and none in both (I3).
type Control struct {
	mu     sync.Mutex
	stop   bool
	next   *Change
	over   bool
	asked  atomic.Bool
	giveUp context.CancelCauseFunc // ends a wait that Stop may end; nil when there is none
	place  atomic.Pointer[string]
}

// Change is a plan that a run goes over to.
type Change struct {
	// Pipeline has the same steps, wired alike, as the one that runs. Sources,
	// decoders and sinks are configured alike, and the rows that reach stateful
	// steps and sinks have the same fields: plan.Difference says swap.
	Pipeline   *plan.Pipeline
	Revision   string
	Generation uint64
	// Lend returns the logger of the run with that identifier, and what lends its
	// steps what they need. It is called by the run's goroutine.
	Lend func(run string) (log *zap.Logger, host func(step string) plugin.Host)

	taken chan error
}

// Stop asks the run to end at its next boundary. It then returns ErrStopped,
// unless it comes to the end of its sources before.
func (c *Control) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = true
	c.asked.Store(true)
	if c.giveUp != nil {
		c.giveUp(ErrStopped)
	}
}

// waiting returns a context that Stop ends too, for waits with nothing pending that lose
// nothing by being given up, such as for a file to be stable. over ends the wait; it
// reports whether Stop did.
func (c *Control) waiting(ctx context.Context) (wait context.Context, over func() (stopped bool)) {
	if c == nil {
		return ctx, func() bool { return false }
	}
	wait, giveUp := context.WithCancelCause(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.giveUp = giveUp; c.stop {
		giveUp(ErrStopped)
	}
	return wait, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.giveUp = nil
		stopped := ctx.Err() == nil && errors.Is(context.Cause(wait), ErrStopped)
		giveUp(nil)
		return stopped
	}
}

// Swap asks the run to go over to ch at its next boundary. The channel receives
// nil once it has, ErrOver when the run ended first, and else why it could not.
// A later Swap takes the place of one that waits, which then gets the same answer.
func (c *Control) Swap(ch Change) <-chan error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch.taken = make(chan error, 1)
	if c.over {
		ch.taken <- ErrOver
		return ch.taken
	}
	if old := c.next; old != nil {
		first := ch.taken
		ch.taken = make(chan error, 1)
		go func(both chan error) { // ends with the run
			err := <-both
			first <- err
			old.taken <- err
		}(ch.taken)
		c.next = &ch
		return first
	}
	c.next = &ch
	c.asked.Store(true)
	return ch.taken
}

// Pending reports whether the run has yet to answer a Swap.
func (c *Control) Pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next != nil
}

// Where returns the address of the source or sink that the run waits for, "" when
// it waits for none.
func (c *Control) Where() string {
	if p := c.place.Load(); p != nil {
		return *p
	}
	return ""
}

// at notes what the run waits for now; nil is nothing.
func (c *Control) at(address *string) {
	if c != nil {
		c.place.Store(address)
	}
}

// due reports whether something is asked for. A nil Control never asks.
func (c *Control) due() bool { return c != nil && c.asked.Load() }

// take returns what is asked for.
func (c *Control) take() (stop bool, next *Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stop, next = c.stop, c.next
	if !stop {
		c.next = nil
		c.asked.Store(false)
	}
	return stop, next
}

// end refuses what was not taken and whatever comes later.
func (c *Control) end() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.next != nil {
		c.next.taken <- ErrOver
		c.next = nil
	}
}

// errBoundary ends the reading of a file at a commit, to do what Control asks for.
var errBoundary = errors.New("boundary")

// boundary does what Control asks for, between two batches with nothing pending.
func (r *run) boundary(ctx context.Context) error {
	stop, next := r.Control.take()
	if stop {
		r.Point("stopping")
		return ErrStopped
	}
	if next == nil {
		return nil
	}
	r.Point("swapping")
	err := r.swap(ctx, next)
	next.taken <- err
	if err == nil {
		r.Point("swapped")
	}
	return err
}

// commitBetween commits between two letters, where a replay may also be stopped.
func (r *run) commitBetween(ctx context.Context) error {
	if err := r.commitReplayed(ctx); err != nil {
		return err
	}
	return r.stopReplay(ctx)
}

// stopReplay ends a replay that is asked to stop, between two commits. It takes no other change.
func (r *run) stopReplay(ctx context.Context) error {
	if !r.Control.due() {
		return nil
	}
	return r.boundary(ctx)
}

// swap puts the steps of c in the place of those that run. Sources stay
// connected and sinks open.
func (r *run) swap(ctx context.Context, c *Change) error {
	if err := r.Session.Advance(ctx, c.Generation, c.Revision); err != nil {
		return err
	}
	old := r.serial
	r.Pipeline, r.Revision = c.Pipeline, c.Revision
	r.Log, r.Host = c.Lend(r.RunID)
	r.serial, r.order, r.sinks = map[*plan.Node]*node{}, nil, nil
	if err := r.build(); err != nil {
		return err
	}
	for n, x := range old {
		for _, y := range r.order {
			if y.Address == n.Address && y.sink != nil && x.sink != nil {
				y.sink.takeOver(x.sink)
			}
		}
	}
	for _, s := range r.sources {
		if n := r.nodeAt(s.node.Address); n != nil {
			s.follow(n)
		}
	}
	return nil
}

// takeOver goes on with the open writer of the same sink in an earlier plan.
func (s *sinkNode) takeOver(old *sinkNode) {
	s.writer, s.encoder, s.fleet = old.writer, old.encoder, old.fleet
	old.writer, old.fleet = nil, nil
	s.limit = old.limit
	s.intend()
}

// stopAt moves the reading of a file to where the last commit left it.
func stopAt(p position) state.Cursor {
	return state.Cursor{Row: p.row, Offset: p.offset, Line: p.line}
}
