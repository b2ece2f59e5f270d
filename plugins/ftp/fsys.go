package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// fileSystem implements plugin.FileSystem over sessions that come and go.
type fileSystem struct {
	cfg     *Connection
	host    plugin.Host
	release func() // of the place among the connection's sessions

	mu     sync.Mutex // one user at a time, besides the keepalive
	s      *session   // nil when the connection was lost
	file   *file      // the file being read
	tls12  bool       // TLS 1.3 failed on data connections
	closed bool
	idle   *time.Timer
}

// Open connects to the server of c. It waits, at most the connection's
// timeout, for one of the connection's sessions to be free. The log of h gets
// what is odd but no error.
func Open(ctx context.Context, c *Connection, h plugin.Host) (plugin.FileSystem, error) {
	release, err := c.peer().Acquire(ctx, h, c.User, c.Sessions)
	if err != nil {
		return nil, err
	}
	f := &fileSystem{cfg: c, host: h, release: release}
	if f.s, err = dial(ctx, c, false); err != nil {
		release()
		return nil, err
	}
	f.mu.Lock()
	f.rest()
	f.mu.Unlock()
	return f, nil
}

// do runs one operation on a session. A session that was dropped while it was
// idle shows so on the first command: then it is made anew once, and the
// operation starts again. Nothing has happened at the server by then.
func (f *fileSystem) do(ctx context.Context, doing, p string, op func(s *session) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return fmt.Errorf("%s %s: the file system is closed", doing, p)
	case f.file != nil:
		return fmt.Errorf("%s %s: %s is still being read", doing, p, f.file.path)
	}
	if err := checkPath(p); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer f.rest()
	fresh := f.s == nil || f.s.guard.Cause() != nil
	for {
		if err := f.connect(ctx); err != nil {
			return err
		}
		s := f.s
		before := s.ctl.replies
		s.ctx = ctx //nolint:fatcontext // a session serves one call at a time; the loop replaces it
		end := s.guard.Begin(ctx)
		err := op(s)
		end()
		if err == nil {
			return nil
		}
		untouched := s.ctl.replies == before || s.ctl.replies == before+1 && s.ctl.code == 421
		again := !fresh && untouched && s.guard.Cause() == nil && ctx.Err() == nil
		failure := s.failure(doing, p, err) // before the session is dropped, which looks like a lost connection
		again = f.judge(s, err) || again
		if !again {
			return failure
		}
		f.drop()
		fresh = true
	}
}

// judge drops a session that cannot be used again. It reports whether the
// operation should be tried once more with an older TLS version.
func (f *fileSystem) judge(s *session, err error) (again bool) {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		if s.tls != nil && wantsReuse(reply) && s.tls13() && !f.tls12 && f.cfg.TLSMax == "" {
			f.host.Log().Warn("the server does not resume TLS 1.3 sessions on data connections; going on with TLS 1.2", zap.String("server", f.cfg.Addr()))
			f.tls12 = true
			f.drop()
			return true
		}
		if reply.Code != 421 {
			return false
		}
	} else if isAnswer(err) {
		return false
	}
	f.drop()
	return false
}

func (f *fileSystem) connect(ctx context.Context) error {
	if f.s != nil && f.s.guard.Cause() == nil {
		return nil
	}
	f.drop() // a call before was cancelled just as it ended
	s, err := dial(ctx, f.cfg, f.tls12)
	if err != nil {
		return err
	}
	f.s = s
	return nil
}

func (f *fileSystem) drop() {
	if f.s != nil {
		f.s.close()
		f.s = nil
	}
}

// rest arms the keepalive of an idle session; f.mu is held.
func (f *fileSystem) rest() {
	if f.cfg.Keepalive <= 0 || f.closed {
		return
	}
	if f.idle == nil {
		f.idle = time.AfterFunc(f.cfg.Keepalive, f.keepalive)
		return
	}
	f.idle.Reset(f.cfg.Keepalive)
}

// keepalive sends NOOP on an idle session. A session that does not answer is
// dropped without a word; the next operation connects again.
func (f *fileSystem) keepalive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.s == nil || f.file != nil {
		return
	}
	f.s.guard.Resume()
	err := f.s.lib.NoOp()
	f.s.guard.Pause()
	var reply *textproto.Error
	if err != nil && (!errors.As(err, &reply) || reply.Code == 421) {
		f.drop()
		return
	}
	f.rest()
}

// Close implements plugin.FileSystem.
func (f *fileSystem) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	if f.idle != nil {
		f.idle.Stop()
	}
	f.drop()
	f.release()
	return nil
}

// Open implements plugin.FileSystem.
func (f *fileSystem) Open(ctx context.Context, path string, offset int64) (io.ReadCloser, error) {
	var r *file
	err := f.do(ctx, "opening", path, func(s *session) (err error) {
		if r, err = s.retrieve(s.abs(path), offset); err != nil {
			return err
		}
		r.fs = f
		r.stop = s.guard.Watch(ctx)
		f.file = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// List implements plugin.FileSystem.
func (f *fileSystem) List(ctx context.Context, dir string) (out []plugin.FileInfo, err error) {
	err = f.do(ctx, "listing", dir, func(s *session) (err error) {
		var odd oddLines
		out, odd, err = s.list(s.abs(dir), "")
		if odd.count > 0 && err == nil {
			f.host.Log().Warn("lines of a listing were left out", zap.String("folder", dir), zap.Int("lines", odd.count), zap.String("first", f.cfg.safe(odd.first)))
		}
		return err
	})
	return out, err
}

// Stat implements plugin.FileSystem.
func (f *fileSystem) Stat(ctx context.Context, path string) (in plugin.FileInfo, err error) {
	err = f.do(ctx, "looking at", path, func(s *session) (err error) {
		in, err = s.stat(s.abs(path))
		return err
	})
	return in, err
}

// Rename implements plugin.FileSystem. Servers replace an existing file, so
// the target is looked for first; a file that another client puts there in
// between is not noticed.
func (f *fileSystem) Rename(ctx context.Context, from, to string) error {
	if err := checkPath(to); err != nil {
		return err
	}
	return f.do(ctx, "moving", from, func(s *session) error { return s.rename(s.abs(from), s.abs(to)) })
}

// Remove implements plugin.FileSystem.
func (f *fileSystem) Remove(ctx context.Context, path string) error {
	return f.do(ctx, "deleting", path, func(s *session) error { return s.remove(s.abs(path)) })
}

// MakeDir implements plugin.FileSystem.
func (f *fileSystem) MakeDir(ctx context.Context, dir string) error {
	return f.do(ctx, "making the folder", dir, func(s *session) error { return s.makeDir(s.abs(dir)) })
}
