// Package memfs is a file tree in memory, served by the test servers for FTP
// and SFTP. Its times come from a given clock or from the caller, so that a
// test decides how old a file is.
package memfs

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// FS is a tree of files and folders. Paths use / and start with it; others are
// taken from the root. It is safe for use by several goroutines.
type FS struct {
	mu    sync.Mutex
	now   func() time.Time
	nodes map[string]*node
}

type node struct {
	dir   bool
	data  []byte
	mtime time.Time
	mode  fs.FileMode // of a file made on a Disk; 0 is the usual one
	grow  [][]byte    // appended one a listing
	// listed tells that the folder of the file was listed on a Disk since it is there.
	listed bool
}

// Info describes one file or folder.
type Info struct {
	Path  string
	Size  int64
	MTime time.Time
	Dir   bool
}

// New returns a tree that holds only the root. now gives the time of changes.
func New(now func() time.Time) *FS {
	return &FS{now: now, nodes: map[string]*node{"/": {dir: true, mtime: now()}}}
}

func clean(p string) string { return path.Clean("/" + p) }

// Put makes or replaces a file, and its folders. A zero mtime is now. data is copied.
func (f *FS) Put(p string, data []byte, mtime time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = clean(p)
	if mtime.IsZero() {
		mtime = f.now()
	}
	f.mkdirAll(path.Dir(p))
	f.nodes[p] = &node{data: slices.Clone(data), mtime: mtime}
}

// Grow makes the file at p longer: each listing of its folder, after it was
// answered, appends the next piece.
func (f *FS) Grow(p string, pieces ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nodes[clean(p)]; n != nil {
		n.grow = pieces
	}
}

// Get returns a copy of a file's content.
func (f *FS) Get(p string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.file("read", p)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.data), nil
}

// Stat describes one file or folder.
func (f *FS) Stat(p string) (Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = clean(p)
	n := f.nodes[p]
	if n == nil {
		return Info{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	}
	return n.info(p), nil
}

func (n *node) info(p string) Info {
	return Info{Path: p, Size: int64(len(n.data)), MTime: n.mtime, Dir: n.dir}
}

// List returns the entries of a folder by name.
func (f *FS) List(dir string) ([]Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = clean(dir)
	if n := f.nodes[dir]; n == nil || !n.dir {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	var out []Info
	for p, n := range f.nodes {
		if p == "/" || path.Dir(p) != dir {
			continue
		}
		out = append(out, n.info(p))
		if len(n.grow) > 0 {
			n.data, n.grow, n.mtime = append(n.data, n.grow[0]...), n.grow[1:], f.now()
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// Files returns the paths of all files, in order.
func (f *FS) Files() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for p, n := range f.nodes {
		if !n.dir {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// Remove deletes a file or an empty folder.
func (f *FS) Remove(p string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = clean(p)
	if f.nodes[p] == nil || p == "/" {
		return &fs.PathError{Op: "remove", Path: p, Err: fs.ErrNotExist}
	}
	if f.hasChildren(p) {
		return &fs.PathError{Op: "remove", Path: p, Err: fs.ErrInvalid}
	}
	delete(f.nodes, p)
	return nil
}

func (f *FS) hasChildren(p string) bool {
	for q := range f.nodes {
		if strings.HasPrefix(q, p+"/") {
			return true
		}
	}
	return false
}

// Rename moves a file or folder, replacing a file at the target as a Unix
// server does. The target's folder must exist.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	from, to = clean(from), clean(to)
	n, dir, old := f.nodes[from], f.nodes[path.Dir(to)], f.nodes[to]
	if n == nil || from == "/" || dir == nil || !dir.dir {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if old != nil && old.dir {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	moved := map[string]*node{to: n}
	for q, m := range f.nodes {
		if strings.HasPrefix(q, from+"/") {
			moved[to+q[len(from):]] = m
			delete(f.nodes, q)
		}
	}
	delete(f.nodes, from)
	maps.Copy(f.nodes, moved)
	return nil
}

// Mkdir makes one folder; its parent must exist.
func (f *FS) Mkdir(p string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = clean(p)
	if f.nodes[p] != nil {
		return &fs.PathError{Op: "mkdir", Path: p, Err: fs.ErrExist}
	}
	if up := f.nodes[path.Dir(p)]; up == nil || !up.dir {
		return &fs.PathError{Op: "mkdir", Path: p, Err: fs.ErrNotExist}
	}
	f.nodes[p] = &node{dir: true, mtime: f.now()}
	return nil
}

func (f *FS) mkdirAll(p string) {
	for ; f.nodes[p] == nil; p = path.Dir(p) {
		f.nodes[p] = &node{dir: true, mtime: f.now()}
	}
}

// Create makes an empty file, or empties an existing one; its folder must exist.
func (f *FS) Create(p string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p = clean(p)
	if n := f.nodes[p]; n != nil && n.dir {
		return &fs.PathError{Op: "create", Path: p, Err: fs.ErrExist}
	}
	if up := f.nodes[path.Dir(p)]; up == nil || !up.dir {
		return &fs.PathError{Op: "create", Path: p, Err: fs.ErrNotExist}
	}
	f.nodes[p] = &node{mtime: f.now()}
	return nil
}

// WriteAt writes data at off, filling a gap with zeros. The file must exist.
func (f *FS) WriteAt(p string, data []byte, off int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.file("write", p)
	if err != nil {
		return err
	}
	if grow := off + int64(len(data)) - int64(len(n.data)); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
	}
	copy(n.data[off:], data)
	n.mtime = f.now()
	return nil
}

// Truncate sets a file's length to at most size.
func (f *FS) Truncate(p string, size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.file("truncate", p)
	if err != nil {
		return err
	}
	n.data = n.data[:min(size, int64(len(n.data)))]
	n.mtime = f.now()
	return nil
}

// SetTime sets the time of a file or folder.
func (f *FS) SetTime(p string, t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[clean(p)]
	if n == nil {
		return &fs.PathError{Op: "chtimes", Path: p, Err: fs.ErrNotExist}
	}
	n.mtime = t
	return nil
}

func (f *FS) file(op, p string) (*node, error) {
	p = clean(p)
	n := f.nodes[p]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: p, Err: fs.ErrNotExist}
	}
	if n.dir {
		return nil, &fs.PathError{Op: op, Path: p, Err: fs.ErrInvalid}
	}
	return n, nil
}
