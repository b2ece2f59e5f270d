//go:build unix

package pebblekv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

// TestCheckpoint: copies made while commits go on are each as after some commit,
// one that was done when the copy was asked for or a later one, and reading them
// takes no lock of the store.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{MemTableBytes: 2 << 20}) // small, so that tables are written and merged meanwhile
	var mu sync.Mutex
	done, stop := 0, false
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			val := fmt.Append(nil, n)
			var w kv.Writes
			for i := range crashKeys {
				w.Put(fmt.Appendf(nil, "k%04d", i), val)
				w.Put(fmt.Appendf(nil, "h%08d-%04d", n, i), val)
			}
			w.Put([]byte("n"), val)
			if err := s.Apply(&w); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			done = n
			end := stop
			mu.Unlock()
			if end {
				return
			}
		}
	})
	for range 6 {
		mu.Lock()
		before := done
		mu.Unlock()
		copied, err := s.NewCheckpoint()
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, copied, pebblekv.Options{ReadOnly: true})
		v, _, err := r.Get([]byte("n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(v))
		if n < before {
			t.Fatalf("commit %d was done, and the copy has %d", before, n)
		}
		if n > 0 {
			checkWhole(t, r, n)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := pebblekv.RemoveCheckpoint(copied); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	stop = true
	mu.Unlock()
	wg.Wait()
	if left, _ := filepath.Glob(filepath.Join(dir, "checkpoints", "*")); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// TestCheckpointLinks: tables are linked, so a copy is cheap whatever the store holds.
func TestCheckpointLinks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{MemTableBytes: 2 << 20})
	for n := range 5 { // too few for tables to be merged
		var w kv.Writes
		for i := range 2000 {
			w.Put(fmt.Appendf(nil, "%08d-%04d", i, n), fmt.Appendf(nil, "%0200d", i*n))
		}
		apply(t, s, &w)
	}
	copied := filepath.Join(dir, "copy", "of")
	if err := s.Checkpoint(copied); err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(copied, "db", "*.sst"))
	linked := 0
	for _, name := range tables {
		a, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.Stat(filepath.Join(dir, "db", filepath.Base(name))); err == nil && os.SameFile(a, b) {
			linked++
		}
	}
	if linked == 0 || len(tables) == 0 {
		t.Errorf("%d of %d tables are linked", linked, len(tables))
	}
	wantFailure(t, s.Checkpoint(copied), "state.checkpoint", "file already exists")
}

// TestCheckpointsLeft: copies that a crash left are removed at the next open, those in use are not.
func TestCheckpointsLeft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{})
	apply(t, s, put("a", "1"))
	left, err := s.NewCheckpoint()
	if err != nil {
		t.Fatal(err)
	}
	used, err := s.NewCheckpoint()
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, used, pebblekv.Options{ReadOnly: true})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, pebblekv.Options{})
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the copy that nobody reads is still there: %v", err)
	}
	wantValue(t, r, "a", "1")
}
