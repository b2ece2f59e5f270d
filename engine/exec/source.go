package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"weir/engine/diag"
	"weir/engine/files"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
)

// source is what the run is reading now.
type source struct {
	node   *plan.Node
	decode *plan.Node
	set    *files.Set
	origin *record.Origin
	last   position // of what the loop has taken from lanes
}

// position is a place between two rows of an object.
type position struct{ row, offset, line int64 }

func (r *run) runSource(ctx context.Context, n *plan.Node) (err error) {
	src, ok := n.Source.(plugin.FileSource)
	if !ok {
		return fmt.Errorf("%s: this kind of source cannot be run yet", n.Address)
	}
	h := r.Host(n.Address)
	connect := func(ctx context.Context) (plugin.FileSystem, error) { return src.OpenFS(ctx, h) }
	fsys, err := connect(ctx)
	if err != nil {
		return at(n, err)
	}
	set, err := files.Open(files.Config{
		Source: src, FS: fsys, Session: r.Session, Step: n.Address, Spool: filepath.Join(r.StateDir, r.Session.Spool()), SpoolLimit: r.Session.SpoolLimit(),
		Clock: r.Clock, Log: h.Log(), Reconnect: connect, Point: r.Point,
		Memory: r.Memory,
	})
	if err != nil {
		return at(n, errors.Join(err, fsys.Close()))
	}
	r.source = &source{node: n, decode: n.Readers[0], set: set}
	defer func() {
		r.aside.Unread = append(r.aside.Unread, set.Aside()...)
		r.noteFiles(err == nil)
		_ = set.Close() // the session is over; what it did is already checked
	}()
	for more := true; more; {
		if more, err = r.nextFile(ctx); err != nil {
			return at(n, err)
		}
	}
	r.giveUpStale()
	// What was only noted, such as a file listed with a new time, is committed too.
	if err := r.commit(ctx); err != nil {
		return at(n, err)
	}
	if err := r.source.set.AfterCommit(ctx); err != nil {
		return at(n, err)
	}
	return nil
}

// noteFiles tells people about the files that were met and left; whole says that
// the run came to its end.
func (r *run) noteFiles(whole bool) {
	r.report.Notices = append(r.report.Notices, r.source.set.Notices()...)
	if !whole {
		return // why files were left is the run's failure
	}
	for _, w := range r.source.set.Waiting() {
		r.report.Notices = append(r.report.Notices, diag.Warnf("run.file_waiting", nil, w.Path+" was not read", "%s.", w.Reason))
	}
}

// nextFile handles one file, and reports false when none is ready.
func (r *run) nextFile(ctx context.Context) (more bool, err error) {
	s := r.source
	if r.Control.due() { // files end with a commit, so nothing is pending here
		if err := r.boundary(ctx); err != nil {
			return false, err
		}
	}
	r.Control.at(&s.node.Address)
	wait, over := r.Control.waiting(ctx)
	f, err := s.set.Next(wait)
	stopped := over()
	r.Control.at(nil)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil && stopped {
		return false, r.boundary(ctx)
	}
	if err != nil {
		return false, err
	}
	if err := r.Session.RecordRun(); err != nil {
		return false, err
	}
	r.Point("fetched")
	s.origin = &record.Origin{Name: f.Name, ID: f.ID, Now: r.nowOf(f.ID), Seed: r.seedOf(f.ID)}
	err = r.readFile(ctx, f)
	var elsewhere *StepError // at a step or a sink: the file is not to blame for it
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &elsewhere), ctx.Err() != nil:
	case f.Failed() != nil: // whatever the decoder made of that
		return true, r.setAside(ctx, f)
	case plugin.ClassOf(err) == plugin.Data:
		return true, r.quarantine(ctx, f, err)
	}
	return false, err
}

// setAside leaves a file that could not be read on, such as one on a disk that is damaged
// there, for the next run. What was committed of it stays; later files are not held up.
func (r *run) setAside(ctx context.Context, f *files.File) error {
	r.rollback()
	if err := r.source.set.SetAside(f); err != nil {
		return err
	}
	if err := r.commitCounts(ctx); err != nil {
		return err
	}
	if err := r.resetSerial(ctx); err != nil { // after the commit, as in quarantine
		return err
	}
	return r.source.set.AfterCommit(ctx)
}

// quarantine sets a file aside that cannot be read: what was read of it before
// is discarded, later files are not held up, and the reason is kept.
func (r *run) quarantine(ctx context.Context, f *files.File, cause error) error {
	r.rollback()
	r.logDefect(f.Name, cause)
	r.aside.Files = append(r.aside.Files, f.Name)
	if err := r.source.set.Quarantine(f, cause.Error()); err != nil {
		return err
	}
	if h, some := r.Session.Held(f.ID); some {
		r.giveUp(h)
	}
	if err := r.commitCounts(ctx); err != nil {
		return err
	}
	r.Point("quarantined")
	if err := r.resetSerial(ctx); err != nil { // after the commit, which ends what was to be repeated
		return err
	}
	return r.source.set.AfterCommit(ctx)
}

// asides returns what the run ends with when files were set aside. That there were
// some to read and none could be is a failure of the source, not of one file.
func (r *run) asides() error {
	if n := len(r.aside.Unread); n > 0 && len(r.aside.Files) == 0 && r.report.Objects == 0 {
		first := r.aside.Unread[0]
		if n == 1 {
			return fmt.Errorf("%s could not be read, and no other file was: %w", first.Path, first.Err)
		}
		return fmt.Errorf("none of %d files could be read; the first, %s: %w", n, first.Path, first.Err)
	}
	if len(r.aside.Files)+len(r.aside.Unread) > 0 {
		return &r.aside
	}
	return nil
}

// QuarantineError tells that a run came to its end, but that files could not be
// read and were set aside. Everything else is delivered and committed.
type QuarantineError struct {
	Files  []string      // refused for what they hold: they are read when they change
	Unread []files.Aside // the source did not give them: the next run tries again
}

// Error implements error. It names the first files only: there may be thousands.
func (e *QuarantineError) Error() string {
	var parts []string
	if len(e.Files) > 0 {
		parts = append(parts, asideText("could not be read and", e.Files))
	}
	if len(e.Unread) > 0 {
		paths := make([]string, len(e.Unread))
		for i, a := range e.Unread {
			paths[i] = a.Path
		}
		parts = append(parts, asideText("could not be fetched and", paths))
	}
	return strings.Join(parts, "; ")
}

func asideText(why string, files []string) string {
	const named = 5
	n, more := len(files), ""
	if n > named {
		files, more = files[:named], fmt.Sprintf(" and %d more", n-named)
	}
	what := "1 file " + why + " was"
	if n != 1 {
		what = fmt.Sprintf("%d files %s were", n, why)
	}
	return fmt.Sprintf("%s set aside: %s%s", what, strings.Join(files, ", "), more)
}
