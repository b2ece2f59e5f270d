package state

import "time"

// FileState is where a file is on its way through a pipeline.
type FileState string

// The states of a file. A file that is only listed has no entry yet.
const (
	FileReading     FileState = "reading"     // claimed; Row rows of it are committed
	FileCommitted   FileState = "committed"   // all of it is committed; moving it away is still to be done, if it is to be moved
	FileArchived    FileState = "archived"    // committed, and moved or deleted
	FileQuarantined FileState = "quarantined" // refused as a whole, see Reason
	FileSuperseded  FileState = "superseded"  // another file took its name before or after it was read
)

// FileEntry is what the file ledger knows of one file.
type FileEntry struct {
	Source    string // name of the source step
	Path      string
	ID        string // digest of location, path, size and time
	Size      int64
	ModTime   time.Time // zero when the server does not tell
	Hash      uint64    // xxhash64 of the file's bytes, when HashKnown
	HashKnown bool
	State     FileState
	Rows      int64     // committed so far
	Target    string    // where it was moved; "" when it was not, or was deleted
	Marker    string    // the marker file that made it ready, "" when none
	Reason    string    // why it was quarantined or superseded
	Run       string    // that changed the entry last
	Revision  string    // likewise
	Seen      time.Time // when it was first claimed
	Changed   time.Time // when the entry changed last
}

func (f *FileEntry) encode() []byte {
	e := newEncoder(nil)
	e.string(f.ID)
	e.int(f.Size)
	e.time(f.ModTime)
	e.uint(f.Hash)
	e.bool(f.HashKnown)
	e.string(string(f.State))
	e.int(f.Rows)
	for _, s := range []string{f.Target, f.Marker, f.Reason, f.Run, f.Revision} {
		e.string(s)
	}
	e.time(f.Seen)
	e.time(f.Changed)
	return e.b
}

func decodeFile(source, path string, b []byte) (f FileEntry, err error) {
	f.Source, f.Path = source, path
	err = decode(b, "a file ledger entry", func(d *decoder) {
		f.ID, f.Size, f.ModTime, f.Hash, f.HashKnown, f.State, f.Rows = d.string(), d.int(), d.time(), d.uint(), d.bool(), FileState(d.string()), d.int()
		for _, p := range []*string{&f.Target, &f.Marker, &f.Reason, &f.Run, &f.Revision} {
			*p = d.string()
		}
		f.Seen, f.Changed = d.time(), d.time()
	})
	return f, err
}
