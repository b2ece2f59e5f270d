package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state"
)

const (
	// spoolReserve is how much of the disk copies leave to the state store beside them.
	spoolReserve = 256 << 20
	// roomEvery is how many bytes of a copy are written between two looks at the room.
	roomEvery = 16 << 20
)

// room tells whether copies of remote files may take n bytes more, and why not.
func (s *Set) room(n int64) error {
	if most := s.SpoolLimit; most > 0 {
		used, err := folderSize(s.Spool)
		if err != nil {
			return spoolError(err)
		}
		if n > most-used {
			return plugin.Confine(plugin.Fail(plugin.Environment, "env.spool_limit", fmt.Errorf("local copies of remote files may take %s together, %s are taken and this one needs %s more", diag.Bytes(most), diag.Bytes(used), diag.Bytes(n)),
				"Set spool_limit in the engine block to more, or let fewer pipelines run at the same time"))
		}
	}
	free, err := s.free(s.Spool)
	if err != nil {
		return spoolError(err)
	}
	if n > free-spoolReserve {
		return plugin.Confine(plugin.Fail(plugin.Environment, "env.disk_full", fmt.Errorf("the disk of the state folder has %s left, of which %s are kept for the state store, and the local copy needs %s more", diag.Bytes(free), diag.Bytes(spoolReserve), diag.Bytes(n)),
			"Free some space there: nothing is lost, and the next run tries again"))
	}
	return nil
}

// freeSpace returns the bytes that the disk of a folder has left.
func freeSpace(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert,gosec // the types differ between systems; no disk has so many
}

// folderSize returns the bytes of all files in and below dir, and 0 when there is no such folder.
func folderSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				n += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // another pipeline is done with it
			return nil
		}
		return err
	})
	return n, err
}

// tooLargeError says that a file has more bytes than its source takes.
type tooLargeError struct {
	limit int64
	told  int64 // what the server says that it has; 0 when more came than it says
}

// Error implements error.
func (e *tooLargeError) Error() string {
	if e.told > 0 {
		return fmt.Sprintf("the server says that it has %s, and spool_limit of the source is %s", diag.Bytes(e.told), diag.Bytes(e.limit))
	}
	return fmt.Sprintf("more than %s came of it, which is spool_limit of the source", diag.Bytes(e.limit))
}

// tooLarge refuses a file of which more came than its source takes: it is not fetched
// again until it changes or a person asks for it. One of which rows are committed is left
// for the next run.
func (s *Set) tooLarge(c *candidate, err *tooLargeError) error {
	if c.begun {
		return plugin.Confine(plugin.Fail(plugin.Environment, "env.spool_limit", err, "Set spool_limit of the source to more"))
	}
	f := s.file(c)
	f.ID = c.id
	e := f.entry(state.FileQuarantined)
	e.Reason = err.Error() + ". Set it to more and use weir files retry, if the file is right"
	s.notice("run.file_quarantined", "File quarantined", "%s is not read: %s.", c.info.Path, e.Reason)
	s.Log.Warn("a file is larger than its source takes", zap.String("file", c.info.Path))
	return s.note(e)
}
