package sftp

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/pkg/sftp"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

func pathError(op, p string, err error) error { return &fs.PathError{Op: op, Path: p, Err: err} }

// List implements remote.Session.
func (s *session) List(dir string) (out []plugin.FileInfo, odd remote.Odd, err error) {
	end := s.guard.Allow(remote.MaxListing, remote.ErrListing)
	entries, err := s.lib.ReadDir(dir)
	end()
	if err != nil {
		return nil, odd, s.notExist("list", dir, err)
	}
	for _, e := range entries {
		name := e.Name()
		if !remote.ValidName(name) {
			odd.Add(name)
			continue
		}
		in := info(path.Join(dir, name), e)
		switch mode := e.Mode(); {
		case mode&fs.ModeSymlink != 0:
			// Links to folders are left out: they may lead in circles.
			target, err := s.lib.Stat(in.Path)
			switch {
			case errors.Is(err, fs.ErrNotExist), err == nil && !target.Mode().IsRegular():
				continue
			case err != nil && s.over(err):
				return nil, odd, err
			case err == nil:
				in = info(in.Path, target)
			}
			// One whose target cannot be looked at is listed as it is: opening it says why.
		case !mode.IsRegular() && !mode.IsDir():
			continue // a device or the like
		}
		out = append(out, in)
	}
	// The library takes a connection that breaks between two parts of a listing
	// for the listing's end. An answer after it shows that it was not broken.
	if _, err := s.lib.Lstat(dir); err != nil {
		return nil, odd, s.notExist("list", dir, err)
	}
	return out, odd, nil
}

func info(p string, e os.FileInfo) plugin.FileInfo {
	return plugin.FileInfo{Path: p, Size: e.Size(), ModTime: modTime(e.ModTime()), Dir: e.IsDir()}
}

func (s *session) notExist(op, p string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return pathError(op, p, fs.ErrNotExist)
	}
	return err
}

// Stat implements remote.Session.
func (s *session) Stat(p string) (plugin.FileInfo, error) {
	e, err := s.lib.Stat(p)
	if err != nil {
		return plugin.FileInfo{}, s.notExist("stat", p, err)
	}
	return info(p, e), nil
}

// exists reports whether anything has the name p.
func (s *session) exists(p string) (bool, error) {
	_, err := s.lib.Lstat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Rename implements remote.Session. OpenSSH refuses to replace a file by itself;
// for other servers the target is looked for first.
func (s *session) Rename(from, to string) error {
	found, err := s.exists(to)
	if err != nil {
		return err
	}
	if found {
		return pathError("rename", to, fs.ErrExist)
	}
	if found, err = s.exists(from); err != nil {
		return err
	}
	if !found {
		return pathError("rename", from, fs.ErrNotExist)
	}
	s.wrote = true
	err = s.lib.Rename(from, to)
	var status *sftp.StatusError
	if !errors.As(err, &status) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if found, eerr := s.exists(to); eerr == nil && found {
		return pathError("rename", to, fs.ErrExist)
	}
	if found, eerr := s.exists(path.Dir(to)); eerr == nil && !found {
		return s.cfg.peer().Fail(plugin.Environment, "env.no_folder", "Make the folder, or let after name another", "has no folder %s to move %s to", path.Dir(to), from)
	}
	return s.notExist("rename", from, err)
}

// Remove implements remote.Session.
func (s *session) Remove(p string) error {
	e, err := s.lib.Lstat(p)
	if err != nil {
		return s.notExist("remove", p, err)
	}
	if e.IsDir() {
		return s.cfg.peer().Fail(plugin.Environment, "env.refused", "", "has a folder at %s, not a file", p)
	}
	s.wrote = true
	// The library's Remove tries to delete a folder after a refusal, and tells of that instead.
	return s.notExist("remove", p, s.lib.Remove(p))
}

// MakeDir implements remote.Session. It makes also what is missing above p.
func (s *session) MakeDir(p string) error {
	e, err := s.lib.Stat(p)
	switch {
	case err == nil && e.IsDir():
		return nil
	case err == nil:
		return s.cfg.peer().Fail(plugin.Environment, "env.refused", "", "has a file at %s, where a folder is needed", p)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if up := path.Dir(p); up != p {
		if err := s.MakeDir(up); err != nil {
			return err
		}
	}
	s.wrote = true
	if err = s.lib.Mkdir(p); err != nil && !s.over(err) {
		// Somebody else may have made it in the meantime.
		if e, serr := s.lib.Stat(p); serr == nil && e.IsDir() {
			return nil
		}
	}
	return err
}
