package files

import (
	"strings"

	"weir/engine/plugin"
	"weir/engine/state"
)

func (s *Set) setAside(path string, err error) {
	s.aside = append(s.aside, plugin.Unread{Name: path, Err: err})
	s.notice("run.file_unread", "Not read", "%s: %s. The next run tries again.", path, strings.TrimPrefix(plugin.Clause(err), path+": "))
}

// Failed returns why f could not be read on, nil when reading it did not fail.
func (f *File) Failed() error { return f.failed }

// SetAside leaves f, which could not be read on, for the next run, which goes on where
// the last commit of it was. Session.Discard comes before it, as before Quarantine.
func (s *Set) SetAside(f *File) error {
	s.setAside(f.Name, f.failed)
	s.dropSpool(f)
	return s.noteAgain()
}

// noteAgain notes once more, after a Session.Discard, what became of files that are not read.
func (s *Set) noteAgain() error {
	for _, e := range s.noted {
		if err := s.Ledger.Put(e); err != nil {
			return err
		}
	}
	return nil
}

// note enters what became of a file that is not read. It outlives that the rows
// of another are discarded, see Quarantine.
func (s *Set) note(e state.FileEntry) error {
	s.noted = append(s.noted, e)
	return s.Ledger.Put(e)
}
