package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
)

// source is a source step of the run.
type source struct {
	node   *plan.Node
	decode *plan.Node // makes rows of its objects: the decoder, or the source itself
	feed   plugin.Feed
	// Of the object that is read now:
	origin *record.Origin
	last   position // of what the loop has taken from lanes
	skip   int64    // rows at its beginning that are read and passed over, because they are committed
}

// position is a place between two rows of an object.
type position struct{ row, offset, line int64 }

// sourceOf is the source step n of the present plan.
func sourceOf(n *plan.Node) *source {
	s := &source{}
	s.follow(n)
	return s
}

// follow makes the source that of another plan, whose node is n.
func (s *source) follow(n *plan.Node) {
	s.node, s.decode = n, n.Readers[0]
	if n.MakesRows() {
		s.decode = n
	}
}

// feedError says that one source cannot be read now, and that others may.
type feedError struct{ err error }

func (e *feedError) Error() string { return e.err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *feedError) Unwrap() error { return e.err }

// readSources reads objects of the sources in turn, one of each, so that none waits for
// the end of another, which may never come. A source that cannot be read ends the run when
// the others have come to their end.
func (r *run) readSources(ctx context.Context) (err error) {
	for _, n := range r.Pipeline.Nodes {
		if n.Kind == "source" {
			r.sources = append(r.sources, sourceOf(n))
		}
	}
	var failed error
	defer func() {
		for _, s := range r.sources {
			r.closeFeed(s, false)
		}
	}()
	for i := 0; len(r.sources) > 0; {
		i %= len(r.sources)
		s := r.sources[i]
		r.source = s
		more, err := r.turn(ctx, s)
		var bad *feedError
		switch {
		case errors.As(err, &bad) && ctx.Err() == nil:
			failed = errors.Join(failed, at(s.node, bad.err))
		case err != nil:
			return at(s.node, err)
		case more:
			i++
			continue
		default:
			if err := r.endFeed(ctx, s); err != nil {
				return at(s.node, err)
			}
		}
		r.closeFeed(s, bad == nil)
		r.sources = slices.Delete(r.sources, i, i+1)
	}
	return failed
}

// turn reads one object of s, and reports whether there may be more.
func (r *run) turn(ctx context.Context, s *source) (more bool, err error) {
	if s.feed == nil {
		a := s.node.Address
		s.feed, err = s.node.Source.Open(ctx, plugin.FeedEnv{
			Host: r.Host(a), Pipeline: r.Session.Address(), Step: a, Ledger: r.Session.Ledger(a), Memory: r.Memory,
			Spool: filepath.Join(r.StateDir, r.Session.Spool()), SpoolLimit: r.Session.SpoolLimit(), Point: r.Point,
		})
		if err != nil {
			return false, &feedError{err}
		}
	}
	return r.nextObject(ctx)
}

// endFeed commits what was only noted, such as a file listed with a new time.
func (r *run) endFeed(ctx context.Context, s *source) error {
	r.giveUpStale()
	if err := r.commit(ctx); err != nil {
		return err
	}
	return s.feed.Committed(ctx)
}

// closeFeed ends a feed, and tells people about the objects that were met and left; whole says that
// it came to its end.
func (r *run) closeFeed(s *source, whole bool) {
	if s.feed == nil {
		return
	}
	left := s.feed.Left()
	r.aside.Unread = append(r.aside.Unread, left.Unread...)
	r.report.Notices = append(r.report.Notices, left.Notices...)
	if whole { // else why objects were left is the run's failure
		for _, w := range left.Waiting {
			r.report.Notices = append(r.report.Notices, diag.Warnf("run.file_waiting", nil, w.Name+" was not read", "%s.", w.Reason))
		}
	}
	_ = s.feed.Close() // the session is over; what it did is already checked
	s.feed = nil
}

// nextObject handles one object, and reports false when none is ready.
func (r *run) nextObject(ctx context.Context) (more bool, err error) {
	s := r.source
	if r.Control.due() { // objects end with a commit, so nothing is pending here
		if err := r.boundary(ctx); err != nil {
			return false, err
		}
	}
	r.Control.at(&s.node.Address)
	wait, over := r.Control.waiting(ctx)
	o, err := s.feed.Next(wait)
	stopped := over()
	r.Control.at(nil)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil && stopped {
		return true, r.boundary(ctx)
	}
	if err != nil {
		return false, &feedError{err}
	}
	if err := r.Session.RecordRun(); err != nil {
		return false, err
	}
	r.Point("fetched")
	s.origin = &record.Origin{Name: o.Name, ID: o.ID, Now: r.nowOf(o.ID), Seed: r.seedOf(o.ID)}
	err = r.readObject(ctx, o)
	var elsewhere *StepError // at a step or a sink: the object is not to blame for it
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &elsewhere), ctx.Err() != nil:
	case o.Content.Failed() != nil: // whatever the decoder made of that
		return true, r.setAside(ctx, o)
	case plugin.ClassOf(err) == plugin.Data:
		return true, r.quarantine(ctx, o, err)
	}
	return false, err
}

// setAside leaves a file that could not be read on, such as one on a disk that is damaged
// there, for the next run. What was committed of it stays; later files are not held up.
func (r *run) setAside(ctx context.Context, o *plugin.FeedObject) error {
	r.rollback()
	if err := r.source.feed.Leave(o); err != nil {
		return err
	}
	if err := r.commitCounts(ctx); err != nil {
		return err
	}
	if err := r.resetSerial(ctx); err != nil { // after the commit, as in quarantine
		return err
	}
	return r.source.feed.Committed(ctx)
}

// quarantine sets a file aside that cannot be read: what was read of it before
// is discarded, later files are not held up, and the reason is kept.
func (r *run) quarantine(ctx context.Context, o *plugin.FeedObject, cause error) error {
	r.rollback()
	r.logDefect(o.Name, cause)
	r.aside.Files = append(r.aside.Files, o.Name)
	if err := r.source.feed.Refuse(o, cause.Error()); err != nil {
		return err
	}
	if h, some := r.Session.Held(o.ID); some {
		r.giveUp(h)
	}
	if err := r.commitCounts(ctx); err != nil {
		return err
	}
	r.Point("quarantined")
	if err := r.resetSerial(ctx); err != nil { // after the commit, which ends what was to be repeated
		return err
	}
	return r.source.feed.Committed(ctx)
}

// asides returns what the run ends with when files were set aside. That there were
// some to read and none could be is a failure of the source, not of one file.
func (r *run) asides() error {
	if n := len(r.aside.Unread); n > 0 && len(r.aside.Files) == 0 && r.report.Objects == 0 {
		first := r.aside.Unread[0]
		if n == 1 {
			return fmt.Errorf("%s could not be read, and no other file was: %w", first.Name, first.Err)
		}
		return fmt.Errorf("none of %d files could be read; the first, %s: %w", n, first.Name, first.Err)
	}
	if len(r.aside.Files)+len(r.aside.Unread) > 0 {
		return &r.aside
	}
	return nil
}

// QuarantineError tells that a run came to its end, but that files could not be
// read and were set aside. Everything else is delivered and committed.
type QuarantineError struct {
	Files  []string        // refused for what they hold: they are read when they change
	Unread []plugin.Unread // the source did not give them: the next run tries again
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
			paths[i] = a.Name
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
