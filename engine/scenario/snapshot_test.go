package scenario

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A copy of a folder that is being written holds files that belong together: here b never runs
// ahead of a, as a mark never runs ahead of its log.
func TestCopyOfOneMoment(t *testing.T) {
	from := t.TempDir()
	put := func(name string, n uint64) {
		f, err := os.OpenFile(filepath.Join(from, name), os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteAt(binary.BigEndian.AppendUint64(nil, n), 0) // at once, never cut
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
	get := func(dir, name string) uint64 {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return binary.BigEndian.Uint64(b)
	}
	put("a", 0)
	put("b", 0)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				put("a", n)
				put("b", n)
			}
		}
	})
	defer writer.Wait()
	defer close(stop)
	for range 20 {
		to := t.TempDir()
		if err := copyAtOnce(from, to); err != nil {
			t.Fatal(err)
		}
		if a, b := get(to, "a"), get(to, "b"); b > a {
			t.Fatalf("the copy has a at %d and b at %d: they are not of one moment", a, b)
		}
	}
}
