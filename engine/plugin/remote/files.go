package remote

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// FileSystem implements plugin.FileSystem over sessions that come and go.
type FileSystem struct {
	client Client
	host   plugin.Host
	place  *place

	mu     sync.Mutex // one user at a time, besides the keepalive
	s      Session    // nil when the connection was lost
	last   Session    // the one before
	file   *reader    // the file being read
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
	f := &FileSystem{client: c, host: h, place: place, s: place.take()}
	if f.s == nil {
		if f.s, err = c.Dial(ctx, h.Machine(), nil, h.Log()); err != nil {
			place.release(nil)
			return nil, err
		}
	}
	f.mu.Lock()
	f.rest()
	f.mu.Unlock()
	return f, nil
}

// do runs one operation on a session. When the session turns out to have been
// dropped, such as while it was idle, and the operation has changed nothing at
// the server yet, it is made anew once and the operation starts again.
func (f *FileSystem) do(ctx context.Context, doing, p string, op func(s Session) error) error {
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
	if f.s != nil && f.s.Over() { // a call before may have been cancelled just as it ended
		f.drop()
	}
	for fresh := f.s == nil; ; fresh = true {
		if f.s == nil {
			s, err := f.client.Dial(ctx, f.host.Machine(), f.last, f.host.Log())
			if err != nil {
				return err
			}
			f.s = s
		}
		s := f.s
		s.Begin(ctx)
		end := s.Guard().Begin(ctx)
		err := op(s)
		end()
		if err == nil {
			return nil
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

func (f *FileSystem) drop() {
	if f.s != nil {
		f.s.Close()
		f.last, f.s = f.s, nil
	}
}

// rest arms the keepalive of an idle session; f.mu is held.
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
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.s == nil || f.file != nil {
		return
	}
	if !f.s.Alive() {
		f.drop()
		return
	}
	f.rest()
}

// Close implements plugin.FileSystem.
func (f *FileSystem) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
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
func (f *FileSystem) Root() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.s == nil {
		return "the folder of the login"
	}
	return "the folder of the login, " + f.s.Home()
}

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
		r = &reader{Transfer: t, fs: f, path: full, stop: s.Guard().Watch(ctx)}
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

// reader is the file that is being read.
type reader struct {
	Transfer
	fs   *FileSystem
	path string
	stop func() // ends the watch on the context
	done bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.done {
		return 0, fmt.Errorf("reading %s: it is closed", r.path)
	}
	return r.Transfer.Read(p)
}

// Close implements io.Closer. It reports a transfer that was cut short.
func (r *reader) Close() error {
	if r.done {
		return nil
	}
	r.fs.mu.Lock()
	defer r.fs.mu.Unlock()
	r.done = true
	over, err := r.Finish()
	r.stop()
	r.fs.file = nil
	if over {
		r.fs.drop()
	}
	r.fs.rest()
	return err
}

// writerTo is a reader whose transfer hands out its own memory.
type writerTo struct {
	*reader
	w io.WriterTo
}

// WriteTo implements io.WriterTo.
func (r *writerTo) WriteTo(w io.Writer) (int64, error) {
	if r.done {
		return 0, fmt.Errorf("reading %s: it is closed", r.path)
	}
	return r.w.WriteTo(w)
}
