package memfs

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"
)

func TestTree(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	f := New(func() time.Time { return at })
	f.Put("/a/b/x.csv", []byte("12345"), time.Time{})
	f.Put("a/y.csv", nil, at.Add(-time.Hour))
	f.Grow("/a/b/x.csv", []byte("6"))

	got, err := f.List("/a")
	if err != nil || len(got) != 2 || !got[0].Dir || got[1].Path != "/a/y.csv" || !got[1].MTime.Equal(at.Add(-time.Hour)) {
		t.Errorf("List = %+v, %v", got, err)
	}
	for i, size := range []int64{5, 6, 6} {
		if l, _ := f.List("/a/b"); l[0].Size != size {
			t.Errorf("listing %d: size %d, want %d", i, l[0].Size, size)
		}
	}
	if err := f.Rename("/a/b", "/c"); err != nil {
		t.Fatal(err)
	}
	if got := f.Files(); !slices.Equal(got, []string{"/a/y.csv", "/c/x.csv"}) {
		t.Errorf("Files = %v", got)
	}
	if err := f.Rename("/a/y.csv", "/none/y.csv"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename into a missing folder = %v", err)
	}
	if err := f.Remove("/c"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Remove of a full folder = %v", err)
	}
	if err := f.WriteAt("/a/y.csv", []byte("z"), 2); err != nil {
		t.Fatal(err)
	}
	if b, _ := f.Get("/a/y.csv"); string(b) != "\x00\x00z" {
		t.Errorf("Get = %q", b)
	}
}
