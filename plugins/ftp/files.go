package ftp

import (
	"errors"
	"io/fs"
	"net/textproto"
	"path"
	"strings"
	"time"

	"weir/engine/plugin"
)

// isAnswer reports errors that are about a file, not about the session.
func isAnswer(err error) bool {
	var f *plugin.Failure
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.As(err, &f)
}

func notExist(op, p string) error { return &fs.PathError{Op: op, Path: p, Err: fs.ErrNotExist} }

// refused reports whether err is a reply that says no, and not that the session is over.
func refused(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code/100 == 5
}

// answered reports whether err is a reply about one file or folder, for good or for now,
// and not one about the session.
func answered(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code >= 400 && reply.Code != 421
}

// denied reports refusals that speak of rights rather than of a missing file.
// The code is the same for both.
func denied(err error) bool {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		return false
	}
	l := strings.ToLower(reply.Msg)
	return strings.Contains(l, "permission") || strings.Contains(l, "denied") || strings.Contains(l, "not permitted")
}

// unknownCommand reports replies of servers that do not have a command.
func unknownCommand(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && (reply.Code == 500 || reply.Code == 501 || reply.Code == 502 || reply.Code == 504)
}

// size asks for a file's size; -1 when the server cannot tell.
func (s *session) size(p string) (int64, error) {
	if s.noSize {
		return -1, nil
	}
	n, err := s.lib.FileSize(p)
	if unknownCommand(err) {
		s.noSize = true
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	return n, nil
}

// isDir tells whether p is a folder that can be entered.
func (s *session) isDir(p string) (bool, error) {
	err := s.lib.ChangeDir(p)
	if refused(err) {
		return false, nil
	}
	return err == nil, err
}

// Stat implements remote.Session, with the same time that List gives.
func (s *session) Stat(p string) (plugin.FileInfo, error) {
	if s.lib.IsTimePreciseInList() {
		e, err := s.lib.GetEntry(p)
		if err == nil {
			return plugin.FileInfo{Path: p, Size: int64(e.Size), ModTime: e.Time, Dir: e.Type == 1}, nil
		}
		if !unknownCommand(err) {
			if refused(err) {
				err = notExist("stat", p)
			}
			return plugin.FileInfo{}, err
		}
	}
	if !s.mdtm || !s.cfg.ExactTimes || s.mdtmZone == nil || s.noSize {
		return s.statByList(p)
	}
	n, err := s.size(p)
	if err != nil && !answered(err) {
		return plugin.FileInfo{}, err
	}
	if err != nil || n < 0 {
		return s.statByList(p)
	}
	t, err := s.lib.GetTime(p)
	if err != nil {
		if answered(err) {
			return s.statByList(p)
		}
		return plugin.FileInfo{}, err
	}
	return plugin.FileInfo{Path: p, Size: n, ModTime: inZone(t, s.mdtmZone)}, nil
}

func (s *session) statByList(p string) (plugin.FileInfo, error) {
	if p == "/" {
		return plugin.FileInfo{Path: p, Dir: true}, nil
	}
	entries, _, err := s.list(path.Dir(p), path.Base(p))
	if err != nil {
		return plugin.FileInfo{}, err
	}
	for _, e := range entries {
		if e.Path == p {
			return e, nil
		}
	}
	// Some servers leave hidden files out of listings.
	if n, err := s.size(p); err == nil && n >= 0 {
		return plugin.FileInfo{Path: p, Size: n}, nil
	}
	return plugin.FileInfo{}, notExist("stat", p)
}

// exists reports whether anything has the name p.
func (s *session) exists(p string) (bool, error) {
	_, err := s.Stat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Rename implements remote.Session.
func (s *session) Rename(from, to string) error {
	found, err := s.exists(to)
	if err != nil {
		return err
	}
	if found {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	if found, err = s.exists(from); err != nil {
		return err
	}
	if !found {
		return notExist("rename", from)
	}
	err = s.lib.Rename(from, to)
	if !refused(err) {
		return err
	}
	if ok, derr := s.isDir(path.Dir(to)); derr == nil && !ok {
		return s.cfg.fail(plugin.Environment, "env.no_folder", "Make the folder, or let after name another", "has no folder %s to move %s to", path.Dir(to), from)
	}
	return err
}

// Remove implements remote.Session.
func (s *session) Remove(p string) error {
	err := s.lib.Delete(p)
	if !refused(err) {
		return err
	}
	if found, eerr := s.exists(p); eerr == nil && !found {
		return notExist("remove", p)
	}
	return err
}

// MakeDir implements remote.Session. It makes also what is missing above p.
func (s *session) MakeDir(p string) error {
	if ok, err := s.isDir(p); ok || err != nil {
		return err
	}
	if up := path.Dir(p); up != p {
		if err := s.MakeDir(up); err != nil {
			return err
		}
	}
	err := s.lib.MakeDir(p)
	if refused(err) {
		// Somebody else may have made it in the meantime.
		if ok, derr := s.isDir(p); ok || derr != nil {
			return derr
		}
	}
	return err
}

// inZone returns the time whose clock in zone shows what t's shows in UTC.
func inZone(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() || zone == time.UTC {
		return t
	}
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UTC()
}
