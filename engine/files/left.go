package files

import (
	"bytes"
	"context"
	"io"
	"os"
)

// stillCopied reports whether the file on the server looks like the copy of it that an
// earlier run left: while no process looked, another of the same size and time may have
// taken its place. The beginning and the end are compared, which is all of a short file.
func (s *Set) stillCopied(ctx context.Context, c *candidate, name string) bool {
	have, err := os.Open(name)
	if err != nil {
		return false
	}
	defer have.Close() //nolint:errcheck // opened for reading
	size := c.info.Size
	at := []int64{0}
	if size > overlap {
		at = append(at, size-overlap)
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
