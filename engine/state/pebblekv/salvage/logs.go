package salvage

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// badLogError says that a log cannot be read further.
type badLogError struct{ cause error }

func (e *badLogError) Error() string { return e.cause.Error() }

// readLog gives the records of a log to each, until the first that cannot be read, which is a
// *badLogError.
func readLog(l wal.LogicalLog, each func(record []byte) error) error {
	r := l.OpenForRead()
	defer r.Close() //nolint:errcheck // opened for reading
	for {
		rec, _, err := r.NextRecord()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &badLogError{err}
		}
		b, err := io.ReadAll(rec)
		if err != nil {
			return &badLogError{err}
		}
		if err := each(b); err != nil {
			return err
		}
	}
}

// keysOf returns the keys that a record of a log writes or deletes.
func keysOf(rec []byte) (keys [][]byte) {
	r := batchrepr.Read(rec)
	for {
		_, k, _, ok, err := r.Next()
		if !ok || err != nil {
			return keys
		}
		keys = append(keys, k)
	}
}

// cutLogs cuts each damaged log at the end of its last good record, and returns all logs that are
// there, ascending.
func (f *Found) cutLogs() (wal.Logs, error) {
	logs, err := wal.Scan(wal.Dir{FS: f.src.FS, Dirname: f.src.Dir})
	if err != nil {
		return nil, err
	}
	for _, l := range logs {
		if _, bad := f.src.Damaged[logName(l)]; !bad {
			continue
		}
		if err := f.cut(l); err != nil {
			return nil, err
		}
	}
	return logs, nil
}

func logName(l wal.LogicalLog) string {
	_, path := l.SegmentLocation(0)
	return filepath.Base(path)
}

func (f *Found) cut(l wal.LogicalLog) error {
	_, path := l.SegmentLocation(0)
	tmp := path + ".cut"
	out, err := f.src.FS.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w, n := record.NewWriter(out), 0
	err = readLog(l, func(b []byte) error {
		n++
		_, err := w.WriteRecord(b)
		return err
	})
	var bad *badLogError
	if errors.As(err, &bad) {
		err = nil
	}
	if err = errors.Join(err, w.Close(), out.Sync(), out.Close()); err != nil {
		return err
	}
	f.damaged(fmt.Sprintf("%s: %d of its commits can be read", logName(l), n))
	return f.src.FS.Rename(tmp, path)
}

// dropAfter finds whether the content of a damaged or missing log counted, and the logs that come
// after it, and reports whether there are any. opened are those that the database made use of: an older one
// was in tables already.
func (f *Found) dropAfter(logs wal.Logs, opened map[string]bool) bool {
	used := sorted(opened)
	for _, name := range sorted(f.src.Damaged) {
		there := slices.ContainsFunc(logs, func(l wal.LogicalLog) bool { return logName(l) == name })
		if !strings.HasSuffix(name, ".log") || there && !opened[name] || !there && len(used) > 0 && name < used[0] {
			continue
		}
		f.CommitsLost = true
		for _, l := range logs {
			if logName(l) > name {
				f.dropped = append(f.dropped, l)
			}
		}
		return len(f.dropped) > 0
	}
	return false
}

// removeDropped hides the logs that are not used from the database, under names of their own.
func (f *Found) removeDropped() error {
	if err := f.Close(); err != nil {
		return err
	}
	aside := f.src.FS.PathJoin(f.src.Dir, "dropped")
	if err := f.src.FS.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	for _, l := range f.dropped {
		_, path := l.SegmentLocation(0)
		if err := f.src.FS.Rename(path, f.src.FS.PathJoin(aside, filepath.Base(path))); err != nil {
			return err
		}
	}
	hidden, err := wal.Scan(wal.Dir{FS: f.src.FS, Dirname: aside})
	f.dropped = hidden
	return err
}
