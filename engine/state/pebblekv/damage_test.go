package pebblekv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/engine/plugin"
	"weir/engine/state/kv"
	"weir/engine/state/pebblekv"
)

// damageStore makes a store with tables and logs of some commits, and returns how many.
// Without a clean end it is left as a killed process leaves it.
func damageStore(t *testing.T, dir string, clean bool) int {
	t.Helper()
	at := dir
	if !clean {
		at = filepath.Join(t.TempDir(), "state")
	}
	commits := 0
	for range 2 {
		s := open(t, at, pebblekv.Options{MemTableBytes: 2 << 20})
		for range 3 {
			commits++
			var w kv.Writes
			for i := range 400 {
				w.Put(fmt.Appendf(nil, "k%05d-%02d", i, commits), bytes.Repeat([]byte{byte(commits)}, 300))
			}
			w.Put([]byte("n"), fmt.Append(nil, commits))
			apply(t, s, &w)
		}
		if !clean && commits > 3 {
			if err := os.CopyFS(dir, os.DirFS(at)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return commits
}

// reads opens the store in dir and returns how many commits it has, whole.
func reads(dir string) (n int, err error) {
	s, err := pebblekv.Open(dir, pebblekv.Options{MemTableBytes: 2 << 20})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys := 0
	err = s.Scan(nil, nil, func(k, v []byte) bool {
		if string(k) == "n" {
			n, _ = strconv.Atoi(string(v))
			return true
		}
		keys++
		c, _ := strconv.Atoi(string(k[len(k)-2:]))
		if !bytes.Equal(v, bytes.Repeat([]byte{byte(c)}, 300)) {
			keys -= 1 << 20
		}
		return true
	})
	if err == nil && keys != 400*n {
		err = fmt.Errorf("%d keys of %d commits", keys, n)
	}
	return n, err
}

// TestDamageAnywhere: whatever byte of whatever file is changed, and wherever one is cut or gone,
// the store either has every commit that was reported or says that it is damaged. It never
// silently has less, and the process goes on (I7).
func TestDamageAnywhere(t *testing.T) {
	for _, clean := range []bool{true, false} {
		good := t.TempDir()
		commits := damageStore(t, good, clean)
		if n, err := reads(copyOf(t, good)); err != nil || n != commits {
			t.Fatalf("without damage there are %d of %d commits: %v", n, commits, err)
		}
		rng, said := rand.New(rand.NewPCG(1, 2)), 0
		for round := range 60 {
			dir := copyOf(t, good)
			what := harm(t, rng, dir)
			n, err := reads(dir)
			var f *plugin.Failure
			switch {
			case err == nil && n == commits:
			case errors.As(err, &f) && f.Code == "state.damaged":
				said++
			default:
				t.Errorf("clean %v, round %d, %s: %d of %d commits, %v", clean, round, what, n, commits, err)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if said < 10 {
			t.Errorf("clean %v: damage was found in %d rounds only", clean, said)
		}
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// harm changes one file of a database at random, and says what it did.
func harm(t *testing.T, rng *rand.Rand, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "db", "*"))
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	name := all[rng.IntN(len(all))]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	what := "gone: "
	switch how := rng.IntN(4); {
	case how == 0:
		err = os.Remove(name)
	case len(b) == 0:
		return "nothing"
	case how == 1:
		at := rng.IntN(len(b))
		what = fmt.Sprintf("cut at %d of %d: ", at, len(b))
		err = os.Truncate(name, int64(at))
	default:
		at := rng.IntN(len(b))
		if end := bytes.TrimRight(b, "\x00"); how == 2 && len(end) > 0 { // near the end of what was written
			at = max(0, len(end)-1-rng.IntN(min(len(end), 64)))
		}
		b[at] ^= byte(1 + rng.IntN(255))
		what = fmt.Sprintf("byte %d of %d: ", at, len(b))
		err = os.WriteFile(name, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return what + filepath.Base(name)
}

// spoilTables changes the bytes of every table of a store.
func spoilTables(t *testing.T, dir string, how func(b []byte)) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal("no tables", err)
	}
	for _, name := range tables {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		how(b)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedEnd: a log that lost its last commit is damage, after a clean end and
// after a kill, for whoever reads and for whoever writes.
func TestDamagedEnd(t *testing.T) {
	for _, clean := range []bool{true, false} {
		good := t.TempDir()
		damageStore(t, good, clean)
		logs, err := filepath.Glob(filepath.Join(good, "db", "*.log"))
		if err != nil || len(logs) == 0 {
			t.Fatal("no logs", err)
		}
		last := filepath.Base(logs[len(logs)-1])
		for _, ro := range []bool{true, false} {
			dir := copyOf(t, good)
			b, err := os.ReadFile(filepath.Join(dir, "db", last))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, "db", last), int64(len(bytes.TrimRight(b, "\x00"))/2)); err != nil {
				t.Fatal(err)
			}
			_, err = pebblekv.Open(dir, pebblekv.Options{ReadOnly: ro})
			wantFailure(t, err, "state.damaged", last)
			if !strings.Contains(err.Error(), "damaged") {
				t.Error(err)
			}
		}
	}
}

// TestDamagedWhileOpen: a table that goes bad under a running store is an error of what is read
// of it, and from then on nothing is committed; closing ends, and so does what the
// database does of its own.
func TestDamagedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	damageStore(t, dir, true)
	s := open(t, dir, pebblekv.Options{MemTableBytes: 2 << 20})
	if err := s.Health(); err != nil {
		t.Fatal(err)
	}
	spoilTables(t, dir, func(b []byte) {
		for i := range len(b) - 4096 { // the end tells where the blocks are
			b[i] ^= 0x55
		}
	})
	err := s.Scan(nil, nil, func(_, _ []byte) bool { return true })
	wantFailure(t, err, "state.damaged", dir)
	wantFailure(t, s.Health(), "state.damaged", ".sst")
	wantFailure(t, s.Apply(put("x", "1")), "state.damaged", ".sst")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFullWhileOpening: a disk without room ends opening and closing with the reason,
// whatever the database would try again.
func TestFullWhileOpening(t *testing.T) {
	dir := t.TempDir()
	damageStore(t, dir, true)
	free, broken := uint64(1<<20), error(nil)
	fs := faultyFS{vfs.Default, &free, &broken, func() {}}
	_, err := pebblekv.Open(dir, pebblekv.Options{FS: fs})
	wantFailure(t, err, "state.disk_full", "1024 KiB are free and ")
	free, broken = 1<<40, syscall.ENOSPC // what the file system says it has is not always there
	_, err = pebblekv.Open(dir, pebblekv.Options{FS: fs})
	wantFailure(t, err, "state.disk_full", "no space left")
	// A copy, because the database that was given up keeps its lock until the process ends.
	if n, err := reads(copyOf(t, dir)); err != nil || n == 0 {
		t.Errorf("with room again there are %d commits, %v", n, err)
	}
}
