package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"weir/engine/plugin"
	"weir/engine/state"
)

// shortReason is why a file of which fewer bytes came than the server says is not put away.
const (
	shortReason = "fewer bytes came of it than the server says that it has"
	shortAdvice = "If it is complete, put it away by hand; if not, have it uploaded anew, or read it again with weir files retry --again."
)

// maxNames is how many distinct names are tried for a file in the archive.
const maxNames = 1000

// AfterCommit moves away, or deletes, what was read to its end and is committed,
// and commits that in turn. It is called right after Session.Commit, when nothing
// is pending, and once more at the end of a run. Calling it again does no harm.
// A move that fails is a notice: the file is not read again, and the next run
// tries again. An error is one of ctx, of the session or of the connection.
func (s *Set) AfterCommit(ctx context.Context) error {
	s.noted = nil
	changed := false
	var rest []*File
	for i, f := range s.done {
		// I1: nothing is acknowledged to the source before it is durable here.
		e, ok, err := s.Ledger.Committed(f.Name)
		if err != nil {
			return err
		}
		if ok && e.ID == f.ID && f.forgot && e.State == state.FileArchived {
			s.dropSpool(f)
			s.putAwayMarker(ctx, e.Marker)
			continue
		}
		if !ok || e.ID != f.ID || e.State != state.FileCommitted {
			if !ok || e.ID != f.ID || e.State == state.FileReading {
				rest = append(rest, f)
			}
			continue
		}
		s.dropSpool(f)
		if s.o.AfterMode == plugin.AfterKeep || f.short {
			continue
		}
		moved, err := s.putAway(ctx, e)
		if err != nil {
			s.done = append(rest, s.done[i:]...)
			return err
		}
		changed = changed || moved
	}
	s.done = rest
	if !changed {
		return nil
	}
	s.noted = nil
	return s.Ledger.Commit(ctx)
}

// finishLater finishes what a run before left undone with a file that was committed.
// It is put away only when it has the content that was read: another may have its name,
// size and time by now, and that one is read.
func (s *Set) finishLater(ctx context.Context, c *candidate) error {
	if s.stuck {
		s.later++
		return nil
	}
	f := s.file(c)
	same, ok, err := s.fetch(ctx, c, f)
	if plugin.IsConfined(err) && ctx.Err() == nil {
		s.setAside(c.info.Path, err)
		return nil
	}
	if err != nil || !ok {
		return err
	}
	if !same {
		if f.spooled != "" {
			if s.left == nil {
				s.left = map[string][]string{}
			}
			s.left[c.id] = append(s.left[c.id], f.spooled)
		}
		c.whole = false
		if s.marked(c, map[string]bool{c.marker: c.marker != ""}) {
			s.queue = append(s.queue, c)
		}
		return nil
	}
	s.dropSpool(f)
	e := c.entry
	if e.Marker == "" {
		e.Marker = c.marker
	}
	_, err = s.putAway(ctx, e)
	return err
}

// settleMissing settles the entries of files that are not listed any more. Of those that
// were to be put away a crash came between that and its record, or somebody else took
// them. The others are noted as gone, so that they do not stand for what comes later.
func (s *Set) settleMissing(ctx context.Context, l *listing, listed map[string]plugin.FileInfo, copied map[string]bool) error {
	var gone []state.FileEntry
	err := s.Ledger.Objects(func(e state.FileEntry) bool {
		_, there := listed[e.Path]
		if !there && !copied[e.Path] && !e.Gone && e.State != state.FileArchived && s.covers(l, e.Path) {
			gone = append(gone, e)
		}
		return true
	})
	for i := 0; i < len(gone) && err == nil; i++ {
		e := &gone[i]
		if !s.tookAway(ctx, e) {
			e.Gone = true
			err = s.note(*e)
			continue
		}
		// A marker left behind would declare the next file of this name complete.
		s.putAwayMarker(ctx, e.Marker)
		err = s.note(*e)
	}
	return err
}

// tookAway reports whether the file of e, which is not listed any more, counts as put away,
// and enters that in e. One that could not be put away before is only gone, unless it is in the archive.
func (s *Set) tookAway(ctx context.Context, e *state.FileEntry) bool {
	if s.o.AfterMode == plugin.AfterKeep || e.State != state.FileCommitted {
		return false
	}
	target := s.movedTo(ctx, *e)
	if target == "" && e.Reason != "" {
		return false
	}
	e.State, e.Target, e.Reason = state.FileArchived, target, ""
	if target == "" {
		e.Reason = "it was no longer at its place when it was to be moved"
	}
	return true
}

// putAwayMarker puts away the marker of a file that is away already.
func (s *Set) putAwayMarker(ctx context.Context, marker string) {
	if marker == "" || s.o.AfterMode == plugin.AfterKeep {
		return
	}
	if _, err := s.putAwayPath(ctx, marker); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.notice("run.file_not_moved", "A marker could not be put away", "%s: %s. Its file is put away already; remove it by hand.", marker, plugin.Clause(err))
	}
}

// movedTo finds the file of e in the archive, where a run put it that did not
// live to record it; "" when it is not there.
func (s *Set) movedTo(ctx context.Context, e state.FileEntry) string {
	if s.o.AfterMode != plugin.AfterMove {
		return ""
	}
	found := ""
	for n := range maxNames {
		target := path.Join(s.o.MoveTo, distinct(path.Base(e.Path), n))
		info, err := s.FS.Stat(ctx, target)
		if err != nil {
			break // no such file, so no later name was taken; or it cannot be told
		}
		if alike(info, plugin.FileInfo{Size: e.Size, ModTime: e.ModTime}) {
			found = target
		}
	}
	return found
}

// putAway moves or deletes the file of e and its marker, and notes that in the
// ledger, or why it could not. It reports whether it noted anything.
func (s *Set) putAway(ctx context.Context, e state.FileEntry) (bool, error) {
	s.Point("moving")
	target, err := s.putAwayFile(ctx, e)
	if errors.Is(err, errReplaced) {
		s.Log.Info("a file has changed since it was read; its new content is left for the next run: " + e.Path)
		return false, nil
	}
	if err == nil && e.Marker != "" {
		if _, err = s.putAwayPath(ctx, e.Marker); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		s.stuck = true
		s.notice("run.file_not_moved", "A file that was read could not be put away",
			"%s: %s. Its rows are committed and are not read again; the next run tries again (after = %q).", e.Path, plugin.Clause(err), s.o.After)
		if reason := "could not be put away: " + plugin.Clause(err); e.Reason != reason {
			e.Reason = reason
			return true, s.note(e)
		}
		return false, nil
	}
	s.Point("moved")
	e.State, e.Target, e.Reason = state.FileArchived, target, ""
	return true, s.note(e)
}

// errReplaced says that another file has the name by now.
var errReplaced = errors.New("another file has this name now")

func (s *Set) putAwayFile(ctx context.Context, e state.FileEntry) (target string, err error) {
	now, err := s.FS.Stat(ctx, e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !alike(now, plugin.FileInfo{Size: e.Size, ModTime: e.ModTime}) {
		return "", errReplaced
	}
	if err := s.checkEnd(ctx, e); err != nil {
		return "", err
	}
	target, err = s.putAwayPath(ctx, e.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return target, err
	}
	if target == "" {
		return "", s.checkDeleted(ctx, e)
	}
	// An upload may have replaced the file between the look and the move.
	moved, err := s.FS.Stat(ctx, target)
	if errors.Is(err, fs.ErrNotExist) {
		return "", s.checkMoved(ctx, e, target)
	}
	if err == nil && moved.Size != e.Size {
		if err := s.FS.Rename(ctx, target, e.Path); err != nil {
			return "", fmt.Errorf("new content was moved to %s by mistake and could not be moved back: %w", target, err)
		}
		return "", errReplaced
	}
	return target, nil
}

// checkEnd makes sure that a file that was read in place, as far as its told size, ends
// there. On a network the size may be stale.
func (s *Set) checkEnd(ctx context.Context, e state.FileEntry) error {
	if !s.Source.Local() {
		return nil // it was read to where its data ended
	}
	in, err := s.FS.Open(ctx, e.Path, e.Size)
	if err != nil {
		return err
	}
	var b [1]byte
	n, _ := io.ReadFull(in, b[:]) // an error is none of the end
	if err := in.Close(); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("more follows after the %d bytes that it was said to have, which was not read", e.Size)
	}
	return nil
}

// checkDeleted makes sure, once in a run, that what the server says to have deleted is
// gone: what stays there would be taken for a new file.
func (s *Set) checkDeleted(ctx context.Context, e state.FileEntry) error {
	if s.proved {
		return nil
	}
	now, err := s.FS.Stat(ctx, e.Path)
	if err == nil && alike(now, plugin.FileInfo{Size: e.Size, ModTime: e.ModTime}) {
		return errors.New("the server says that it is deleted, and it is still there")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.proved = true
	return nil
}

// checkMoved says what became of a file that the server says to have moved, and that is not
// there. One that is still at its place would be taken for a new file.
func (s *Set) checkMoved(ctx context.Context, e state.FileEntry, target string) error {
	now, err := s.FS.Stat(ctx, e.Path)
	switch {
	case err == nil && alike(now, plugin.FileInfo{Size: e.Size, ModTime: e.ModTime}):
		return fmt.Errorf("the server says that it is moved to %s, and it is still at its place", target)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	s.notice("run.file_not_moved", "A file that was read is not where it was moved", "%s: the server says that it is moved to %s, and there is nothing there. Its rows are committed; look where the server puts it, so that it is not found again under another name.", e.Path, target)
	return nil
}

// putAwayPath moves or deletes one file, never replacing another.
func (s *Set) putAwayPath(ctx context.Context, p string) (target string, err error) {
	if s.o.AfterMode == plugin.AfterDelete {
		return "", s.FS.Remove(ctx, p)
	}
	if !s.moveToMade {
		if err := s.FS.MakeDir(ctx, s.o.MoveTo); err != nil {
			return "", err
		}
		s.moveToMade = true
	}
	name := path.Base(p)
	for n := range maxNames {
		target = path.Join(s.o.MoveTo, distinct(name, n))
		err = s.FS.Rename(ctx, p, target)
		if !errors.Is(err, fs.ErrExist) {
			return target, err
		}
	}
	at := s.Clock.Now().UTC().Format("20060102T150405.000000000")
	target = path.Join(s.o.MoveTo, distinctText(name, at))
	return target, s.FS.Rename(ctx, p, target)
}

// distinct returns the n-th name for an archived file: a.csv, a.1.csv, a.2.csv.
func distinct(name string, n int) string {
	if n == 0 {
		return name
	}
	return distinctText(name, fmt.Sprint(n))
}

func distinctText(name, text string) string {
	ext := path.Ext(name)
	if ext == name {
		ext = "" // .hidden has no extension
	}
	return name[:len(name)-len(ext)] + "." + text + ext
}
