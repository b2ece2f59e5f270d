package remote

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// FileSystem implements plugin.FileSystem over sessions that come and go.
type FileSystem struct {
	client Client
	host   plugin.Host
	place  *place
	life   context.Context //nolint:containedctx // of the keepalive, which no call waits for
	end    context.CancelFunc
	home   atomic.Pointer[string] // of the session that came last

	turn   chan struct{} // holds a value while somebody uses what follows: one at a time
	s      Session       // nil when the connection was lost
	last   Session       // the one before
	file   *reader       // the file being read
	closed bool
	idle   *time.Timer
}

// Open takes one of the client's sessions: one that was left open, or a new one.
// It waits, at most the peer's timeout, for one to be free. The log of h gets
// what is odd but no error.
func Open(ctx context.Context, c Client, h plugin.Host) (*FileSystem, error) {
	place, err := c.acquire(ctx, h)
	if err != nil {
		return nil, err
	}
	f := &FileSystem{client: c, host: h, place: place, turn: make(chan struct{}, 1)}
	f.life, f.end = context.WithCancel(context.WithoutCancel(ctx))
	if err = f.first(ctx); err != nil {
		f.end()
		place.release(nil)
		return nil, err
	}
	f.rest()
	return f, nil
}

// first gets the first session.
func (f *FileSystem) first(ctx context.Context) error {
	if f.s = f.place.take(ctx); f.s != nil {
		if !f.s.Over() {
			f.at()
			return nil
		}
		f.drop() // it gave no sign of life
	}
	return f.dial(ctx)
}

func (f *FileSystem) dial(ctx context.Context) error {
	var s Session
	err := f.client.protect(f.host.Log(), "logging in", func() (err error) {
		s, err = f.client.Dial(ctx, f.host.Machine(), f.last, f.host.Log())
		return err
	})
	if err != nil {
		return err
	}
	f.s = s
	f.at()
	return nil
}

func (f *FileSystem) at() {
	home := f.s.Home()
	f.home.Store(&home)
}

// enter waits for its turn; leave ends it.
func (f *FileSystem) enter(ctx context.Context) error {
	select {
	case f.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (f *FileSystem) leave() { <-f.turn }

// do runs one operation on a session. When the session turns out to have been
// dropped, such as while it was idle, and the operation has changed nothing at
// the server yet, it is made anew once and the operation starts again.
func (f *FileSystem) do(ctx context.Context, doing, p string, op func(s Session) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := f.enter(ctx); err != nil {
		return err
	}
	defer f.leave()
	switch {
	case f.closed:
		return fmt.Errorf("%s %s: the file system is closed", doing, p)
	case f.file != nil:
		return fmt.Errorf("%s %s: %s is still being read", doing, p, f.file.path)
	}
	if err := checkPath(p); err != nil {
		return err
	}
	defer f.rest()
	if f.s != nil && f.s.Over() { // a call before may have been cancelled just as it ended
		f.drop()
	}
	for fresh := f.s == nil; ; fresh = true {
		if f.s == nil {
			if err := f.dial(ctx); err != nil {
				return err
			}
		}
		s := f.s
		err := f.try(ctx, s, doing+" "+p, op)
		if err == nil {
			return nil
		}
		if broken(err) {
			f.drop()
			return err
		}
		v := s.Judge(err)
		again := v.Anew || v.Over && v.Untouched && !fresh && s.Guard().Cause() == nil && ctx.Err() == nil
		failure := s.Failure(doing, p, err) // before it is dropped, which looks like a lost connection
		if v.Over || v.Anew {
			f.drop()
		}
		if !again {
			return failure
		}
	}
}

// try runs one operation once.
func (f *FileSystem) try(ctx context.Context, s Session, what string, op func(s Session) error) error {
	s.Begin(ctx)
	defer s.Guard().Begin(ctx)()
	return f.client.protect(f.host.Log(), what, func() error { return op(s) })
}

func (f *FileSystem) drop() {
	if f.s != nil {
		f.client.end(f.s)
		f.last, f.s = f.s, nil
	}
}

// rest arms the keepalive of an idle session. The caller has its turn.
func (f *FileSystem) rest() {
	if f.client.Keepalive <= 0 || f.closed {
		return
	}
	if f.idle == nil {
		f.idle = time.AfterFunc(f.client.Keepalive, f.keepalive)
		return
	}
	f.idle.Reset(f.client.Keepalive)
}

// keepalive drops a session that gives no sign of life, without a word; the
// next operation connects again.
func (f *FileSystem) keepalive() {
	if f.enter(f.life) != nil {
		return
	}
	defer f.leave()
	if f.closed || f.s == nil || f.file != nil {
		return
	}
	if !f.client.alive(f.life, f.s) {
		f.drop()
		return
	}
	f.rest()
}

// Close implements plugin.FileSystem. A keepalive that is under way has a moment to end.
func (f *FileSystem) Close() error {
	hurry := time.AfterFunc(min(f.client.Peer.Timeout, time.Second), f.end)
	f.turn <- struct{}{}
	defer f.leave()
	hurry.Stop()
	f.end()
	if f.closed {
		return nil
	}
	f.closed = true
	if f.idle != nil {
		f.idle.Stop()
	}
	if f.file != nil || f.s != nil && f.s.Over() {
		f.drop()
	}
	f.place.release(f.s)
	f.s = nil
	return nil
}

// Root implements plugin.Rooted.
func (f *FileSystem) Root() string { return "the folder of the login, " + *f.home.Load() }

// abs returns p from the root; a relative path starts at the folder of the login.
func abs(s Session, p string) string {
	if !strings.HasPrefix(p, "/") {
		p = s.Home() + "/" + p
	}
	return path.Clean(p)
}

// checkPath refuses names that no listing of ours returns, and that some
// protocols cannot carry.
func checkPath(p string) error {
	if HasControl(p) {
		return plugin.Fail(plugin.Data, "", fmt.Errorf("the name %q has a control character in it, which cannot be sent", p), "")
	}
	return nil
}

// List implements plugin.FileSystem.
func (f *FileSystem) List(ctx context.Context, dir string) (out []plugin.FileInfo, err error) {
	err = f.do(ctx, "listing", dir, func(s Session) (err error) {
		var odd Odd
		out, odd, err = s.List(abs(s, dir))
		if odd.Count > 0 && err == nil {
			f.host.Log().Warn("entries of a listing were left out", zap.String("folder", dir), zap.Int("entries", odd.Count), zap.String("first", f.client.Peer.Safe(odd.First)))
		}
		return err
	})
	return out, err
}

// Stat implements plugin.FileSystem.
func (f *FileSystem) Stat(ctx context.Context, p string) (in plugin.FileInfo, err error) {
	err = f.do(ctx, "looking at", p, func(s Session) (err error) {
		in, err = s.Stat(abs(s, p))
		return err
	})
	return in, err
}

// Open implements plugin.FileSystem.
func (f *FileSystem) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	var r *reader
	err := f.do(ctx, "opening", p, func(s Session) error {
		full := abs(s, p)
		t, err := s.Open(full, offset)
		if err != nil {
			return err
		}
		r = &reader{Transfer: t, fs: f, path: full, guard: s.Guard(), stop: s.Guard().Watch(ctx)}
		s.Guard().Step()
		f.file = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	if w, ok := r.Transfer.(io.WriterTo); ok {
		return &writerTo{reader: r, w: w}, nil
	}
	return r, nil
}

// Rename implements plugin.FileSystem. Servers may replace an existing file, so
// the target is looked for first; a file that another client puts there in
// between is not always noticed.
func (f *FileSystem) Rename(ctx context.Context, from, to string) error {
	if err := checkPath(to); err != nil {
		return err
	}
	return f.do(ctx, "moving", from, func(s Session) error { return s.Rename(abs(s, from), abs(s, to)) })
}

// Remove implements plugin.FileSystem.
func (f *FileSystem) Remove(ctx context.Context, p string) error {
	return f.do(ctx, "deleting", p, func(s Session) error { return s.Remove(abs(s, p)) })
}

// MakeDir implements plugin.FileSystem.
func (f *FileSystem) MakeDir(ctx context.Context, dir string) error {
	return f.do(ctx, "making the folder", dir, func(s Session) error { return s.MakeDir(abs(s, dir)) })
}
