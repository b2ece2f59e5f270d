package api

import (
	"context"
	"sync"
	"time"

	"weir/engine/serve"
	"weir/engine/state"
)

// unread knows the oldest file of each source that was begun and is not committed.
type unread struct {
	mu   sync.Mutex
	last map[string]seen // by pipeline
}

// seen is what was last read of the ledger of a pipeline.
type seen struct {
	at      time.Time
	commits int64
	oldest  map[string]time.Time // by source
}

// waiting is a file that waits.
type waiting struct {
	pipeline, source string
	age              time.Duration
}

// read returns the oldest file of each source of the pipelines of list.
func (u *unread) read(s *serve.Server, list []serve.Measures) []waiting {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, done, err := s.Begin(context.Background())
	if err != nil {
		return nil // the server stops
	}
	defer done()
	now := s.Clock().Now()
	next := make(map[string]seen, len(list))
	var out []waiting
	for i := range list {
		p := list[i].Pipeline
		known, have := u.last[p]
		if commits := list[i].Commits.N(); !have || known.commits != commits && now.Sub(known.at) >= oldAge {
			files, err := s.Store().Files(p, false)
			if err != nil {
				continue
			}
			known = seen{at: now, commits: commits, oldest: oldest(files)}
		}
		next[p] = known
		for source, t := range known.oldest {
			out = append(out, waiting{p, source, max(0, now.Sub(t))})
		}
	}
	u.last = next
	return out
}

// oldest returns when the oldest file that was begun was written, by source; where
// the time is not known, when it was first seen.
func oldest(files []state.FileEntry) map[string]time.Time {
	out := map[string]time.Time{}
	for i := range files {
		f := &files[i]
		if f.State != state.FileReading {
			continue
		}
		t := f.ModTime
		if t.IsZero() {
			t = f.Seen
		}
		if o, have := out[f.Source]; !have || t.Before(o) {
			out[f.Source] = t
		}
	}
	return out
}
