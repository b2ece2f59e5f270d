package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"weir/engine/diag"
)

// Limits on what is accepted, so that no file can exhaust memory or the stack.
const (
	maxFileSize = 2 << 20
	maxSources  = 64 << 20 // all configuration files together
)

// Snapshot holds the bytes of everything a configuration was read from.
type Snapshot struct {
	Sources map[string][]byte // configuration files by name, for printing diagnostics
	Others  map[string][]byte // what file() read; may hold secrets, never printed
	parsed  map[string]*hcl.File
	size    int // bytes in Sources
	budget  *budget
}

func newSnapshot() *Snapshot {
	return &Snapshot{Sources: map[string][]byte{}, Others: map[string][]byte{}, parsed: map[string]*hcl.File{}, budget: &budget{left: maxValues}}
}

// Revision is a digest of the content of every file read.
func (s *Snapshot) Revision() string {
	h := sha256.New()
	for _, m := range []map[string][]byte{s.Sources, s.Others} {
		names := make([]string, 0, len(m))
		for n := range m {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			h.Write(fmt.Appendf(nil, "%d:%s%d:", len(n), n, len(m[n])))
			h.Write(m[n])
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
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

// configFiles lists the configuration files of dir, sorted: *.hcl and *.hcl.json
// without tests and variable files. Names that editors use for temporary files are left out.
func configFiles(dir string) []string {
	return listFiles(dir, func(n string) bool {
		return (strings.HasSuffix(n, ".hcl") || strings.HasSuffix(n, ".hcl.json")) &&
			!strings.HasSuffix(n, ".test.hcl") && !strings.HasSuffix(n, ".vars.hcl")
	})
}

func listFiles(dir string, keep func(string) bool) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		n := e.Name()
		if e.IsDir() || strings.HasPrefix(n, ".") || strings.HasPrefix(n, "#") || strings.HasSuffix(n, "~") || !keep(n) {
			continue
		}
		out = append(out, filepath.Join(dir, n))
	}
	return out
}

// parse reads and parses one file. The same file is read once, also when two modules share it.
func (s *Snapshot) parse(name string) (*hcl.File, diag.List) {
	if f, ok := s.parsed[name]; ok {
		return f, nil
	}
	src, ds := readLimited(name)
	if ds != nil {
		return nil, ds
	}
	s.Sources[name] = src
	if s.size += len(src); s.size > maxSources {
		return nil, diag.List{diag.Errorf("config.too_large", nil, "The configuration is too large",
			"With %s its files have more than %d MiB together.", name, maxSources>>20)}
	}
	if strings.HasSuffix(name, ".json") {
		if ds := tooDeepJSON(name, src); ds != nil {
			return nil, ds
		}
		f, hd := json.Parse(src, name)
		s.parsed[name] = f
		return f, diag.FromHCL("config.syntax", hd)
	}
	if ds := tooDeep(name, src); ds != nil {
		return nil, ds
	}
	f, hd := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if body, ok := f.Body.(*hclsyntax.Body); ok {
		markOrigins(body, src)
		meter(body, s.budget)
	}
	s.parsed[name] = f
	return f, diag.FromHCL("config.syntax", hd)
}

func readLimited(name string) ([]byte, diag.List) {
	// Opening a pipe that nobody writes to would wait for ever.
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		return nil, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+name, "It is not a regular file.")}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+name, "%s.", reason(err))}
	}
	defer f.Close() //nolint:errcheck // opened for reading
	src, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	rng := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	switch {
	case err != nil:
		return nil, diag.List{diag.Errorf("config.unreadable", nil, "Cannot read "+name, "%s.", reason(err))}
	case len(src) > maxFileSize:
		return nil, diag.List{diag.Errorf("config.too_large", &rng, "File is too large",
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
		return src, diag.List{diag.Errorf("config.not_utf8", &at, "File is not UTF-8",
			"Byte %d of %s is not part of a character. Save the file as UTF-8.", n+1, name)}
	}
	return src, nil
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

// readOther reads a file for file() and for certificates, relative to dir.
func (s *Snapshot) readOther(dir, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	if b, ok := s.Others[name]; ok {
		return b, nil
	}
	f, err := os.Open(name)
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
	s.Others[name] = b
	return b, nil
}
