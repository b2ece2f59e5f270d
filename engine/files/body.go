package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/cespare/xxhash/v2"

	"weir/engine/plugin"
)

var errShorter = errors.New("the file became shorter while it was read")

// Open returns a reader of the file as it was when it was claimed: bytes that
// were added later are not part of it. One goroutine uses it. It must be closed
// before the next method of the Set is called. ctx holds for all of its reads. It is an
// io.Seeker, and an io.ReaderAt when the file is one of this machine, or a copy here.
func (f *File) Open(ctx context.Context) (io.ReadCloser, error) {
	b := &body{ctx: ctx, file: f}
	if f.spooled != "" {
		r, err := os.Open(f.spooled)
		if err != nil {
			return nil, plugin.Fail(plugin.Environment, "env.spool", fmt.Errorf("the local copy of %s cannot be read: %w", f.Name, err),
				"Check the spool folder in the state folder")
		}
		b.rc = r
		return &placed{b}, nil
	}
	b.start()
	if f.set.Source.Local() {
		return &placed{b}, nil
	}
	return b, nil
}

// placed is a body whose bytes are at hand wherever they are in it.
type placed struct{ *body }

// ReadAt implements io.ReaderAt. What it reads is not in the hash of the file, which is then
// hashed by itself.
func (p *placed) ReadAt(to []byte, offset int64) (n int, err error) {
	if p.rc == nil {
		if err := p.reopen(); err != nil {
			return 0, err
		}
	}
	at, ok := p.rc.(io.ReaderAt)
	if !ok {
		return 0, fmt.Errorf("%s: %w: reading at a place", p.file.Name, errors.ErrUnsupported)
	}
	short := false
	if left := p.file.Size - offset; int64(len(to)) > left { // what was added later is not part of it
		to, short = to[:max(0, left)], true
	}
	n, err = at.ReadAt(to, offset)
	switch {
	case err == nil && short, errors.Is(err, io.EOF) && n == len(to) && short:
		return n, io.EOF
	case errors.Is(err, io.EOF) && n == len(to):
		return n, nil
	case errors.Is(err, io.EOF):
		err = plugin.Fail(plugin.Transient, "", fmt.Errorf("%s: %w", p.file.Name, errShorter), "Set ready so that a file is complete before it is read")
	}
	if err != nil && p.file.spooled == "" && p.ctx.Err() == nil {
		p.file.failed = err
	}
	return n, err
}

// body reads a spooled copy, or a local file in place.
type body struct {
	ctx  context.Context
	file *File
	rc   io.ReadCloser
	at   int64 // position of rc
	pos  int64 // where the next Read begins
	hash *xxhash.Digest
	sum  int64 // how much of the file is in hash: all of it up to here
}

// start makes b hash what it reads, as long as no part of the file is passed
// over. A part that is read again, such as the head that told the compression,
// counts once: hashing the file by itself afterwards would read it twice.
func (b *body) start() { b.hash = xxhash.New() }

// note adds to the hash what p, read at pos, has of the file beyond what is in it.
func (b *body) note(p []byte) {
	end := b.pos + int64(len(p))
	switch {
	case b.hash == nil || end <= b.sum:
	case b.pos > b.sum:
		b.hash = nil
	default:
		_, _ = b.hash.Write(p[b.sum-b.pos:]) // never fails
		b.sum = end
		b.file.head.set(b.sum, b.hash.Sum64())
	}
}

// head is how much of the beginning of a file has which hash. A decoder reads ahead
// while others look at it.
type head struct {
	mu    sync.Mutex
	bytes int64
	hash  uint64
}

// set notes a hash, if it is of more than the one before.
func (h *head) set(bytes int64, hash uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes > h.bytes {
		h.bytes, h.hash = bytes, hash
	}
}

func (h *head) get() (bytes int64, hash uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes, h.hash
}

// Read implements io.Reader. That a file cannot be read on in place is noted in it.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.read(p)
	if err != nil && b.file.spooled == "" && !errors.Is(err, io.EOF) && b.ctx.Err() == nil {
		b.file.failed = err
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if left := b.file.Size - b.pos; left <= 0 {
		return 0, io.EOF
	} else if int64(len(p)) > left {
		p = p[:left]
	}
	if b.rc == nil || b.at != b.pos {
		if err := b.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := b.rc.Read(p)
	b.note(p[:n])
	b.at += int64(n)
	b.pos = b.at
	if b.pos < b.file.Size && errors.Is(err, io.EOF) {
		return n, plugin.Fail(plugin.Transient, "", fmt.Errorf("%s: %w: %d of %d bytes are left of it", b.file.Name, errShorter, b.pos, b.file.Size),
			"Set ready so that a file is complete before it is read")
	}
	return n, err
}

func (b *body) reopen() error {
	if s, ok := b.rc.(io.Seeker); ok {
		if _, err := s.Seek(b.pos, io.SeekStart); err != nil {
			return err
		}
		b.at = b.pos
		return nil
	}
	if err := b.closeCurrent(); err != nil {
		return err
	}
	rc, err := b.file.set.FS.Open(b.ctx, b.file.Name, b.pos)
	if err != nil {
		return err
	}
	b.rc, b.at = rc, b.pos
	return nil
}

// Seek implements io.Seeker.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.pos
	case io.SeekEnd:
		offset += b.file.Size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of the file")
	}
	b.pos = offset
	return offset, nil
}

// Close implements io.Closer. It keeps the hash of a file that was read whole: not
// before, since others may look at the file while a decoder reads ahead.
func (b *body) Close() error {
	if b.hash != nil && b.sum == b.file.Size {
		b.file.hash, b.file.hashed, b.hash = b.hash.Sum64(), true, nil
	}
	return b.closeCurrent()
}

func (b *body) closeCurrent() error {
	if b.rc == nil {
		return nil
	}
	rc := b.rc
	b.rc = nil
	return rc.Close()
}
