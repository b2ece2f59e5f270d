package pebblekv_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

// TestFolderGone: a folder that is deleted, emptied, moved away or replaced while it is open is
// noticed before anything is written in vain, and for good.
func TestFolderGone(t *testing.T) {
	for name, lose := range map[string]func(dir string) error{
		"deleted": os.RemoveAll,
		"emptied": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "db")) },
		"moved":   func(dir string) error { return os.Rename(dir, dir+"-moved") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+"-moved"), os.CopyFS(dir, os.DirFS(dir+"-moved")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s, err := pebblekv.Open(dir, pebblekv.Options{})
			if err != nil {
				t.Fatal(err)
			}
			apply(t, s, put("a", "1"))
			if err := s.Owned(); err != nil {
				t.Fatal(err)
			}
			if err := lose(dir); err != nil {
				t.Fatal(err)
			}
			var gone *kv.Gone
			if err := s.Owned(); !errors.As(err, &gone) {
				t.Errorf("a look says %v", err)
			}
			for range 2 {
				if err := s.Apply(put("a", "2")); !errors.As(err, &gone) {
					t.Errorf("a write says %v", err)
				}
			}
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
}

// TestLookThatFails: that the folder cannot be looked at before a write fails that write and no
// other; nothing is said to be damaged.
func TestLookThatFails(t *testing.T) {
	dir := t.TempDir()
	s, err := pebblekv.Open(dir, pebblekv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // of a test
	apply(t, s, put("a", "1"))
	active := filepath.Join(dir, "active")
	if err := os.Mkdir(active, 0o700); err != nil { // what stands there cannot be read
		t.Fatal(err)
	}
	if err := s.Apply(put("a", "2")); err == nil || kv.Lost(err) != nil {
		t.Errorf("a write says %v", err)
	}
	if err := s.Health(); err != nil {
		t.Errorf("it is kept: %v", err)
	}
	wantValue(t, s, "a", "1")
	if err := os.Remove(active); err != nil {
		t.Fatal(err)
	}
	apply(t, s, put("a", "3"))
	wantValue(t, s, "a", "3")
}

// TestLooksOpenNoFile: a commit looks at the folder without a descriptor, so that a want of
// them fails no commit.
func TestLooksOpenNoFile(t *testing.T) {
	s, err := pebblekv.Open(t.TempDir(), pebblekv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // of a test
	apply(t, s, put("a", "1"))
	var held []*os.File
	defer func() {
		for _, f := range held {
			_ = f.Close()
		}
	}()
	limitFiles(t, 64)
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break // there is none left
		}
		held = append(held, f)
	}
	apply(t, s, put("a", "2"))
	wantValue(t, s, "a", "2")
}
