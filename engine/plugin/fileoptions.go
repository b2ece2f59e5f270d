package plugin

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/spec"
)

// FileOptions are the options shared by all file sources. The engine fills
// the first group from the pipeline file; Check derives the second from it.
type FileOptions struct {
	Path    string   // folder and pattern: "/srs/verkopen_*.csv"; the pattern may have ** and {a,b}
	Ready   string   // "now", "stable 30s", "marker *.done"
	After   string   // "keep", "delete", "move /srs/processed"
	Order   string   // "name" or "time": which file is read first
	Limit   int      // files read in one run at most; 0 is no limit
	Exclude []string // patterns of names never read
	Create  bool     // make the folder of Path when it is missing
	Missing string   // "error" or "empty": what a missing folder is
	// SameContent is "read" or "skip": what becomes of a file that is uploaded again
	// with the content that its predecessor of that name had, which was put away.
	SameContent string
	// SpoolLimit is how many bytes a remote file may have, which is copied to the state
	// folder before it is read; 0 is no limit. Sources of local files do not have it.
	SpoolLimit int64

	ReadyMode ReadyMode
	StableFor time.Duration // of ReadyStable: same size and time for this long
	Marker    string        // of ReadyMarker: the marker's name, * for the name of the file without its extension
	AfterMode AfterMode
	MoveTo    string // of AfterMove: the folder
}

// ReadyMode tells when a file may be read.
type ReadyMode uint8

// The ready modes.
const (
	ReadyStable ReadyMode = iota // size and time have not changed for StableFor
	ReadyNow                     // at once
	ReadyMarker                  // when its marker exists beside it
)

// AfterMode tells what becomes of a file that was read to its end and committed.
type AfterMode uint8

// The after modes.
const (
	AfterKeep   AfterMode = iota // it stays
	AfterDelete                  // it is removed
	AfterMove                    // it is moved to MoveTo
)

// Spec binds the options; a source appends its own items to it.
func (o *FileOptions) Spec() spec.Body {
	return spec.Body{
		spec.String("path", &o.Path).Required().
			Doc("Folder and pattern of the files, such as /srs/verkopen_*.csv. ** stands for any number of folders, {a,b} for either.").
			Check(checkPattern),
		spec.String("ready", &o.Ready).Default("stable 30s", `"stable 30s"`).
			Doc(`When a file may be read: "now", "stable 30s" (Weir itself saw the same size and time for that long, by its own clock, whatever the file's time is) or "marker *.done" (* is the file's name without its extension).`).
			Check(func(s string) error { _, err := parseReady(s); return err }),
		spec.String("after", &o.After).Default("keep", `"keep"`).
			Doc(`What happens to a file after all of it is committed: "keep", "delete" or "move FOLDER".`).
			Check(func(s string) error { _, err := parseAfter(s); return err }),
		spec.Choice("order", &o.Order, "name", "time").Default("name", `"name"`).
			Doc("Which file is read first: by name, or the oldest first."),
		spec.Int("limit", &o.Limit).Default(0, "0").Check(spec.Between(0, 1<<30)).
			Doc("The most files read in one run; 0 is no limit."),
		spec.Strings("exclude", &o.Exclude).Check(checkPatterns).
			Doc("Patterns of file names that are never read, such as *.tmp."),
		spec.Bool("create", &o.Create).Default(false, "false").
			Doc("Whether the folder of path is made when it does not exist."),
		spec.Choice("missing", &o.Missing, "error", "empty").Default("error", `"error"`).
			Doc(`What it means that the folder of path does not exist: "error" fails the run and says what is there instead; "empty" counts as a folder without files.`),
		spec.Choice("same_content", &o.SameContent, "read", "skip").Default("read", `"read"`).
			Doc(`What becomes of a file that comes again under the name of one that was put away and has the same content: "read" reads it again, "skip" puts it away without that.`),
	}
}

// RemoteSpec is Spec for a source whose files are copied before they are read.
func (o *FileOptions) RemoteSpec() spec.Body {
	return append(o.Spec(),
		spec.Size("spool_limit", &o.SpoolLimit).Default(16<<30, `"16GiB"`).Check(func(n int64) error {
			if n < 1 {
				return errors.New("must be 1 byte or more")
			}
			return nil
		}).Doc("The most bytes that a file may have. Files are copied to the state folder before they are read; one with more is not read and is told of by name. spool_limit of the engine block holds for all copies together."))
}

// Check derives the parsed fields and reports what only several options
// together show. It does no I/O. A source's own Check calls it.
func (o *FileOptions) Check(at spec.Ranges) diag.List {
	var ds diag.List
	if o.Ready == "" {
		o.Ready = "stable 30s"
	}
	if o.After == "" {
		o.After = "keep"
	}
	if o.Missing == "" {
		o.Missing = "error"
	}
	if o.SameContent == "" {
		o.SameContent = "read"
	}
	if r, err := parseReady(o.Ready); err == nil {
		o.ReadyMode, o.StableFor, o.Marker = r.mode, r.stable, r.marker
	}
	if a, err := parseAfter(o.After); err == nil {
		o.AfterMode, o.MoveTo = a.mode, a.folder
	}
	if o.AfterMode == AfterMove && o.Path != "" {
		ds = append(ds, o.checkMove(at.Of(&o.After))...)
	}
	return ds
}

// FindsAgain reports whether the pattern finds what after moves, once it is known where the
// folder of the pattern and that of the move really are: links may make them one.
func (o FileOptions) FindsAgain(folder, moveTo string) bool {
	_, pattern := doublestar.SplitPattern(o.Path)
	o.Path, o.MoveTo = path.Join(folder, pattern), moveTo
	return o.checkMove(nil) != nil
}

// checkMove refuses a target folder whose files the pattern would find again.
func (o *FileOptions) checkMove(rng *hcl.Range) diag.List {
	name := path.Base(o.Path)
	probe := strings.NewReplacer("**", "x", "*", "x", "?", "x").Replace(name)
	again := path.Clean(o.MoveTo) == path.Dir(path.Clean(o.Path))
	if strings.Contains(o.Path, "**") {
		ok, _ := doublestar.Match(o.Path, path.Join(o.MoveTo, probe))
		again = again || ok
	}
	if !again {
		return nil
	}
	return diag.List{diag.Errorf("config.invalid_value", rng, "Moved files would be found again",
		"after moves files to %s, and path (%s) covers that folder. Move them outside it.", o.MoveTo, o.Path)}
}

// Match reports whether the file at p is one that Path and Exclude select.
// What a sink is still writing, or a move is copying, is no file yet.
func (o *FileOptions) Match(p string) bool {
	if unfinished(path.Base(p)) {
		return false
	}
	if ok, err := doublestar.Match(o.Path, p); err != nil || !ok {
		return false
	}
	return !slices.ContainsFunc(o.Exclude, func(x string) bool {
		byName, _ := doublestar.Match(x, path.Base(p))
		byPath, _ := doublestar.Match(x, p)
		return byName || byPath
	})
}

// unfinished reports whether a name is one that this program gives files which are not
// complete.
func unfinished(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".weir-part") || strings.HasPrefix(name, ".weir-move-") || strings.HasPrefix(name, ".weir-probe-")
}

// Base returns the deepest folder that holds every file Path can select.
func (o *FileOptions) Base() string {
	base, _ := doublestar.SplitPattern(o.Path)
	return base
}

type readyRule struct {
	mode   ReadyMode
	stable time.Duration
	marker string
}

func parseReady(s string) (readyRule, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "now":
		if rest == "" {
			return readyRule{mode: ReadyNow}, nil
		}
	case "stable":
		d, err := spec.ParseDuration(rest)
		if err != nil {
			return readyRule{}, fmt.Errorf(`needs a duration after stable, such as "stable 30s", not %q`, s)
		}
		return readyRule{mode: ReadyStable, stable: d}, nil
	case "marker":
		if rest == "" || strings.ContainsAny(rest, `/\`) {
			return readyRule{}, fmt.Errorf(`needs the name of the marker file after marker, such as "marker *.done", not %q`, s)
		}
		return readyRule{mode: ReadyMarker, marker: rest}, nil
	}
	return readyRule{}, badWord(`must be "now", "stable DURATION" or "marker NAME"`, s, word, "now", "stable", "marker")
}

type afterRule struct {
	mode   AfterMode
	folder string
}

func parseAfter(s string) (afterRule, error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "keep":
		if rest == "" {
			return afterRule{mode: AfterKeep}, nil
		}
	case "delete":
		if rest == "" {
			return afterRule{mode: AfterDelete}, nil
		}
	case "move":
		if rest == "" || strings.ContainsAny(rest, "*?{") {
			return afterRule{}, fmt.Errorf(`needs a folder after move, such as "move /srs/processed", not %q`, s)
		}
		return afterRule{mode: AfterMove, folder: path.Clean(rest)}, nil
	}
	return afterRule{}, badWord(`must be "keep", "delete" or "move FOLDER"`, s, word, "keep", "delete", "move")
}

func badWord(must, s, word string, known ...string) error {
	if m := diag.Suggest(word, known); m != "" && m != word {
		return fmt.Errorf("%s, not %q. Did you mean %q?", must, s, m)
	}
	return fmt.Errorf("%s, not %q", must, s)
}

func checkPattern(s string) error {
	if strings.TrimSpace(s) == "" {
		return fmt.Errorf("must not be empty")
	}
	if !doublestar.ValidatePattern(s) {
		return fmt.Errorf("is not a pattern that can be read: check its brackets and braces in %q", s)
	}
	if strings.HasSuffix(s, "/") {
		return fmt.Errorf("must end in the name or pattern of files, such as %q, not in a folder", s+"*.csv")
	}
	return nil
}

func checkPatterns(ps []string) error {
	for _, p := range ps {
		if err := checkPattern(p); err != nil {
			return err
		}
	}
	return nil
}
