package pebblekv

import (
	"context"
	"errors"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/engine/plugin"
)

// guard is the file system of a database. It keeps the mark, slows down what is tried
// again on a full disk, and after stop lets nothing be changed: the database may go on
// with work of its own after the folder was given up.
type guard struct {
	vfs.FS
	mark    *mark
	stopped atomic.Bool
	full    func(error) // is told of every write that found no room
}

// fullPause is the time that a write without room takes. The database tries again at once
// and for ever, with all of a processor.
const fullPause = 50 * time.Millisecond

func pauseFull() {
	_ = plugin.SystemClock{}.Sleep(context.Background(), fullPause) // nothing ends it
}

func (g *guard) stop() { g.stopped.Store(true) }

// allowed ends what goes on after stop.
func (g *guard) allowed() error {
	if g.stopped.Load() {
		pauseFull()
		return fs.ErrClosed
	}
	return nil
}

func (g *guard) seen(err error) error {
	if err != nil && noRoom(err) {
		g.full(err)
		pauseFull()
	}
	return err
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func (g *guard) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, g.seen(err)
	}
	gf := &guardedFile{File: f, g: g}
	if tracked(name) {
		gf.name = filepath.Base(name)
	}
	return gf, nil
}

// Create implements vfs.FS.
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.allowed(); err != nil {
		return nil, err
	}
	if err := g.forget(name); err != nil {
		return nil, err
	}
	f, err := g.FS.Create(name, category)
	return g.file(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := g.allowed(); err != nil {
		return nil, err
	}
	if err := errors.Join(g.forget(oldname), g.forget(newname)); err != nil {
		return nil, err
	}
	f, err := g.FS.ReuseForWrite(oldname, newname, category)
	return g.file(newname, f, err)
}

// Remove implements vfs.FS.
func (g *guard) Remove(name string) error {
	if err := g.allowed(); err != nil {
		return err
	}
	if err := g.forget(name); err != nil {
		return err
	}
	return g.FS.Remove(name)
}

// Rename implements vfs.FS.
func (g *guard) Rename(oldname, newname string) error {
	if err := g.allowed(); err != nil {
		return err
	}
	if err := errors.Join(g.forget(oldname), g.forget(newname)); err != nil {
		return err
	}
	return g.seen(g.FS.Rename(oldname, newname))
}

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

func (g *guard) forget(name string) error {
	if !tracked(name) {
		return nil
	}
	return g.mark.forget(filepath.Base(name))
}

// guardedFile is a file that the database writes.
type guardedFile struct {
	vfs.File
	g    *guard
	name string // "" for a file that the mark has nothing to say of

	mu     sync.Mutex
	now    claim
	broken bool // a write failed: what the file holds is unknown
}

// Write implements vfs.File.
func (f *guardedFile) Write(p []byte) (int, error) {
	if err := f.g.allowed(); err != nil {
		return 0, err
	}
	if f.name == "" {
		n, err := f.File.Write(p)
		return n, f.g.seen(err)
	}
	f.mu.Lock()
	next := claim{f.now.size + int64(len(p)), crc32.Update(f.now.sum, castagnoli, p)} // before: Write may change p
	n, err := f.File.Write(p)
	if err != nil || n < len(p) {
		f.broken = true
	}
	f.now = next
	f.mu.Unlock()
	return n, f.g.seen(err)
}

// Preallocate implements vfs.File.
func (f *guardedFile) Preallocate(offset, length int64) error {
	return f.g.seen(f.File.Preallocate(offset, length))
}

// Sync implements vfs.File.
func (f *guardedFile) Sync() error { return f.claim(f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardedFile) SyncData() error { return f.claim(f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	full, err = f.File.SyncTo(length)
	return full, f.g.seen(err)
}

// claim syncs the file and notes what is on disk then.
func (f *guardedFile) claim(sync func() error) error {
	f.mu.Lock()
	now, sure := f.now, f.name != "" && !f.broken
	f.mu.Unlock()
	if err := sync(); err != nil || !sure {
		return f.g.seen(err)
	}
	if f.g.stopped.Load() {
		return nil
	}
	return f.g.mark.synced(f.name, now)
}
