package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"weir/engine/plugin"
	"weir/engine/state/kv"
)

// standing is what was last seen of the folder, so that a look at it needs no file to be
// opened: where descriptors are short, the store is not what suffers.
type standing struct {
	active atomic.Pointer[seenActive]
	lock   fs.FileInfo // of the lock file of the database that is in use; nil when there is none to look at
}

type seenActive struct {
	info fs.FileInfo
	own  ownership
}

// lockFile is the file that stands for the database: whoever deletes or replaces the folder,
// or what is in it, takes it away.
func (f *folder) lockFile() string { return filepath.Join(f.dbDir(), "LOCK") }

// stand notes the folder as it is, once its lock is held.
func (f *folder) stand() {
	if info, err := os.Stat(f.lockFile()); err == nil {
		f.seen.lock = info
	}
}

// look returns whose the folder is, and a *kv.Gone when it is not there.
func (f *folder) look() (ownership, error) {
	if f.seen.lock != nil {
		info, err := os.Stat(f.lockFile())
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !os.SameFile(info, f.seen.lock) {
			if own, err := readOwnership(f.dir); err == nil && own != f.own {
				return own, nil // who took it over has removed what it does not need
			}
			return ownership{}, plugin.Fail(plugin.Environment, "state.gone", &kv.Gone{Dir: f.dir}, "")
		}
		if err != nil {
			return ownership{}, err
		}
	}
	info, err := os.Stat(filepath.Join(f.dir, activeName))
	if errors.Is(err, fs.ErrNotExist) {
		return ownership{1, firstDB}, nil
	}
	if err != nil {
		return ownership{}, err
	}
	if was := f.seen.active.Load(); was != nil && os.SameFile(was.info, info) && was.info.ModTime().Equal(info.ModTime()) && was.info.Size() == info.Size() {
		return was.own, nil
	}
	own, err := readOwnership(f.dir)
	if err == nil {
		f.seen.active.Store(&seenActive{info, own}) // looked at before it was read: a later change is seen
	}
	return own, err
}

// Owned implements what state.Store.Owned says.
func (s *Store) Owned() error {
	if err := s.owned(); err != nil {
		return err
	}
	return s.Health()
}

// refuse returns the error of a folder that is not owned before anything was written: it is
// kept when the folder is lost, and one that passes fails this write alone.
func (s *Store) refuse(err error) error {
	if kv.Lost(err) != nil {
		return s.die(err)
	}
	return err
}

// owned reports a *kv.TakenOver when another process took the folder over, a *kv.Gone when
// it is not there any more, and another error when it cannot be looked at now.
func (s *Store) owned() error {
	if s.o.ReadOnly {
		return nil
	}
	now, err := s.folder.look()
	if err != nil {
		return explain(s.dir, "read", err)
	}
	if now != s.folder.own {
		return plugin.Fail(plugin.Environment, "state.taken_over", &kv.TakenOver{Dir: s.dir}, "")
	}
	return nil
}

// How often, and after which pause, a folder that cannot be looked at is looked at again,
// when what was written is not yet known to be in the folder that counts.
const (
	ownedLooks = 40
	ownedPause = 50 * time.Millisecond
)

// surelyOwned is owned for after a write: that the folder cannot be looked at passes mostly,
// such as for want of descriptors.
func (s *Store) surelyOwned() (err error) {
	for range ownedLooks {
		if err = s.owned(); err == nil || kv.Lost(err) != nil {
			return err
		}
		_ = plugin.SystemClock{}.Sleep(context.Background(), ownedPause) // nothing ends it
	}
	return fmt.Errorf("it is not known whether a commit is kept: %w", err)
}
