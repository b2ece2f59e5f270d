package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"weir/engine/plugin"
)

// Bounds on what one look at the folders of a source takes, so that no tree fills the memory
// or takes for ever. What lies beyond is told of and not read.
const (
	maxDepth   = 64        // of folders below the first; more is a link that leads back
	maxFolders = 100_000   // in and below the first
	maxListed  = 1_000_000 // files and folders in them
)

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

// listing is what the folders of a source hold.
type listing struct {
	found   []plugin.FileInfo // that the pattern selects
	markers map[string]bool   // paths of files that may be markers
	missing bool              // there is no such folder
	failed  []string          // folders below it that cannot be read
}

// list lists the files of the source. A folder that is missing is an error, unless the
// source says otherwise; one below it that cannot be read is set aside.
func (s *Set) list(ctx context.Context) (*listing, error) {
	base, pattern := doublestar.SplitPattern(s.o.Path)
	depth := strings.Count(pattern, "/")
	if strings.Contains(pattern, "**") {
		depth = maxDepth
	}
	w := &walker{set: s, ctx: ctx, first: base, all: depth == maxDepth, folders: maxFolders, entries: maxListed, listing: listing{markers: map[string]bool{}}}
	if err := w.walk(base, base, depth); err != nil {
		return nil, err
	}
	w.tellNames()
	if w.missing {
		return &w.listing, s.missingFolder(ctx, base)
	}
	if s.memory.missing(false) {
		s.Log.Info("the folder exists now: " + base)
	}
	return &w.listing, nil
}

type walker struct {
	listing
	set   *Set
	ctx   context.Context
	first string
	all   bool // the pattern takes folders of any depth

	folders, entries int      // that may still be looked at
	garbled          []string // paths with names that are not taken
}

// beyond leaves dir out, or the rest of it, and says why. What was read there before is
// still there, as far as is known.
func (w *walker) beyond(dir, format string, args ...any) {
	w.failed = append(w.failed, dir)
	if !w.set.listed { // else it is known
		w.set.setAside(dir, plugin.Fail(plugin.Environment, "run.tree", fmt.Errorf(format, args...), "Let path select fewer folders, or read them with several sources"))
	}
}

// tellNames says which files have names that are not taken.
func (w *walker) tellNames() {
	if len(w.garbled) == 0 || w.set.listed {
		return
	}
	more := ""
	if n := len(w.garbled) - 1; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	w.set.notice("run.file_name", "Files whose names have control characters or slashes in them are not read", "%q%s. Rename them, where they should be read.", w.garbled[0], more)
}

// walk lists dir. name is its path in the words of the source's pattern, which
// may differ from what the file system calls it.
func (w *walker) walk(dir, name string, depth int) error {
	s := w.set
	if w.folders--; w.folders < 0 {
		if w.folders == -1 {
			w.beyond(dir, "there are more than %d folders in and below %s, and neither this one nor those after it are looked at", maxFolders, w.first)
		}
		return nil
	}
	infos, err := s.FS.List(w.ctx, dir)
	switch {
	case err == nil:
	case dir == w.first && errors.Is(err, fs.ErrNotExist):
		w.missing = true
		return nil
	case dir == w.first:
		return err
	case errors.Is(err, fs.ErrNotExist): // it was there a moment ago
		return nil
	case plugin.IsConfined(err) && w.ctx.Err() == nil:
		w.failed = append(w.failed, dir)
		if !s.listed { // else it is known
			s.setAside(dir, err)
		}
		return nil
	default:
		return err
	}
	for _, info := range infos {
		if w.entries--; w.entries < 0 {
			if w.entries == -1 {
				w.beyond(dir, "there are more than %d files and folders in and below %s, and those after %s are not read", maxListed, w.first, info.Path)
			}
			return nil
		}
		leaf := path.Base(info.Path)
		full := path.Join(name, leaf)
		switch {
		case !safeName(leaf):
			if leaf != "." && leaf != ".." && leaf != "/" && leaf != "" && (s.o.Match(full) || info.Dir && depth > 0) {
				w.garbled = append(w.garbled, info.Path)
			}
		case info.Dir && s.o.AfterMode == plugin.AfterMove && path.Clean(s.o.MoveTo) == full:
		case info.Dir && depth > 0:
			if err := w.walk(info.Path, full, depth-1); err != nil {
				return err
			}
		case info.Dir && w.all:
			w.beyond(info.Path, "it is more than %d folders below %s, such as by a link that leads back", maxDepth, w.first)
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
