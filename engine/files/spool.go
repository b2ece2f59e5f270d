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
// has the hash that was noted for it, which is not so after a power cut. A server
// that gives a file once and forgets it is the exception: that copy is synced.
func (s *Set) spool(ctx context.Context, c *candidate, f *File) (bool, error) {
	dir := s.spoolDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, spoolError(err)
	}
	part := filepath.Join(dir, c.id+partial)
	if c.copied != nil {
		return true, s.useCopy(c, f, part)
	}
	if s.leftNote(c) == nil {
		if err := s.dropLeft(c, part); err != nil {
			return false, err
		}
	}
	done, hash, err := finished(s.left[c.id], c.info.Size)
	if err != nil {
		return false, err
	}
	if done != "" && !s.stillCopied(ctx, c, done) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err := removeFile(done); err != nil {
			return false, err
		}
		done = ""
	}
	if limit := s.o.SpoolLimit; done == "" && limit > 0 && c.info.Size > limit {
		return false, plugin.Confine(plugin.Fail(plugin.Environment, "env.spool_limit", &tooLargeError{limit, c.info.Size}, "If the file is right, set it to more"))
	}
	if done == "" {
		s.Point("spooling")
		if done, hash, err = s.fetchCopy(ctx, c, f, part); err != nil || done == "" {
			return false, err
		}
		s.Point("spooled")
	}
	f.spooled, f.hash, f.hashed = done, hash, true
	return true, nil
}

// useCopy takes the copy of a file that the server has forgotten.
func (s *Set) useCopy(c *candidate, f *File, part string) error {
	size := c.info.Size
	if c.copied.Bytes > 0 {
		size = c.copied.Bytes
	}
	done, hash, err := finished(s.left[c.id], size)
	if err != nil {
		return err
	}
	if done == "" { // all of it came, and the process ended before it said so
		if size, hash, err = hashFile(part); err == nil {
			done = filepath.Join(s.spoolDir(), finishedName(c.id, hash))
			err = os.Rename(part, done)
		}
		if err != nil {
			return spoolError(err)
		}
	}
	f.spooled, f.hash, f.hashed, f.forgot, f.Size = done, hash, true, true, size
	return nil
}

// fetchCopy transfers a file and returns its whole copy, "" when the file is left for the next run.
func (s *Set) fetchCopy(ctx context.Context, c *candidate, f *File, part string) (done string, hash uint64, err error) {
	note := copyNote{Path: c.info.Path, Size: c.info.Size, ModTime: c.info.ModTime, Marker: c.marker, Began: s.Clock.Now()}
	if left := s.leftNote(c); left != nil {
		note.Began = left.Began
	}
	if err := note.write(s.spoolDir(), c.id); err != nil {
		return "", 0, err
	}
	hash, size, err := s.transfer(ctx, c.info, part)
	var large *tooLargeError
	if errors.As(err, &large) {
		return "", 0, errors.Join(s.tooLarge(c, large), removeCopy(part))
	}
	if err != nil {
		return "", 0, s.transferError(ctx, c, err, part)
	}
	s.broken = nil
	// What arrived may be a mixture when the file changed on the way.
	now, err := s.FS.Stat(ctx, c.info.Path)
	if over := ctx.Err(); over != nil {
		return "", 0, over // as in transfer
	}
	gone := errors.Is(err, fs.ErrNotExist)
	if err != nil && !gone {
		return "", 0, err
	}
	if !gone && !alike(now, c.info) {
		if as, _, err := s.mistold(ctx, c, now); err != nil || !as || size != now.Size {
			s.wait(c, "it changed while it was being copied")
			return "", 0, errors.Join(err, removeCopy(part))
		}
	}
	if size != c.info.Size {
		if ok, err := s.confirm(ctx, c, size, hash, gone); err != nil || !ok {
			return "", 0, errors.Join(err, removeCopy(part))
		}
	}
	f.Size, f.forgot, f.short = size, gone, !gone && size < c.info.Size
	if gone {
		note.Bytes, note.Forgot = size, true
		if err := note.keep(s.spoolDir(), c.id, part); err != nil {
			return "", 0, err
		}
		s.Log.Info("a file was gone from the server as soon as all of it had come; its copy is read", zap.String("file", c.info.Path))
	}
	done = filepath.Join(s.spoolDir(), finishedName(c.id, hash))
	if err := os.Rename(part, done); err != nil {
		return "", 0, spoolError(err)
	}
	return done, hash, nil
}

// errChanged says that a file has not the size it was listed with.
var errChanged = errors.New("the size of the file changed")

// transferError decides what a transfer that failed means: for the file, or for the run.
func (s *Set) transferError(ctx context.Context, c *candidate, err error, part string) error {
	var broken *brokenError
	switch {
	case ctx.Err() != nil:
		return err
	case errors.Is(err, errChanged):
		s.wait(c, "it changed while it was being copied")
		return nil
	case errors.Is(err, fs.ErrNotExist):
		s.wait(c, "it was gone before all of it was copied")
		return removeCopy(part)
	case errors.As(err, &broken):
		// The server lets us in anew each time, so it may well be this file. When the
		// next one fares alike, it is the server.
		if s.broken != nil {
			return err
		}
		s.broken = err
		return plugin.Confine(err)
	}
	return err
}

// transfer copies the file to the local path to, trying again from where a
// broken transfer ended, and returns the hash of its content and how much that is.
func (s *Set) transfer(ctx context.Context, info plugin.FileInfo, to string) (hash uint64, size int64, err error) {
	c, err := openCopy(to, info.Size, ctx.Err)
	if err != nil {
		return 0, 0, err
	}
	c.limit, c.room, c.roomy = s.o.SpoolLimit, s.room, c.at
	if c.err = s.room(max(info.Size-c.at, 1)); c.err == nil {
		err = s.transferTo(ctx, info, c)
	} else {
		err = c.err
	}
	if cerr := c.close(err != nil); err == nil {
		err = cerr
	}
	if over := ctx.Err(); over != nil {
		return 0, 0, over // the copy may be another run's by now
	}
	if noRoom := plugin.IsConfined(err) && c.err != nil; noRoom || errors.Is(err, errChanged) {
		err = errors.Join(err, removeCopy(to)) // others have use for its room
	}
	return c.hash.Sum64(), c.at, err
}

// brokenError says that a transfer broke down again and again, though the server is there.
type brokenError struct{ error }

// Unwrap gives errors.Is and errors.As the cause.
func (e *brokenError) Unwrap() error { return e.error }

func (s *Set) transferTo(ctx context.Context, info plugin.FileInfo, c *spoolCopy) error {
	wait := firstWait
	short := false // the server has ended it early already
	for try := 1; ; {
		before := c.at
		err := s.copyOnce(ctx, info, c)
		var own *plugin.Failure
		var size *plugin.SizeError
		ended := err == nil || errors.As(err, &size)
		switch {
		case ended && c.at >= info.Size:
			return nil
		case ended && short && c.at == before: // there is really no more
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case c.err != nil: // it is not the server
			return c.err
		case ended:
			short = true
			err = fmt.Errorf("the server ended the transfer early: %w", &plugin.SizeError{Told: info.Size, Came: c.at})
		case errors.Is(err, fs.ErrNotExist), errors.As(err, &own) && (own.Confined || own.Class != plugin.Transient):
			return err
		}
		if c.at > before {
			try, wait = 1, firstWait
		}
		if try++; try > attempts {
			return plugin.Fail(plugin.Transient, "", &brokenError{fmt.Errorf("the transfer of %s broke off at byte %d of %d, %d times in a row: %w", info.Path, c.at, info.Size, attempts, err)},
				"The next run goes on from there")
		}
		s.Log.Warn("a transfer broke off and is taken up again", zap.String("file", info.Path), zap.Int64("at", c.at), zap.Error(err))
		err = s.again(ctx, info, wait)
		if errors.Is(err, fs.ErrNotExist) && c.at == info.Size {
			return nil // the server forgot it, and all that it told of had come
		}
		if err != nil {
			return err
		}
		if c.at > info.Size { // it cannot be asked for from there
			if err := c.restart(); err != nil {
				return err
			}
		}
		wait = min(2*wait, maxWait)
	}
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
	in, err := s.FS.Open(ctx, info.Path, c.begin())
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
	sum := sha256.Sum256([]byte(s.Pipeline + "\x00" + s.Step))
	return filepath.Join(s.Spool, hex.EncodeToString(sum[:8]))
}

// cleanSpool removes copies that none of the files can use, and notes the others.
func (s *Set) cleanSpool(use []*candidate) error {
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
	for _, c := range use {
		s.left[c.id] = nil
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
	name, _, _ := strings.Cut(filepath.Base(f.spooled), ".")
	err := removeFile(f.spooled)
	if err == nil {
		err = removeFile(filepath.Join(filepath.Dir(f.spooled), name+infoSuffix))
	}
	if err != nil {
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
