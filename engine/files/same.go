package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/cespare/xxhash/v2"

	"weir/engine/plugin"
	"weir/engine/state"
)

// Identity is the digest that names one upload of a file.
func Identity(location string, i plugin.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d.%d", location, i.Path, i.Size, i.ModTime.Unix(), i.ModTime.Nanosecond()))
	return hex.EncodeToString(sum[:10])
}

// identity returns the digest of a new file. It follows from that of the file that
// had its name before, if that is known, so that two uploads that look alike are two
// files; and it is the same when the process is killed and meets the file anew.
func (s *Set) identity(i plugin.FileInfo, before state.FileEntry, known bool) string {
	at := s.Source.Location()
	if known {
		at += "#" + before.ID
	}
	return Identity(at, i)
}

// sameStamp reports whether i has the size and time of the file of e.
func sameStamp(e state.FileEntry, i plugin.FileInfo) bool {
	return e.Size == i.Size && e.ModTime.Equal(i.ModTime)
}

// sameContent reports whether c is the file that its ledger entry is about. An entry
// that is finished does not stand for a file that is there again.
func (s *Set) sameContent(ctx context.Context, c *candidate, f *File) (bool, error) {
	e := &c.entry
	stamp := sameStamp(*e, c.info)
	switch {
	case !c.known || e.Size != c.info.Size, e.State == state.FileQuarantined, e.State == state.FileSkipped:
		return false, nil
	case e.State == state.FileArchived || e.Gone && !stamp && e.State == state.FileCommitted:
		if s.o.SameContent != "skip" {
			return false, nil
		}
	case c.begun:
		// A copy with another hash shows a change that kept size and time.
		return !f.hashed || !e.HashKnown || f.hash == e.Hash, nil
	}
	if !e.HashKnown {
		if !stamp {
			return false, nil
		}
		return s.sameHead(ctx, c)
	}
	if !f.hashed {
		if err := s.hashInPlace(ctx, f); err != nil {
			return false, err
		}
	}
	return f.hashed && f.hash == e.Hash, nil
}

// sameHead reports whether c begins as the file of its entry, of which only a part was
// read, did.
func (s *Set) sameHead(ctx context.Context, c *candidate) (bool, error) {
	if c.entry.State != state.FileReading || c.entry.Head == 0 {
		return false, nil
	}
	in, err := s.FS.Open(ctx, c.info.Path, 0)
	if err != nil {
		return false, err
	}
	sum := xxhash.New()
	n, err := io.Copy(sum, io.LimitReader(in, c.entry.Head))
	if cerr := in.Close(); err == nil {
		err = cerr
	}
	return n == c.entry.Head && sum.Sum64() == c.entry.HeadHash, err
}

// hashInPlace computes the hash of a file that was not hashed while it was read.
// It stays unknown when the file changes meanwhile.
func (s *Set) hashInPlace(ctx context.Context, f *File) error {
	b := &body{ctx: ctx, file: f}
	b.start()
	_, err := io.Copy(io.Discard, b)
	if cerr := b.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		var now plugin.FileInfo
		if now, err = s.FS.Stat(ctx, f.Name); err == nil && !alike(now, f.info) {
			f.hashed = false
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errShorter) {
		f.hashed, f.failed = false, nil
		return nil
	}
	return err
}

// alike reports whether a and b can be the same upload. Servers tell times more
// precisely for one file than in a listing, or not at all.
func alike(a, b plugin.FileInfo) bool { return a.Size == b.Size && sameTime(a, b) }

// sameTime is alike for the times alone.
func sameTime(a, b plugin.FileInfo) bool {
	if a.ModTime.Equal(b.ModTime) || a.ModTime.IsZero() || b.ModTime.IsZero() {
		return true
	}
	for _, unit := range []time.Duration{time.Second, time.Minute} {
		ta, tb := a.ModTime.Truncate(unit), b.ModTime.Truncate(unit)
		if ta.Equal(tb) && (ta.Equal(a.ModTime) || tb.Equal(b.ModTime)) {
			return true
		}
	}
	return false
}
