package files

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/engine/plugin"
	"weir/engine/state"
)

// infoSuffix is that of the file beside a copy that tells what it is a copy of.
const infoSuffix = ".json"

// copyNote tells what a copy in the spool folder is of. Some servers give a file
// once and forget it; then the copy is all there is, also for the next process.
type copyNote struct {
	Path    string
	Size    int64 // as the server told it
	ModTime time.Time
	Marker  string
	Began   time.Time // when the copy was
	Bytes   int64     // that came, when it came whole; else 0
	Forgot  bool      // the server did not have it any more then
}

func (n *copyNote) info() plugin.FileInfo {
	return plugin.FileInfo{Path: n.Path, Size: n.Size, ModTime: n.ModTime}
}

// write writes the note of the copy with the given identity.
func (n *copyNote) write(dir, id string) error {
	b, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, id+infoSuffix), b, 0o600)
	}
	if err != nil {
		return spoolError(err)
	}
	return nil
}

// keep makes the copy at name, of a file that the server has forgotten, survive a
// power cut together with its note.
func (n *copyNote) keep(dir, id, name string) error {
	if err := n.write(dir, id); err != nil {
		return err
	}
	for _, p := range []string{name, filepath.Join(dir, id+infoSuffix), dir} {
		f, err := os.Open(p)
		if err != nil {
			return spoolError(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return spoolError(err)
		}
	}
	return nil
}

// takeUpCopies adds to the queue the files that runs before copied whole and did not
// read to their end, and that the server has forgotten since. It returns their paths.
func (s *Set) takeUpCopies(listed map[string]plugin.FileInfo) (map[string]bool, error) {
	if s.Source.Local() {
		return nil, nil
	}
	dir := s.spoolDir()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, spoolError(err)
	}
	copied := map[string]bool{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), infoSuffix)
		if !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		var n copyNote
		if err != nil || json.Unmarshal(b, &n) != nil {
			continue // a power cut left it; it is cleaned away
		}
		if _, there := listed[n.Path]; there && !n.Forgot {
			continue // what is listed counts
		}
		c, err := s.orphan(dir, id, &n)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		copied[n.Path] = true
		s.afterOrphan(n.Path)
		s.queue = append(s.queue, c)
	}
	return copied, nil
}

// orphan returns the file whose copy has the given identity, nil when the copy is not
// whole, or was read.
func (s *Set) orphan(dir, id string, n *copyNote) (*candidate, error) {
	c := &candidate{info: n.info(), id: id, marker: n.Marker, copied: n}
	var err error
	if c.entry, c.known, err = s.Ledger.Object(n.Path); err != nil {
		return nil, err
	}
	if c.known && c.entry.ID == id {
		if c.entry.State != state.FileReading {
			return nil, nil
		}
		c.begun = true
	}
	whole, err := filepath.Glob(filepath.Join(dir, id+".*"))
	if err != nil {
		return nil, spoolError(err)
	}
	size := max(n.Size, n.Bytes)
	if n.Bytes > 0 {
		size = n.Bytes
	}
	for _, name := range whole {
		switch filepath.Ext(name) {
		case infoSuffix, noteSuffix:
			continue
		}
		// A part that has all of the file only lacks its new name.
		if in, err := os.Stat(name); err == nil && in.Size() == size {
			return c, nil
		}
	}
	s.notice("run.file_lost", "A file was gone before all of it was copied", "%s is not on the server any more, and only a part of it came. It is not read.", n.Path)
	return nil, nil
}

// afterOrphan leaves a newer upload of a name for the next run: the one before it,
// whose copy is here, is read first.
func (s *Set) afterOrphan(path string) {
	for i, c := range s.queue {
		if c.info.Path == path {
			s.wait(c, "an earlier upload of that name, which the server gave once, is read first")
			s.queue = append(s.queue[:i:i], s.queue[i+1:]...)
			return
		}
	}
}
