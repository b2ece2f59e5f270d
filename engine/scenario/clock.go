package scenario

import (
	"context"
	"sync"
	"time"
)

// clock is virtual time. Whoever sleeps on it moves it on and does not wait, unless
// it is held: then only move does.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	held   bool
	sleeps map[*sleep]struct{}
	nudge  func() // called when somebody went to sleep
}

// sleep is somebody who waits for a held clock.
type sleep struct {
	at    time.Time
	ctx   context.Context // of who sleeps: one that is done sleeps no more
	by    *moment         // nil for a server of the test
	work  bool            // a run waits for it
	woken chan struct{}
}

// Now implements plugin.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep implements plugin.Clock.
func (c *clock) Sleep(ctx context.Context, d time.Duration) error { return c.sleep(ctx, nil, d) }

func (c *clock) sleep(ctx context.Context, by *moment, d time.Duration) error {
	c.mu.Lock()
	if err := ctx.Err(); err != nil || !c.held {
		defer c.mu.Unlock()
		if err == nil {
			c.now = c.now.Add(max(d, 0))
		}
		return err
	}
	return c.wait(ctx, &sleep{at: c.now.Add(d), by: by, work: true})
}

// wait waits until the clock is moved to the time of s. The caller holds mu, which it lets go.
func (c *clock) wait(ctx context.Context, s *sleep) error {
	if !s.at.After(c.now) {
		c.mu.Unlock()
		return ctx.Err()
	}
	s.ctx, s.woken = ctx, make(chan struct{})
	c.sleeps[s] = struct{}{}
	nudge := c.nudge
	c.mu.Unlock()
	nudge()
	select {
	case <-s.woken:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.sleeps, s)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// hold makes those who sleep wait from now on; nudge is called when somebody begins to.
func (c *clock) hold(nudge func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held, c.nudge, c.sleeps = true, nudge, map[*sleep]struct{}{}
}

// release ends that, and wakes the servers of the test.
func (c *clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.sleeps {
		if s.by == nil {
			close(s.woken)
		}
	}
	c.held, c.sleeps = false, nil
}

// move moves the clock on to t and wakes those who waited for that.
func (c *clock) move(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
	for s := range c.sleeps {
		if !s.at.After(c.now) {
			delete(c.sleeps, s)
			close(s.woken)
		}
	}
}

// next returns the first time for which a run waits, and whether there is one.
func (c *clock) next() (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.sleeps {
		if s.work && s.ctx.Err() == nil && (!ok || s.at.Before(t)) {
			t, ok = s.at, true
		}
	}
	return t, ok
}

// moment is the clock of one process that serves: when that is dead, nothing wakes it.
type moment struct {
	*clock
	dead bool // under the clock's mutex
}

// Sleep implements plugin.Clock.
func (m *moment) Sleep(ctx context.Context, d time.Duration) error {
	if m.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	return m.sleep(ctx, m, d)
}

// SleepUntil waits until the time is t, or until ctx is done. The server waits in
// this way for schedules and deadlines, its runs by Sleep.
func (m *moment) SleepUntil(ctx context.Context, t time.Time) error {
	m.mu.Lock()
	if m.dead {
		m.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	return m.wait(ctx, &sleep{at: t, by: m})
}

func (m *moment) gone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// stop leaves those who sleep by m asleep for good.
func (m *moment) stop() {
	m.mu.Lock()
	m.dead = true
	m.mu.Unlock()
	m.release()
}
