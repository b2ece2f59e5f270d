// Package stall turns a network peer that says nothing into an error.
//
// A Guard watches the connections of one session. While an operation is under
// way, every byte sent or received restarts its timer; when the timer ends, or
// the operation's context is done, all connections are closed and their
// blocked calls return the cause. Between operations a silent peer is no fault.
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

// writeChunk bounds one write, so that a slow but moving peer counts as progress.
const writeChunk = 32 << 10

// Guard watches the connections of one session. Its methods may be called by
// any goroutine; operations do not overlap.
type Guard struct {
	timeout time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	active bool
	cause  error
	conns  map[*Conn]struct{}

	allowed int64 // bytes that may still be received; only with over
	over    error
}

// New returns a guard that allows timeout without progress.
func New(timeout time.Duration) *Guard {
	return &Guard{timeout: timeout, conns: map[*Conn]struct{}{}}
}

// Begin starts an operation. The function it returns ends it and must be called.
func (g *Guard) Begin(ctx context.Context) (end func()) {
	g.Resume()
	stop := g.Watch(ctx)
	return func() {
		stop()
		g.Pause()
	}
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

// Resume starts the timer; it is Begin without a context.
func (g *Guard) Resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active = true
	if g.timer == nil {
		g.timer = time.AfterFunc(g.timeout, g.expired)
		return
	}
	g.timer.Reset(g.timeout)
}

// Pause stops the timer: silence is allowed until Resume.
func (g *Guard) Pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active = false
	if g.timer != nil {
		g.timer.Stop()
	}
}

func (g *Guard) expired() {
	g.mu.Lock()
	active := g.active
	g.mu.Unlock()
	if active {
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

// Allow trips the guard with cause once the peer has sent more than n bytes,
// until the function it returns is called.
func (g *Guard) Allow(n int64, cause error) (end func()) {
	g.mu.Lock()
	g.allowed, g.over = n, cause
	g.mu.Unlock()
	return func() {
		g.mu.Lock()
		g.over = nil
		g.mu.Unlock()
	}
}

func (g *Guard) progress(received int) {
	g.mu.Lock()
	if g.active && g.timer != nil {
		g.timer.Reset(g.timeout)
	}
	over := g.over
	if over != nil {
		if g.allowed -= int64(received); g.allowed >= 0 {
			over = nil
		}
	}
	g.mu.Unlock()
	if over != nil {
		g.Trip(over)
	}
}

// Wrap returns c under the guard's watch. A guard that has tripped closes it at once.
func (g *Guard) Wrap(c net.Conn) *Conn {
	w := &Conn{Conn: c, g: g}
	g.mu.Lock()
	tripped := g.cause != nil
	if !tripped {
		g.conns[w] = struct{}{}
	}
	g.mu.Unlock()
	if tripped {
		c.Close() //nolint:errcheck // never used
	}
	return w
}

// Conn is a connection under watch.
type Conn struct {
	net.Conn
	g *Guard
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
	if n > 0 {
		c.g.progress(received)
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
