package plugin

import (
	"context"
	"io"

	"weir/engine/diag"
	"weir/engine/record"
	"weir/engine/spec"
)

// Source is the configuration of a source step.
type Source interface {
	Config
	// Bind says what the source yields, and compiles its expressions with c, over values
	// alone: there is no row yet. It does no I/O.
	Bind(at spec.Ranges, c Compiler) (Offer, diag.List)
	// Open starts what hands out objects during one run. It may connect: within the timeout
	// of its step, whatever the other side does. Its error is a Failure that says what to do.
	Open(ctx context.Context, e FeedEnv) (Feed, error)
}

// Offer is what a source yields.
type Offer struct {
	// Rows is the schema of its rows; nil when it yields bytes for a decoder. The content of
	// each object of a source of rows is a RowContent.
	Rows *record.Schema
}

// FeedEnv is what the engine lends a feed for one run.
type FeedEnv struct {
	Host
	// Pipeline and Step are the addresses of both, the same in every run.
	Pipeline, Step string
	Ledger         Ledger
	// Memory is what feeds of this pipeline keep in memory from run to run; nil where the
	// process ends after the run.
	Memory *Memory
	// Spool is a folder of this process for copies of what is read, which may not exist yet, and
	// SpoolLimit how many bytes everything in it may take; 0 is no limit.
	Spool      string
	SpoolLimit int64
	// Look tells that nothing may be changed, here or at the other side: the first object is
	// looked at as it is, whether it is ready or not.
	Look bool
	// Point is called between durable steps. Tests end the process there.
	Point func(name string)
}

// Feed hands the engine objects: named bytes, or rows, with a place to go on from. One goroutine
// uses it, that of the run. What it notes in the ledger is durable with the next commit,
// and only then the other side hears of it (I1).
type Feed interface {
	// Next returns the next object, claimed for this run until one of Done, Refuse and
	// Leave. It is called only when none is claimed. io.EOF says that nothing more is ready in
	// this run. An error of class Environment or Transient says that the feed cannot be read now.
	// After one of ctx it may be called again.
	Next(ctx context.Context) (*FeedObject, error)
	// Progress notes that the object is read up to c, whose Object and Name it fills in.
	Progress(o *FeedObject, c Cursor) error
	// Done notes that the object is read to its end, as many rows as given. Its content is
	// closed by now.
	Done(ctx context.Context, o *FeedObject, rows int64) error
	// Refuse notes that the object cannot be read, for a reason that people understand:
	// it does not come again until it changes. What was noted and not committed is discarded
	// before; what the feed noted of other objects it notes again.
	Refuse(o *FeedObject, reason string) error
	// Leave gives an object whose content failed to a later run, which goes on where the
	// last commit of it was. As with Refuse, what was not committed is discarded before.
	Leave(o *FeedObject) error
	// Committed acknowledges, moves or deletes what a commit just made durable. Calling
	// it again does no harm.
	Committed(ctx context.Context) error
	// Left tells what was met and not read in this run.
	Left() Leftovers
	// Close ends the feed. What is not committed stays so.
	Close() error
}

// FeedObject is an object of a feed.
type FeedObject struct {
	Name    string // as people know it
	ID      string // the same on every attempt, and after a crash; see record.Origin.ID
	Size    int64  // of its content; -1 when unknown
	From    Cursor // where to go on; the zero Cursor is the beginning
	Content Content
}

// Content is what is in an object.
type Content interface {
	// Open returns the bytes as they were when the object was claimed. One goroutine uses
	// the reader; it is closed before the next method of the Feed is called. ctx holds for all
	// of its reads. One that can seek implements io.Seeker, one that is all at hand io.ReaderAt.
	Open(ctx context.Context) (io.ReadCloser, error)
	// Failed returns why the bytes could not be read on, though the object may be sound;
	// nil when reading them did not fail.
	Failed() error
}

// RowContent is the content of an object of a source that yields rows.
type RowContent interface {
	Content
	// Rows takes the place of Open and of Decoder.Open.
	Rows(ctx context.Context, origin *record.Origin, want []record.Slot) (Reader, error)
}

// Leftovers are what a feed met and did not read in a run.
type Leftovers struct {
	Waiting []Waiting // not ready yet
	Unread  []Unread  // could not be read; the next run tries again
	Notices diag.List // what people should know, all warnings
}

// Waiting is an object that is not ready.
type Waiting struct{ Name, Reason string }

// Unread is an object that the feed could not give.
type Unread struct {
	Name string
	Err  error
}

// Folder is where a source looks for files.
type Folder struct {
	Place string // as in Target: "" for the disk of this machine, else the Location of the source
	Path  string // folder and pattern, as configured
	Base  string // the folder alone
	Made  bool   // the source makes it when it is missing
	After string // what becomes of a file that was read, as configured
	// Match reports whether a file of that path, as configured or absolute, is read by
	// a source whose pattern is the given one.
	Match func(pattern, file string) bool
}

// FolderReader is implemented by sources that look for files in a folder.
type FolderReader interface {
	Source
	Folder() Folder
}

// FolderOf returns where a source looks for files, if it does.
func FolderOf(s Source) (Folder, bool) {
	f, ok := s.(FolderReader)
	if !ok {
		return Folder{}, false
	}
	return f.Folder(), true
}

// Finder is implemented by sources that can be asked for an object by its name.
type Finder interface {
	Source
	// Find returns the entry that the ledger would have of an object, which nobody claimed yet, by
	// its name or the last part of it. It changes nothing.
	Find(ctx context.Context, h Host, name string) (ObjectEntry, bool, error)
}
