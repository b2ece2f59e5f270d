package scenario

import (
	"context"
	"sync"
	"time"
)

// clock is virtual time. Whoever sleeps on it moves it on and does not wait.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements plugin.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep implements plugin.Clock.
func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
	return nil
}
