package config

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
)

// edits are texts that take the place of files, see Inputs.
type edits map[string][]byte

// open opens a file for reading, or what takes its place; info is nil for that, and
// for a file that is not there. Any goroutine may call it.
func (e edits) open(name string) (f io.ReadCloser, info fs.FileInfo, err error) {
	text, ok := e[name]
	switch {
	case !ok:
		file, info, err := open(name)
		if err != nil {
			return nil, info, err
		}
		return file, info, nil
	case text == nil:
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(text)), nil, nil
}

// list returns the listed names in dir, sorted, with what takes the place of files.
func (s *Snapshot) list(dir string) []string {
	names := list(dir)
	for n, text := range s.edited {
		base := filepath.Base(n)
		if filepath.Dir(n) != filepath.Clean(dir) || !Listed(base) {
			continue
		}
		i, there := slices.BinarySearch(names, base)
		switch {
		case there && text == nil:
			names = slices.Delete(names, i, i+1)
		case !there && text != nil:
			names = slices.Insert(names, i, base)
		}
	}
	return names
}
