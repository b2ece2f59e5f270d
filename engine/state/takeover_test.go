package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/engine/state"
)

// TestTakeOver: the session of a process whose folder was taken over is refused with
// ErrFenced, and the new owner has what the old one committed (I7).
func TestTakeOver(t *testing.T) {
	dir := t.TempDir()
	old, err := state.Open(dir, state.Options{})
	must(t, err)
	stale := session(t, old, "p")
	stale.Space("dedupe.a").Put([]byte("k"), []byte("1"))
	must(t, stale.Commit(t.Context()))
	stale.Space("dedupe.a").Put([]byte("k"), []byte("2"))

	s, err := state.Open(dir, state.Options{TakeOver: true})
	must(t, err)
	err = stale.Commit(t.Context())
	var taken *state.TakenOver
	if !errors.Is(err, state.ErrFenced) || !errors.As(err, &taken) || taken.Dir == "" {
		t.Fatalf("the commit of the old owner: %v", err)
	}
	if err := stale.RecordCut("s", 1); !errors.Is(err, state.ErrFenced) {
		t.Errorf("a later change of the old owner: %v", err)
	}
	if got := get(t, session(t, s, "p").Space("dedupe.a"), "k"); got != "1" {
		t.Errorf("the new owner has %s", got)
	}
	must(t, old.Close())
	must(t, s.Close())
}

// TestTakeOverOfSpool: who takes a folder over has the finished copies of remote files,
// and what the stale process does to its own does not reach them.
func TestTakeOverOfSpool(t *testing.T) {
	dir := t.TempDir()
	old, err := state.Open(dir, state.Options{})
	must(t, err)
	of := func(s *state.Store, name string) string { return filepath.Join(dir, s.Spool(), "step", name) }
	must(t, os.MkdirAll(filepath.Dir(of(old, "x")), 0o700))
	must(t, os.WriteFile(of(old, "a.1f"), []byte("whole"), 0o600))
	must(t, os.WriteFile(of(old, "b.part"), []byte("ha"), 0o600))

	s, err := state.Open(dir, state.Options{TakeOver: true})
	must(t, err)
	if s.Spool() == old.Spool() {
		t.Fatalf("both copy to %s", s.Spool())
	}
	must(t, os.Remove(of(old, "a.1f")))
	if b, err := os.ReadFile(of(s, "a.1f")); string(b) != "whole" || err != nil {
		t.Errorf("the copy of the new owner: %q, %v", b, err)
	}
	if _, err := os.Stat(of(s, "b.part")); err == nil {
		t.Error("both write to one file")
	}
	must(t, s.Close())
	must(t, old.Close())
	again, err := state.Open(dir, state.Options{})
	must(t, err)
	if b, err := os.ReadFile(of(again, "a.1f")); string(b) != "whole" || err != nil {
		t.Errorf("the copy after all has ended: %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(dir, old.Spool())); err == nil {
		t.Error("the spool that was left is still there")
	}
	must(t, again.Close())
}

// TestCheckpointOfStore: a copy is read with ReadOnly while the store is open.
func TestCheckpointOfStore(t *testing.T) {
	s, err := state.Open(t.TempDir(), state.Options{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	se := session(t, s, "p")
	se.Count(state.Counts{Read: 2, Delivered: 2})
	must(t, se.Commit(t.Context()))
	copied := filepath.Join(t.TempDir(), "copy")
	must(t, s.Checkpoint(copied))
	se.Count(state.Counts{Read: 1, Delivered: 1})
	must(t, se.Commit(t.Context()))

	r, err := state.Open(copied, state.Options{ReadOnly: true, Memory: 8 << 20})
	must(t, err)
	if tot, err := r.Totals("p"); err != nil || tot.Read != 2 {
		t.Errorf("%+v, %v", tot, err)
	}
	must(t, r.Close())

	dir, remove, err := s.NewCheckpoint()
	must(t, err)
	r, err = state.Open(dir, state.Options{ReadOnly: true})
	must(t, err)
	if tot, err := r.Totals("p"); err != nil || tot.Read != 3 {
		t.Errorf("%+v, %v", tot, err)
	}
	must(t, r.Close())
	remove()
	if left, _ := filepath.Glob(dir); len(left) != 0 {
		t.Error("the copy is not removed")
	}
	mem, _ := newStore(t)
	if err := mem.Checkpoint(dir); err == nil {
		t.Error("a store in memory was copied")
	}
}
