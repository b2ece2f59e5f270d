package files

import (
	"context"
	"errors"

	"weir/engine/plugin"
)

// looked is a source whose files are read in place, at once, and stay.
type looked struct {
	plugin.FileSource
	o plugin.FileOptions
}

func lookOnly(s plugin.FileSource) *looked {
	o := *s.Files()
	o.Ready, o.After, o.Limit = "now", "keep", 0
	if o.Create { // nothing is made while looking
		o.Create, o.Missing = false, "empty"
	}
	return &looked{s, o}
}

// Files implements plugin.FileSource.
func (l *looked) Files() *plugin.FileOptions { return &l.o }

// Local implements plugin.FileSource: no copy is made.
func (l *looked) Local() bool { return true }

// readOnlyFS refuses to change anything.
type readOnlyFS struct{ plugin.FileSystem }

var errLookOnly = errors.New("nothing is changed while looking")

// Rename implements plugin.FileSystem.
func (readOnlyFS) Rename(context.Context, string, string) error { return errLookOnly }

// Remove implements plugin.FileSystem.
func (readOnlyFS) Remove(context.Context, string) error { return errLookOnly }

// MakeDir implements plugin.FileSystem.
func (readOnlyFS) MakeDir(context.Context, string) error { return errLookOnly }
