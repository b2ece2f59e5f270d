package files

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"
)

// settled is how much older than a copy of it a file must be for its time to tell that it
// changed since: listings tell minutes, and clocks differ.
const settled = 2 * time.Minute

// places are how many pieces of a copy are compared with the file.
const places = 5

// leftNote returns the note of the copy that an earlier run left of c, with the time at
// which it was begun; nil when the copy cannot be gone on with. A file that was new when its
// copy was begun, or has no time, may have changed since, anywhere in it, and look the same.
func (s *Set) leftNote(c *candidate) *copyNote {
	b, err := os.ReadFile(filepath.Join(s.spoolDir(), c.id+infoSuffix))
	var n copyNote
	if err != nil || json.Unmarshal(b, &n) != nil {
		return nil
	}
	if n.Size != c.info.Size || n.ModTime.IsZero() || !n.ModTime.Equal(c.info.ModTime) || n.Began.Sub(n.ModTime) < settled {
		return nil
	}
	return &n
}

// dropLeft removes all that an earlier run left of c.
func (s *Set) dropLeft(c *candidate, part string) error {
	for _, name := range s.left[c.id] {
		if err := removeFile(name); err != nil {
			return err
		}
	}
	delete(s.left, c.id)
	return removeCopy(part)
}

// stillCopied reports whether the file on the server looks like the copy of it that an
// earlier run left: while no process looked, another of the same size and time may have
// taken its place. Five places are compared, which is all of a short file.
func (s *Set) stillCopied(ctx context.Context, c *candidate, name string) bool {
	have, err := os.Open(name)
	if err != nil {
		return false
	}
	defer have.Close() //nolint:errcheck // opened for reading
	size := c.info.Size
	at := []int64{0}
	for i := int64(1); i < places && size > overlap; i++ {
		if next := max(0, size-overlap) * i / (places - 1); next > at[len(at)-1] {
			at = append(at, next)
		}
	}
	for _, from := range at {
		want, got := make([]byte, min(size-from, overlap)), make([]byte, min(size-from, overlap))
		if _, err := have.ReadAt(want, from); err != nil && err != io.EOF { //nolint:errorlint // readers return it bare
			return false
		}
		in, err := s.FS.Open(ctx, c.info.Path, from)
		if err != nil {
			return false
		}
		_, err = io.ReadFull(in, got)
		_ = in.Close() // the rest of it is not wanted
		if err != nil || !bytes.Equal(want, got) {
			return false
		}
	}
	return true
}
