// Package salvage reads what can still be read of a Pebble database whose files are not
// as they were written, and says what is lost. It changes nothing of the database.
//
// What it gives is the database as it was at one moment, less whole ranges of keys:
//
//   - a log that is damaged or gone ends the history: commits after the damage built on what is
//     lost, so they are not used, readable or not;
//   - a table that is damaged or gone loses the ranges of keys that cannot be read in it. What
//     other tables know of keys in these ranges may be older, so they are not used either;
//   - without its manifest nobody knows which tables and logs count. Then [Found.Unordered] is
//     set, and what is read may be of any age.
package salvage

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Source is a database to read, with what is known of its files.
type Source struct {
	FS  vfs.FS
	Dir string // a copy of the database's files, which may be changed; damaged logs are cut in place
	// Damaged has the logs and manifests that are not as they were written or are gone, by
	// file name, and what is wrong with them.
	Damaged map[string]string
}

// Found is what can be read. It belongs to one goroutine.
type Found struct {
	// Damages say what is wrong with the files, a sentence each; none is a sound database.
	Damages []string
	// Lost are the ranges of keys that Scan leaves out, ascending.
	Lost []Range
	// CommitsLost says that the history ends early: there were commits after what Scan gives.
	CommitsLost bool
	// Keys is how many keys Scan gives.
	Keys int64
	// Unordered says that Scan gives keys in no order, some more than once, the
	// probably newer ones later, and also such as were deleted.
	Unordered bool

	src     Source
	db      *pebble.DB
	dropped []wal.LogicalLog
}

// Open reads the whole database once. The error is one of the machine; damage is in what is found.
func Open(src Source) (f *Found, err error) {
	f = &Found{src: src}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, name := range sorted(src.Damaged) {
		f.damaged(src.Damaged[name])
	}
	logs, err := f.cutLogs()
	if err != nil {
		return f, err
	}
	if f.manifestLost() {
		f.Unordered = true
		return f, f.count()
	}
	err = f.readOrdered(logs)
	var unreadable *unreadableError
	if errors.As(err, &unreadable) {
		f.damaged(unreadable.Error())
		f.Unordered = true
		return f, f.count()
	}
	return f, err
}

func (f *Found) readOrdered(logs wal.Logs) error {
	opened, err := f.open()
	if err == nil && f.dropAfter(logs, opened) {
		if err = f.removeDropped(); err == nil {
			_, err = f.open()
		}
	}
	if err != nil {
		return err
	}
	if err := f.examineTables(); err != nil {
		return err
	}
	return f.settle()
}

// Close lets go of the files.
func (f *Found) Close() error {
	if f.db == nil {
		return nil
	}
	db := f.db
	f.db = nil
	err := closeDB(db)
	var miscounted *unreadableError
	if errors.As(err, &miscounted) {
		return nil // the database panics when an iterator of it met damage; nothing was written
	}
	return err
}

func closeDB(db *pebble.DB) (err error) {
	defer recovered(&err)
	return db.Close()
}

// damaged notes what is wrong, in a line that does not name the copy.
func (f *Found) damaged(what string) {
	what, _, _ = strings.Cut(what, "\n")
	what = strings.ReplaceAll(what, f.src.Dir+string(filepath.Separator), "")
	if !slices.Contains(f.Damages, what) {
		f.Damages = append(f.Damages, what)
	}
}

func (f *Found) manifestLost() bool {
	for name := range f.src.Damaged {
		if strings.HasPrefix(name, "MANIFEST-") {
			return true
		}
	}
	return false
}

// unreadableError says that the database makes nothing of its files.
type unreadableError struct{ cause error }

func (e *unreadableError) Error() string {
	return "which tables and logs count cannot be read: " + e.cause.Error()
}

// recovered turns a panic of the database into an error: it panics where its files make no
// sense. It is deferred.
func recovered(err *error) {
	switch r := recover().(type) {
	case nil:
	case error:
		*err = &unreadableError{r}
	default:
		*err = &unreadableError{fmt.Errorf("%v", r)}
	}
}

// open opens the database for reading, and returns the names of the logs it made use of.
func (f *Found) open() (logs map[string]bool, err error) {
	defer recovered(&err)
	if err := f.Close(); err != nil {
		return nil, err
	}
	fs := &watchedFS{FS: f.src.FS, logs: map[string]bool{}}
	o := options(fs)
	o.ReadOnly, o.ErrorIfNotExists, o.DisableConsistencyCheck = true, true, true
	db, err := pebble.Open(f.src.Dir, o)
	if err != nil {
		return nil, &unreadableError{err}
	}
	f.db = db
	return fs.logs, nil
}

func options(fs vfs.FS) *pebble.Options {
	o := &pebble.Options{FS: fs, Logger: silent{}, FormatMajorVersion: pebble.FormatNewest}
	o.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}} // else it ends the process
	o.EnsureDefaults()
	return o
}

// silent drops what the database has to say: it is all in what is found.
type silent struct{}

// Infof implements pebble.Logger.
func (silent) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (silent) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger. It unwinds to the call that recovers.
func (silent) Fatalf(format string, args ...any) { panic(fmt.Errorf(format, args...)) }

// watchedFS notes which logs are read.
type watchedFS struct {
	vfs.FS
	mu   sync.Mutex
	logs map[string]bool
}

// Open implements vfs.FS.
func (w *watchedFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if base := filepath.Base(name); strings.HasSuffix(base, ".log") {
		w.mu.Lock()
		w.logs[base] = true
		w.mu.Unlock()
	}
	return w.FS.Open(name, opts...)
}

// Unwrap implements vfs.FS.
func (w *watchedFS) Unwrap() vfs.FS { return w.FS }

func sorted[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Scan calls emit for what can be read: each key once and ascending, unless Unordered is
// set. Key and value are valid during the call.
func (f *Found) Scan(emit func(k, v []byte) error) (err error) {
	defer recovered(&err)
	if f.Unordered {
		return f.scanFiles(emit)
	}
	n := int64(0)
	err = f.gaps(func(from, to []byte) error {
		_, err := f.scanGap(from, to, func(k, v []byte) error { n++; return emit(k, v) })
		var bad *readError
		if errors.As(err, &bad) {
			return nil // at the edge of what is lost; that it is no more is checked below
		}
		return err
	})
	if err == nil && n != f.Keys {
		err = fmt.Errorf("%d keys could be read before and %d now: the disk fails", f.Keys, n)
	}
	return err
}

// gaps calls use for the ranges between those that are lost.
func (f *Found) gaps(use func(from, to []byte) error) error {
	var from []byte
	for _, r := range f.Lost {
		if err := use(from, r.From); err != nil {
			return err
		}
		if r.To == nil {
			return nil
		}
		from = r.To
	}
	return use(from, nil)
}

// readError is one of reading, not of what is done with what was read.
type readError struct{ error }

// Unwrap gives errors.Is the cause.
func (e *readError) Unwrap() error { return e.error }

// scanGap returns the last key that it gave to emit.
func (f *Found) scanGap(from, to []byte, emit func(k, v []byte) error) (last []byte, err error) {
	it, err := f.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, &readError{err}
	}
	for ok := it.First(); ok; ok = it.Next() {
		v, verr := it.ValueAndErr()
		if verr != nil {
			break // the iterator says it, too
		}
		if err := emit(it.Key(), v); err != nil {
			return last, errors.Join(err, it.Close())
		}
		last = append(last[:0], it.Key()...)
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return last, &readError{err}
	}
	return last, nil
}

// settle reads everything once, so that Lost is final: where a range begins, what is beside it in
// the same block can be out of reach too.
func (f *Found) settle() (err error) {
	defer recovered(&err)
	f.Keys = 0
	var more []Range
	err = f.gaps(func(from, to []byte) error {
		last, err := f.scanGap(from, to, func(_, _ []byte) error { f.Keys++; return nil })
		var bad *readError
		if !errors.As(err, &bad) {
			return err
		}
		if last != nil {
			from = append(slices.Clone(last), 0)
		}
		f.damaged(bad.Error())
		more = append(more, Range{from, slices.Clone(to)})
		return nil
	})
	f.Lost = merge(append(f.Lost, more...))
	return err
}

func (f *Found) count() (err error) {
	defer recovered(&err)
	f.Keys = 0
	return f.scanFiles(func(_, _ []byte) error { f.Keys++; return nil })
}

// Dropped calls each for every commit that can be read and is not used, because it comes after
// damage, with its keys. They are valid during the call.
func (f *Found) Dropped(each func(keys [][]byte)) error {
	for _, l := range f.dropped {
		err := readLog(l, func(b []byte) error {
			each(keysOf(b))
			return nil
		})
		var bad *badLogError
		if err != nil && !errors.As(err, &bad) && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}
