package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

// fileSystem implements plugin.FileSystem over sessions that come and go.
type fileSystem struct {
	cfg     *Connection
	host    plugin.Host
	release func() // of the place among the connection's sessions

	mu     sync.Mutex // one user at a time, besides the keepalive
	s      *session   // nil when the connection was lost
	file   *file      // the file being read
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
	if f.s, err = dial(ctx, c); err != nil {
		release()
		return nil, err
	}
	f.mu.Lock()
	f.rest()
	f.mu.Unlock()
	return f, nil
}

// do runs one operation on a session. When the session turns out to have been
// dropped, and the operation has changed nothing yet, it is made anew once and
// the operation starts again.
func (f *fileSystem) do(ctx context.Context, doing, p string, op func(s *session) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return fmt.Errorf("%s %s: the file system is closed", doing, p)
	case f.file != nil:
		return fmt.Errorf("%s %s: %s is still being read", doing, p, f.file.path)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if err := checkPath(p); err != nil {
		return err
	}
	defer f.rest()
	if f.s != nil && (f.s.dead.Load() || f.s.guard.Cause() != nil) { // a call before may have been cancelled just as it ended
		f.drop()
	}
	for fresh := f.s == nil; ; fresh = true {
		if f.s == nil {
			s, err := dial(ctx, f.cfg)
			if err != nil {
				return err
			}
			f.s = s
		}
		s := f.s
		s.wrote = false
		end := s.guard.Begin(ctx)
		err := op(s)
		end()
		if err == nil || !s.over(err) {
			return s.failure(doing, p, err)
		}
		again := !fresh && !s.wrote && s.guard.Cause() == nil && ctx.Err() == nil
		failure := s.failure(doing, p, err) // before the session is dropped, which looks like a lost connection
		f.drop()
		if !again {
			return failure
		}
	}
}

// over reports whether err means that the session cannot be used any more.
func (s *session) over(err error) bool {
	var status *sftp.StatusError
	var f *plugin.Failure
	switch {
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.EOF):
		return true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission), errors.As(err, &f):
		return false
	}
	return !errors.As(err, &status)
}

// failure describes what went wrong with a file or folder.
func (s *session) failure(doing, p string, err error) error {
	var status *sftp.StatusError
	var f *plugin.Failure
	peer, what := s.cfg.peer(), doing+" "+p
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return err
	case s.guard.Cause() != nil:
		return peer.Lost(what, s.guard.Cause())
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.EOF):
		return peer.Lost(what, io.EOF)
	case errors.Is(err, fs.ErrPermission):
		return peer.Fail(plugin.Environment, "env.permission", fmt.Sprintf("Check what user %q may do there", s.cfg.User), "refused %s: permission denied", what)
	case errors.As(err, &status):
		return peer.Fail(plugin.Environment, "env.refused", "", "refused %s: %s", what, peer.Safe(status.Error()))
	}
	return peer.Lost(what, err)
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

// keepalive drops a session that gives no sign of life, without a word; the
// next operation connects again.
func (f *fileSystem) keepalive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.s == nil || f.file != nil {
		return
	}
	if !f.s.alive() {
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

// List implements plugin.FileSystem.
func (f *fileSystem) List(ctx context.Context, dir string) (out []plugin.FileInfo, err error) {
	err = f.do(ctx, "listing", dir, func(s *session) (err error) {
		var odd []string
		out, odd, err = s.list(s.abs(dir))
		if len(odd) > 0 && err == nil {
			f.host.Log().Warn("names in a listing were left out", zap.String("folder", dir), zap.Int("names", len(odd)), zap.String("first", f.cfg.peer().Safe(odd[0])))
		}
		return err
	})
	return out, err
}

// Stat implements plugin.FileSystem.
func (f *fileSystem) Stat(ctx context.Context, p string) (in plugin.FileInfo, err error) {
	err = f.do(ctx, "looking at", p, func(s *session) (err error) {
		in, err = s.stat(s.abs(p))
		return err
	})
	return in, err
}

// Open implements plugin.FileSystem.
func (f *fileSystem) Open(ctx context.Context, p string, offset int64) (io.ReadCloser, error) {
	var r *file
	err := f.do(ctx, "opening", p, func(s *session) (err error) {
		if r, err = s.open(s.abs(p), offset); err != nil {
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

// Rename implements plugin.FileSystem. OpenSSH refuses to replace a file by
// itself; for other servers the target is looked for first.
func (f *fileSystem) Rename(ctx context.Context, from, to string) error {
	if err := checkPath(to); err != nil {
		return err
	}
	return f.do(ctx, "moving", from, func(s *session) error { return s.rename(s.abs(from), s.abs(to)) })
}

// Remove implements plugin.FileSystem.
func (f *fileSystem) Remove(ctx context.Context, p string) error {
	return f.do(ctx, "deleting", p, func(s *session) error { return s.remove(s.abs(p)) })
}

// MakeDir implements plugin.FileSystem.
func (f *fileSystem) MakeDir(ctx context.Context, dir string) error {
	return f.do(ctx, "making the folder", dir, func(s *session) error { return s.makeDir(s.abs(dir)) })
}

// checkPath refuses names that no listing of ours returns.
func checkPath(p string) error {
	if remote.HasControl(p) {
		return plugin.Fail(plugin.Data, "", fmt.Errorf("the name %q has a control character in it", p), "")
	}
	return nil
}
