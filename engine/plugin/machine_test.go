package plugin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestRenameNew: of many that take one name at the same time, one gets it, and nothing that
// is there is replaced, also where the system has no such rename.
func TestRenameNew(t *testing.T) {
	for name, rename := range map[string]func(from, to string) error{"as the system does": systemDisk{}.RenameNew, "with a claim": renameClaimed} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			to := filepath.Join(dir, "to")
			const many = 20
			got := make(chan error, many)
			for i := range many {
				from := filepath.Join(dir, string(rune('a'+i)))
				if err := os.WriteFile(from, []byte(from), 0o600); err != nil {
					t.Fatal(err)
				}
				go func() { got <- rename(from, to) }()
			}
			won := 0
			for range many {
				if err := <-got; err == nil {
					won++
				} else if !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			}
			b, err := os.ReadFile(to)
			left, lerr := filepath.Glob(filepath.Join(dir, "?"))
			if won != 1 || err != nil || len(b) == 0 || lerr != nil || len(left) != many-1 {
				t.Errorf("%d got the name, which has %q; %d are left; %v, %v", won, b, len(left), err, lerr)
			}
			if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			if err := rename(to, filepath.Join(dir, "link")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a link was replaced: %v", err)
			}
			if err := rename(filepath.Join(dir, "none"), filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
				t.Error("the claim is left")
			}
		})
	}
}
