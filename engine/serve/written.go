package serve

import (
	"context"
	"maps"
	"time"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/config"
	"weir/engine/diag"
)

// settleTime is how long a file that lost something is given to be written to its end,
// before what it holds is taken for what is meant. Notifications tell of the rest of a
// change that takes longer.
const settleTime = 2 * time.Second

// written remembers what the files of the folder held, to tell one that is in the middle
// of being written from one that was shortened: editors and copies that write in place
// make a file empty first, and its beginning alone may be a configuration, too.
type written struct {
	last  map[string][]byte // as they were last read
	whole map[string]bool   // what held something, and was not seen to be deleted since
}

// had implements config.Inputs.Had.
func (w *written) had(name string) bool { return w.whole[name] }

// read takes note of a configuration that was read.
func (w *written) read(l *engine.Loaded) {
	if l.Config == nil {
		return // nothing could be read: what was there may come back
	}
	w.last = l.Config.Snapshot.Texts()
	whole := map[string]bool{}
	for _, name := range l.Paths().Files {
		text, there := w.last[name]
		whole[name] = there && !config.HoldsNothing(text) || !there && w.whole[name] && l.Config.Snapshot.Found(name)
	}
	maps.DeleteFunc(whole, func(_ string, had bool) bool { return !had })
	w.whole = whole
}

// whole reads the folder, and when a file has less than it had, as long as that file goes
// on changing. The caller holds loading, which others may have while it waits.
func (s *Server) whole(ctx context.Context) (*engine.Loaded, diag.List) {
	l, ds := s.read(ctx)
	for range settleReads {
		if l.Config == nil || s.written.last == nil {
			break
		}
		name, lost := l.Config.Snapshot.Lost(s.written.last)
		if !lost {
			break
		}
		s.log.Debug("a file has less than before; it is read again when it had time to be written", zap.String("file", name))
		s.loading.Unlock()
		err := s.clock.Sleep(ctx, settleTime)
		s.loading.Lock()
		before := l.Config.Snapshot
		if l, ds = s.read(ctx); err != nil || l.Config != nil && l.Config.Snapshot.Same(before) {
			break
		}
	}
	s.written.read(l)
	return l, ds
}
