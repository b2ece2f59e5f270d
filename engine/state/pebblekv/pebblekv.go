// Package pebblekv keeps the state store in one folder on disk:
//
//	weir-state   what the folder is and the version of its format
//	owner        process id of the process that has it open
//	db/          the Pebble database, with its lock
//	active       after a takeover: its number, and the database that is in use since
//	db-<n>/      the database since takeover n
//	db/weir-end  what the files of the database must hold at least, see mark
//	damaged-<n>/ the files that a repair found, see Repair
//	checkpoints/ copies that are being read, see NewCheckpoint
//
// Other packages may keep folders of their own beside db, such as spool. The
// folder belongs to one process at a time. A commit is one synced batch of the
// write-ahead log: it survives a killed process and a power cut.
//
// # Takeover
//
// A process that hangs, or is stopped, keeps its lock. Options.TakeOver lets another
// have the folder nevertheless, and still no two processes ever write to one database.
// The file active is replaced by one with a higher number; then the files of the
// database are copied (tables are linked) to a folder of their own, db-<n>, which
// active names from then on. Every Apply compares active with what it was when the store was
// opened, once before it writes and once more after the log is synced, and else
// fails with *kv.TakenOver. So:
//
//   - a commit that was reported as done was synced while active still had the
//     old number, hence before copying began: the copy has it;
//   - a commit that comes later is refused, or it fails after it was written to a
//     database that is in nobody's view. Its deliveries are made again by the new owner,
//     from the same cursor and so with the same keys (I7), and nothing was
//     acknowledged to a source (I1).
package pebblekv

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/state/kv"
)

// Options are the settings of a store. The zero value is usable.
type Options struct {
	CacheBytes    int64       // memory for blocks read from disk; 0 is 64 MiB
	MemTableBytes int64       // memory for what is written and not yet in a table; 0 is 64 MiB, and it is at least 2 MiB
	MinFree       uint64      // Apply refuses to write when less disk space than this would be left; 0 is 64 MiB
	ReadOnly      bool        // Apply is refused, and the folder must exist
	TakeOver      bool        // take the folder over from a process that has it open, which can then commit nothing more
	Log           *zap.Logger // problems of the database; nil logs nothing
	FS            vfs.FS      // of the database; nil is the operating system's
}

func (o Options) withDefaults() Options {
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 64 << 20
	}
	if o.MinFree == 0 {
		o.MinFree = 64 << 20
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o
}

// Store is an open folder. It implements kv.Store.
type Store struct {
	dir, dbDir string
	o          Options
	db         *pebble.DB
	folder     *folder

	// applying makes the check of requirements and the writes one step.
	applying sync.Mutex

	life   sync.RWMutex // held for writing by Close
	closed bool
	health *health
	guard  *guard
}

// Open opens the store in dir, making the folder when there is none. Errors are
// Failures of class Environment: *kv.Locked when another process has it open.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	f, err := openFolder(dir, o)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: f.dir, dbDir: f.dbDir(), o: o, folder: f, health: newHealth()}
	if err := s.openAll(); err != nil {
		f.close()
		return nil, explain(f.dir, "opened", err)
	}
	return s, nil
}

// Get implements kv.Store.
func (s *Store) Get(key, dst []byte) (_ []byte, _ bool, err error) {
	defer s.met(&err)
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return dst, false, kv.ErrClosed
	}
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, explain(s.dir, "read", err)
	}
	dst = append(dst, v...)
	if err := closer.Close(); err != nil {
		return dst, false, explain(s.dir, "read", err)
	}
	return dst, true, nil
}

// Scan implements kv.Store.
func (s *Store) Scan(from, to []byte, f func(k, v []byte) bool) (err error) {
	defer s.met(&err)
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return kv.ErrClosed
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return explain(s.dir, "read", err)
	}
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = explain(s.dir, "read", cerr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return explain(s.dir, "read", err)
		}
		if !f(it.Key(), v) {
			return nil
		}
	}
	return nil
}

// Spool returns the name of the folder beside the database for copies of remote
// files. It is this process's alone, also when another takes the state folder over.
func (s *Store) Spool() string { return s.folder.own.spool() }

// Apply implements kv.Store.
func (s *Store) Apply(w *kv.Writes) error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return kv.ErrClosed
	}
	if err := s.writable(w); err != nil {
		return err
	}
	if len(w.List) == 0 {
		return s.check(w)
	}
	b := s.db.NewBatchWithSize(w.Bytes() + 12*len(w.List) + 64)
	for i := range w.List {
		op := &w.List[i]
		var err error
		if op.Delete {
			err = b.Delete(op.Key, nil)
		} else {
			err = b.Set(op.Key, op.Value, nil)
		}
		if err != nil {
			return explain(s.dir, "written", errors.Join(err, b.Close()))
		}
	}
	// Before, so that nothing is written in vain, and after, because the folder may be
	// taken over between: what is reported as done must be in what was taken.
	if err := s.owned(); err != nil {
		return s.refuse(errors.Join(err, b.Close()))
	}
	if err := s.commit(b, w); err != nil {
		return err
	}
	// Waiting outside of the lock lets commits of several pipelines share one fsync.
	if err := b.SyncWait(); err != nil {
		return s.die(err)
	}
	if err := s.surelyOwned(); err != nil {
		return s.die(errors.Join(err, b.Close()))
	}
	return b.Close()
}

// writable says why nothing may be written. A full disk is refused before
// anything is written, because a half-written log ends the life of the store.
func (s *Store) writable(w *kv.Writes) error {
	if s.o.ReadOnly {
		return plugin.Fail(plugin.Environment, "state.read_only", fmt.Errorf("state folder %s was opened for reading only", s.dir), "")
	}
	if err := s.Health(); err != nil {
		return err
	}
	if len(w.List) == 0 {
		return nil
	}
	// Twice the size: once for the log, once for the tables made from it.
	return s.room(s.o.MinFree + 2*uint64(w.Bytes()))
}

// commit checks the requirements and hands b to the log, as one step.
func (s *Store) commit(b *pebble.Batch, w *kv.Writes) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	if err := s.checkLocked(w); err != nil {
		return errors.Join(err, b.Close())
	}
	if err := s.toLog(b); err != nil {
		return s.die(err)
	}
	return nil
}

func (s *Store) toLog(b *pebble.Batch) (err error) {
	defer caught(&err)
	return s.db.ApplyNoSyncWait(b, pebble.Sync)
}

// check is Apply without writes: it waits for no disk.
func (s *Store) check(w *kv.Writes) error {
	if err := s.owned(); err != nil {
		return s.refuse(err)
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	return s.checkLocked(w)
}

// checkLocked reports the first requirement that does not hold.
func (s *Store) checkLocked(w *kv.Writes) (err error) {
	defer s.met(&err)
	for i := range w.Requires {
		r := &w.Requires[i]
		v, closer, err := s.db.Get(r.Key)
		if err != nil && !errors.Is(err, pebble.ErrNotFound) {
			return explain(s.dir, "read", err)
		}
		there := err == nil
		same := there && !r.Absent && bytes.Equal(v, r.Value)
		if there {
			err = closer.Close()
		}
		if there && err != nil {
			return explain(s.dir, "read", err)
		}
		if !same && (there || !r.Absent) {
			return &kv.Conflict{Key: bytes.Clone(r.Key)}
		}
	}
	return nil
}

// Close implements kv.Store.
func (s *Store) Close() (err error) {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	defer s.folder.close()
	dead := s.Health()
	var taken *kv.TakenOver
	if dead != nil && !errors.As(dead, &taken) {
		// The log is broken, or other files are: closing would try to write once more, and fail or hang.
		s.guard.stop()
		_ = s.guard.mark.close() // it says at most what is on disk
		return nil
	}
	err = s.bounded(func() (err error) {
		defer caught(&err)
		return s.db.Close()
	})
	if err = errors.Join(err, s.guard.mark.close()); err != nil {
		s.guard.stop()
		return explain(s.dir, "closed", err)
	}
	return nil
}
