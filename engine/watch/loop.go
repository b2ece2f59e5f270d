package watch

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// loop is what the one goroutine that watches owns.
type loop struct {
	w     *Watcher
	tasks sync.WaitGroup // sleepers and the pump

	paths   Paths
	folders map[string]*folder // of the last look
	stamps  map[string]stamp   // likewise; only what differs from them is a change

	pending *pending
	armed   bool // a sleeper will ring the alarm

	n        *notifier // nil: there are no notifications
	openErr  error     // why
	watched  map[string]watched
	problem  problem
	stopPoll context.CancelFunc // nil: not polling
}

// pending is a Change in the making.
type pending struct {
	first, last time.Time
	names       map[string]bool // none: something happened that matters only if a look finds a difference
	trigger     Trigger
}

func newLoop(w *Watcher) *loop {
	return &loop{w: w, watched: map[string]watched{}}
}

func (l *loop) run(ctx context.Context) {
	w := l.w
	defer close(w.done)
	defer close(w.changes)
	defer l.stop()
	l.open()
	l.every(ctx, w.o.Rescan, w.rescan)
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-w.sets:
			l.set(ctx, r.paths)
			close(r.done)
		case <-w.in.wake:
			l.read(ctx)
		case <-w.alarm:
			l.ring(ctx)
		case <-w.rescan:
			if l.n == nil {
				l.open()
			}
			l.check(ctx, Rescan)
		case <-w.poll:
			l.check(ctx, Poll)
		}
	}
}

func (l *loop) stop() {
	l.w.cancel()
	if l.n != nil {
		if err := l.n.close(); err != nil {
			l.w.o.Log.Warn("the watcher of configuration folders did not close", zap.Error(err))
		}
	}
	l.tasks.Wait()
}

// every sends to c again and again until ctx ends.
func (l *loop) every(ctx context.Context, d time.Duration, c chan<- struct{}) {
	l.tasks.Go(func() {
		for l.w.o.Clock.Sleep(ctx, d) == nil {
			select {
			case c <- struct{}{}:
			case <-ctx.Done():
			}
		}
	})
}

// set begins to watch p. What changed since the last look is passed on: whoever
// calls may have read it before.
func (l *loop) set(ctx context.Context, p Paths) {
	before := l.stamps
	l.paths = p
	s := l.look(ctx)
	var names []string
	for n, st := range s.stamps {
		if old, ok := before[n]; ok && !old.equal(st) {
			names = append(names, n)
		}
	}
	l.stamps = s.stamps
	if len(names) > 0 {
		l.note(ctx, names, Rescan)
	}
}

// look looks at everything, and watches the folders that matter now. A folder
// that is new is looked at again when it is watched, so that nothing that came
// into it before is missed.
func (l *loop) look(ctx context.Context) *survey {
	var s *survey
	for range 4 { // then something changes all the time, and events tell of it
		s = take(l.paths, l.w.o.Names)
		if !l.sync(s) {
			break
		}
	}
	l.folders = s.folders
	l.report(ctx)
	return s
}

// check looks for differences from the last look.
func (l *loop) check(ctx context.Context, by Trigger) {
	s := l.look(ctx)
	names := s.differences(l.stamps)
	l.stamps = s.stamps
	if len(names) > 0 {
		l.note(ctx, names, by)
	}
}

// read takes what arrived.
func (l *loop) read(ctx context.Context) {
	n := l.w.in.take()
	for _, err := range n.errs {
		l.w.o.Log.Warn("the system failed to tell of changes to configuration folders; they are looked at instead", zap.Error(err))
	}
	if n.dead {
		l.openErr, l.n, l.watched = errors.New("the source of notifications ended"), nil, map[string]watched{}
		n.lost = true
	}
	if n.lost {
		l.note(ctx, nil, Rescan)
	}
	appeared := false
	for name, op := range n.events {
		names, matters := l.route(filepath.Clean(name), op)
		if matters {
			l.note(ctx, names, Notify)
			appeared = appeared || op.Has(fsnotify.Create)
		}
	}
	// What appeared may be a folder that is being filled: its files must count
	// from now on, so that the time of quiet begins after the last.
	if appeared {
		l.check(ctx, Notify)
	}
	for _, reason := range n.kicks {
		if l.pending == nil {
			l.pending = &pending{names: map[string]bool{}}
		}
		l.pending.trigger = Kick
		l.flush(ctx, reason)
	}
}

// route finds what an event is about: the given names of files that it changed,
// and whether anything needs a look at all.
func (l *loop) route(name string, op fsnotify.Op) (names []string, matters bool) {
	structure := op.Has(fsnotify.Create) || op.Has(fsnotify.Remove) || op.Has(fsnotify.Rename)
	if l.folders[name] != nil && (structure || op.Has(fsnotify.Chmod)) {
		matters = true
	}
	f := l.folders[filepath.Dir(name)]
	if f == nil {
		return nil, matters
	}
	base := filepath.Base(name)
	if structure || op.Has(fsnotify.Write) { // attributes alone show in a look
		names = slices.Clone(f.files[base])
		if l.w.o.Names(base) {
			for _, dir := range f.listed {
				names = append(names, filepath.Join(dir, base))
			}
		}
	}
	return names, matters || len(names) > 0 || f.way[base] || len(f.roots) > 0 && structure && !hidden(base) && isFolder(name)
}

// isFolder keeps files that come and go in a root, such as logs, from making anybody look at everything.
func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// note remembers a change until it has been quiet.
func (l *loop) note(ctx context.Context, names []string, by Trigger) {
	now := l.w.o.Clock.Now()
	p := l.pending
	if p == nil {
		p = &pending{first: now, names: map[string]bool{}, trigger: by}
		l.pending = p
	}
	p.last = now
	if by == Notify {
		p.trigger = Notify
	}
	for _, n := range names {
		p.names[n] = true
	}
	if !l.armed {
		l.arm(ctx, l.w.o.Quiet)
	}
}

// arm rings the alarm after d.
func (l *loop) arm(ctx context.Context, d time.Duration) {
	l.armed = true
	l.tasks.Go(func() {
		if l.w.o.Clock.Sleep(ctx, d) != nil {
			return
		}
		select {
		case l.w.alarm <- struct{}{}:
		case <-ctx.Done():
		}
	})
}

// ring passes the pending change on when it has been quiet for long enough.
func (l *loop) ring(ctx context.Context) {
	l.armed = false
	p := l.pending
	if p == nil {
		return
	}
	due := p.last.Add(l.w.o.Quiet)
	if latest := p.first.Add(l.w.o.MaxQuiet); latest.Before(due) {
		due = latest
	}
	if wait := due.Sub(l.w.o.Clock.Now()); wait > 0 {
		l.arm(ctx, wait)
		return
	}
	l.flush(ctx, "")
}

// flush passes the pending change on if it is one.
func (l *loop) flush(ctx context.Context, reason string) {
	p := l.pending
	s := l.look(ctx)
	names := s.differences(l.stamps)
	l.stamps = s.stamps
	for _, n := range names {
		p.names[n] = true
	}
	now := l.w.o.Clock.Now()
	looked := p.trigger == Rescan || p.trigger == Poll // quiet is not known from events then
	if looked && len(names) > 0 && now.Before(p.first.Add(l.w.o.MaxQuiet)) {
		p.last = now
		l.arm(ctx, l.w.o.Quiet)
		return
	}
	l.pending = nil
	if len(p.names) > 0 || p.trigger == Kick {
		l.w.send(Change{Names: slices.Sorted(maps.Keys(p.names)), Trigger: p.trigger, Reason: reason})
	}
}
