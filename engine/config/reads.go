package config

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Paths are the files and folders a configuration depends on, those included
// that were looked for and not found: creating one changes the configuration.
// Names are as they were opened, relative to the working directory unless
// absolute; sorted, each once.
type Paths struct {
	// Files were read: configuration and variable files, and the targets of
	// file() and secret("file:...").
	Files []string
	// Folders were listed: in each, every name that Listed accepts matters.
	Folders []string
}

// Listed reports whether a file of this base name belongs to the configuration
// when it lies in a folder that is listed. Tests do not, nor do names that
// editors use for temporary files.
func Listed(name string) bool {
	hidden := strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
	return !hidden && (isSource(name) || isVars(name))
}

// isSource tells configuration files from others among listed names: *.hcl and
// *.hcl.json without tests and variable files.
func isSource(n string) bool {
	return (strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json")) && !strings.HasSuffix(n, ".test.hcl") && !isVars(n)
}

func isVars(n string) bool { return strings.HasSuffix(n, ".vars.hcl") }

// list returns the listed names in dir, sorted; none when it cannot be read.
func list(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if !e.IsDir() && Listed(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out
}

// configFiles returns the paths of the configuration files in dir.
func configFiles(dir string) []string { return pick(dir, list(dir), isSource) }

func pick(dir string, names []string, keep func(string) bool) []string {
	var out []string
	for _, n := range names {
		if keep(n) {
			out = append(out, filepath.Join(dir, n))
		}
	}
	return out
}

// files is configFiles through the snapshot: a folder is listed once, and so
// contributes one set of files to everything that refers to it.
func (s *Snapshot) files(dir string, keep func(string) bool) []string {
	names, ok := s.listed[dir]
	if !ok {
		names = s.list(dir)
		s.listed[dir] = names
	}
	return pick(dir, names, keep)
}

// looked keeps how the file called name was found before it was read, nil when
// it was not; the first time counts.
func (s *Snapshot) looked(name string, info fs.FileInfo) {
	if _, ok := s.found[name]; !ok {
		s.found[name] = info
	}
}

// Paths returns what the snapshot was read from. Planning reads more files,
// those named in blocks that it decodes, so ask after that.
func (s *Snapshot) Paths() Paths {
	return Paths{Files: sortedKeys(s.found), Folders: sortedKeys(s.listed)}
}

// Found reports whether the file called name was there when it was looked for.
func (s *Snapshot) Found(name string) bool { return s.found[name] != nil }

// Changed looks at everything that was read once more. It returns one name that
// is no longer as it was, and true, when files were written while they were
// read: the snapshot may then be a mixture that never existed, and should be
// read again. False means that there was one moment at which the files held
// exactly this.
//
// Changes after the return are for package watch to see. To leave no gap, tell
// the watcher about Paths before calling Changed.
func (s *Snapshot) Changed() (name string, changed bool) {
	for _, dir := range sortedKeys(s.listed) {
		if !slices.Equal(s.list(dir), s.listed[dir]) {
			return dir, true
		}
	}
	for _, n := range sortedKeys(s.found) {
		if _, ok := s.edited[n]; ok {
			continue
		}
		info, err := os.Stat(n)
		if err != nil {
			info = nil
		}
		if !sameInfo(s.found[n], info) {
			return n, true
		}
	}
	// A file written twice within one tick of the file system's clock shows the
	// same size and time, so that only the content tells.
	for _, read := range []map[string][]byte{s.Sources, s.Others} {
		for _, n := range sortedKeys(read) {
			if !s.holds(n, read[n]) {
				return n, true
			}
		}
	}
	return "", false
}

// sameInfo reports whether two looks at one name found the same file unchanged; nil is no file.
func sameInfo(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// holds reports whether the file called name holds exactly want.
func (s *Snapshot) holds(name string, want []byte) bool {
	f, _, err := s.edited.open(name)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // opened for reading
	got, err := io.ReadAll(io.LimitReader(f, int64(len(want))+1))
	return err == nil && bytes.Equal(got, want)
}
