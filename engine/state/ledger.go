package state

import (
	"context"

	"weir/engine/plugin"
)

// Ledger is what the session remembers of the objects of one source.
func (s *Session) Ledger(source string) plugin.Ledger { return ledger{s, source} }

type ledger struct {
	s      *Session
	source string
}

// Cursor implements plugin.Ledger.
func (l ledger) Cursor() (Cursor, bool, error) { return l.s.Cursor(l.source) }

// SetCursor implements plugin.Ledger.
func (l ledger) SetCursor(c Cursor) error { return l.s.SetCursor(l.source, c) }

// Put implements plugin.Ledger.
func (l ledger) Put(e FileEntry) error {
	e.Source = l.source
	return l.s.PutFile(e)
}

// Object implements plugin.Ledger.
func (l ledger) Object(path string) (FileEntry, bool, error) { return l.s.File(l.source, path) }

// Committed implements plugin.Ledger.
func (l ledger) Committed(path string) (FileEntry, bool, error) {
	return l.s.CommittedFile(l.source, path)
}

// Objects implements plugin.Ledger.
func (l ledger) Objects(f func(FileEntry) bool) error { return l.s.Files(l.source, f) }

// Commit implements plugin.Ledger.
func (l ledger) Commit(ctx context.Context) error { return l.s.Commit(ctx) }
