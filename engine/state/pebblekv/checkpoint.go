package pebblekv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cockroachdb/pebble/v2"

	"weir/engine/plugin"
	"weir/engine/state/kv"
)

// checkpointsDir holds the copies made by NewCheckpoint.
const checkpointsDir = "checkpoints"

// Checkpoint makes a copy of the store in the folder dir, which must not exist,
// as it is after some Apply that was under way or done: never between the
// writes of one. It can be opened like any state folder, by this process or
// another. On the file system of the store its tables are linked, not copied; what takes
// space and time is the log, of some tens of MiB at most. The caller removes it;
// until then it keeps the space of what the store itself has dropped meanwhile.
func (s *Store) Checkpoint(dir string) (err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return kv.ErrClosed
	}
	if err := s.owned(); err != nil {
		return err
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return plugin.Fail(plugin.Environment, "state.checkpoint", fmt.Errorf("a copy of the state cannot be made in %s: %w", dir, err), "Name a folder that does not exist yet")
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir) // half a copy is of no use
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explain(dir, "made", err)
	}
	// What waits for its sync in this moment is then in the log that is copied.
	if err := s.db.Checkpoint(filepath.Join(dir, firstDB), pebble.WithFlushedWAL()); err != nil {
		return explain(dir, "made", err)
	}
	if err := markCopy(filepath.Join(dir, firstDB)); err != nil {
		return explain(dir, "made", err)
	}
	// The marker comes last: a copy that a crash cut short is no state folder.
	if err := writeSynced(filepath.Join(dir, markerName), markerText+strconv.Itoa(formatNow)+"\n"); err != nil {
		return explain(dir, "made", err)
	}
	return nil
}

// NewCheckpoint is Checkpoint into a new folder beside the store, which it
// returns. Those that nobody removes, because of a crash, are removed when the
// store is opened the next time and nobody has them open.
func (s *Store) NewCheckpoint() (dir string, err error) {
	parent := filepath.Join(s.dir, checkpointsDir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", explain(s.dir, "written", err)
	}
	// The folder itself is made by Checkpoint; the one around it keeps its name unique.
	outer, err := os.MkdirTemp(parent, "")
	if err != nil {
		return "", explain(s.dir, "written", err)
	}
	dir = filepath.Join(outer, "state")
	if err := s.Checkpoint(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(outer))
	}
	return dir, nil
}

// RemoveCheckpoint removes what NewCheckpoint made, once it is closed.
func RemoveCheckpoint(dir string) error { return os.RemoveAll(filepath.Dir(dir)) }

// removeCheckpoints removes copies that nobody reads any more.
func (f *folder) removeCheckpoints(o Options) {
	parent := filepath.Join(f.dir, checkpointsDir)
	list, err := os.ReadDir(parent)
	if err != nil {
		return // there is none
	}
	for _, e := range list {
		dir := filepath.Join(parent, e.Name(), "state")
		if lock, err := pebble.LockDirectory(filepath.Join(dir, firstDB), o.FS); err == nil {
			_ = lock.Close() // the file goes with the folder
		} else if !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		_ = RemoveCheckpoint(dir) // tried again the next time
	}
}
