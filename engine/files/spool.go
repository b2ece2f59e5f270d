package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"weir/engine/plugin"
)

const (
	attempts  = 5 // to copy one file, in a row without progress
	firstWait = time.Second
	maxWait   = 30 * time.Second
	partial   = ".part"
)

// spool copies a remote file into the spool folder. A copy that an earlier
// attempt or run began goes on where it ended, as long as the file is the same.
// It returns false when the file changed meanwhile and is left for the next run.
func (s *Set) spool(ctx context.Context, c *candidate, f *File) (bool, error) {
	dir := s.spoolDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, spoolError(err)
	}
	done := filepath.Join(dir, Identity(s.Source.Location(), c.info))
	if st, err := os.Stat(done); err != nil || st.Size() != c.info.Size {
		s.Point("spooling")
		if err := s.transfer(ctx, c.info, done+partial); err != nil {
			return false, s.transferError(c, err)
		}
		// What arrived may be a mixture when the file changed on the way.
		now, err := s.FS.Stat(ctx, c.info.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if err != nil || !alike(now, c.info) {
			s.wait(c, "it changed while it was being copied")
			return false, removeFile(done + partial)
		}
		if err := os.Rename(done+partial, done); err != nil {
			return false, spoolError(err)
		}
		s.Point("spooled")
	}
	hash, err := hashFile(done)
	if err != nil {
		return false, spoolError(err)
	}
	f.spooled, f.hash, f.hashed = done, hash, true
	return true, nil
}

// errChanged says that a file has not the size it was listed with.
var errChanged = errors.New("the size of the file changed")

func (s *Set) transferError(c *candidate, err error) error {
	if errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) {
		s.wait(c, "it changed while it was being copied")
		return nil
	}
	return err
}

// transfer copies the file to the local path to, trying again from where a
// broken transfer ended.
func (s *Set) transfer(ctx context.Context, info plugin.FileInfo, to string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return spoolError(err)
	}
	err = s.transferTo(ctx, info, out)
	if err == nil {
		if err = out.Sync(); err != nil {
			err = spoolError(err)
		}
	}
	if cerr := out.Close(); err == nil && cerr != nil {
		err = spoolError(cerr)
	}
	if errors.Is(err, errChanged) {
		return errors.Join(err, removeFile(to))
	}
	return err
}

func (s *Set) transferTo(ctx context.Context, info plugin.FileInfo, out *os.File) error {
	at, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return spoolError(err)
	}
	if at > info.Size {
		return errChanged
	}
	wait := firstWait
	for try := 1; at < info.Size || info.Size == 0; {
		n, err := s.copyOnce(ctx, info, at, out)
		at += n
		var own *plugin.Failure
		switch {
		case at > info.Size:
			return errChanged
		case err == nil && at == info.Size:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist), errors.As(err, &own) && own.Class != plugin.Transient:
			return err
		case err == nil:
			err = errors.New("the server ended the transfer early")
		}
		if n > 0 {
			try, wait = 1, firstWait
		}
		if try++; try > attempts {
			return plugin.Fail(plugin.Transient, "", fmt.Errorf("the transfer of %s broke off at byte %d of %d, %d times in a row: %w", info.Path, at, info.Size, attempts, err),
				"The next run goes on from there")
		}
		s.Log.Warn("a transfer broke off and is taken up again", zap.String("file", info.Path), zap.Int64("at", at), zap.Error(err))
		if err := s.again(ctx, info, wait); err != nil {
			return err
		}
		wait = min(2*wait, maxWait)
	}
	return nil
}

// again waits, connects anew, and makes sure that the file is still the same.
func (s *Set) again(ctx context.Context, info plugin.FileInfo, wait time.Duration) error {
	if err := s.Clock.Sleep(ctx, wait); err != nil {
		return err
	}
	if s.Reconnect != nil {
		_ = s.FS.Close() // it is broken
		next, err := s.Reconnect(ctx)
		if err != nil {
			return err
		}
		s.FS = next
	}
	now, err := s.FS.Stat(ctx, info.Path)
	if err == nil && !alike(now, info) {
		return errChanged
	}
	if err != nil && plugin.ClassOf(err) == plugin.Transient && !errors.Is(err, fs.ErrNotExist) {
		return nil // the next attempt to copy meets it again, and counts
	}
	return err
}

// copyOnce copies from offset at until the transfer ends.
func (s *Set) copyOnce(ctx context.Context, info plugin.FileInfo, at int64, out *os.File) (int64, error) {
	in, err := s.FS.Open(ctx, info.Path, at)
	if err != nil {
		return 0, err
	}
	w := &spoolWriter{out: out}
	n, err := io.Copy(w, io.LimitReader(in, info.Size-at+1))
	cerr := in.Close()
	switch {
	case w.err != nil:
		return n, spoolError(w.err)
	case err == nil:
		err = cerr
	}
	return n, err
}

// spoolWriter keeps errors of the local disk apart from those of the server.
type spoolWriter struct {
	out *os.File
	err error
}

// Write implements io.Writer.
func (w *spoolWriter) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	w.err = err
	return n, err
}

// spoolDir is the folder of this step of this pipeline alone.
func (s *Set) spoolDir() string {
	sum := sha256.Sum256([]byte(s.Session.Address() + "\x00" + s.Step))
	return filepath.Join(s.Spool, hex.EncodeToString(sum[:8]))
}

// cleanSpool removes copies that no file in the queue can use.
func (s *Set) cleanSpool() error {
	if s.Source.Local() {
		return nil
	}
	entries, err := os.ReadDir(s.spoolDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return spoolError(err)
	}
	keep := map[string]bool{}
	for _, c := range s.queue {
		id := Identity(s.Source.Location(), c.info)
		keep[id], keep[id+partial] = true, true
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			if err := removeFile(filepath.Join(s.spoolDir(), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Set) dropSpool(f *File) {
	if f.spooled == "" {
		return
	}
	if err := removeFile(f.spooled); err != nil {
		s.Log.Warn("a spooled copy could not be removed; the next run does", zap.Error(err))
	}
	f.spooled = ""
}

func removeFile(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return spoolError(err)
	}
	return nil
}

func hashFile(name string) (uint64, error) {
	in, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	h := xxhash.New()
	_, err = io.Copy(h, in)
	return h.Sum64(), errors.Join(err, in.Close())
}

func spoolError(err error) error {
	var have *plugin.Failure
	if errors.As(err, &have) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return plugin.Fail(plugin.Environment, "env.disk_full", fmt.Errorf("no space for the local copy of a file: %w", err),
			"Free some space on the disk of the state folder and run again: nothing is lost")
	}
	return plugin.Fail(plugin.Environment, "env.spool", fmt.Errorf("a local copy of a file cannot be kept: %w", err),
		"Check the spool folder in the state folder")
}
