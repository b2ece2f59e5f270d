package memfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"weir/engine/plugin"
)

// Disk is the tree as the disk of a machine: plugin.Disk without the operating
// system. Relative names begin at the working folder.
type Disk struct {
	fs      *FS
	folder  string
	refusal atomic.Pointer[refusal]
}

type refusal struct{ why func(name string) error }

var _ plugin.Disk = (*Disk)(nil)

// Disk returns the tree as a disk; folder is the working folder, which is made.
func (f *FS) Disk(folder string) *Disk {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mkdirAll(clean(folder))
	return &Disk{fs: f, folder: clean(folder)}
}

// Refuse makes everything fail from here on, with what why returns, also files that
// are open: the process that has the disk is dead, or was never to reach one.
func (d *Disk) Refuse(why func(name string) error) { d.refusal.Store(&refusal{why}) }

// locked calls do with the path of name, unless the disk refuses.
func (d *Disk) locked(op, name string, do func(p string) error) error {
	if r := d.refusal.Load(); r != nil {
		return r.why(name)
	}
	d.fs.mu.Lock()
	defer d.fs.mu.Unlock()
	if err := do(d.path(name)); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (d *Disk) path(name string) string {
	if !path.IsAbs(name) {
		name = d.folder + "/" + name
	}
	return clean(name)
}

// look returns what is at p. Within it a file in the place of a folder is an error of its own.
func (f *FS) look(p string) (*node, error) {
	if n := f.nodes[p]; n != nil {
		return n, nil
	}
	for up := path.Dir(p); up != "/"; up = path.Dir(up) {
		if n := f.nodes[up]; n != nil && !n.dir {
			return nil, syscall.ENOTDIR
		}
	}
	return nil, fs.ErrNotExist
}

// Abs implements plugin.Disk.
func (d *Disk) Abs(name string) (string, error) { return d.path(name), nil }

// EvalSymlinks implements plugin.Disk. There are no symbolic links in memory.
func (d *Disk) EvalSymlinks(name string) (string, error) {
	_, err := d.Stat(name)
	return path.Clean(name), err
}

// Stat implements plugin.Disk.
func (d *Disk) Stat(name string) (info fs.FileInfo, err error) {
	err = d.locked("stat", name, func(p string) error {
		n, err := d.fs.look(p)
		if err == nil {
			info = describe(p, n)
		}
		return err
	})
	return info, err
}

// Lstat implements plugin.Disk.
func (d *Disk) Lstat(name string) (fs.FileInfo, error) { return d.Stat(name) }

// SameFile implements plugin.Disk.
func (d *Disk) SameFile(a, b fs.FileInfo) bool { return a.Sys() == b.Sys() }

// ReadDir implements plugin.Disk. A file that grows is longer by a piece each time
// after the first.
func (d *Disk) ReadDir(name string) (out []fs.DirEntry, err error) {
	err = d.locked("open", name, func(p string) error {
		if n, err := d.fs.look(p); err != nil {
			return err
		} else if !n.dir {
			return syscall.ENOTDIR
		}
		for q, n := range d.fs.nodes {
			if q == "/" || path.Dir(q) != p {
				continue
			}
			if len(n.grow) > 0 && n.listed {
				n.data, n.grow, n.mtime = append(n.data, n.grow[0]...), n.grow[1:], d.fs.now()
			}
			n.listed = true
			out = append(out, fs.FileInfoToDirEntry(describe(q, n)))
		}
		slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		return nil
	})
	return out, err
}

// Open implements plugin.Disk.
func (d *Disk) Open(name string) (plugin.File, error) { return d.OpenFile(name, os.O_RDONLY, 0) }

// OpenFile implements plugin.Disk.
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (plugin.File, error) {
	var out *file
	err := d.locked("open", name, func(p string) error {
		n, err := d.fs.look(p)
		switch {
		case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
			if up := d.fs.nodes[path.Dir(p)]; up == nil || !up.dir {
				return fs.ErrNotExist
			}
			n = &node{mtime: d.fs.now(), mode: perm}
			d.fs.nodes[p] = n
		case err != nil:
			return err
		case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
			return fs.ErrExist
		case n.dir && flag&(os.O_WRONLY|os.O_RDWR) != 0:
			return syscall.EISDIR
		}
		if flag&os.O_TRUNC != 0 {
			n.data, n.mtime = nil, d.fs.now()
		}
		out = &file{d: d, n: n, name: name, flag: flag}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// CreateTemp implements plugin.Disk.
func (d *Disk) CreateTemp(dir, pattern string) (plugin.File, error) {
	if dir == "" {
		dir = "/tmp"
	}
	before, after, _ := strings.Cut(pattern, "*")
	for i := 1; ; i++ {
		f, err := d.OpenFile(dir+"/"+before+strconv.Itoa(i)+after, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// Lock implements plugin.Disk: there are no other processes.
func (d *Disk) Lock(plugin.File) error { return nil }

// Link implements plugin.Disk.
func (d *Disk) Link(from, to string) error {
	return d.locked("link", to, func(q string) error {
		n, err := d.fs.look(d.path(from))
		if err != nil {
			return err
		}
		return d.fs.place(n, q, false)
	})
}

// Rename implements plugin.Disk.
func (d *Disk) Rename(from, to string) error {
	return d.locked("rename", to, func(q string) error {
		p := d.path(from)
		n, err := d.fs.look(p)
		switch {
		case err != nil:
			return err
		case n.dir:
			return fmt.Errorf("%s is a folder, and those in memory are not renamed", from)
		case d.fs.nodes[q] == n:
			return nil // two names of one file stay
		}
		if err := d.fs.place(n, q, true); err == nil {
			delete(d.fs.nodes, p)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// RenameNew implements plugin.Disk.
func (d *Disk) RenameNew(from, to string) error {
	return d.locked("rename", to, func(q string) error {
		p := d.path(from)
		n, err := d.fs.look(p)
		if err == nil {
			err = d.fs.place(n, q, false)
		}
		if err == nil {
			delete(d.fs.nodes, p)
		}
		return err
	})
}

// place gives a file the name p, too.
func (f *FS) place(n *node, p string, replace bool) error {
	there, err := f.look(p)
	switch {
	case err == nil && (!replace || there.dir):
		return fs.ErrExist
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if up := f.nodes[path.Dir(p)]; up == nil || !up.dir {
		return fs.ErrNotExist
	}
	f.nodes[p] = n
	return nil
}

// Remove implements plugin.Disk.
func (d *Disk) Remove(name string) error {
	return d.locked("remove", name, func(p string) error {
		if _, err := d.fs.look(p); err != nil {
			return err
		}
		if d.fs.hasChildren(p) || p == "/" {
			return syscall.ENOTEMPTY
		}
		delete(d.fs.nodes, p)
		return nil
	})
}

// MkdirAll implements plugin.Disk.
func (d *Disk) MkdirAll(name string, _ fs.FileMode) error {
	return d.locked("mkdir", name, func(p string) error {
		if n, err := d.fs.look(p); err == nil && !n.dir || errors.Is(err, syscall.ENOTDIR) {
			return syscall.ENOTDIR
		}
		d.fs.mkdirAll(p)
		return nil
	})
}

// Chtimes implements plugin.Disk.
func (d *Disk) Chtimes(name string, _, modified time.Time) error {
	return d.locked("chtimes", name, func(p string) error {
		n, err := d.fs.look(p)
		if err == nil {
			n.mtime = modified
		}
		return err
	})
}
