package files

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"weir/engine/plugin"
	"weir/engine/state"
)

// discover lists the files, compares them with the ledger and makes the queue. What
// runs before left to be put away is put away first.
func (s *Set) discover(ctx context.Context) error {
	now := s.Clock.Now()
	s.queue = nil // of a try that was broken off
	l, err := s.list(ctx)
	if err != nil {
		return err
	}
	listed := map[string]plugin.FileInfo{}
	var whole []*candidate
	for _, info := range l.found {
		listed[info.Path] = info
		c, err := s.judge(info, l.markers)
		switch {
		case err != nil:
			return err
		case c == nil:
		case c.whole:
			whole = append(whole, c)
		default:
			s.queue = append(s.queue, c)
		}
	}
	copied, err := s.takeUpCopies(listed)
	if err != nil {
		return err
	}
	if err := s.settleMissing(ctx, l, listed, copied); err != nil {
		return err
	}
	if err := s.cleanSpool(slices.Concat(s.queue, whole)); err != nil {
		return err
	}
	for _, c := range whole {
		if err := s.finishLater(ctx, c); err != nil {
			return err
		}
	}
	if s.later > 0 {
		s.notice("run.file_not_moved", "Files that were read could not be put away", "%d more were not tried after the first (after = %q). Their rows are committed and are not read again; the next run tries again.", s.later, s.o.After)
	}
	s.memory.see(now, s.queue)
	s.sort()
	return nil
}

// judge compares a listed file with its ledger entry. It returns nil when nothing is
// to be done with it.
func (s *Set) judge(info plugin.FileInfo, markers map[string]bool) (*candidate, error) {
	c := &candidate{info: info}
	var err error
	if c.entry, c.known, err = s.Ledger.Object(info.Path); err != nil {
		return nil, err
	}
	e := &c.entry
	c.id = s.identity(info, *e, c.known)
	if c.known && sameStamp(*e, info) && !e.Gone {
		switch e.State {
		case state.FileQuarantined:
			s.wait(c, "quarantined: "+e.Reason)
			return nil, nil
		case state.FileSkipped:
			return nil, nil
		case state.FileReading:
			c.marker, c.begun, c.id = e.Marker, true, e.ID
			return c, nil
		case state.FileCommitted:
			if s.o.AfterMode == plugin.AfterKeep {
				return nil, nil
			}
			if e.Reason == shortReason {
				s.notice("run.file_not_moved", "A file that was read could not be put away", "%s: %s. %s", info.Path, shortReason, shortAdvice)
				return nil, nil
			}
			c.marker, c.whole = s.markerOf(info, markers), true
			return c, nil
		case state.FileArchived, state.FileSuperseded: // what is there is another file
		}
	}
	if !s.marked(c, markers) {
		return nil, nil
	}
	return c, nil
}

// marked reports whether c has the marker it needs, noting it.
func (s *Set) marked(c *candidate, markers map[string]bool) bool {
	if s.o.ReadyMode != plugin.ReadyMarker {
		return true
	}
	c.marker = s.markerOf(c.info, markers)
	if c.marker == "" {
		names, _ := markerNames(s.o.Marker, path.Base(c.info.Path))
		s.wait(c, fmt.Sprintf("its marker %s is not there; ready = %q", strings.Join(names, " or "), s.o.Ready))
	}
	return c.marker != ""
}

func (s *Set) markerOf(info plugin.FileInfo, markers map[string]bool) string {
	if s.o.ReadyMode != plugin.ReadyMarker {
		return ""
	}
	names, _ := markerNames(s.o.Marker, path.Base(info.Path))
	for _, n := range names {
		if p := path.Join(path.Dir(info.Path), n); markers[p] {
			return p
		}
	}
	return ""
}

// covers reports whether a file at p would have been listed, had it been there.
func (s *Set) covers(l *listing, p string) bool {
	if l.missing || slices.ContainsFunc(l.failed, func(dir string) bool { return strings.HasPrefix(p, dir+"/") }) {
		return false
	}
	if s.o.Match(p) || s.o.Match(path.Clean(p)) {
		return true
	}
	// A server tells whole paths, and a pattern may begin at the folder of the login.
	pattern := path.Clean(s.o.Path)
	if path.IsAbs(pattern) || !path.IsAbs(p) {
		return false
	}
	ok, err := doublestar.Match("/**/"+pattern, p)
	return ok && err == nil
}
