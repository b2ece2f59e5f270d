package plugin

import (
	"context"
	"time"
)

// Cursor is the resume point of one source: everything up to and including Row of
// the object is committed, nothing after it is.
type Cursor struct {
	Object string // identity of the object, see record.Origin.ID
	Name   string // as people know it
	Row    int64  // rows committed; the first data row is 1, so 0 is none
	Offset int64  // where reading goes on in the decompressed object; -1 when rows must be skipped instead
	Line   int64  // line number at Offset
	Prefix uint64 // xxhash64 of the object's decompressed bytes before Offset; 0 when unknown
	Groups int64  // groups of the object emitted so far
	Done   bool   // the whole object is committed
	Token  string // where the feed goes on, in its own words
}

// ObjectState is where an object is on its way through a pipeline.
type ObjectState string

// The states of an object. One that is only listed has no entry yet.
const (
	ObjectReading     ObjectState = "reading"     // claimed; Rows rows of it are committed
	ObjectCommitted   ObjectState = "committed"   // all of it is committed; moving it away is still to be done, if it is to be moved
	ObjectArchived    ObjectState = "archived"    // committed, and moved, deleted or taken away: what has its name after that is another one
	ObjectQuarantined ObjectState = "quarantined" // refused as a whole, see Reason
	ObjectSkipped     ObjectState = "skipped"     // somebody decided that it is not read, or not read on; it stays where it is
	ObjectSuperseded  ObjectState = "superseded"  // another one took its name before or after it was read
)

// ObjectEntry is what the ledger knows of one object, such as a file.
type ObjectEntry struct {
	Source    string // name of the source step
	Path      string // its name
	ID        string // of a file the digest of location, path, size and time
	Size      int64
	ModTime   time.Time // zero when the other side does not tell
	Hash      uint64    // xxhash64 of the object's bytes, when HashKnown
	HashKnown bool
	State     ObjectState
	Rows      int64     // committed so far
	At        Cursor    // where reading goes on, when part of it is committed; Object, Name and Done are not kept
	Target    string    // where it was moved; "" when it was not, or was deleted
	Marker    string    // the marker file that made it ready, "" when none
	Reason    string    // why it was quarantined or superseded, or could not be put away yet
	Head      int64     // of one read in part: how many of its first bytes HeadHash is of
	HeadHash  uint64    // xxhash64
	Gone      bool      // it was not listed any more, though nobody here put it away
	Run       string    // that changed the entry last
	Revision  string    // likewise
	Seen      time.Time // when it was first claimed
	Changed   time.Time // when the entry changed last
}

// Ledger is what the engine remembers of the objects of one feed. Changes are durable with the
// next commit of the run, and seen before it, unless a method says otherwise.
type Ledger interface {
	// Cursor returns where the feed is.
	Cursor() (Cursor, bool, error)
	// SetCursor moves it. It never moves back within an object (I2): that is an error.
	SetCursor(c Cursor) error
	// Put changes the entry of an object, by its Path. An entry with another ID
	// at that path goes into the history as superseded. Source, Run, Revision and Changed are filled in.
	Put(e ObjectEntry) error
	// Object returns the entry of the present object at path.
	Object(path string) (ObjectEntry, bool, error)
	// Committed is Object without what is pending.
	Committed(path string) (ObjectEntry, bool, error)
	// Objects calls f with each entry, pending changes included, until it returns false.
	Objects(f func(ObjectEntry) bool) error
	// Commit makes what is pending durable. A feed calls it only in its own Committed.
	Commit(ctx context.Context) error
}
