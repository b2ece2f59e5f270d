package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// fakeFS is a server's file tree in memory, on which things happen while it is used.
type fakeFS struct {
	files   map[string]*fakeFile
	dirs    map[string]bool
	before  func(op, path string)       // called before each operation
	fail    func(op, path string) error // makes an operation fail
	cut     []int                       // bytes after which the next transfers break off
	opened  []int64                     // offsets of the transfers so far
	reading int                         // open readers
	noTimes bool
	silent  bool // transfers that break off are called complete
}

type fakeFile struct {
	text string
	at   time.Time
}

var errCut = errors.New("connection reset")

func newFS() *fakeFS {
	return &fakeFS{files: map[string]*fakeFile{}, dirs: map[string]bool{"/": true, "/in": true}}
}

func (f *fakeFS) put(p, text string, at time.Time) { f.files[p] = &fakeFile{text, at} }

func (f *fakeFS) begin(op, p string) error {
	if f.reading > 0 {
		panic(op + " while a file is open")
	}
	if f.before != nil {
		f.before(op, p)
	}
	if f.fail != nil {
		return f.fail(op, p)
	}
	return nil
}

func (f *fakeFS) info(p string) plugin.FileInfo {
	i := plugin.FileInfo{Path: p, Size: int64(len(f.files[p].text)), ModTime: f.files[p].at}
	if f.noTimes {
		i.ModTime = time.Time{}
	}
	return i
}

func (f *fakeFS) List(_ context.Context, dir string) ([]plugin.FileInfo, error) {
	if err := f.begin("list", dir); err != nil {
		return nil, err
	}
	if !f.dirs[dir] {
		return nil, fs.ErrNotExist
	}
	var out []plugin.FileInfo
	for d := range f.dirs {
		if path.Dir(d) == dir && d != dir {
			out = append(out, plugin.FileInfo{Path: d, Dir: true})
		}
	}
	for p := range f.files {
		if strings.HasPrefix(p, dir+"/") && !strings.Contains(p[len(dir)+1:], "/") {
			out = append(out, f.info(p))
		}
	}
	return out, nil
}

func (f *fakeFS) Stat(_ context.Context, p string) (plugin.FileInfo, error) {
	if err := f.begin("stat", p); err != nil {
		return plugin.FileInfo{}, err
	}
	if f.files[p] == nil {
		return plugin.FileInfo{}, fs.ErrNotExist
	}
	return f.info(p), nil
}

type fakeReader struct {
	io.Reader
	fs  *fakeFS
	err error
}

func (r *fakeReader) Close() error { r.fs.reading--; return r.err }

func (f *fakeFS) Open(_ context.Context, p string, offset int64) (io.ReadCloser, error) {
	if err := f.begin("open", p); err != nil {
		return nil, err
	}
	if f.files[p] == nil {
		return nil, fs.ErrNotExist
	}
	text := f.files[p].text[min(int(offset), len(f.files[p].text)):]
	r := &fakeReader{fs: f}
	if len(f.cut) > 0 {
		if n := f.cut[0]; n < len(text) {
			if text = text[:n]; !f.silent {
				r.err = errCut
			}
		}
		f.cut = f.cut[1:]
	}
	r.Reader = bytes.NewReader([]byte(text))
	f.reading++
	f.opened = append(f.opened, offset)
	return r, nil
}

func (f *fakeFS) Rename(_ context.Context, from, to string) error {
	if err := f.begin("rename", from); err != nil {
		return err
	}
	switch {
	case f.files[from] == nil:
		return fs.ErrNotExist
	case f.files[to] != nil:
		return fs.ErrExist
	case !f.dirs[path.Dir(to)]:
		return errors.New("no such folder")
	}
	f.files[to] = f.files[from]
	delete(f.files, from)
	return nil
}

func (f *fakeFS) Remove(_ context.Context, p string) error {
	if err := f.begin("remove", p); err != nil {
		return err
	}
	if f.files[p] == nil {
		return fs.ErrNotExist
	}
	delete(f.files, p)
	return nil
}

func (f *fakeFS) MakeDir(_ context.Context, dir string) error {
	if err := f.begin("mkdir", dir); err != nil {
		return err
	}
	f.dirs[dir] = true
	return nil
}

func (f *fakeFS) Close() error { return nil }

func (f *fakeFS) paths() []string { return slices.Sorted(maps.Keys(f.files)) }

// fakeSource is the configuration of a source of a fakeFS.
type fakeSource struct {
	o     plugin.FileOptions
	local bool
}

func (*fakeSource) Spec() spec.Body              { return nil }
func (*fakeSource) Check(spec.Ranges) diag.List  { return nil }
func (s *fakeSource) Files() *plugin.FileOptions { return &s.o }
func (*fakeSource) Location() string             { return "fake://host" }
func (s *fakeSource) Local() bool                { return s.local }
func (*fakeSource) OpenFS(context.Context, plugin.Host) (plugin.FileSystem, error) {
	return nil, errors.ErrUnsupported
}

// fakeClock stands still but for Sleep; what is due happens meanwhile.
type fakeClock struct {
	now    time.Time
	slept  time.Duration
	events []event
}

type event struct {
	at time.Time
	do func()
}

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	until := c.now.Add(d)
	for len(c.events) > 0 && !c.events[0].at.After(until) {
		c.now = c.events[0].at
		c.events[0].do()
		c.events = c.events[1:]
	}
	c.now = until
	c.slept += d
	return ctx.Err()
}
