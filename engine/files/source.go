package files

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Adapt makes the file source of a plugin, if it has one, a source.
func Adapt(p plugin.Plugin) plugin.Plugin {
	if read := p.Files; read != nil {
		p.Source = func() plugin.Source { return Source(read()) }
	}
	return p
}

// Source makes a file source one whose objects are its files.
func Source(s plugin.FileSource) plugin.Source { return &source{s} }

type source struct{ plugin.FileSource }

// Bind implements plugin.Source: files are bytes.
func (s *source) Bind(spec.Ranges, plugin.Compiler) (plugin.Offer, diag.List) {
	return plugin.Offer{}, nil
}

// Open implements plugin.Source.
func (s *source) Open(ctx context.Context, e plugin.FeedEnv) (plugin.Feed, error) {
	connect := func(ctx context.Context) (plugin.FileSystem, error) { return s.OpenFS(ctx, e.Host) }
	fsys, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	c := Config{
		Source: s.FileSource, FS: fsys, Ledger: e.Ledger, Pipeline: e.Pipeline, Step: e.Step, Spool: e.Spool, SpoolLimit: e.SpoolLimit,
		Clock: e.Clock(), Log: e.Log(), Reconnect: connect, Point: e.Point, Memory: e.Memory,
	}
	if e.Look {
		c.Source, c.FS, c.Reconnect = lookOnly(s.FileSource), readOnlyFS{fsys}, nil
	}
	set, err := Open(c)
	if err != nil {
		return nil, errors.Join(err, fsys.Close())
	}
	return feed{set}, nil
}

// Probe implements plugin.Prober.
func (s *source) Probe(ctx context.Context, h plugin.Host) error {
	if p, ok := s.FileSource.(plugin.Prober); ok {
		return p.Probe(ctx, h)
	}
	return plugin.ProbeFiles(ctx, s.FileSource, h)
}

// Folder implements plugin.FolderReader.
func (s *source) Folder() plugin.Folder {
	o := s.Files()
	f := plugin.Folder{Path: o.Path, Base: o.Base(), Made: o.Create, After: o.After, Match: func(pattern, file string) bool {
		p := *o
		p.Path = pattern
		return p.Match(file)
	}}
	if !s.Local() {
		f.Place = s.Location()
	}
	return f
}

// Describe implements plugin.Describer.
func (s *source) Describe() []string {
	o := s.Files()
	out := []string{fmt.Sprintf("it reads the files %s of %s", o.Path, s.place())}
	switch o.ReadyMode {
	case plugin.ReadyNow:
		out = append(out, "a file is read as soon as it is seen, also when somebody may still be writing it")
	case plugin.ReadyMarker:
		out = append(out, fmt.Sprintf("a file is read when its marker %s is beside it", o.Marker))
	case plugin.ReadyStable:
		out = append(out, fmt.Sprintf("a file is read when its size and time have not changed for %s", o.StableFor))
	}
	switch o.AfterMode {
	case plugin.AfterKeep:
		out = append(out, "a file that was read stays, and is not read again unless its content changes")
	case plugin.AfterDelete:
		out = append(out, "a file is deleted after all of it is committed")
	case plugin.AfterMove:
		out = append(out, fmt.Sprintf("a file is moved to %s after all of it is committed", o.MoveTo))
	}
	return out
}

func (s *source) place() string {
	at := s.Location()
	switch {
	case s.Local():
		return "this machine"
	case strings.Contains(at, "@:") || strings.Contains(at, "://:"):
		scheme, _, _ := strings.Cut(at, "://")
		return "a server whose address has no value yet (" + scheme + ")"
	}
	return at
}

// Find implements plugin.Finder.
func (s *source) Find(ctx context.Context, h plugin.Host, name string) (plugin.ObjectEntry, bool, error) {
	fsys, err := s.OpenFS(ctx, h)
	if err != nil {
		return plugin.ObjectEntry{}, false, err
	}
	defer fsys.Close() //nolint:errcheck // only listed
	for _, dir := range []string{path.Dir(name), s.Files().Base()} {
		infos, err := fsys.List(ctx, dir)
		if err != nil {
			if abs, aerr := filepath.Abs(dir); aerr == nil && s.Local() {
				infos, err = fsys.List(ctx, filepath.ToSlash(abs))
			}
		}
		if err != nil {
			continue // the folder may not be there
		}
		for _, i := range infos {
			if !i.Dir && (i.Path == name || path.Base(i.Path) == path.Base(name)) {
				return plugin.ObjectEntry{Path: i.Path, ID: Identity(s.Location(), i), Size: i.Size, ModTime: i.ModTime}, true, nil
			}
		}
	}
	return plugin.ObjectEntry{}, false, ctx.Err()
}

// feed is a Set for the engine.
type feed struct{ set *Set }

// fileOf returns the file that the Set gave as o.
func fileOf(o *plugin.FeedObject) *File {
	f, _ := o.Content.(*File) // it made it
	return f
}

// Next implements plugin.Feed.
func (f feed) Next(ctx context.Context) (*plugin.FeedObject, error) {
	file, err := f.set.Next(ctx)
	if err != nil {
		return nil, err
	}
	return &file.FeedObject, nil
}

// Progress implements plugin.Feed.
func (f feed) Progress(o *plugin.FeedObject, c plugin.Cursor) error {
	return f.set.Progress(fileOf(o), c)
}

// Done implements plugin.Feed.
func (f feed) Done(ctx context.Context, o *plugin.FeedObject, rows int64) error {
	return f.set.Done(ctx, fileOf(o), rows)
}

// Refuse implements plugin.Feed.
func (f feed) Refuse(o *plugin.FeedObject, reason string) error {
	return f.set.Quarantine(fileOf(o), reason)
}

// Leave implements plugin.Feed.
func (f feed) Leave(o *plugin.FeedObject) error { return f.set.SetAside(fileOf(o)) }

// Committed implements plugin.Feed.
func (f feed) Committed(ctx context.Context) error { return f.set.AfterCommit(ctx) }

// Left implements plugin.Feed.
func (f feed) Left() plugin.Leftovers { return f.set.Left() }

// Close implements plugin.Feed.
func (f feed) Close() error { return f.set.Close() }
