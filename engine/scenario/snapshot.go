package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// copyAttempts bounds how often a folder that is being written is copied anew.
const copyAttempts = 100

// copyAtOnce makes to a copy of a folder of regular files that may be written meanwhile, as the
// folder was at one moment: what a killed process leaves behind. Files that were copied one after the
// other need not belong together, so each is read again after the last one was
// copied; only when none of them has changed did they all exist side by side.
func copyAtOnce(from, to string) error {
	for range copyAttempts {
		files, err := readFolder(from)
		if err != nil {
			return err
		}
		again, err := readFolder(from)
		if err != nil {
			return err
		}
		if sameFiles(files, again) {
			return writeFolder(to, files)
		}
	}
	return fmt.Errorf("%s was written without a pause, so no copy of one moment could be made", from)
}

// readFolder returns the content of each file by its path within the folder. A file that is gone
// when its turn comes is left out.
func readFolder(dir string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // opened for reading
	files := map[string][]byte{}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := root.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[name] = b
		return err
	})
	return files, err
}

func sameFiles(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for name, content := range a {
		if other, ok := b[name]; !ok || !bytes.Equal(content, other) {
			return false
		}
	}
	return true
}

func writeFolder(dir string, files map[string][]byte) error {
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(p, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
