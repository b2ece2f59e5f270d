package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/diag"
)

// Limits on what is accepted, so that no file can exhaust memory or the stack.
const (
	maxFileSize = 2 << 20
	maxSources  = 64 << 20 // all configuration files together
)

// Snapshot holds the bytes of everything a configuration was read from, and what
// was looked at on the way. Loading and planning fill it in one goroutine; after
// that it is only read.
type Snapshot struct {
	Sources map[string][]byte // configuration files by name; Shown has what may be printed
	Others  map[string][]byte // what file() read; may hold secrets, never printed
	parsed  map[string]*hcl.File
	size    int // bytes in Sources
	budget  *budget
	cache   *Cache               // nil without one
	clean   map[string]*hcl.File // of parsed, those without problems

	edited edits                  // what takes the place of files, see Inputs
	had    func(name string) bool // see Inputs

	inTurn   bool     // nothing is parsed ahead
	early    *early   // what is; nil when nothing was
	shed     []string // files in parsed that no module needs now, the latest last
	shedSize int      // of these, in bytes

	root   string                 // the folder of the root module
	found  map[string]fs.FileInfo // every file looked for, as it was before it was read; nil when it was not found
	listed map[string][]string    // every folder looked for, with the names that Listed accepts

	shown     map[string]bool        // of Others, what file() read and not only secret()
	env       map[string]envValue    // what env() returned
	secretEnv map[string]envValue    // what secret() returned; never printed
	vars      map[string]cty.Value   // of the root module
	hidden    map[string][]hcl.Range // where sources spell out secrets
	unshown   map[string][]hcl.Range // the same for what is printed; nil for a whole file
}

func newSnapshot() *Snapshot {
	return &Snapshot{
		Sources: map[string][]byte{}, Others: map[string][]byte{}, parsed: map[string]*hcl.File{}, budget: &budget{left: maxValues},
		found: map[string]fs.FileInfo{}, listed: map[string][]string{}, shown: map[string]bool{},
		clean: map[string]*hcl.File{}, env: map[string]envValue{}, secretEnv: map[string]envValue{}, hidden: map[string][]hcl.Range{}, unshown: map[string][]hcl.Range{},
	}
}

// Roots returns the configurations that path names: path itself when it is a
// file or holds configuration files, else each folder directly below it that does.
func Roots(path string) ([]string, diag.List) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, diag.List{diag.Errorf("config.not_found", nil, "No such file or folder: "+path, "")}
	}
	if !st.IsDir() || len(configFiles(path)) > 0 {
		return []string{path}, nil
	}
	entries, _ := os.ReadDir(path)
	var out []string
	for _, e := range entries {
		if dir := filepath.Join(path, e.Name()); e.IsDir() && len(configFiles(dir)) > 0 {
			out = append(out, dir)
		}
	}
	if len(out) == 0 {
		return nil, diag.List{diag.Errorf("config.empty", nil, "No configuration in "+path,
			"The folder holds no file ending in .hcl, and neither do the folders directly in it.")}
	}
	return out, nil
}

// parse reads and parses one file. The same file is read once, also when two modules share it.
func (s *Snapshot) parse(name string) (*hcl.File, diag.List) {
	if f, ok := s.parsed[name]; ok {
		return f, nil
	}
	src, ds := s.source(name)
	if ds != nil {
		return nil, ds
	}
	if f := s.cache.known(name, src); f != nil {
		s.parsed[name], s.clean[name] = f, f
		s.Sources[name] = s.cache.files[name].src // the ranges of f, and what is shown, are of one text
		return f, nil
	}
	if s.size > maxSources {
		return nil, diag.List{diag.Errorf("config.too_large", nil, "The configuration is too large",
			"With %s its files have more than %d MiB together.", name, maxSources>>20)}
	}
	f, ds, ok := s.early.parsed(name, src)
	if !ok {
		f, ds = parseSource(name, src, s.budget)
	}
	if f == nil {
		return nil, ds
	}
	s.parsed[name] = f
	s.keepClean(name, f, ds)
	return f, ds
}

// parseSource parses a file whose values will be charged to b. The file is nil when it
// is refused.
func parseSource(name string, src []byte, b *budget) (*hcl.File, diag.List) {
	if strings.HasSuffix(name, ".json") {
		if ds := tooDeepJSON(name, src); ds != nil {
			return nil, ds
		}
		f, hd := json.Parse(src, name)
		return f, diag.FromHCL("config.syntax", hd)
	}
	if ds := tooDeep(name, src); ds != nil {
		return nil, ds
	}
	f, hd := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	ds := syntaxProblems(name, src, hd)
	if body, ok := f.Body.(*hclsyntax.Body); ok {
		if found := prepare(body, src, b); !hd.HasErrors() { // after a syntax error the structure is a guess
			ds = append(ds, found...)
		}
	}
	return f, ds
}

// source reads a configuration file, once.
func (s *Snapshot) source(name string) ([]byte, diag.List) {
	if src, ok := s.Sources[name]; ok {
		return src, nil
	}
	src, info, ds, ok := s.early.read(name)
	if !ok {
		src, info, ds = s.edited.readLimited(name)
	}
	s.looked(name, info)
	if ds == nil {
		ds = s.emptied(name, src)
	}
	if ds == nil {
		s.Sources[name] = src
		s.size += len(src)
	}
	return src, ds
}

// still reports whether a configuration file holds src, which is then what is kept of it.
func (s *Snapshot) still(name string, src []byte) bool {
	now, ds := s.source(name)
	if ds != nil || !bytes.Equal(now, src) {
		return false
	}
	s.Sources[name] = src
	return true
}

// open opens a regular file for reading. info is how it was found, nil when there is none.
func open(name string) (f *os.File, info fs.FileInfo, err error) {
	// Opening a pipe that nobody writes to would wait for ever.
	if info, err = os.Stat(name); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errNotRegular
	}
	if f, err = os.Open(name); err != nil {
		return nil, info, err
	}
	// What was opened may be another file by now.
	if info, err = f.Stat(); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

var errNotRegular = errors.New("it is not a regular file")

// readLimited reads a configuration file. info is how it was found, nil when there is none.
func (e edits) readLimited(name string) (src []byte, info fs.FileInfo, ds diag.List) {
	f, info, err := e.open(name)
	if err != nil {
		return nil, info, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+name, "%s.", reason(err))}
	}
	defer f.Close() //nolint:errcheck // opened for reading
	src, err = io.ReadAll(io.LimitReader(f, maxFileSize+1))
	rng := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	switch {
	case err != nil:
		return nil, info, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+name, "%s.", reason(err))}
	case len(src) > maxFileSize:
		return nil, info, diag.List{diag.Errorf("config.too_large", &rng, "File is too large",
			"%s has more than %d MiB; configuration files are smaller. Is it data?", name, maxFileSize>>20)}
	case !utf8.Valid(src):
		n := 0
		for n < len(src) {
			r, w := utf8.DecodeRune(src[n:])
			if r == utf8.RuneError && w == 1 {
				break
			}
			n += w
		}
		at := posAt(name, src, n)
		return src, info, diag.List{diag.Errorf("config.not_utf8", &at, "File is not UTF-8",
			"Byte %d of %s is not part of a character.%s Save the file as UTF-8.", n+1, name, otherEncoding(src))}
	}
	return src, info, nil
}

func posAt(name string, src []byte, off int) hcl.Range {
	p := hcl.InitialPos
	for i := 0; i < off; {
		r, w := utf8.DecodeRune(src[i:])
		i += w
		p.Column++
		if r == '\n' {
			p.Line, p.Column = p.Line+1, 1
		}
	}
	p.Byte = off
	return hcl.Range{Filename: name, Start: p, End: p}
}

func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// readOther reads a file for file(), secret() and certificates, relative to dir.
func (s *Snapshot) readOther(dir, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	if b, ok := s.Others[name]; ok {
		return b, nil
	}
	f, info, err := s.edited.open(name)
	s.looked(name, info)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %s", name, reason(err))
	}
	defer f.Close() //nolint:errcheck // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, 16<<20+1))
	if err == nil && len(b) > 16<<20 {
		err = fmt.Errorf("%s is larger than 16 MiB", name)
	}
	if err != nil {
		return nil, err
	}
	if err := s.errEmptied(name, b); err != nil {
		return nil, err
	}
	s.Others[name] = b
	return b, nil
}

// readShown is readOther for what is no secret.
func (s *Snapshot) readShown(dir, name string) ([]byte, error) {
	b, err := s.readOther(dir, name)
	if err == nil {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		s.shown[name] = true
	}
	return b, err
}
