package files_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"weir/engine/files"
	"weir/engine/plugin"
)

func readAt(t *testing.T, f *files.File, offset int64, n int) (string, error) {
	t.Helper()
	b, err := f.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // opened for reading
	at, ok := b.(io.ReaderAt)
	if !ok {
		t.Fatalf("%T is no io.ReaderAt", b)
	}
	buf := make([]byte, n)
	k, err := at.ReadAt(buf, offset)
	return string(buf[:k]), err
}

// TestReadAt: bytes of a copy here can be read at any place, up to the end that the file had when it
// was claimed, and the file is hashed for all that.
func TestReadAt(t *testing.T) {
	w := newWorld(t, plugin.FileOptions{Ready: "now"})
	w.fs.put("/in/a.csv", "0123456789\n", noon)
	r := w.begin()
	f, err := r.set.Next(t.Context())
	w.must(err)
	copies, err := filepath.Glob(filepath.Join(w.spool, "*", "*[!n]"))
	w.must(err)
	if len(copies) != 1 {
		t.Fatal(copies)
	}
	out, err := os.OpenFile(copies[0], os.O_APPEND|os.O_WRONLY, 0) // more comes later
	w.must(err)
	_, err = out.WriteString("more")
	w.must(errors.Join(err, out.Close()))
	for _, tc := range []struct {
		offset int64
		n      int
		want   string
		err    error
	}{{0, 3, "012", nil}, {8, 3, "89\n", nil}, {8, 9, "89\n", io.EOF}, {11, 1, "", io.EOF}, {99, 1, "", io.EOF}} {
		if got, err := readAt(t, f, tc.offset, tc.n); got != tc.want || !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%d bytes at %d are %q, %v; want %q, %v", tc.n, tc.offset, got, err, tc.want, tc.err)
		}
	}
}
