package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state"
)

// Config is what a Set works with.
type Config struct {
	Source  plugin.FileSource
	FS      plugin.FileSystem // the Set is its only user, and closes it
	Session *state.Session
	Step    string // name of the source step, for the ledger and the cursor
	Spool   string // folder for copies of remote files; made when missing
	Clock   plugin.Clock
	Log     *zap.Logger
	// Reconnect gives a new session after a transfer broke down; the old one
	// is closed before. nil goes on with the same.
	Reconnect func(ctx context.Context) (plugin.FileSystem, error)
	// Point is called between durable steps: spooling, spooled, moving, moved.
	// Tests end the process there. nil does nothing.
	Point func(name string)
}

// Set is the files of one source step during one run. The goroutine of the
// session uses it. It is made anew for each run, and after a Session.Discard that
// no Quarantine follows.
type Set struct {
	Config
	o      plugin.FileOptions
	opened time.Time
	listed bool

	queue   []*candidate // to be read, in order
	waiting []Wait
	done    []*File           // read to their end, to be moved once that is committed
	noted   []state.FileEntry // what the next commit has of files that are not read
	given   int               // files that Next returned
	notices diag.List

	moveToMade bool
	buf        []byte              // of copies
	left       map[string][]string // by identity, what an earlier run left in the spool folder
}

// Wait is a file that was found and is not read in this run.
type Wait struct {
	plugin.FileInfo
	Reason string
}

// candidate is a listed file that may have to be read.
type candidate struct {
	info   plugin.FileInfo
	marker string
	entry  state.FileEntry
	known  bool      // entry is that of this very file, or of an earlier one of its name
	begun  bool      // entry is that of this very file, by size and time, and part of it was read
	since  time.Time // since when it is known not to have changed
}

// File is a file to be read. It stays claimed until Done, Quarantine or Discard.
type File struct {
	Name   string // its path
	ID     string // the same on every attempt, and after a crash
	Size   int64
	Cursor state.Cursor // where to go on; the zero Cursor is the beginning
	Rows   int64        // already committed of it

	set     *Set
	info    plugin.FileInfo
	marker  string
	at      state.Cursor // the place for the ledger, see state.FileEntry.At
	spooled string       // path of the local copy, "" when it is read in place
	hash    uint64
	hashed  bool
}

// Open starts on the files of a source. It does no I/O on the file system yet.
func Open(c Config) (*Set, error) {
	s := &Set{Config: c, o: *c.Source.Files(), opened: c.Clock.Now()}
	if ds := s.o.Check(nil); ds.HasErrors() {
		return nil, ds.Err()
	}
	if s.Log == nil {
		s.Log = zap.NewNop()
	}
	if s.Point == nil {
		s.Point = func(string) {}
	}
	if s.o.ReadyMode == plugin.ReadyMarker {
		if _, err := markerNames(s.o.Marker, "a.csv"); err != nil {
			return nil, plugin.Fail(plugin.Environment, "config.invalid_value", err, "")
		}
	}
	return s, nil
}

// Next returns the next file to read, claimed in the ledger and, if remote,
// copied to the spool folder. io.EOF says that nothing more is ready in this
// run. The first call lists the files and finishes the moves that an earlier
// run left. A Failure means that the source cannot be read now.
func (s *Set) Next(ctx context.Context) (*File, error) {
	if !s.listed {
		if err := s.discover(ctx); err != nil {
			return nil, err
		}
		s.listed = true
	}
	for len(s.queue) > 0 {
		if s.o.Limit > 0 && s.given >= s.o.Limit {
			for _, c := range s.queue {
				s.wait(c, fmt.Sprintf("limit = %d files in one run", s.o.Limit))
			}
			s.queue = nil
			break
		}
		c := s.queue[0]
		s.queue = s.queue[1:]
		f, err := s.take(ctx, c)
		if err != nil {
			return nil, err
		}
		if f != nil {
			s.given++
			return f, nil
		}
	}
	return nil, io.EOF
}

// take makes c ready and claims it. It returns nil when c is not to be read.
func (s *Set) take(ctx context.Context, c *candidate) (*File, error) {
	ready, err := s.ready(ctx, c)
	if err != nil || !ready {
		return nil, err
	}
	f := &File{Name: c.info.Path, Size: c.info.Size, set: s, info: c.info, marker: c.marker}
	if !s.Source.Local() {
		ok, err := s.spool(ctx, c, f)
		if err != nil || !ok {
			return nil, err
		}
	}
	same, err := s.sameContent(ctx, c, f)
	if err != nil {
		return nil, err
	}
	switch {
	case same && c.entry.State != state.FileReading:
		return nil, s.relisted(c, f)
	case same:
		return f, s.resume(c, f)
	default:
		return f, s.claim(c, f)
	}
}

// sameContent reports whether c is the file that its ledger entry is about.
func (s *Set) sameContent(ctx context.Context, c *candidate, f *File) (bool, error) {
	switch {
	case !c.known || c.entry.Size != c.info.Size:
		return false, nil
	case c.entry.ModTime.Equal(c.info.ModTime):
		// A spooled copy with another hash shows a change that kept size and time.
		return !f.hashed || !c.entry.HashKnown || f.hash == c.entry.Hash, nil
	case !c.entry.HashKnown || c.entry.State == state.FileQuarantined || c.entry.State == state.FileSkipped:
		return false, nil
	}
	if !f.hashed {
		if err := s.hashInPlace(ctx, f); err != nil {
			return false, err
		}
	}
	return f.hashed && f.hash == c.entry.Hash, nil
}

// claim enters a new file into the ledger.
func (s *Set) claim(c *candidate, f *File) error {
	f.ID = Identity(s.Source.Location(), c.info)
	if c.known && c.entry.ID == f.ID {
		f.ID = Identity(s.Source.Location()+fmt.Sprintf("#%x", f.hash), c.info)
	}
	if c.known && c.entry.State == state.FileReading {
		s.notice("run.file_changed", "File changed while it was being read",
			"%s changed after %d rows of it were committed. The new content is read from its beginning.", f.Name, c.entry.Rows)
	}
	return s.Session.PutFile(f.entry(state.FileReading))
}

// resume goes on in a file that was read in part.
func (s *Set) resume(c *candidate, f *File) error {
	f.ID, f.Rows, f.at = c.entry.ID, c.entry.Rows, c.entry.At
	if !f.hashed && c.entry.ModTime.Equal(c.info.ModTime) {
		f.hash, f.hashed = c.entry.Hash, c.entry.HashKnown
	}
	// The cursor of the source may be in another file by now: this one may have
	// been away for a while. Its own place is in its entry.
	if c.entry.At.Row > 0 {
		f.Cursor = c.entry.At
		f.Cursor.Object, f.Cursor.Name = f.ID, f.Name
	}
	return s.Session.PutFile(f.entry(state.FileReading))
}

// relisted notes the new time of a file whose content was committed before.
func (s *Set) relisted(c *candidate, f *File) error {
	f.ID, f.Rows = c.entry.ID, c.entry.Rows
	s.Log.Info("a file was listed again with the same content and is not read again", zap.String("file", f.Name))
	s.dropSpool(f)
	if err := s.note(f.entry(state.FileCommitted)); err != nil {
		return err
	}
	s.done = append(s.done, f)
	return nil
}

// note enters what became of a file that is not read. It outlives that the rows
// of another are discarded, see Quarantine.
func (s *Set) note(e state.FileEntry) error {
	s.noted = append(s.noted, e)
	return s.Session.PutFile(e)
}

func (f *File) entry(st state.FileState) state.FileEntry {
	return state.FileEntry{
		Source: f.set.Step, Path: f.Name, ID: f.ID, Size: f.info.Size, ModTime: f.info.ModTime,
		Hash: f.hash, HashKnown: f.hashed, State: st, Rows: f.Rows, Marker: f.marker, At: f.at,
	}
}

// Progress moves the cursor within f to c, whose Object and Name it fills in.
// It becomes durable with the next commit.
func (s *Set) Progress(f *File, c state.Cursor) error {
	c.Object, c.Name, c.Done = f.ID, f.Name, false
	if err := s.Session.SetCursor(s.Step, c); err != nil {
		return err
	}
	f.Rows, f.at = c.Row, c
	f.at.Object, f.at.Name = "", ""
	return s.Session.PutFile(f.entry(state.FileReading))
}

// Done says that all rows of f, as many as given, are part of the next commit.
// The reader of f is closed by now.
func (s *Set) Done(ctx context.Context, f *File, rows int64) error {
	if !f.hashed {
		if err := s.hashInPlace(ctx, f); err != nil {
			return err
		}
	}
	f.Rows = rows
	if err := s.finish(f); err != nil {
		return err
	}
	if err := s.Session.PutFile(f.entry(state.FileCommitted)); err != nil {
		return err
	}
	s.done = append(s.done, f)
	return nil
}

// finish sets the cursor to the end of f.
func (s *Set) finish(f *File) error {
	cur, _, err := s.Session.Cursor(s.Step)
	if err != nil {
		return err
	}
	if cur.Object != f.ID {
		cur = state.Cursor{Object: f.ID, Name: f.Name}
	}
	cur.Row, cur.Done = max(cur.Row, f.Rows), true
	return s.Session.SetCursor(s.Step, cur)
}

// Quarantine refuses f as a whole: with the next commit it is never read again
// until it changes. It stays where it is. reason is for people. Session.Discard
// comes before it, for the rows of f that are not committed; what the Set noted
// of other files since the last commit it notes again.
func (s *Set) Quarantine(f *File, reason string) error {
	for _, e := range s.noted {
		if err := s.Session.PutFile(e); err != nil {
			return err
		}
	}
	s.dropSpool(f)
	e := f.entry(state.FileQuarantined)
	reason = strings.TrimPrefix(reason, f.Name+": ") // wherever it is shown the name stands before it
	e.Reason = reason
	s.notice("run.file_quarantined", "File quarantined", "%s is not read: %s", f.Name, reason)
	return s.Session.PutFile(e)
}

// Close ends the session with the file system. What is pending stays pending.
func (s *Set) Close() error { return s.FS.Close() }

// Waiting lists the files that were found and not read, with the reason.
func (s *Set) Waiting() []Wait { return slices.Clone(s.waiting) }

// Notices returns what people should know about the files of this run, all warnings.
func (s *Set) Notices() diag.List { return slices.Clone(s.notices) }

func (s *Set) wait(c *candidate, reason string) {
	s.waiting = append(s.waiting, Wait{c.info, reason})
}

func (s *Set) notice(code diag.Code, summary, detail string, args ...any) {
	d := diag.Warnf(code, nil, summary, detail, args...)
	s.Log.Warn(summary, zap.String("detail", d.Detail))
	s.notices = append(s.notices, d)
}

// hashInPlace computes the hash of a file that was not hashed while it was read.
// It stays unknown when the file changes meanwhile.
func (s *Set) hashInPlace(ctx context.Context, f *File) error {
	b := &body{ctx: ctx, file: f}
	b.start()
	_, err := io.Copy(io.Discard, b)
	if cerr := b.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		var now plugin.FileInfo
		if now, err = s.FS.Stat(ctx, f.Name); err == nil && !alike(now, f.info) {
			f.hashed = false
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errShorter) {
		f.hashed = false
		return nil
	}
	return err
}
