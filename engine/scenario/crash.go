package scenario

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// A crash in a test freezes the run at the named point: its goroutine stops
// there, the connections of the servers are closed, and the state folder is
// copied as the operating system has it, which is what a killed process leaves.
// Later runs work on the copy. The frozen run is let go when the test is over,
// with its context cancelled and its servers gone, so that nothing it does then
// reaches anything. What this cannot show is a power failure, which may lose what
// was written and not synced; the crash tests of the command kill the real process.

// pointOf maps what tests call a point to the names of package exec.
func pointOf(name string) (string, bool) {
	p, ok := map[string]string{
		"after_fetch": "fetched", "before_delivery": "delivering", "after_delivery": "delivered",
		"before_commit": "committing", "after_commit": "committed", "after_archive": "archived",
	}[name]
	return p, ok
}

func crashPoints() []string {
	return []string{"after_fetch", "before_delivery", "after_delivery", "before_commit", "after_commit", "after_archive"}
}

func checkCrash(s string) error {
	_, _, err := parseCrash(s)
	return err
}

// parseCrash reads "POINT" or "POINT N".
func parseCrash(s string) (point string, nth int, err error) {
	name, count, counted := strings.Cut(s, " ")
	point, ok := pointOf(name)
	nth = 1
	if counted {
		nth, err = strconv.Atoi(count)
	}
	if !ok || err != nil || nth < 1 {
		return "", 0, fmt.Errorf("must be one of %s, and may be followed by a number such as \"after_delivery 2\", not %q", strings.Join(crashPoints(), ", "), s)
	}
	return point, nth, nil
}

// crash waits for a run at a point. A nil crash never happens.
type crash struct {
	point   string
	nth     int
	mu      sync.Mutex
	reached chan struct{} // closed at the point
	release chan struct{} // closed to let the run go
	over    chan struct{} // closed when the run has ended
}

func newCrash(at string) *crash {
	point, nth, _ := parseCrash(at) // its form was checked
	return &crash{point: point, nth: nth, reached: make(chan struct{}), release: make(chan struct{}), over: make(chan struct{})}
}

// at is called by the run at each point.
func (c *crash) at(name string) {
	c.mu.Lock()
	here := false
	if name == c.point {
		c.nth--
		here = c.nth == 0
	}
	c.mu.Unlock()
	if here {
		close(c.reached)
		<-c.release
	}
}

// copyFolder copies a folder. Files that are gone when it comes to them are left out.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		err = copyFile(p, target)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
