package state

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/state/keyset"
	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

const layoutVersion = 1

// DefaultMemory is the memory of a store whose Options say nothing of it.
const DefaultMemory = 256 << 20

// Locked says that another process has the state folder open.
type Locked = kv.Locked

// TakenOver says that another process took the state folder over. It comes with ErrFenced.
type TakenOver = kv.TakenOver

// Gone says that the folder of an open store is not there any more. It comes with ErrFenced.
type Gone = kv.Gone

// Lost returns the *TakenOver or *Gone that err is caused by, nil when it is another.
func Lost(err error) error { return kv.Lost(err) }

// Options are the settings of a store. The zero value is usable.
type Options struct {
	// Memory is how many bytes the store keeps in memory at most, but for what
	// sessions have pending: five eighths for finding new keys without reading, a
	// quarter for what waits to be sorted into files, an eighth for what was
	// read. 0 is DefaultMemory. With less than 16 MiB the last two take a little more.
	Memory int64
	// TakeOver opens the folder although another process has it open, such as one
	// that hangs. That process can commit nothing from then on: it is refused with ErrFenced.
	TakeOver bool
	// SpoolLimit is for those who keep copies of files in the folder that Spool names: how
	// many bytes they may have together. 0 is no limit.
	SpoolLimit int64
	ReadOnly   bool         // for looking at it: nothing can be committed, and the folder must exist
	Log        *zap.Logger  // nil logs nothing
	Clock      plugin.Clock // nil is the machine's
}

func (o Options) withDefaults() Options {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Clock == nil {
		o.Clock = plugin.SystemClock{}
	}
	return o
}

// Store is an open state store. Its methods may be called by any number of
// goroutines; each session belongs to one.
type Store struct {
	kv    kv.Store
	clock plugin.Clock
	ro    bool
	seed  maphash.Seed

	tagSeed maphash.Seed // independent of seed

	mu      sync.Mutex
	filters map[uint32]*filter
	holds   map[string]chan struct{}

	budget *keyset.Budget // memory of the filters

	spoolLimit int64  // see Options
	identity   string // see Identity
}

// Open opens the store in folder dir, making it when there is none. Errors are
// Failures of class Environment that say what to do; *Locked is among their causes
// when another process has the folder open.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	db, err := pebblekv.Open(dir, pebblekv.Options{CacheBytes: o.Memory / 8, MemTableBytes: o.Memory / 4, TakeOver: o.TakeOver, ReadOnly: o.ReadOnly, Log: o.Log})
	if err != nil {
		return nil, err
	}
	s, err := New(db, o)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// New returns a store over db, which it closes. Runs that are recorded as under way are
// marked as interrupted, unless the store is only read: whoever began them is gone, or has
// lost the store.
func New(db kv.Store, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{kv: db, clock: o.Clock, ro: o.ReadOnly, seed: maphash.MakeSeed(), tagSeed: maphash.MakeSeed(), filters: map[uint32]*filter{}, holds: map[string]chan struct{}{}, budget: keyset.NewBudget(o.Memory / 8 * 5), spoolLimit: o.SpoolLimit}
	format := append([]byte{kindMeta}, "format"...)
	v, ok, err := db.Get(format, nil)
	switch {
	case err != nil:
		return nil, err
	case ok && checkLayout(v) != nil:
		return nil, checkLayout(v)
	case !ok && !o.ReadOnly:
		var w kv.Writes
		w.RequireAbsent(format)
		w.Put(format, []byte{layoutVersion})
		return s, s.identify(&w)
	case !o.ReadOnly:
		if err := s.identify(&kv.Writes{}); err != nil {
			return nil, err
		}
		return s, s.endRuns()
	}
	return s, nil
}

// identify gives the store the identity that it has, or a new one, which is written with w.
func (s *Store) identify(w *kv.Writes) error {
	name := append([]byte{kindMeta}, "identity"...)
	v, ok, err := s.kv.Get(name, nil)
	if err != nil {
		return err
	}
	if !ok {
		v = make([]byte, 8)
		if _, err := rand.Read(v); err != nil {
			return err
		}
		w.Put(name, v)
	}
	s.identity = hex.EncodeToString(v)
	if len(w.List) == 0 {
		return nil
	}
	return s.kv.Apply(w)
}

// Identity tells this store from all others, wherever its folder is moved; a copy of the
// folder has the same. It is "" for one that is only read.
func (s *Store) Identity() string { return s.identity }

// Close releases the store. Sessions become unusable; what they did not commit is gone.
func (s *Store) Close() error {
	s.budget.Close()
	return s.kv.Close()
}

// Owned returns an error that a *TakenOver or *Gone causes when another process took the
// folder over, or it is not there any more: nothing that is done from now on can be kept.
// Another error is that of a write which failed in a way that makes later ones unsafe, or
// says that the folder cannot be looked at for a moment. It is cheap, and needs no session.
func (s *Store) Owned() error {
	if db, ok := s.kv.(interface{ Owned() error }); ok {
		return db.Owned()
	}
	return nil
}

// Health returns why nothing can be committed any more: the folder was damaged, taken over
// or could not be written to. nil means that commits are possible as far as is known. It
// reads no file.
func (s *Store) Health() error {
	if db, ok := s.kv.(interface{ Health() error }); ok {
		return db.Health()
	}
	return nil
}

// Spool returns the name of the folder in the state folder for copies of remote
// files, which no other process writes to or removes from.
func (s *Store) Spool() string {
	if db, ok := s.kv.(interface{ Spool() string }); ok {
		return db.Spool()
	}
	return "spool"
}

// Checkpoint makes a copy of the store in folder dir, which must not exist, as it is
// between two commits. On the file system of the store this takes little time and
// space, and does not hold up commits. Open it with ReadOnly, whatever else has the store open, and
// remove it when it is closed. An error is a Failure of class Environment.
func (s *Store) Checkpoint(dir string) error {
	c, ok := s.kv.(interface{ Checkpoint(dir string) error })
	if !ok {
		return errors.New("state: this kind of store cannot be copied")
	}
	return c.Checkpoint(dir)
}

// NewCheckpoint is Checkpoint into a new folder beside the store. remove removes it;
// without that, after a crash, it goes when the store is opened the next time.
func (s *Store) NewCheckpoint() (dir string, remove func(), err error) {
	c, ok := s.kv.(*pebblekv.Store)
	if !ok {
		return "", nil, errors.New("state: this kind of store cannot be copied")
	}
	if dir, err = c.NewCheckpoint(); err != nil {
		return "", nil, err
	}
	return dir, func() { _ = pebblekv.RemoveCheckpoint(dir) }, nil // else it goes the next time
}

// numberOf returns the number of a pipeline or a space, 0 when it has none.
func (s *Store) numberOf(kind byte, name string) (uint32, error) {
	v, ok, err := s.kv.Get(append([]byte{kind}, name...), nil)
	if err != nil || !ok {
		return 0, err
	}
	if len(v) != 4 {
		return 0, damaged(fmt.Errorf("the number of %s cannot be read", name))
	}
	return binary.BigEndian.Uint32(v), nil
}

// number returns the number of a pipeline or a space, giving it one when it has none.
func (s *Store) number(kind byte, name string) (uint32, error) {
	for {
		n, err := s.numberOf(kind, name)
		if n != 0 || err != nil {
			return n, err
		}
		counter := []byte{kindMeta, kind}
		last, ok, err := s.kv.Get(counter, nil)
		if err != nil {
			return 0, err
		}
		var w kv.Writes
		n = 1
		if ok {
			n = binary.BigEndian.Uint32(last) + 1
			w.Require(counter, last)
		} else {
			w.RequireAbsent(counter)
		}
		id := binary.BigEndian.AppendUint32(nil, n)
		w.Put(counter, id)
		w.Put(append([]byte{kind}, name...), id)
		err = s.kv.Apply(&w)
		var c *kv.Conflict
		if !errors.As(err, &c) {
			return n, err
		}
	}
}

func (s *Store) filter(sid uint32) *filter {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.filters[sid]
	if f == nil {
		f = &filter{Set: s.budget.NewSet(), store: s, sid: sid}
		s.filters[sid] = f
	}
	return f
}

// Hold keeps the named shared spaces for the caller alone, waiting until they
// are free or ctx is done. Pipelines that use one entity hold its space
// while they have changes that are not committed: without it the later of two
// commits is refused with ErrShared. Spaces are taken in one order whatever the
// order of names, so holders never wait for each other in a circle. release may
// be called once, from any goroutine.
func (s *Store) Hold(ctx context.Context, names []string) (release func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var held []chan struct{}
	release = func() {
		for _, c := range held {
			<-c
		}
	}
	for _, n := range names {
		s.mu.Lock()
		c := s.holds[n]
		if c == nil {
			c = make(chan struct{}, 1)
			s.holds[n] = c
		}
		s.mu.Unlock()
		select {
		case c <- struct{}{}:
			held = append(held, c)
		case <-ctx.Done():
			release()
			return nil, ctx.Err()
		}
	}
	return release, nil
}
