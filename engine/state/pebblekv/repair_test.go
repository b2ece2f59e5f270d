package pebblekv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/engine/state/pebblekv"
)

// repair salvages the store in dir, all of it, and returns what was found and what was kept of the
// old files.
func repair(t *testing.T, dir string) (damages []string, ranges int, unordered bool, kept string) {
	t.Helper()
	r, err := pebblekv.Examine(dir, pebblekv.Options{MemTableBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	kept, err = r.Write(r.Scan)
	if err != nil {
		t.Fatal(err)
	}
	return r.Damages, len(r.Lost), r.Unordered, kept
}

// TestRepairAnywhere: whatever byte of whatever file is changed, and wherever one is cut or gone, a
// repair says what is wrong and leaves a store that opens and can be written to. Without
// ranges that are lost it is the store as it was after some commit; with them, no value is one that
// was replaced. The files that were found are kept.
func TestRepairAnywhere(t *testing.T) {
	for _, clean := range []bool{true, false} {
		good := t.TempDir()
		commits := damageStore(t, good, clean)
		rng := rand.New(rand.NewPCG(3, 4))
		prefixes, holes, least := 0, 0, commits
		for round := range 40 {
			dir := copyOf(t, good)
			what := harm(t, rng, dir)
			if _, err := reads(copyOf(t, dir)); err == nil {
				continue // it was nothing that counts
			}
			damages, ranges, unordered, kept := repair(t, dir)
			name := fmt.Sprintf("clean %v, round %d, %s", clean, round, what)
			if len(damages) == 0 {
				t.Errorf("%s: nothing was found wrong", name)
			}
			if _, err := os.Stat(filepath.Join(dir, kept, "weir-state")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			n, err := reads(dir)
			switch {
			case unordered || ranges > 0:
				if holes++; err != nil && !strings.Contains(err.Error(), " keys of ") {
					t.Errorf("%s: %v", name, err)
				}
			case err != nil:
				t.Errorf("%s: %v; found: %s", name, err, damages)
			default:
				prefixes++
				least = min(least, n)
			}
			s := open(t, dir, pebblekv.Options{})
			apply(t, s, put("x", "1"))
			if err := s.Close(); err != nil {
				t.Error(name, err)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if prefixes < 2 || holes < 3 || least == commits {
			t.Errorf("clean %v: %d repairs gave a store of some moment, the earliest after %d of %d commits, %d one with holes", clean, prefixes, least, commits, holes)
		}
	}
}

// TestRepairOfTables: what cannot be read of a table is lost with what lies under it, and
// nothing else is.
func TestRepairOfTables(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, pebblekv.Options{MemTableBytes: 2 << 20})
	for round := range 40 { // so that there are tables of several ages
		w := put("n", fmt.Sprint(round))
		for i := range 500 {
			w.Put(fmt.Appendf(nil, "k%05d", i), bytes.Repeat([]byte{byte(round)}, 200))
		}
		apply(t, s, w)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoilTables(t, dir, func(b []byte) { b[len(b)/3] ^= 0x55 })
	damages, ranges, unordered, _ := repair(t, dir)
	if len(damages) == 0 || ranges == 0 || unordered {
		t.Errorf("found %q, %d ranges, unordered %v", damages, ranges, unordered)
	}
	s = open(t, dir, pebblekv.Options{})
	defer s.Close() //nolint:errcheck // only read
	keys := 0
	err := s.Scan([]byte("k"), []byte("l"), func(k, v []byte) bool {
		if keys++; !bytes.Equal(v, bytes.Repeat([]byte{39}, 200)) {
			t.Errorf("%s has the value of commit %d", k, v[0])
		}
		return true
	})
	if err != nil || keys < 100 || keys == 500 {
		t.Errorf("%d of 500 keys are left, %v", keys, err)
	}
}

// TestRepairOfNames: a folder whose small files are gone or mangled is found all the same.
func TestRepairOfNames(t *testing.T) {
	for _, tc := range []struct{ file, content string }{
		{"active", "nonsense"},
		{"weir-state", "nonsense"},
		{"db/weir-end", ""},
	} {
		dir := t.TempDir()
		commits := damageStore(t, dir, true)
		var err error
		if name := filepath.Join(dir, tc.file); tc.content == "" {
			err = os.Remove(name)
		} else {
			err = os.WriteFile(name, []byte(tc.content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = pebblekv.Open(dir, pebblekv.Options{})
		wantFailure(t, err, "state.damaged", "weir state repair")
		damages, ranges, unordered, _ := repair(t, dir)
		if n, err := reads(dir); err != nil || n != commits || len(damages) != 1 || ranges > 0 || unordered {
			t.Errorf("%s: %d of %d commits, %v; found %q", tc.file, n, commits, err, damages)
		}
	}
}

// TestRepairOfSound: a look at a store with nothing wrong finds nothing and changes nothing, and one
// that a process has open is refused.
func TestRepairOfSound(t *testing.T) {
	dir := t.TempDir()
	damageStore(t, dir, false)
	r, err := pebblekv.Examine(dir, pebblekv.Options{})
	if err != nil || len(r.Damages) > 0 || r.Keys == 0 {
		t.Fatalf("%v %+v", err, r)
	}
	if _, err := pebblekv.Open(dir, pebblekv.Options{}); err == nil {
		t.Error("the folder can be opened while it is examined")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, pebblekv.Options{})
	if _, err := pebblekv.Examine(dir, pebblekv.Options{}); err == nil {
		t.Error("a store that is open can be repaired")
	} else {
		wantFailure(t, err, "state.locked", "")
	}
	if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
		t.Error(err)
	}
	if _, err := pebblekv.Examine(dir, pebblekv.Options{}); err == nil {
		t.Error("a folder that is not there can be repaired")
	}
}
