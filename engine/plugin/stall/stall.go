// Package stall turns a network peer that says nothing, or next to nothing, into an error.
//
// A Guard watches the connections of one session. While an operation is under way,
// the peer has the guard's timeout for each step of it. A step ends when the next
// begins, which the protocol tells with Step, such as when it sends the next command,
// or when a fair amount of data has moved (see Least). Single bytes are no step: a
// peer that sends one from time to time would never end. When the time is over, or
// the operation's context is done, all connections are closed and their blocked calls
// return the cause. Between operations a silent peer is no fault.
//
// The timer runs on the machine's time even under a virtual clock: the peer
// lives in real time.
package stall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ErrStalled is wrapped by the errors of connections that a Guard closed
// because the peer made no progress.
var ErrStalled = errors.New("no progress")

const (
	// Least is how many bytes a second, over the timeout, a transfer must bring to count as moving.
	Least = 100
	// freeSteps is how many steps of an operation that Allow bounds may bring less than Least.
	freeSteps = 20
	// A step that brings fewer bytes than nothing is one that brings none. There may be emptySteps of them.
	nothing, emptySteps = 32, 100
	// writeChunk bounds one write, so that a slow but moving peer counts as progress.
	writeChunk = 32 << 10
)

// Guard watches the connections of one session. Its methods may be called by
// any goroutine; operations do not overlap.
type Guard struct {
	timeout time.Duration
	least   int64 // bytes that are a step

	mu     sync.Mutex
	timer  *time.Timer
	active bool
	since  time.Time     // when the timer was started
	left   time.Duration // of the step, at since
	moved  int64         // bytes since the step began
	cause  error
	conns  map[*Conn]struct{}

	allowed int64 // bytes that may still be received; only with over
	over    error
	free    int   // steps that may still renew the time; only with over
	empty   int   // steps that may still bring nothing; only with over
	brought int64 // bytes of this one; only with over
}

// New returns a guard that allows timeout for each step.
func New(timeout time.Duration) *Guard {
	return &Guard{timeout: timeout, least: max(1, int64(timeout.Seconds()*Least)), left: timeout, conns: map[*Conn]struct{}{}}
}

// Begin starts an operation. The function it returns ends it and must be called.
func (g *Guard) Begin(ctx context.Context) (end func()) {
	g.start(g.timeout)
	stop := g.Watch(ctx)
	return func() {
		stop()
		g.Pause()
	}
}

// Farewell starts the last operation, which has no more than a second.
func (g *Guard) Farewell() (end func()) {
	g.start(min(g.timeout, time.Second))
	return g.Pause
}

// Watch trips the guard when ctx is done, until stop is called. When that comes
// too late, stop waits for the trip, so that Cause tells of it.
func (g *Guard) Watch(ctx context.Context) (stop func()) {
	tripped := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		g.Trip(context.Cause(ctx))
		close(tripped)
	})
	var once sync.Once
	return func() {
		once.Do(func() {
			if !unwatch() {
				<-tripped
			}
		})
	}
}

func (g *Guard) start(limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active, g.left, g.moved = true, limit, 0
	g.arm()
}

// arm starts the timer with what is left; g.mu is held.
func (g *Guard) arm() {
	g.since = time.Now() //nolint:forbidigo // see the package: the peer lives in real time
	if g.timer == nil {
		g.timer = time.AfterFunc(g.left, g.expired)
		return
	}
	g.timer.Reset(g.left)
}

// Resume goes on with an operation in which the caller paused: the step has what was left of its time.
func (g *Guard) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.active {
		g.active = true
		g.arm()
	}
}

// Pause stops the timer: silence is allowed until Resume or Begin.
func (g *Guard) Pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.active {
		return
	}
	g.active = false
	g.left = max(g.left-time.Since(g.since), 0)
	g.timer.Stop()
}

// Step begins the next step: the peer has all of the timeout again.
func (g *Guard) Step() {
	g.mu.Lock()
	var over error
	if g.over == nil || g.free > 0 {
		g.step()
	}
	if g.over != nil {
		g.free = max(g.free-1, 0)
		if g.brought < nothing {
			g.empty--
		}
		if g.brought = 0; g.empty < 0 {
			over = g.over
		}
	}
	g.mu.Unlock()
	if over != nil {
		g.Trip(over)
	}
}

// step is Step, with g.mu held.
func (g *Guard) step() {
	g.left, g.moved = g.timeout, 0
	if g.active {
		g.arm()
	}
}

// Moved tells that n bytes of a transfer came or were sent. Enough of them are a step.
func (g *Guard) Moved(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.brought += int64(n)
	if g.moved += int64(n); g.moved >= g.least {
		g.step()
	}
}

func (g *Guard) expired() {
	g.mu.Lock()
	late := g.active && time.Since(g.since) >= g.left // else the timer was set anew as it ended
	g.mu.Unlock()
	if late {
		g.Trip(fmt.Errorf("%w for %s", ErrStalled, g.timeout))
	}
}

// Trip closes every connection; their pending and later calls return cause.
// Only the first cause counts.
func (g *Guard) Trip(cause error) {
	g.mu.Lock()
	if g.cause == nil {
		g.cause = cause
	}
	conns := g.conns
	g.conns = map[*Conn]struct{}{}
	g.mu.Unlock()
	for c := range conns {
		c.Conn.Close() //nolint:errcheck // the cause is what matters
	}
}

// Cause returns why the guard closed its connections, nil when it did not.
func (g *Guard) Cause() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// Allow trips the guard with cause once the peer has sent more than n bytes, or step
// after step nothing, until the function it returns is called. Meanwhile only a few
// steps renew the time: what comes in ever smaller parts stalls.
func (g *Guard) Allow(n int64, cause error) (end func()) {
	g.mu.Lock()
	g.allowed, g.over, g.free, g.empty, g.brought = n, cause, freeSteps, emptySteps, 0
	g.mu.Unlock()
	return func() {
		g.mu.Lock()
		g.over = nil
		g.mu.Unlock()
	}
}

func (g *Guard) received(n int) {
	g.mu.Lock()
	over := g.over
	if over != nil {
		if g.allowed -= int64(n); g.allowed >= 0 {
			over = nil
		}
	}
	g.mu.Unlock()
	if over != nil {
		g.Trip(over)
	}
}

// Wrap returns c under the guard's watch. A guard that has tripped closes it at once.
// What moves on it is no progress by itself.
func (g *Guard) Wrap(c net.Conn) *Conn { return g.wrap(&Conn{Conn: c, g: g}) }

// WrapData is Wrap for a connection of which every byte is part of a transfer.
func (g *Guard) WrapData(c net.Conn) *Conn { return g.wrap(&Conn{Conn: c, g: g, data: true}) }

func (g *Guard) wrap(w *Conn) *Conn {
	g.mu.Lock()
	tripped := g.cause != nil
	if !tripped {
		g.conns[w] = struct{}{}
	}
	g.mu.Unlock()
	if tripped {
		w.Conn.Close() //nolint:errcheck // never used
	}
	return w
}

// Conn is a connection under watch.
type Conn struct {
	net.Conn
	g    *Guard
	data bool
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.after(n, n, err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	done := 0
	for {
		part := p[done:min(len(p), done+writeChunk)]
		n, err := c.Conn.Write(part)
		done += n
		if err = c.after(n, 0, err); err != nil || done >= len(p) {
			return done, err
		}
	}
}

func (c *Conn) after(n, received int, err error) error {
	if n > 0 && c.data {
		c.g.Moved(n)
	}
	if received > 0 {
		c.g.received(received)
	}
	if err != nil {
		if cause := c.g.Cause(); cause != nil {
			return cause
		}
	}
	return err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.g.mu.Lock()
	delete(c.g.conns, c)
	c.g.mu.Unlock()
	return c.Conn.Close()
}
