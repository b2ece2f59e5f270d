package files

import (
	"context"
	"fmt"
	"io"
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
	Source plugin.FileSource
	FS     plugin.FileSystem // the Set is its only user, and closes it
	Ledger plugin.Ledger
	// Pipeline and Step are the addresses of both, which name the folder of copies.
	Pipeline, Step string
	Spool          string // folder for copies of remote files; made when missing
	// SpoolLimit is how many bytes the copies in Spool may take, those of other sources
	// included; 0 is no limit.
	SpoolLimit int64
	Clock      plugin.Clock
	Log        *zap.Logger
	Memory     *plugin.Memory // of the runs before, in a process that goes on after this one; nil knows nothing
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
	served bool // the process goes on after the run
	memory *memory

	queue   []*candidate // to be read, in order
	waiting []plugin.Waiting
	aside   []plugin.Unread
	broken  error             // of the last file whose transfer broke down, while none came whole since
	done    []*File           // read to their end, to be moved once that is committed
	noted   []state.FileEntry // what the next commit has of files that are not read
	given   int               // files that Next returned
	notices diag.List

	moveToMade bool
	stuck      bool // a file could not be put away in this run
	proved     bool // what is deleted is gone
	later      int  // files read by earlier runs that wait for that
	toldWait   bool
	buf        []byte                          // of copies
	free       func(dir string) (int64, error) // bytes that the disk of a folder has left
	left       map[string][]string             // by identity, what an earlier run left in the spool folder
}

// candidate is a listed file that may have to be read.
type candidate struct {
	info   plugin.FileInfo
	marker string
	id     string // of the file, when it is a new one; its copy has it in its name
	entry  state.FileEntry
	known  bool      // entry is that of this very file, or of an earlier one of its name
	begun  bool      // entry is that of this very file, by size and time, and part of it was read
	whole  bool      // entry is that of this very file, all of it was read, and it is to be put away
	told   int64     // size that the server, asked for the file alone, told last, where its listing says another
	since  time.Time // since when it has been seen as it is, by our clock
	copied *copyNote // the server has forgotten it, and its copy is here; else nil
}

// File is a file to be read. It stays claimed until Done, Quarantine or Discard.
type File struct {
	plugin.FeedObject
	Rows int64 // already committed of it

	set     *Set
	info    plugin.FileInfo
	marker  string
	at      state.Cursor // the place for the ledger, see state.FileEntry.At
	spooled string       // path of the local copy, "" when it is read in place
	forgot  bool         // the server gave it whole and does not have it any more
	short   bool         // fewer bytes came of it than the server says that it has
	failed  error        // why it could not be read on, when it is read in place
	head    head         // of a file that is read in place
	hash    uint64
	hashed  bool
}

// Open starts on the files of a source. It does no I/O on the file system yet.
func Open(c Config) (*Set, error) {
	s := &Set{Config: c, o: *c.Source.Files(), opened: c.Clock.Now(), served: c.Memory != nil, free: freeSpace}
	if ds := s.o.Check(nil); ds.HasErrors() {
		return nil, ds.Err()
	}
	s.memory = remembered(c.Memory, memoryKey(c.Step, c.Source))
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
		if plugin.IsConfined(err) && ctx.Err() == nil {
			s.setAside(c.info.Path, err)
			continue
		}
		if err != nil {
			if ctx.Err() != nil { // whoever goes on after it begins with c
				s.queue = append([]*candidate{c}, s.queue...)
			}
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
	f := s.file(c)
	same, ok, err := s.fetch(ctx, c, f)
	if err != nil || !ok {
		return nil, err
	}
	s.memory.forget(f.Name)
	switch {
	case same && c.entry.State != state.FileReading:
		return nil, s.relisted(c, f)
	case same:
		return f, s.resume(c, f)
	default:
		return f, s.claim(c, f)
	}
}

func (s *Set) file(c *candidate) *File {
	f := &File{FeedObject: plugin.FeedObject{Name: c.info.Path, Size: c.info.Size}, set: s, info: c.info, marker: c.marker}
	f.Content = f
	return f
}

// fetch copies c if it is remote, and compares it with its ledger entry. ok is false
// when it is left for the next run.
func (s *Set) fetch(ctx context.Context, c *candidate, f *File) (same, ok bool, err error) {
	if !s.Source.Local() {
		if ok, err := s.spool(ctx, c, f); err != nil || !ok {
			return false, false, err
		}
	}
	same, err = s.sameContent(ctx, c, f)
	return same, err == nil, err
}

// claim enters a new file into the ledger.
func (s *Set) claim(c *candidate, f *File) error {
	f.ID = c.id
	if c.begun { // what was begun has the same size and time, and is another file for all that
		f.ID = s.identity(c.info, c.entry, true)
	}
	if c.known && c.entry.State == state.FileReading {
		s.notice("run.file_changed", "File changed while it was being read",
			"%s changed after %d rows of it were committed. The new content is read from its beginning.", f.Name, c.entry.Rows)
	}
	return s.Ledger.Put(f.entry(state.FileReading))
}

// resume goes on in a file that was read in part.
func (s *Set) resume(c *candidate, f *File) error {
	f.ID, f.Rows, f.at = c.entry.ID, c.entry.Rows, c.entry.At
	f.head.set(c.entry.Head, c.entry.HeadHash)
	if !f.hashed && c.entry.ModTime.Equal(c.info.ModTime) {
		f.hash, f.hashed = c.entry.Hash, c.entry.HashKnown
	}
	// The cursor of the source may be in another file by now: this one may have
	// been away for a while. Its own place is in its entry.
	if c.entry.At.Row > 0 {
		f.From = c.entry.At
		f.From.Object, f.From.Name = f.ID, f.Name
	}
	return s.Ledger.Put(f.entry(state.FileReading))
}

// relisted notes the new time of a file whose content was committed before.
func (s *Set) relisted(c *candidate, f *File) error {
	f.ID, f.Rows = c.entry.ID, c.entry.Rows
	if c.entry.Gone {
		s.notice("run.file_back", "A file that was gone is there again", "%s has the size, time and content of the file that was read %s. It is not read again; weir files retry has it read.",
			f.Name, c.entry.Seen.UTC().Format(time.DateTime))
	} else {
		s.Log.Info("a file was listed again with the same content and is not read again", zap.String("file", f.Name))
	}
	s.dropSpool(f)
	if err := s.note(f.entry(state.FileCommitted)); err != nil {
		return err
	}
	s.done = append(s.done, f)
	return nil
}

func (f *File) entry(st state.FileState) state.FileEntry {
	e := state.FileEntry{
		Source: f.set.Step, Path: f.Name, ID: f.ID, Size: f.info.Size, ModTime: f.info.ModTime,
		Hash: f.hash, HashKnown: f.hashed, State: st, Rows: f.Rows, Marker: f.marker, At: f.at,
	}
	if f.short && st == state.FileCommitted {
		e.Reason = shortReason
	}
	if st == state.FileReading {
		e.Head, e.HeadHash = f.head.get()
	}
	return e
}

// Progress moves the cursor within f to c, whose Object and Name it fills in.
// It becomes durable with the next commit.
func (s *Set) Progress(f *File, c state.Cursor) error {
	c.Object, c.Name, c.Done = f.ID, f.Name, false
	if err := s.Ledger.SetCursor(c); err != nil {
		return err
	}
	f.Rows, f.at = c.Row, c
	f.at.Object, f.at.Name = "", ""
	return s.Ledger.Put(f.entry(state.FileReading))
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
	e := f.entry(state.FileCommitted)
	if f.forgot { // what has its name from here on is another file
		e.State, e.Reason = state.FileArchived, "the server did not have it any more after it gave it"
	}
	if err := s.Ledger.Put(e); err != nil {
		return err
	}
	s.done = append(s.done, f)
	return nil
}

// finish sets the cursor to the end of f.
func (s *Set) finish(f *File) error {
	cur, _, err := s.Ledger.Cursor()
	if err != nil {
		return err
	}
	if cur.Object != f.ID {
		cur = state.Cursor{Object: f.ID, Name: f.Name}
	}
	cur.Row, cur.Done = max(cur.Row, f.Rows), true
	return s.Ledger.SetCursor(cur)
}

// Quarantine refuses f as a whole: with the next commit it is never read again
// until it changes. It stays where it is. reason is for people. Session.Discard
// comes before it, for the rows of f that are not committed; what the Set noted
// of other files since the last commit it notes again.
func (s *Set) Quarantine(f *File, reason string) error {
	if err := s.noteAgain(); err != nil {
		return err
	}
	s.dropSpool(f)
	e := f.entry(state.FileQuarantined)
	reason = strings.TrimPrefix(reason, f.Name+": ") // wherever it is shown the name stands before it
	e.Reason = reason
	s.notice("run.file_quarantined", "File quarantined", "%s is not read: %s", f.Name, reason)
	return s.Ledger.Put(e)
}

// Close ends the session with the file system. What is pending stays pending.
func (s *Set) Close() error {
	s.memory.over()
	return s.FS.Close()
}

// Left tells which files were found and not read, which could not be read, and what
// people should know about the files of this run.
func (s *Set) Left() plugin.Leftovers {
	return plugin.Leftovers{Waiting: slices.Clone(s.waiting), Unread: slices.Clone(s.aside), Notices: slices.Clone(s.notices)}
}

func (s *Set) wait(c *candidate, reason string) {
	s.waiting = append(s.waiting, plugin.Waiting{Name: c.info.Path, Reason: reason})
}

func (s *Set) notice(code diag.Code, summary, detail string, args ...any) {
	d := diag.Warnf(code, nil, summary, detail, args...)
	s.warn(summary, zap.String("detail", d.Detail))
	s.notices = append(s.notices, d)
}
