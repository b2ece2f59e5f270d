package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/state"
)

const maxDepth = 64 // of folders below the first; more is a link that leads back

// discover lists the files, compares them with the ledger and makes the queue.
func (s *Set) discover(ctx context.Context) error {
	now := s.Clock.Now()
	found, markers, err := s.list(ctx)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, info := range found {
		listed[info.Path] = true
		c := &candidate{info: info, since: now}
		if c.entry, c.known, err = s.Session.File(s.Step, info.Path); err != nil {
			return err
		}
		same := c.known && c.entry.Size == info.Size && c.entry.ModTime.Equal(info.ModTime)
		switch {
		case same && c.entry.State == state.FileQuarantined:
			s.wait(c, "quarantined: "+c.entry.Reason)
		case same && c.entry.State == state.FileSkipped:
		case same && c.entry.State != state.FileReading:
			// Known: only moving it away may be left to do.
			c.marker = s.markerOf(info, markers)
			if err := s.moveLater(ctx, c); err != nil {
				return err
			}
		case same:
			c.marker, c.begun = c.entry.Marker, true
			s.queue = append(s.queue, c)
		default:
			if s.marked(c, markers) {
				s.queue = append(s.queue, c)
			}
		}
	}
	s.sort()
	if err := s.settleMissing(ctx, listed); err != nil {
		return err
	}
	return s.cleanSpool()
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

// markerNames returns the names that the marker of a file may have.
func markerNames(pattern, name string) ([]string, error) {
	if strings.Count(pattern, "*") != 1 {
		return nil, fmt.Errorf("ready = \"marker %s\": the marker needs one * for the name of the file, such as \"marker *.done\"", pattern)
	}
	out := []string{strings.Replace(pattern, "*", name, 1)}
	if stem := strings.TrimSuffix(name, path.Ext(name)); stem != "" && stem != name {
		out = append(out, strings.Replace(pattern, "*", stem, 1))
	}
	return out, nil
}

// sort orders the queue: what was begun first, then as the source says.
func (s *Set) sort() {
	begun := func(c *candidate) int {
		if c.begun {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(s.queue, func(a, b *candidate) int {
		if n := begun(a) - begun(b); n != 0 {
			return n
		}
		if s.o.Order == "time" {
			if n := a.info.ModTime.Compare(b.info.ModTime); n != 0 {
				return n
			}
		}
		return strings.Compare(a.info.Path, b.info.Path)
	})
}

// list returns the files that the source's pattern selects, and the paths of
// all files that may be markers.
func (s *Set) list(ctx context.Context) (found []plugin.FileInfo, markers map[string]bool, err error) {
	base, pattern := doublestar.SplitPattern(s.o.Path)
	depth := strings.Count(pattern, "/")
	if strings.Contains(pattern, "**") {
		depth = maxDepth
	}
	w := &walker{set: s, ctx: ctx, markers: map[string]bool{}}
	err = w.walk(base, base, depth)
	if w.missing || err == nil {
		s.tellMissing(base, w.missing)
	}
	if w.missing {
		if s.o.Create && err == nil {
			s.makeFolder(ctx, base)
		}
	}
	return w.found, w.markers, err
}

// tellMissing says that the folder is missing, or is there after all; the polls after that
// have no news.
func (s *Set) tellMissing(dir string, missing bool) {
	switch {
	case !s.Session.Missing(s.Step, missing):
	case missing:
		s.Log.Info("the folder does not exist yet, so there are no files: " + dir)
	default:
		s.Log.Info("the folder exists now: " + dir)
	}
}

// makeFolder makes the folder in which files will be. That it cannot be made
// changes nothing: whoever puts files there can make it too.
func (s *Set) makeFolder(ctx context.Context, dir string) {
	if err := s.FS.MakeDir(ctx, dir); err != nil {
		s.Log.Warn("the folder cannot be made: "+dir, zap.Error(err))
	}
}

type walker struct {
	set     *Set
	ctx     context.Context
	found   []plugin.FileInfo
	markers map[string]bool
	missing bool
}

// walk lists dir. name is its path in the words of the source's pattern, which
// may differ from what the file system calls it.
func (w *walker) walk(dir, name string, depth int) error {
	s := w.set
	infos, err := s.FS.List(w.ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		w.missing = true
		return nil
	}
	if err != nil {
		return err
	}
	for _, info := range infos {
		leaf := path.Base(info.Path)
		full := path.Join(name, leaf)
		switch {
		case !safeName(leaf):
		case info.Dir && s.o.AfterMode == plugin.AfterMove && path.Clean(s.o.MoveTo) == full:
		case info.Dir && depth > 0:
			if err := w.walk(info.Path, full, depth-1); err != nil {
				return err
			}
		case info.Dir:
		case s.o.ReadyMode == plugin.ReadyMarker && isMarker(s.o.Marker, leaf):
			w.markers[info.Path] = true
		case s.o.Match(full):
			w.found = append(w.found, info)
		}
	}
	return nil
}

func isMarker(pattern, leaf string) bool {
	ok, err := doublestar.Match(pattern, leaf)
	return ok && err == nil
}

// safeName refuses names that could lead out of their folder or garble a log.
func safeName(leaf string) bool {
	return leaf != "" && leaf != "." && leaf != ".." && leaf != "/" &&
		!strings.ContainsFunc(leaf, func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == '\\' })
}

// Identity is the digest that names one upload of a file.
func Identity(location string, i plugin.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d.%d", location, i.Path, i.Size, i.ModTime.Unix(), i.ModTime.Nanosecond()))
	return hex.EncodeToString(sum[:10])
}

// alike reports whether a and b can be the same upload. Servers tell times more
// precisely for one file than in a listing, or not at all.
func alike(a, b plugin.FileInfo) bool {
	if a.Size != b.Size {
		return false
	}
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
