package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state/kv"
)

const (
	markerName = "weir-state"
	ownerName  = "owner"
	formatNow  = 1
	markerText = "This folder holds the state of weir: what was read, delivered and rejected. Do not edit it.\nformat "
)

// folder is the state folder, locked.
type folder struct {
	dir      string // absolute, without symbolic links: the lock is per path
	readOnly bool
	lock     *pebble.Lock
	own      ownership // as it was when the lock was taken
	seen     standing
}

func (f *folder) dbDir() string { return filepath.Join(f.dir, f.own.db) }

func openFolder(dir string, o Options) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, explain(dir, "opened", err)
	}
	f := &folder{dir: abs, readOnly: o.ReadOnly}
	if !o.ReadOnly {
		if err := os.MkdirAll(abs, 0o700); err != nil {
			return nil, explain(abs, "made", err)
		}
	}
	if f.dir, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, explain(abs, "opened", err)
	}
	if err := f.checkMarker(); err != nil {
		return nil, err
	}
	if err := f.take(o); err != nil {
		return nil, err
	}
	if err := f.claim(); err != nil {
		f.close()
		return nil, explain(f.dir, "written", err)
	}
	if !o.ReadOnly {
		f.stand()
		f.removeAbandoned(o)
		f.removeCheckpoints(o)
	}
	return f, nil
}

// take locks the database that is in use.
func (f *folder) take(o Options) (err error) {
	for {
		if f.own, err = readOwnership(f.dir); err != nil {
			return explain(f.dir, "read", err)
		}
		if !o.ReadOnly {
			if err := os.MkdirAll(f.dbDir(), 0o700); err != nil {
				return explain(f.dir, "made", err)
			}
		}
		if f.lock, err = pebble.LockDirectory(f.dbDir(), o.FS); err != nil {
			err = f.lockError(err)
			var locked *kv.Locked
			if o.TakeOver && errors.As(err, &locked) {
				return f.takeOver(o)
			}
			return err
		}
		now, err := readOwnership(f.dir)
		if err == nil && now == f.own {
			return nil
		}
		_ = f.lock.Close() // of a database that was taken over in this moment
		f.lock = nil
		if err != nil {
			return explain(f.dir, "read", err)
		}
	}
}

// checkMarker refuses folders that belong to something else or to a newer version.
func (f *folder) checkMarker() error {
	text, err := os.ReadFile(filepath.Join(f.dir, markerName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.checkEmpty()
	case err != nil:
		return explain(f.dir, "read", err)
	}
	_, num, _ := strings.Cut(string(text), "\nformat ")
	n, err := strconv.Atoi(strings.TrimSpace(num))
	if err != nil {
		return damaged(f.dir, &damage{what: markerName + " does not tell the format of the folder"})
	}
	if n != formatNow {
		return plugin.Fail(plugin.Environment, "state.format", fmt.Errorf("state folder %s has format %d, and this weir knows format %d", f.dir, n, formatNow),
			"Use the version of weir that wrote it, or start anew in an empty folder")
	}
	return nil
}

func (f *folder) checkEmpty() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return explain(f.dir, "read", err)
	}
	if f.readOnly {
		return plugin.Fail(plugin.Environment, "state.missing", fmt.Errorf("there is no state in folder %s", f.dir),
			"Name the folder that the pipelines run with (--state), or run them first")
	}
	for _, e := range entries {
		switch e.Name() {
		case firstDB, "spool", activeName, "LOCK", ownerName, "lost+found", markerName + ".tmp": // the last is left by a crash while the folder was made
		default:
			return plugin.Fail(plugin.Environment, "state.not_state", fmt.Errorf("folder %s holds other things (%s) and no weir state", f.dir, e.Name()),
				"Name an empty folder, or one that does not exist yet")
		}
	}
	return nil
}

func (f *folder) lockError(err error) error {
	var path *fs.PathError
	var errno syscall.Errno
	held := strings.Contains(err.Error(), "lock held by current process")
	// Opening the lock file fails with a PathError, locking it with a bare number.
	if !errors.As(err, &path) && errors.As(err, &errno) && (errno == syscall.EAGAIN || errno == syscall.EACCES) {
		held = true
	}
	if !held {
		return explain(f.dir, "locked", err)
	}
	pid := 0
	if text, err := os.ReadFile(filepath.Join(f.dir, ownerName)); err == nil {
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	return plugin.Fail(plugin.Environment, "state.locked", &kv.Locked{Dir: f.dir, PID: pid}, "")
}

// claim writes the marker and the owner, once the lock is held.
func (f *folder) claim() error {
	if f.readOnly {
		return nil
	}
	marker := filepath.Join(f.dir, markerName)
	if _, err := os.Stat(marker); errors.Is(err, fs.ErrNotExist) {
		if err := writeSynced(marker, markerText+strconv.Itoa(formatNow)+"\n"); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(f.dir, ownerName), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
}

// writeSynced writes a file so that after a crash it is there whole or not at all.
func writeSynced(name, text string) error {
	tmp, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

func (f *folder) close() {
	if now, err := readOwnership(f.dir); !f.readOnly && f.lock != nil && err == nil && now == f.own {
		_ = os.Remove(filepath.Join(f.dir, ownerName)) // only tells people who has the folder
	}
	if f.lock != nil {
		_ = f.lock.Close() // the lock also ends with the process
		f.lock = nil
	}
}

// How often, and after which pause, a disk without room is looked at again: the database deletes
// what it no longer needs in the background, above all old logs after it was opened.
const (
	looks = 50
	pause = 20 * time.Millisecond
)

// room reports a disk on which less than need bytes are free, and do not become so.
func (s *Store) room(need uint64) error {
	for look := 1; ; look++ {
		u, err := s.o.FS.GetDiskUsage(s.dbDir)
		switch {
		case err != nil || u.AvailBytes >= need:
			return nil
		case look == looks:
			return diskFull(s.dir, fmt.Errorf("%d MiB are free and %d MiB are needed", u.AvailBytes>>20, need>>20))
		}
		_ = plugin.SystemClock{}.Sleep(context.Background(), pause) // nothing ends it
	}
}

// openSlack is what opening writes beside the tables it makes of the logs.
const openSlack = 8 << 20

// roomToOpen reports a disk without room for what opening writes: tables of what is in the
// logs, and some small files. Less than commits need is enough, because opening also frees space.
func (s *Store) roomToOpen() error {
	if s.o.ReadOnly {
		return nil
	}
	need := uint64(openSlack)
	names, err := s.o.FS.List(s.dbDir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if info, err := s.o.FS.Stat(s.o.FS.PathJoin(s.dbDir, n)); err == nil && filepath.Ext(n) == ".log" {
			need += uint64(max(0, info.Size())) //nolint:gosec // not negative
		}
	}
	u, err := s.o.FS.GetDiskUsage(s.dbDir)
	if err == nil && u.AvailBytes < need {
		return diskFull(s.dir, fmt.Errorf("%d KiB are free and %d KiB are needed to open it", u.AvailBytes>>10, need>>10))
	}
	return nil // what cannot be asked is found out by writing
}

func diskFull(dir string, err error) error {
	return plugin.Fail(plugin.Environment, "state.disk_full", fmt.Errorf("the disk with state folder %s is full: %w", dir, err),
		"Free some space, or move the folder to a larger disk, and run again: nothing is lost")
}

// explain turns an error of the database or the file system into a Failure that
// says what to do. what completes "cannot be ...".
func explain(dir, what string, err error) error {
	var have *plugin.Failure
	if errors.As(err, &have) {
		return err
	}
	fail := func(code, advice string) error {
		return plugin.Fail(plugin.Environment, diag.Code(code), fmt.Errorf("state folder %s cannot be %s: %w", dir, what, err), advice)
	}
	var bad *damage
	switch {
	case noRoom(err):
		return diskFull(dir, err)
	case errors.As(err, &bad), pebble.IsCorruptionError(err), what != "locked" && errors.Is(err, syscall.EIO):
		return damaged(dir, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fail("state.not_writable", "Give the user that runs weir the right to write to the folder, or name another with --state")
	case errors.Is(err, fs.ErrNotExist):
		return fail("state.missing", "Check the folder named with --state")
	default:
		return fail("state.failed", "Check the disk; what was committed before is kept")
	}
}
