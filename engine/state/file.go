package state

import (
	"slices"
	"strings"
	"time"
)

// FileState is where a file is on its way through a pipeline.
type FileState string

// The states of a file. A file that is only listed has no entry yet.
const (
	FileReading     FileState = "reading"     // claimed; Row rows of it are committed
	FileCommitted   FileState = "committed"   // all of it is committed; moving it away is still to be done, if it is to be moved
	FileArchived    FileState = "archived"    // committed, and moved, deleted or taken away: what has its name after that is another file
	FileQuarantined FileState = "quarantined" // refused as a whole, see Reason
	FileSkipped     FileState = "skipped"     // somebody decided that it is not read, or not read on; it stays where it is
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
	At        Cursor    // where reading goes on, when part of it is committed; Object, Name and Done are not kept
	Target    string    // where it was moved; "" when it was not, or was deleted
	Marker    string    // the marker file that made it ready, "" when none
	Reason    string    // why it was quarantined or superseded, or could not be put away yet
	Head      int64     // of a file read in part: how many of its first bytes HeadHash is of
	HeadHash  uint64    // xxhash64
	Gone      bool      // it was not listed any more, though nobody here put it away
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
	e.int(f.At.Row)
	e.int(f.At.Offset)
	e.int(f.At.Line)
	e.uint(f.At.Prefix)
	e.int(f.At.Groups)
	e.bool(f.Gone)
	e.int(f.Head)
	e.uint(f.HeadHash)
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
		f.At = Cursor{Row: d.int(), Offset: d.int(), Line: d.int(), Prefix: d.uint(), Groups: d.int()}
		if len(d.b) > 0 { // a shorter entry is from a version that did not note it
			f.Gone, f.Head, f.HeadHash = d.bool(), d.int(), d.uint()
		}
	})
	return f, err
}

// File returns the ledger entry of the present file at path, pending changes included.
func (s *Session) File(source, path string) (FileEntry, bool, error) {
	k := fileKey(s.pid, source, path)
	if f, ok := s.files[string(k)]; ok {
		return f, true, nil
	}
	return s.file(k, source, path)
}

func (s *Session) file(k []byte, source, path string) (FileEntry, bool, error) {
	v, ok, err := s.store.kv.Get(k, nil)
	if err != nil || !ok {
		return FileEntry{}, false, err
	}
	f, err := decodeFile(source, path, v)
	return f, err == nil, err
}

// CommittedFile is File without what is pending.
func (s *Session) CommittedFile(source, path string) (FileEntry, bool, error) {
	return s.file(fileKey(s.pid, source, path), source, path)
}

// PutFile changes the ledger entry of f.Source and f.Path. An entry with another
// ID at that path goes into the history as superseded. Run, Revision and Changed
// are filled in.
func (s *Session) PutFile(f FileEntry) error {
	old, ok, err := s.File(f.Source, f.Path)
	if err != nil {
		return err
	}
	f.Revision, f.Changed = s.revision, s.store.clock.Now()
	if s.run != nil {
		f.Run = s.run.ID
	}
	if f.Seen.IsZero() {
		f.Seen = f.Changed
	}
	if ok && old.ID != f.ID {
		if old.State == FileReading {
			old.State = FileSuperseded
		}
		s.replaced = append(s.replaced, old)
	}
	s.files[string(fileKey(s.pid, f.Source, f.Path))] = f
	return nil
}

// Files calls f with the ledger entry of each present file of a source, by
// path, pending changes included, until it returns false.
func (s *Session) Files(source string, f func(FileEntry) bool) error {
	var list []FileEntry
	_, err := s.store.eachFile(appendName(key(kindFile, s.pid), source), func(e FileEntry) bool {
		list = append(list, e)
		return true
	})
	if err != nil {
		return err
	}
	for i, e := range list {
		if p, ok := s.files[string(fileKey(s.pid, source, e.Path))]; ok {
			list[i] = p
		}
	}
	for _, p := range s.files {
		known := slices.ContainsFunc(list, func(e FileEntry) bool { return e.Path == p.Path })
		if p.Source == source && !known {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b FileEntry) int { return strings.Compare(a.Path, b.Path) })
	for _, e := range list {
		if !f(e) {
			return nil
		}
	}
	return nil
}
