package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links one path may lead through, as on Linux.
const maxLinks = 40

// stamp is how a path was found: cheap to take, and different after almost every change.
type stamp struct {
	real   string      // the path without links; empty when there is nothing
	info   fs.FileInfo // of what it leads to
	folder bool        // only which folder it is matters, not when it was changed
}

func (s stamp) equal(o stamp) bool {
	if s.real != o.real || s.info == nil || o.info == nil {
		return s.real == o.real && s.info == nil && o.info == nil
	}
	if !os.SameFile(s.info, o.info) {
		return false
	}
	if s.folder && o.folder {
		return true
	}
	return s.info.Size() == o.info.Size() && s.info.Mode() == o.info.Mode() && s.info.ModTime().Equal(o.info.ModTime())
}

// folder is what matters among the entries of one existing folder.
type folder struct {
	info   fs.FileInfo
	files  map[string][]string // entries that are read, with the names they were given by
	way    map[string]bool     // entries that paths lead through or end at
	listed []string            // the names by which all its entries matter that Options.Names accepts
	roots  []string            // the names by which its sub-folders matter
	near   bool                // it holds what matters or a link to it, and not only a folder on the way
}

// survey is one look at everything that matters.
type survey struct {
	names   func(string) bool
	cwd     string
	folders map[string]*folder // by path without links
	stamps  map[string]stamp   // by given name, and of files in folders by the folder's given name
	looks   map[string]look
	lists   map[string][]fs.DirEntry
}

type look struct {
	info   fs.FileInfo // nil: there is nothing
	target string      // of a symbolic link
}

// take looks at everything in p.
func take(p Paths, names func(string) bool) *survey {
	s := &survey{
		names: names, folders: map[string]*folder{}, stamps: map[string]stamp{}, looks: map[string]look{}, lists: map[string][]fs.DirEntry{},
	}
	if wd, err := os.Getwd(); err == nil {
		s.cwd = wd
	}
	for _, n := range p.Roots {
		s.root(n)
	}
	for _, n := range p.Folders {
		s.folder(n)
	}
	for _, n := range p.Files {
		s.file(n, n)
	}
	return s
}

func (s *survey) root(name string) {
	real, info := s.walk(name)
	if info == nil || !info.IsDir() {
		s.file(name, name)
		return
	}
	s.folder(name)
	f := s.at(real)
	if slices.Contains(f.roots, name) {
		return
	}
	f.roots = append(f.roots, name)
	for _, e := range s.list(real) {
		if hidden(e.Name()) || !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		sub := filepath.Join(name, e.Name())
		if _, info := s.walk(sub); info != nil && info.IsDir() {
			s.entries(sub)
		}
	}
}

func hidden(n string) bool { return strings.HasPrefix(n, ".") }

// folder looks at a folder and the files in it.
func (s *survey) folder(name string) {
	real, info := s.walk(name)
	s.stamps[name] = stamp{real, info, true}
	if info != nil && info.IsDir() {
		s.entries(name)
	}
}

// entries looks at the files that matter in an existing folder.
func (s *survey) entries(name string) {
	real, _ := s.walk(name)
	f := s.at(real)
	if slices.Contains(f.listed, name) {
		return
	}
	f.near = true
	f.listed = append(f.listed, name)
	for _, e := range s.list(real) {
		if !e.IsDir() && s.names(e.Name()) {
			s.file(filepath.Join(name, e.Name()), filepath.Join(real, e.Name()))
		}
	}
}

// file looks at the file at path, which was given as name.
func (s *survey) file(name, path string) {
	if _, ok := s.stamps[name]; ok {
		return
	}
	real, info := s.walk(path)
	if info == nil {
		s.stamps[name] = stamp{}
	} else {
		s.stamps[name] = stamp{real, info, info.IsDir()}
	}
	if real != "" {
		f := s.at(filepath.Dir(real))
		base := filepath.Base(real)
		if !slices.Contains(f.files[base], name) {
			f.files[base] = append(f.files[base], name)
		}
	}
}

// walk follows path as the system does, and notes every entry on the way in its
// folder. real is the path of what it leads to without links; info is nil, and
// real empty, when it leads nowhere.
func (s *survey) walk(path string) (real string, info fs.FileInfo) {
	if !filepath.IsAbs(path) {
		path = s.cwd + string(filepath.Separator) + path
	}
	top := filepath.VolumeName(path) + string(filepath.Separator)
	cur, rest := top, parts(path)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			cur = filepath.Dir(cur)
			continue
		}
		f := s.at(cur)
		f.way[name] = true
		next := filepath.Join(cur, name)
		l := s.look(next)
		f.near = f.near || len(rest) == 0 || l.info == nil || l.target != ""
		switch {
		case l.info == nil:
			return "", nil
		case l.target != "":
			if links++; links > maxLinks {
				return "", nil
			}
			if filepath.IsAbs(l.target) {
				cur = top
			}
			rest = slices.Concat(parts(l.target), rest)
		case len(rest) > 0 && !l.info.IsDir():
			return "", nil
		default:
			cur = next
		}
	}
	return cur, s.look(cur).info
}

// parts are the components of a path after its volume.
func parts(path string) []string {
	path = filepath.ToSlash(path[len(filepath.VolumeName(path)):])
	return slices.DeleteFunc(strings.Split(path, "/"), func(p string) bool { return p == "" || p == "." })
}

// at returns the folder at a path without links, which exists.
func (s *survey) at(real string) *folder {
	f, ok := s.folders[real]
	if !ok {
		f = &folder{info: s.look(real).info, files: map[string][]string{}, way: map[string]bool{}}
		s.folders[real] = f
	}
	return f
}

// look is a look at one path, taken once in a survey.
func (s *survey) look(path string) look {
	l, ok := s.looks[path]
	if ok {
		return l
	}
	if info, err := os.Lstat(path); err == nil {
		l.info = info
		if info.Mode()&fs.ModeSymlink != 0 {
			if l.target, err = os.Readlink(path); err != nil || l.target == "" {
				l.info = nil // it is gone by now
			}
		}
	}
	s.looks[path] = l
	return l
}

func (s *survey) list(real string) []fs.DirEntry {
	l, ok := s.lists[real]
	if !ok {
		l, _ = os.ReadDir(real)
		s.lists[real] = l
	}
	return l
}

// differences are the names found otherwise in s than before, among those in both or in one of them.
func (s *survey) differences(before map[string]stamp) []string {
	var out []string
	for n, st := range s.stamps {
		if old, ok := before[n]; !ok && st.info != nil || ok && !old.equal(st) {
			out = append(out, n)
		}
	}
	for n, old := range before {
		if _, ok := s.stamps[n]; !ok && old.info != nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
