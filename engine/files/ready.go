package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"weir/engine/plugin"
)

// margin is what a run waits beyond the stable duration for files to settle.
const margin = 2 * time.Second

// ready looks at c once more, just before it is read. It waits for a file that
// is not stable yet, within the run's limit.
func (s *Set) ready(ctx context.Context, c *candidate) (bool, error) {
	deadline := s.opened.Add(s.o.StableFor + margin)
	for {
		now, err := s.FS.Stat(ctx, c.info.Path)
		if errors.Is(err, fs.ErrNotExist) {
			s.Log.Info("a file was listed and is gone; it is left out: " + c.info.Path)
			return false, nil
		}
		if err != nil {
			return false, err
		}
		at := s.Clock.Now()
		changed := !alike(now, c.info)
		if changed {
			// The listing stays the authority for what a file's time is.
			found, err := s.relist(ctx, c)
			if err != nil || !found {
				return false, err
			}
			c.since, c.begun = at, false
		}
		if s.o.ReadyMode != plugin.ReadyStable || c.begun {
			return true, nil
		}
		due := s.stableAt(c)
		if !due.After(at) && !changed {
			return true, nil
		}
		if due.After(deadline) {
			s.wait(c, s.unstable(c, at))
			return false, nil
		}
		if err := s.Clock.Sleep(ctx, max(due.Sub(at), time.Millisecond)); err != nil {
			return false, err
		}
	}
}

// stableAt returns when c will have been the same for as long as it must.
func (s *Set) stableAt(c *candidate) time.Time {
	watched := c.since.Add(s.o.StableFor)
	m := c.info.ModTime
	// A time of day without seconds may be up to a minute too early.
	coarse := m.Second() == 0 && m.Nanosecond() == 0 && m.After(c.since.Add(-s.o.StableFor-time.Minute))
	if m.IsZero() || m.After(c.since) || coarse {
		return watched
	}
	if byTime := m.Add(s.o.StableFor); byTime.Before(watched) {
		return byTime
	}
	return watched
}

func (s *Set) unstable(c *candidate, at time.Time) string {
	if c.since.After(s.opened) {
		return fmt.Sprintf("it changed %s ago; ready = %q", at.Sub(c.since).Round(time.Second), s.o.Ready)
	}
	if m := c.info.ModTime; !m.IsZero() && !m.After(at) {
		return fmt.Sprintf("its time is %s ago; ready = %q", at.Sub(m).Round(time.Second), s.o.Ready)
	}
	return fmt.Sprintf("it was first seen %s ago; ready = %q", at.Sub(c.since).Round(time.Second), s.o.Ready)
}

// relist reads what the listing says about c now.
func (s *Set) relist(ctx context.Context, c *candidate) (bool, error) {
	found, _, err := s.list(ctx)
	if err != nil {
		return false, err
	}
	for _, info := range found {
		if info.Path == c.info.Path {
			c.info = info
			return true, nil
		}
	}
	return false, nil
}
