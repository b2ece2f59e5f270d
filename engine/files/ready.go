package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// margin is what a run waits beyond twice the stable duration for files to settle.
const margin = 2 * time.Second

// ready looks at c once more, just before it is read. It waits for a file that has
// not been watched for as long as it must, and for one that changes meanwhile once
// more, within the run's limit.
func (s *Set) ready(ctx context.Context, c *candidate) (bool, error) {
	if c.copied != nil {
		return true, nil // the server has forgotten it
	}
	deadline := s.opened.Add(2*s.o.StableFor + margin)
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
			mistold, found, err := s.mistold(ctx, c, now)
			if err != nil || !found {
				return false, err
			}
			if mistold {
				changed = c.told != now.Size // since the last look
			} else {
				c.begun = false
				c.id = s.identity(c.info, c.entry, c.known)
			}
			if c.told = now.Size; changed {
				c.since = at
				s.memory.change(c)
			}
		}
		if s.o.ReadyMode != plugin.ReadyStable || c.begun {
			return true, nil
		}
		due := c.since.Add(s.o.StableFor)
		if !due.After(at) && !changed {
			return true, nil
		}
		if due.After(deadline) {
			s.wait(c, s.unstable(c, at))
			return false, nil
		}
		s.tellWait(due.Sub(at))
		if err := s.Clock.Sleep(ctx, max(due.Sub(at), time.Millisecond)); err != nil {
			return false, err
		}
	}
}

// tellWait says, once in a run, that and why nothing seems to happen.
func (s *Set) tellWait(d time.Duration) {
	if s.toldWait || d <= 0 {
		return
	}
	s.toldWait = true
	text := fmt.Sprintf("waiting %s for files to stay as they are before they are read", wholeSeconds(d))
	if s.served {
		s.Log.Info(text, zap.String("ready", s.o.Ready), zap.Int("files", len(s.queue)+1))
		return
	}
	s.Log.Warn(text, zap.String("ready", s.o.Ready), zap.Int("files", len(s.queue)+1))
}

// wholeSeconds rounds d up, so that nobody is told a shorter wait than it is.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func (s *Set) unstable(c *candidate, at time.Time) string {
	if c.since.After(s.opened) {
		return fmt.Sprintf("it changed %s ago; ready = %q", at.Sub(c.since).Round(time.Second), s.o.Ready)
	}
	return fmt.Sprintf("it was first seen %s ago; ready = %q", at.Sub(c.since).Round(time.Second), s.o.Ready)
}

// relist reads what the listing says about c now.
func (s *Set) relist(ctx context.Context, c *candidate) (bool, error) {
	l, err := s.list(ctx)
	if err != nil {
		return false, err
	}
	for _, info := range l.found {
		if info.Path == c.info.Path {
			c.info = info
			return true, nil
		}
	}
	return false, nil
}
