package ftp

import (
	"bytes"
	"errors"
	"net/textproto"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jlaffaye/ftp"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
)

// entry is one line of a listing.
type entry struct {
	name string
	size int64
	time time.Time
	dir  bool
	link bool // of unknown kind
}

// List implements remote.Session.
func (s *session) List(dir string) ([]plugin.FileInfo, remote.Odd, error) { return s.list(dir, "") }

// list returns the entries of a folder; only, when not "", is the one name to
// ask exact times for. The folder is entered first: a LIST of a folder that
// does not exist is an empty listing on many servers, and arguments of LIST are
// taken for options and patterns.
func (s *session) list(dir, only string) ([]plugin.FileInfo, remote.Odd, error) {
	var odd remote.Odd
	if err := s.lib.ChangeDir(dir); refused(err) && !denied(err) {
		return nil, odd, notExist("list", dir)
	} else if err != nil {
		return nil, odd, err
	}
	s.tee = &bytes.Buffer{}
	end := s.guard.Allow(remote.MaxListing, remote.ErrListing)
	raw, err := s.lib.List("")
	end()
	lines := s.tee.String()
	s.tee = nil
	if saysEmpty(err) {
		return nil, odd, nil
	}
	if err != nil {
		return nil, odd, err
	}
	s.dataOK = true
	entries := parseMLSD(lines, &odd)
	if !s.lib.IsTimePreciseInList() {
		odd = remote.Odd{}
		entries = fromLIST(raw, lines, &odd)
	}
	if err := s.findMDTMZone(dir, entries); err != nil {
		return nil, odd, err
	}
	var out []plugin.FileInfo
	for i := range entries {
		e := &entries[i]
		if e.name == "." || e.name == ".." || only != "" && e.name != only {
			continue
		}
		if !remote.ValidName(e.name) {
			odd.Add(e.name)
			continue
		}
		in := plugin.FileInfo{Path: path.Join(dir, e.name), Size: e.size, ModTime: e.time, Dir: e.dir}
		keep, err := s.complete(&in, e.link)
		if err != nil {
			return nil, odd, err
		}
		if keep {
			out = append(out, in)
		}
	}
	return out, odd, nil
}

// saysEmpty reports replies of servers that call an empty folder, which was entered
// just before, an error.
func saysEmpty(err error) bool {
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code != 450 && reply.Code != 550 || denied(err) {
		return false
	}
	l := strings.ToLower(reply.Msg)
	for _, w := range []string{"no files", "no file found", "not found", "no such file", "no matching", "no entries", "empty"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// complete finds out what the listing does not tell: the exact time, and what
// a link leads to. Links to folders are left out: they may lead in circles.
func (s *session) complete(in *plugin.FileInfo, link bool) (keep bool, err error) {
	precise := s.lib.IsTimePreciseInList()
	if link {
		n, err := s.size(in.Path)
		if answered(err) || err == nil && n < 0 {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		in.Size = n
	}
	if in.Dir || precise && !link {
		return true, nil
	}
	if !precise {
		return true, s.exactTime(in)
	}
	if s.mdtm {
		t, err := s.lib.GetTime(in.Path)
		if err == nil {
			in.ModTime = t
		} else if !answered(err) {
			return false, err
		}
	}
	return true, nil
}

// exact is a time learned with MDTM for a file that was listed so.
type exact struct {
	size   int64
	listed time.Time
	time   time.Time
}

// byDay reports whether a listed time shows no time of day.
func byDay(t time.Time) bool { return t.Equal(t.Truncate(24 * time.Hour)) }

// findMDTMZone learns in which zone MDTM answers. It should be UTC, but some
// servers (vsftpd with use_localtime) answer in the zone of their listings: a
// file whose two times show the same clock tells. Without one that can tell,
// UTC is taken for granted until there is.
func (s *session) findMDTMZone(dir string, entries []entry) error {
	if s.mdtmZone != nil || !s.mdtm || !s.cfg.ExactTimes || s.lib.IsTimePreciseInList() {
		return nil
	}
	for _, e := range entries {
		_, offset := inZone(e.time, s.zone).In(s.zone).Zone()
		if e.dir || e.link || byDay(e.time) || offset == 0 || !remote.ValidName(e.name) {
			continue
		}
		t, err := s.lib.GetTime(path.Join(dir, e.name))
		if answered(err) {
			continue
		}
		if err != nil {
			return err
		}
		s.mdtmZone = time.UTC
		if t.Truncate(time.Minute).Equal(e.time) {
			s.mdtmZone = s.zone
		}
		clear(s.exactSeen)
		return nil
	}
	return nil
}

// maxExact bounds how many times are remembered; a session may live for months.
const maxExact = 100_000

// exactTime replaces a listed time, which shows minutes or days in the
// server's zone, by the one that MDTM tells.
func (s *session) exactTime(in *plugin.FileInfo) error {
	listed := in.ModTime
	in.ModTime = inZone(listed, s.zone)
	if !s.mdtm || !s.cfg.ExactTimes {
		return nil
	}
	if e, ok := s.exactSeen[in.Path]; ok && e.size == in.Size && e.listed.Equal(listed) {
		in.ModTime = e.time
		return nil
	}
	t, err := s.lib.GetTime(in.Path)
	if err != nil {
		if answered(err) {
			return nil
		}
		return err
	}
	if s.mdtmZone != nil {
		t = inZone(t, s.mdtmZone)
	}
	in.ModTime = t
	// A file listed by day cannot change again on the day shown, so its time
	// need not be asked again. One listed by minute still can.
	if byDay(listed) {
		if len(s.exactSeen) >= maxExact {
			clear(s.exactSeen)
		}
		s.exactSeen[in.Path] = exact{in.Size, listed, t}
	}
	return nil
}

// fromLIST takes the library's entries and counts the lines it made nothing of.
func fromLIST(raw []*ftp.Entry, lines string, odd *remote.Odd) []entry {
	out := make([]entry, 0, len(raw))
	for _, e := range raw {
		out = append(out, entry{name: e.Name, size: int64(e.Size), time: e.Time, dir: e.Type == ftp.EntryTypeFolder, link: e.Type == ftp.EntryTypeLink})
	}
	total := 0
	for line := range strings.SplitSeq(lines, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" || strings.HasPrefix(line, "total ") {
			continue
		}
		total++
	}
	if n := total - len(raw); n > 0 {
		odd.First, odd.Count = "(not in a known form)", n
	}
	return out
}

// parseMLSD reads a listing in the form of RFC 3659. The library's reader takes
// links for files and the folder itself for an entry.
func parseMLSD(lines string, odd *remote.Odd) []entry {
	var out []entry
	for line := range strings.SplitSeq(lines, "\n") {
		line = strings.TrimRight(line, "\r")
		if line == "" {
			continue
		}
		e, ok := parseFacts(line)
		switch {
		case !ok:
			odd.Add(line)
		case e.name != "":
			out = append(out, e)
		}
	}
	return out
}

// parseFacts reads "type=file;size=3;modify=20240701120000; name". The entry
// has no name when the line is about the folder itself or its parent.
func parseFacts(line string) (e entry, ok bool) {
	facts, name, ok := strings.Cut(line, " ")
	if !ok || !strings.Contains(facts, "=") {
		return e, false
	}
	e.name = name
	for fact := range strings.SplitSeq(facts, ";") {
		key, value, _ := strings.Cut(fact, "=")
		switch strings.ToLower(key) {
		case "type":
			switch kind := strings.ToLower(value); {
			case kind == "cdir", kind == "pdir":
				return entry{}, true
			case kind == "dir":
				e.dir = true
			case strings.HasPrefix(kind, "os.unix=s"):
				e.link = true
			case kind != "file":
				return entry{}, true // a device or the like
			}
		case "size":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 {
				return e, false
			}
			e.size = n
		case "modify":
			t, err := time.ParseInLocation("20060102150405", value, time.UTC)
			if err != nil {
				return e, false
			}
			e.time = t
		}
	}
	return e, true
}
