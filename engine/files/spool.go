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
	"strings"
	"syscall"
	"time"

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
//
// Copies are not synced to the disk: the file itself stays on the server until
// all of it is committed (I1). What a run left behind is used when its content
// has the hash that was noted for it, which is not so after a power cut.
func (s *Set) spool(ctx context.Context, c *candidate, f *File) (bool, error) {
	dir := s.spoolDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, spoolError(err)
	}
	id := Identity(s.Source.Location(), c.info)
	done, hash, err := finished(s.left[id], c.info.Size)
	if err != nil {
		return false, err
	}
	if done == "" {
		s.Point("spooling")
		part := filepath.Join(dir, id+partial)
		if hash, err = s.transfer(ctx, c.info, part); err != nil {
			return false, s.transferError(c, err)
		}
		// What arrived may be a mixture when the file changed on the way.
		now, err := s.FS.Stat(ctx, c.info.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if over := ctx.Err(); over != nil {
			return false, over // as in transfer
		}
		if err != nil || !alike(now, c.info) {
			s.wait(c, "it changed while it was being copied")
			return false, removeCopy(part)
		}
		done = filepath.Join(dir, finishedName(id, hash))
		if err := os.Rename(part, done); err != nil {
			return false, spoolError(err)
		}
		s.Point("spooled")
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
// broken transfer ended, and returns the hash of its content.
func (s *Set) transfer(ctx context.Context, info plugin.FileInfo, to string) (uint64, error) {
	c, err := openCopy(to, info.Size, ctx.Err)
	if err != nil {
		return 0, err
	}
	err = s.transferTo(ctx, info, c)
	if cerr := c.close(err != nil); err == nil {
		err = cerr
	}
	if over := ctx.Err(); over != nil {
		return 0, over // the copy may be another run's by now
	}
	if errors.Is(err, errChanged) {
		err = errors.Join(err, removeCopy(to))
	}
	return c.hash.Sum64(), err
}

func (s *Set) transferTo(ctx context.Context, info plugin.FileInfo, c *spoolCopy) error {
	wait := firstWait
	for try := 1; c.at < info.Size || info.Size == 0; {
		before := c.at
		err := s.copyOnce(ctx, info, c)
		var own *plugin.Failure
		switch {
		case errors.Is(err, errChanged):
			return errChanged
		case err == nil && c.at == info.Size:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist), errors.As(err, &own) && own.Class != plugin.Transient:
			return err
		case err == nil:
			err = errors.New("the server ended the transfer early")
		}
		if c.at > before {
			try, wait = 1, firstWait
		}
		if try++; try > attempts {
			return plugin.Fail(plugin.Transient, "", fmt.Errorf("the transfer of %s broke off at byte %d of %d, %d times in a row: %w", info.Path, c.at, info.Size, attempts, err),
				"The next run goes on from there")
		}
		s.Log.Warn("a transfer broke off and is taken up again", zap.String("file", info.Path), zap.Int64("at", c.at), zap.Error(err))
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

// copyOnce goes on with c until the transfer ends.
func (s *Set) copyOnce(ctx context.Context, info plugin.FileInfo, c *spoolCopy) error {
	in, err := s.FS.Open(ctx, info.Path, c.at)
	if err != nil {
		return err
	}
	if w, ok := in.(io.WriterTo); ok {
		_, err = w.WriteTo(c)
	} else {
		if s.buf == nil {
			s.buf = make([]byte, copyBuffer)
		}
		err = c.fill(in, s.buf)
	}
	cerr := in.Close()
	switch {
	case c.err != nil:
		return c.err
	case err == nil:
		err = cerr
	}
	return err
}

// spoolDir is the folder of this step of this pipeline alone.
func (s *Set) spoolDir() string {
	sum := sha256.Sum256([]byte(s.Session.Address() + "\x00" + s.Step))
	return filepath.Join(s.Spool, hex.EncodeToString(sum[:8]))
}

// cleanSpool removes copies that no file in the queue can use, and notes the others.
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
	if len(entries) == 0 {
		return nil
	}
	s.left = map[string][]string{}
	for _, c := range s.queue {
		s.left[Identity(s.Source.Location(), c.info)] = nil
	}
	for _, e := range entries {
		name := filepath.Join(s.spoolDir(), e.Name())
		id, _, _ := strings.Cut(e.Name(), ".")
		if _, ok := s.left[id]; ok {
			s.left[id] = append(s.left[id], name)
		} else if err := removeFile(name); err != nil {
			return err
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
