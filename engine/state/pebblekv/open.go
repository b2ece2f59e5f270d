package pebblekv

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"weir/engine/plugin"
)

// Keys come in no order, so every compaction rewrites most of what is there. Few
// and large tables are therefore left side by side for long: what is asked for is
// mostly answered by fingerprints, and a filter of its own spares most of a table's reads.
//
// Two large memory tables, not more smaller ones: a commit that may need half of one, at
// the 200 bytes that a key is estimated at, becomes a table of its own, and one such
// table for each commit is merged many times over.
const (
	memTables      = 2   // one that is filled, and one that is written
	tablesAside    = 48  // twice as many as lie side by side before they are merged
	tablesStop     = 144 // until writing waits for that
	baseLevelBytes = 256 << 20
)

// openAll opens the database once it is sure that its files hold what they must, and that
// there is room for what opening writes.
func (s *Store) openAll() error {
	begun := s.begun()
	m, err := openMark(s.dbDir, begun, s.o.ReadOnly)
	if err != nil {
		return err
	}
	s.guard = &guard{FS: s.o.FS, mark: m, full: s.noRoom}
	if err := m.verify(s.dbDir); err != nil {
		return errors.Join(err, m.close())
	}
	if err := s.roomToOpen(); err != nil {
		return errors.Join(err, m.close())
	}
	err = s.bounded(func() error { return s.openDB(begun || m.begun) })
	if err == nil && !begun && !s.o.ReadOnly {
		// The first log of a new database is begun before the database knows its
		// format, and so without the marks that tell a damaged log from one that
		// merely ends. The next log has them.
		err = s.bounded(func() error { return errors.Join(s.db.Close(), s.openDB(true)) })
	}
	if err == nil {
		err = m.opened()
	}
	if err != nil {
		s.guard.stop()
		return errors.Join(err, m.close())
	}
	return nil
}

// begun reports whether the folder holds a database already: its options are written last.
func (s *Store) begun() bool {
	names, err := s.o.FS.List(s.dbDir)
	return err != nil || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "OPTIONS-") || strings.HasSuffix(n, ".sst") })
}

func (s *Store) openDB(begun bool) (err error) {
	defer caught(&err)
	memTable := min(512<<20, max(2<<20, s.o.MemTableBytes)) / memTables
	cache := pebble.NewCache(s.o.CacheBytes + memTable*memTables) // of which the memory tables take theirs
	defer cache.Unref()
	po := &pebble.Options{
		Cache:                       cache,
		FS:                          s.guard,
		Lock:                        s.folder.lock,
		ReadOnly:                    s.o.ReadOnly,
		ErrorIfNotExists:            begun,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                uint64(memTable), //nolint:gosec // positive
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       tablesAside,
		L0StopWritesThreshold:       tablesStop,
		LBaseMaxBytes:               baseLevelBytes,
		Logger:                      logger{s.o.Log, s.gaveUp},
		EventListener: &pebble.EventListener{
			BackgroundError: s.backgroundError,
			DataCorruption:  s.corrupted,
			FlushEnd: func(i pebble.FlushInfo) {
				if i.Err == nil {
					s.tidied()
				}
			},
		},
	}
	// Not in the last level: what is asked for is mostly there, and the filters of
	// everything would take the place of what is read.
	for i := range len(po.Levels) - 1 {
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	po.EnsureDefaults()
	if desc, err := pebble.Peek(s.dbDir, s.o.FS); err == nil && desc.FormatMajorVersion > pebble.FormatNewest {
		return plugin.Fail(plugin.Environment, "state.format", fmt.Errorf("the database in state folder %s has format %d, and this weir knows formats up to %d", s.dir, desc.FormatMajorVersion, pebble.FormatNewest),
			"Use the version of weir that wrote it, or a newer one")
	}
	db, err := pebble.Open(s.dbDir, po)
	switch {
	case err == nil:
		s.db = db
		return nil
	case passing(err):
		return err
	}
	return &damage{what: "the database cannot be opened", err: err}
}

// passing reports whether an error of opening says something of the machine, not of what
// the files hold.
func passing(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && errno != syscall.ENOENT && errno != syscall.EIO
}
