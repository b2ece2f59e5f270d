package state

import (
	"slices"
	"strings"

	"weir/engine/plugin"
)

// FileState is where an object is on its way through a pipeline.
type FileState = plugin.ObjectState

// The states of an object.
const (
	FileReading     = plugin.ObjectReading
	FileCommitted   = plugin.ObjectCommitted
	FileArchived    = plugin.ObjectArchived
	FileQuarantined = plugin.ObjectQuarantined
	FileSkipped     = plugin.ObjectSkipped
	FileSuperseded  = plugin.ObjectSuperseded
)

// FileEntry is what the ledger knows of one object, such as a file.
type FileEntry = plugin.ObjectEntry

func encodeFile(f *FileEntry) []byte {
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
