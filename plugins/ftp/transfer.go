package ftp

import (
	"errors"
	"fmt"
	"io"
	"net/textproto"

	"github.com/jlaffaye/ftp"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

// errShorter marks a file that ends before the offset asked for.
var errShorter = errors.New("the file is shorter than what was read of it before")

// file is a download under way. It implements remote.Transfer.
type file struct {
	s    *session
	path string

	resp *ftp.Response // nil when there was nothing left to fetch
	head []byte        // read by probe, not yet handed out
	skip int64         // bytes to read and drop first, where the server cannot
	at   int64         // the offset
	want int64         // bytes from the offset on, as was told
	got  int64
	end  bool  // Read has returned io.EOF
	err  error // the first error
}

// Open implements remote.Session.
func (s *session) Open(p string, offset int64) (remote.Transfer, error) {
	f, err := s.retrieve(p, offset)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s *session) retrieve(p string, offset int64) (*file, error) {
	size, err := s.size(p)
	if answered(err) || err == nil && size < 0 {
		// No SIZE, or none for this file: a listing tells too.
		in, serr := s.Stat(p)
		if serr != nil {
			return nil, serr
		}
		size, err = in.Size, nil
	}
	if err != nil {
		return nil, err
	}
	f := &file{s: s, path: p, at: offset}
	if offset > size {
		return nil, plugin.Fail(plugin.Data, "", fmt.Errorf("%s has %d bytes, and reading should go on at %d: %w", p, size, offset, errShorter), "")
	}
	f.want = size - offset
	if f.want == 0 && offset > 0 {
		return f, nil // servers differ in what they say to REST at the end
	}
	f.resp, err = s.lib.RetrFrom(p, uint64(offset))
	if err != nil && offset > 0 && unknownCommand(err) {
		f.skip = offset
		f.resp, err = s.lib.Retr(p)
	}
	if err != nil {
		return nil, err
	}
	if s.tls != nil && !s.dataOK && f.want > 0 {
		return f, f.probe()
	}
	return f, nil
}

// probe reads the first bytes of a session's first encrypted transfer. Servers
// that do not like the encryption say so only now, in the final reply, and the
// operation can still be tried again with another TLS version.
func (f *file) probe() error {
	buf := make([]byte, 4096)
	n, err := f.resp.Read(buf)
	if n > 0 {
		f.head, f.s.dataOK = buf[:n], true
		return nil
	}
	var reply *textproto.Error
	if cerr := f.resp.Close(); errors.As(cerr, &reply) {
		return cerr
	}
	if err == io.EOF { //nolint:errorlint // connections return it bare
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Read implements io.Reader. The server's silence is an error, the caller's is not.
func (f *file) Read(p []byte) (int, error) {
	switch {
	case f.err != nil:
		return 0, f.err
	case f.end || f.resp == nil:
		f.end = true
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	f.s.guard.Resume()
	defer f.s.guard.Pause()
	for f.skip > 0 {
		n, err := f.fetch(p[:min(int64(len(p)), f.skip)])
		f.skip -= int64(n)
		if err != nil {
			return 0, f.note(err)
		}
	}
	n, err := f.fetch(p)
	f.got += int64(n)
	return n, f.note(err)
}

func (f *file) fetch(p []byte) (int, error) {
	if len(f.head) > 0 {
		n := copy(p, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	return f.resp.Read(p)
}

func (f *file) note(err error) error {
	switch {
	case err == nil:
		return nil
	case err == io.EOF && f.s.guard.Cause() == nil: //nolint:errorlint // connections return it bare
		f.end = true
		return io.EOF
	}
	f.err = f.s.Failure("reading", f.path, err)
	return f.err
}

// Finish implements remote.Transfer. A lost data connection looks like the end
// of the file, so the server's final reply and the size decide.
func (f *file) Finish() (over bool, err error) {
	if f.resp == nil {
		return false, nil
	}
	if f.err == nil && !f.end && f.got == f.want {
		f.readEnd() // all that was told came
	}
	if f.err != nil || !f.end {
		// The transfer is left in the middle: what the server still says about
		// it cannot be told from answers to later commands, so the session goes.
		return true, f.err
	}
	f.s.guard.Resume()
	err = f.resp.Close()
	f.s.guard.Pause()
	switch {
	case err != nil:
		failure := f.cut(err)
		return f.s.Judge(err).Over, failure
	case f.got != f.want:
		return false, f.s.cfg.fail(plugin.Transient, "env.transfer_cut", "", "%w", &plugin.SizeError{
			Told: f.at + f.want, Came: f.at + f.got,
			Text: fmt.Sprintf("ended the transfer of %s after %d of %d bytes and called it complete", f.path, f.at+f.got, f.at+f.want),
		})
	}
	return false, nil
}

// readEnd looks whether the data ends here.
func (f *file) readEnd() {
	f.s.guard.Resume()
	defer f.s.guard.Pause()
	var b [1]byte
	if n, err := f.fetch(b[:]); n == 0 && err == io.EOF && f.s.guard.Cause() == nil { //nolint:errorlint // connections return it bare
		f.end = true
	}
}

// cut describes a final reply that does not say the transfer is complete.
func (f *file) cut(err error) error {
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code == 421 || f.s.tls != nil && wantsReuse(reply) {
		return f.s.Failure("reading", f.path, err)
	}
	return f.s.cfg.fail(plugin.Transient, "env.transfer_cut", "", "broke off the transfer of %s after %d of %d bytes: %s", f.path, f.got, f.want, f.s.cfg.safe(reply.Error()))
}
