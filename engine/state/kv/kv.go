// Package kv is what the state store needs from a database: ordered keys,
// and sets of writes that become durable together or not at all.
//
// There are two implementations, pebblekv on disk and memkv in memory; statetest
// holds the suite that both pass.
package kv

import (
	"errors"
	"fmt"
)

// Store is an ordered map of byte strings. Its methods may be called by any
// number of goroutines at the same time. Keys order as bytes.Compare does.
type Store interface {
	// Get appends the value of key to dst and returns the result and whether
	// there is such a key. dst may be nil; it must not share memory with key.
	Get(key, dst []byte) ([]byte, bool, error)
	// Scan calls f for each key from <= k < to, ascending, until f returns
	// false; a nil to is the end of the store. It shows one moment: what is
	// applied while it runs is not seen. k and v are valid during the call only.
	Scan(from, to []byte, f func(k, v []byte) bool) error
	// Apply makes the writes durable, all or none, after checking that every
	// requirement holds; a *Conflict names the first that does not. No other
	// Apply happens between the check and the writes. After any other error it
	// is unknown whether the writes are durable, and the store refuses to go on.
	Apply(w *Writes) error
	// Close releases the store. No other method may be called at the same
	// time or later, except Close.
	Close() error
}

// Write is one change of a key.
type Write struct {
	Key, Value []byte
	Delete     bool
}

// Requirement is a condition on the present value of a key.
type Requirement struct {
	Key, Value []byte
	Absent     bool
}

// Writes collects what one Apply does. It keeps the slices it is given, so they
// must not change until Apply has returned; Reset keeps its memory. A later write
// of a key wins over an earlier one.
type Writes struct {
	List     []Write
	Requires []Requirement
}

// Put sets key to value.
func (w *Writes) Put(key, value []byte) { w.List = append(w.List, Write{Key: key, Value: value}) }

// Delete removes key, which need not be there.
func (w *Writes) Delete(key []byte) { w.List = append(w.List, Write{Key: key, Delete: true}) }

// Require makes Apply fail with a *Conflict unless key has the given value.
func (w *Writes) Require(key, value []byte) {
	w.Requires = append(w.Requires, Requirement{Key: key, Value: value})
}

// RequireAbsent makes Apply fail with a *Conflict when key is there.
func (w *Writes) RequireAbsent(key []byte) {
	w.Requires = append(w.Requires, Requirement{Key: key, Absent: true})
}

// Bytes returns the size of all keys and values written.
func (w *Writes) Bytes() int {
	n := 0
	for i := range w.List {
		n += len(w.List[i].Key) + len(w.List[i].Value)
	}
	return n
}

// Reset empties w. It lets go of the slices it was given.
func (w *Writes) Reset() {
	clear(w.List)
	clear(w.Requires)
	w.List, w.Requires = w.List[:0], w.Requires[:0]
}

// Conflict says that a requirement of an Apply did not hold; nothing was written.
type Conflict struct{ Key []byte }

// Error implements error.
func (c *Conflict) Error() string { return fmt.Sprintf("another writer changed key %x", c.Key) }

// TakenOver says that another process took the state folder over, by somebody's
// explicit wish, from this one, which had it open. Whatever this process reported as
// done is known to the other; nothing that it writes from now on is in anybody's view.
type TakenOver struct{ Dir string }

// Error implements error.
func (t *TakenOver) Error() string {
	return fmt.Sprintf("State folder %s was taken over by another weir process. "+
		"Nothing that this one did since is kept; it has to end", t.Dir)
}

// Gone says that the state folder of an open store is not there any more: it was deleted
// or moved away, or something else stands in its place. Nothing that this process writes
// from now on is in anybody's view.
type Gone struct{ Dir string }

// Error implements error.
func (g *Gone) Error() string {
	return fmt.Sprintf("State folder %s is gone: it was deleted, moved away or replaced while this process had it open. "+
		"Nothing that it did since is kept; it has to end. Put the folder back, if it was moved, and start again", g.Dir)
}

// Lost returns the *TakenOver or *Gone that err is caused by, nil when it is another.
func Lost(err error) error {
	var taken *TakenOver
	if errors.As(err, &taken) {
		return taken
	}
	var gone *Gone
	if errors.As(err, &gone) {
		return gone
	}
	return nil
}

// ErrClosed is returned by methods called after Close.
var ErrClosed = errors.New("the state store is closed")

// Locked says that another process has the state folder open.
type Locked struct {
	Dir string
	PID int // of the other process; 0 when unknown
}

// Error implements error.
func (l *Locked) Error() string {
	who := ""
	if l.PID != 0 {
		who = fmt.Sprintf(" (pid %d)", l.PID)
	}
	return fmt.Sprintf("State folder %s is in use by another weir process%s: "+
		"one process at a time may write to it. Stop that process, or give this one a folder of its own with --state", l.Dir, who)
}
