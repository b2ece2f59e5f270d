package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

const (
	copyBuffer = 256 << 10
	// noteEvery is how many bytes of a copy a killed process may have to fetch again.
	noteEvery  = 64 << 20
	noteSuffix = ".sum"
)

// spoolCopy is a copy of a remote file being made. It implements io.Writer.
// Its note, a small file beside it, tells how much of it had which hash: a copy
// goes on from there, if it still has that.
type spoolCopy struct {
	out   *os.File
	name  string
	at    int64 // bytes of the file that are in out and in hash
	noted int64 // bytes that the note tells of
	hash  *xxhash.Digest
	ended func() error // the error of the run once that is over
	err   error        // of the local disk or the limits here, to be kept apart from those of the server

	limit  int64               // bytes that the file may have; 0 is no limit
	room   func(n int64) error // tells whether there is room for n bytes more; nil is always
	roomy  int64               // bytes of the file up to which there was
	began  int64               // bytes that were there before the last transfer
	tried  bool                // there was one
	behind int64               // bytes that come again, to be compared, before those that are new
}

// overlap is how many bytes a transfer that is taken up again fetches once more, at most, to
// see whether the file is still the one that was begun. Of a short copy it is an eighth, and
// of what the last transfer brought a half, so that each brings something new.
const overlap = 4 << 10

// begin says that a transfer begins, and returns from which byte of the file.
func (c *spoolCopy) begin() (from int64) {
	c.behind = min(c.at/8, overlap)
	if c.tried {
		c.behind = min(c.behind, (c.at-c.began)/2)
	}
	c.began, c.tried = c.at, true
	return c.at - c.behind
}

// again compares what comes once more with what came before, and returns the rest of p.
func (c *spoolCopy) again(p []byte) ([]byte, error) {
	n := min(int64(len(p)), c.behind)
	have := make([]byte, n)
	if _, err := c.out.ReadAt(have, c.at-c.behind); err != nil {
		c.err = spoolError(err)
		return nil, c.err
	}
	if !bytes.Equal(have, p[:n]) {
		c.err = errChanged
		return nil, c.err
	}
	c.behind -= n
	return p[n:], nil
}

// fits reports why n bytes more must not be written.
func (c *spoolCopy) fits(n int64) error {
	if c.limit > 0 && c.at+n > c.limit {
		return &tooLargeError{limit: c.limit}
	}
	if c.room != nil && c.at+n > c.roomy {
		if err := c.room(roomEvery); err != nil {
			return err
		}
		c.roomy = c.at + roomEvery
	}
	return nil
}

// openCopy begins the copy of a file of size bytes, as is told, or goes on with one that
// was begun at name and is shorter. ended tells when the run that copies is over.
func openCopy(name string, size int64, ended func() error) (*spoolCopy, error) {
	out, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, spoolError(err)
	}
	c := &spoolCopy{out: out, name: name, hash: xxhash.New(), ended: ended}
	if at, hash, ok := readNote(name + noteSuffix); ok && at < size {
		n, err := io.Copy(c.hash, io.LimitReader(out, at))
		if err == nil && n == at && c.hash.Sum64() == hash {
			c.at, c.noted = at, at
		} else {
			c.hash.Reset()
		}
	}
	if c.at == 0 {
		err = removeFile(name + noteSuffix) // it tells of something else
	}
	if err == nil {
		err = out.Truncate(c.at)
	}
	if err == nil {
		_, err = out.Seek(c.at, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(spoolError(err), out.Close())
	}
	return c, nil
}

// Write implements io.Writer. It takes all that comes: where the data ends is not for a
// told size to say. It takes nothing when the run is over: one that hung and was left behind may share the
// copy with its successor.
func (c *spoolCopy) Write(p []byte) (int, error) {
	if err := c.ended(); err != nil {
		return 0, err
	}
	all := len(p)
	if c.behind > 0 {
		var err error
		if p, err = c.again(p); err != nil {
			return 0, err
		}
	}
	if err := c.fits(int64(len(p))); err != nil {
		c.err = err
		return 0, err
	}
	n, err := c.out.Write(p)
	_, _ = c.hash.Write(p[:n]) // never fails
	c.at += int64(n)
	if err == nil && c.at-c.noted >= noteEvery {
		err = c.note()
	}
	if err != nil {
		c.err = spoolError(err)
		return all - len(p) + n, c.err
	}
	return all, nil
}

// restart begins anew.
func (c *spoolCopy) restart() error {
	c.hash.Reset()
	c.at, c.noted = 0, 0
	err := c.out.Truncate(0)
	if err == nil {
		_, err = c.out.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = removeFile(c.name + noteSuffix)
	}
	if err != nil {
		return spoolError(err)
	}
	return nil
}

// fill writes what r has. It gathers as much as buf holds before it writes:
// encrypted connections give 16 KiB at a time.
func (c *spoolCopy) fill(r io.Reader, buf []byte) error {
	for {
		n := 0
		var err error
		for n < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		if n > 0 {
			if _, werr := c.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // readers return it bare
			return nil
		case err != nil:
			return err
		}
	}
}

func (c *spoolCopy) note() error {
	c.noted = c.at
	return os.WriteFile(c.name+noteSuffix, fmt.Appendf(nil, "%d %016x", c.at, c.hash.Sum64()), 0o600)
}

// close ends the work on a copy. One that broke off is noted, to be taken up
// again; the note of a whole one is not needed any more.
func (c *spoolCopy) close(broken bool) error {
	var err error
	if broken && c.at > c.noted {
		err = c.note()
	} else if !broken && c.noted > 0 {
		err = removeFile(c.name + noteSuffix)
	}
	if err = errors.Join(err, c.out.Close()); err != nil {
		return spoolError(err)
	}
	return nil
}

func readNote(name string) (at int64, hash uint64, ok bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, false
	}
	size, sum, _ := strings.Cut(string(b), " ")
	at, aerr := strconv.ParseInt(size, 10, 64)
	hash, herr := strconv.ParseUint(sum, 16, 64)
	return at, hash, aerr == nil && herr == nil && len(sum) == 16 && at > 0
}

// finishedName is the name of a whole copy; its hash is part of it.
func finishedName(id string, hash uint64) string { return fmt.Sprintf("%s.%016x", id, hash) }

// finished finds, among what an earlier run left of a file, the whole copy of
// it; "" when there is none. What has not the content it should have is removed.
func finished(names []string, size int64) (name string, hash uint64, err error) {
	for _, n := range names {
		want, perr := strconv.ParseUint(strings.TrimPrefix(filepath.Ext(n), "."), 16, 64)
		if perr != nil {
			continue // a part, or its note
		}
		have, got, err := hashFile(n)
		if err != nil {
			return "", 0, spoolError(err)
		}
		if have == size && got == want {
			return n, got, nil
		}
		if err := removeFile(n); err != nil {
			return "", 0, err
		}
	}
	return "", 0, nil
}

func hashFile(name string) (size int64, sum uint64, err error) {
	in, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	h := xxhash.New()
	size, err = io.Copy(h, in)
	return size, h.Sum64(), errors.Join(err, in.Close())
}

// removeCopy removes a copy that was begun, with its note.
func removeCopy(name string) error {
	for _, n := range []string{name + noteSuffix, strings.TrimSuffix(name, partial) + infoSuffix} {
		if err := removeFile(n); err != nil {
			return err
		}
	}
	return removeFile(name)
}

func removeFile(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return spoolError(err)
	}
	return nil
}
