package sftp

import (
	"errors"
	"fmt"
	"io"

	"github.com/pkg/sftp"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

const (
	// smallChunk is what every server can send in one answer; OpenSSH, which is
	// known by the extension that tells its limits, sends bigger ones.
	smallChunk = 32 << 10
	bigChunk   = 255 << 10
	// ahead is how many bytes are asked for at the same time, or a little more.
	// The library lets the server send no more than 2 MiB before they are read.
	readAhead = 2 << 20
)

// errShorter marks a file that ends before the offset asked for.
var errShorter = errors.New("the file is shorter than what was read of it before")

// chunk is one part of a file, asked for ahead of time.
type chunk struct {
	buf  []byte
	off  int64 // where it begins
	want int64 // bytes asked for
	n    int
	err  error
	done chan struct{} // has a value when n and err are set; reused
}

// file is a download under way. It implements remote.Transfer. Parts are asked
// for ahead, each through ReadAt with one answer's worth of bytes: that path of
// the library copes with short answers, its concurrent one loses data then.
type file struct {
	s    *session
	path string

	h      *sftp.File
	size   int64 // as told when it was opened: how much is asked for ahead
	next   int64 // offset of the next request
	beyond int   // requests under way from the told size on
	got    int64 // offset of the next byte for the caller

	ahead []*chunk // in order
	cur   *chunk   // being handed out
	rest  []byte   // of cur
	end   bool     // the server has said that nothing follows
	err   error    // the first error
}

// Open implements remote.Session.
func (s *session) Open(p string, offset int64) (remote.Transfer, error) {
	h, err := s.lib.Open(p)
	if err != nil {
		return nil, s.notExist("open", p, err)
	}
	st, err := h.Stat()
	if err != nil {
		st, err = s.lib.Stat(p)
	}
	if err == nil && st.IsDir() {
		err = s.cfg.peer().Fail(plugin.Environment, "env.refused", "", "has a folder at %s, not a file", p)
	}
	if err == nil && offset > st.Size() {
		err = plugin.Fail(plugin.Data, "", fmt.Errorf("%s has %d bytes, and reading should go on at %d: %w", p, st.Size(), offset, errShorter), "")
	}
	if err != nil {
		h.Close() //nolint:errcheck // the error above counts
		return nil, err
	}
	return &file{s: s, path: p, h: h, size: st.Size(), next: offset, got: offset}, nil
}

// request asks for parts until enough is under way or the told size is reached, and
// for one part from there on: the server says where the file ends.
func (f *file) request() {
	size := f.s.chunk
	for int64(len(f.ahead))*size < readAhead && (f.next < f.size || f.beyond == 0) {
		want := min(size, f.size-f.next)
		if f.next >= f.size {
			want = smallChunk
			f.beyond++
		}
		c := f.s.takeChunk(want)
		c.off, c.want = f.next, want
		f.next += want
		f.ahead = append(f.ahead, c)
		go func() {
			defer func() {
				if v := recover(); v != nil {
					c.n, c.err = 0, plugin.Recovered(v, 0)
				}
				c.done <- struct{}{}
			}()
			c.n, c.err = f.h.ReadAt(c.buf[:c.want], c.off)
		}()
	}
}

// takeChunk returns a part of at least n bytes, one that was used before if possible.
func (s *session) takeChunk(n int64) *chunk {
	if last := len(s.free) - 1; last >= 0 {
		c := s.free[last]
		s.free = s.free[:last]
		if int64(len(c.buf)) < n {
			c.buf = make([]byte, s.chunk)
		}
		return c
	}
	size := s.chunk
	if n < smallChunk {
		size = smallChunk // a small file; many have nothing else to come
	}
	return &chunk{buf: make([]byte, size), done: make(chan struct{}, 1)}
}

// Read implements io.Reader. The server's silence is an error, the caller's is not.
func (f *file) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.more(); err != nil {
		return 0, err
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	f.got += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo: it spares the copy that Read makes.
func (f *file) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := f.more(); err == io.EOF { //nolint:errorlint // it is ours
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := w.Write(f.rest)
		f.rest = f.rest[n:]
		f.got += int64(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// more makes sure that f.rest holds something; io.EOF at the end of the file.
func (f *file) more() error {
	for len(f.rest) == 0 {
		switch {
		case f.err != nil:
			return f.err
		case f.end:
			return io.EOF
		}
		f.fill()
	}
	return nil
}

// fill waits for the next part.
func (f *file) fill() {
	if f.cur != nil {
		f.s.free = append(f.s.free, f.cur)
		f.cur = nil
	}
	f.s.guard.Resume()
	defer f.s.guard.Pause()
	f.request()
	c := f.ahead[0]
	copy(f.ahead, f.ahead[1:])
	f.ahead = f.ahead[:len(f.ahead)-1]
	<-c.done
	f.cur, f.rest = c, c.buf[:c.n]
	if c.off >= f.size {
		f.beyond--
	}
	switch {
	case int64(c.n) == c.want:
	case c.err == nil || c.err == io.EOF && f.s.guard.Cause() == nil && !f.s.dead.Load(): //nolint:errorlint // the library returns it bare
		f.end = true
	default:
		f.err = f.s.Failure("reading", f.path, c.err)
	}
}

// Finish implements remote.Transfer.
func (f *file) Finish() (over bool, err error) {
	f.s.guard.Step()
	f.s.guard.Resume()
	for _, c := range f.ahead {
		<-c.done // the guard ends it when the server does not
		f.s.free = append(f.s.free, c)
	}
	if f.cur != nil {
		f.s.free = append(f.s.free, f.cur)
	}
	f.ahead, f.cur, f.rest = nil, nil, nil
	err = f.h.Close()
	f.s.guard.Pause()
	over = f.s.Over() || err != nil && f.s.over(err)
	if f.err == nil && f.end && f.got != f.size {
		return over, f.s.cfg.peer().Fail(plugin.Transient, "env.transfer_cut", "", "%w", &plugin.SizeError{
			Told: f.size, Came: f.got, Text: fmt.Sprintf("ended the transfer of %s after %d of %d bytes", f.path, f.got, f.size),
		})
	}
	return over, f.err // without one, what happens to the handle is the server's affair
}
