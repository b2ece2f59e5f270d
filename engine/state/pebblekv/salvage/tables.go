package salvage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// examineTables reads every table that counts, and notes the ranges that cannot be read.
func (f *Found) examineTables() (err error) {
	defer recovered(&err)
	levels, err := f.tables()
	if err != nil {
		return err
	}
	for _, tables := range levels {
		for _, t := range tables {
			name := t.BackingSSTNum.String() + ".sst"
			lo, hi := slices.Clone(t.Smallest.UserKey), append(slices.Clone(t.Largest.UserKey), 0)
			lost, err := unreadable(f.src.FS, f.src.FS.PathJoin(f.src.Dir, name), lo, hi)
			if err != nil {
				f.damaged(fmt.Sprintf("%s cannot be read: %v", name, err))
			}
			f.Lost = append(f.Lost, lost...)
		}
	}
	f.Lost = merge(f.Lost)
	return nil
}

// goneTable is how the database names a table that it has and cannot find.
var goneTable = regexp.MustCompile(`file (\d+) \(type sstable\) unknown`)

// tables returns the tables that count, by their levels. The database does not list them while one
// is gone, so an empty file takes the place of each of those.
func (f *Found) tables() ([][]pebble.SSTableInfo, error) {
	for {
		levels, err := f.db.SSTables()
		if err == nil {
			return levels, nil
		}
		gone := goneTable.FindStringSubmatch(err.Error())
		if gone == nil {
			return nil, &unreadableError{err}
		}
		place := f.src.FS.PathJoin(f.src.Dir, gone[1]+".sst")
		if _, serr := f.src.FS.Stat(place); serr == nil {
			return nil, &unreadableError{err}
		}
		file, err := f.src.FS.Create(place, vfs.WriteCategoryUnspecified)
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			return nil, err
		}
		f.damaged(gone[1] + ".sst is gone")
		if _, err := f.open(); err != nil {
			return nil, err
		}
	}
}

// unreadable returns the ranges of a table between lo and hi that cannot be read, and why.
func unreadable(fs vfs.FS, path string, lo, hi []byte) (lost []Range, err error) {
	defer recovered(&err)
	defer func() {
		if err != nil && len(lost) == 0 {
			lost = []Range{{lo, hi}}
		}
	}()
	t, err := openTable(fs, path)
	if err != nil {
		return nil, err
	}
	defer t.Close() //nolint:errcheck // opened for reading
	for from := lo; from != nil; {
		last, bad := walk(t, from, func(_ *entry) error { return nil })
		if bad == nil {
			return lost, err
		}
		if err == nil {
			err = bad
		}
		if last == nil {
			last = from
		} else {
			last = append(last, 0)
		}
		good := func(k []byte) bool { return seek(t, k) == nil }
		if !good(hi) {
			return append(lost, Range{last, hi}), err
		}
		from = bisect(last, hi, good)
		lost = append(lost, Range{last, from})
	}
	return lost, err
}

func openTable(fs vfs.FS, path string) (*sstable.Reader, error) {
	file, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t, err := sstable.NewReader(context.Background(), r, options(fs).MakeReaderOptions())
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return t, nil
}

// entry is a key of a table that was set; deletions are left out.
type entry struct{ key, value []byte }

// walk gives each key from from on to use, and returns the last one that could be read.
func walk(t *sstable.Reader, from []byte, use func(*entry) error) (last []byte, err error) {
	defer recovered(&err)
	it, err := t.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return nil, err
	}
	var e entry
	for kv := it.SeekGE(from, 0); kv != nil; kv = it.Next() {
		v, _, verr := kv.Value(nil)
		if verr != nil {
			err = verr
			break
		}
		last = append(last[:0], kv.K.UserKey...)
		if kind := kv.K.Kind(); kind != pebble.InternalKeyKindSet && kind != pebble.InternalKeyKindSetWithDelete {
			continue
		}
		e.key, e.value = last, v
		if err = use(&e); err != nil {
			break
		}
	}
	return last, errors.Join(err, it.Error(), it.Close())
}

// seek returns why the place of k in the table cannot be read, if it cannot.
func seek(t *sstable.Reader, k []byte) (err error) {
	defer recovered(&err)
	it, err := t.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		return err
	}
	it.SeekGE(k, 0)
	return errors.Join(it.Error(), it.Close())
}

// scanFiles gives what all tables and logs hold, by their numbers.
func (f *Found) scanFiles(emit func(k, v []byte) error) error {
	names, err := f.src.FS.List(f.src.Dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			if err := f.scanTable(filepath.Join(f.src.Dir, name), emit); err != nil {
				return err
			}
		}
	}
	logs, err := wal.Scan(wal.Dir{FS: f.src.FS, Dirname: f.src.Dir})
	if err != nil {
		return err
	}
	for _, l := range logs {
		err := readLog(l, func(rec []byte) error { return eachSet(rec, emit) })
		var bad *badLogError
		if errors.As(err, &bad) {
			continue // what is damaged of logs is known, and the last one may merely end
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stopError ends the walk through a table for a reason that is not the table's.
type stopError struct{ error }

func (f *Found) scanTable(path string, emit func(k, v []byte) error) (err error) {
	t, err := openTable(f.src.FS, path)
	if err != nil {
		f.damaged(fmt.Sprintf("%s cannot be read: %v", filepath.Base(path), err))
		return nil
	}
	defer t.Close() //nolint:errcheck // opened for reading
	_, err = walk(t, nil, func(e *entry) error {
		if err := emit(e.key, e.value); err != nil {
			return &stopError{err}
		}
		return nil
	})
	var stop *stopError
	if errors.As(err, &stop) {
		return stop.error
	}
	if err != nil {
		f.damaged(fmt.Sprintf("%s cannot be read to its end: %v", filepath.Base(path), err))
	}
	return nil
}

func eachSet(rec []byte, emit func(k, v []byte) error) error {
	r := batchrepr.Read(rec)
	for {
		kind, k, v, ok, err := r.Next()
		if !ok || err != nil {
			return nil // its checksum held, so this is its end
		}
		if kind == pebble.InternalKeyKindSet {
			if err := emit(k, v); err != nil {
				return err
			}
		}
	}
}
