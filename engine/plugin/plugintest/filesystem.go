package plugintest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plugin"
)

// FileSystemCase is a plugin.FileSystem to test, with a way to see the place
// behind it that does not go through the plugin.
type FileSystemCase struct {
	// Open starts a session. It is called once or more for every test.
	Open func(t *testing.T) plugin.FileSystem
	// Root is a folder that exists; the tests make folders of their own below.
	Root string
	// Put makes a file and its folders, with the given time.
	Put func(t *testing.T, path string, data []byte, mtime time.Time)
	// Get returns a file's content; ok is false when there is none.
	Get func(t *testing.T, path string) (data []byte, ok bool)
	// TimePrecision is how exact the file system's times are, at most.
	TimePrecision time.Duration
}

// FileSystem tests what plugin.FileSystem promises.
func FileSystem(t *testing.T, c FileSystemCase) {
	if c.TimePrecision == 0 {
		c.TimePrecision = time.Second
	}
	for _, tc := range []struct {
		name string
		run  func(*fsTest)
	}{
		{"list", (*fsTest).list},
		{"list of a missing folder", (*fsTest).listMissing},
		{"list of an empty folder", (*fsTest).listEmpty},
		{"unusual names", (*fsTest).names},
		{"stat", (*fsTest).stat},
		{"open", (*fsTest).open},
		{"open at an offset", (*fsTest).openOffset},
		{"open a large file", (*fsTest).openLarge},
		{"open a missing file", (*fsTest).openMissing},
		{"leave a file in the middle", (*fsTest).leave},
		{"rename", (*fsTest).rename},
		{"rename never replaces", (*fsTest).renameExisting},
		{"rename of a missing file", (*fsTest).renameMissing},
		{"remove", (*fsTest).remove},
		{"make folders", (*fsTest).makeDir},
		{"canceled context", (*fsTest).canceled},
		{"close", (*fsTest).close},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &fsTest{T: t, c: c, dir: path.Join(c.Root, "suite "+tc.name)}
			f.fs = c.Open(t)
			defer func() {
				if err := f.fs.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			tc.run(f)
		})
	}
}

type fsTest struct {
	*testing.T
	c   FileSystemCase
	fs  plugin.FileSystem
	dir string // of this test
}

// day is long ago, so that servers which show only the day of old files are tested.
func day(n int) time.Time { return time.Date(2021, 3, n, 14, 5, 6, 0, time.UTC) }

func (f *fsTest) put(name, data string, mtime time.Time) string {
	f.Helper()
	p := path.Join(f.dir, name)
	f.c.Put(f.T, p, []byte(data), mtime)
	return p
}

func (f *fsTest) read(p string, offset int64) string {
	f.Helper()
	r, err := f.fs.Open(f.Context(), p, offset)
	if err != nil {
		f.Fatalf("Open(%s, %d): %v", p, offset, err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		f.Fatalf("Read(%s): %v", p, err)
	}
	if err := r.Close(); err != nil {
		f.Fatalf("Close(%s): %v", p, err)
	}
	return string(b)
}

func (f *fsTest) want(err, target error, what string) {
	f.Helper()
	if !errors.Is(err, target) {
		f.Errorf("%s = %v, want %v", what, err, target)
	}
}

// infos lists a folder in order, with times cut to the precision.
func (f *fsTest) infos(dir string) []plugin.FileInfo {
	f.Helper()
	l, err := f.fs.List(f.Context(), dir)
	if err != nil {
		f.Fatalf("List(%s): %v", dir, err)
	}
	slices.SortFunc(l, func(a, b plugin.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	for i := range l {
		if l[i].Dir { // sizes and times of folders mean nothing
			l[i].Size, l[i].ModTime = 0, time.Time{}
		}
		l[i].ModTime = l[i].ModTime.UTC().Truncate(f.c.TimePrecision)
	}
	return l
}

func (f *fsTest) list() {
	old, recent := day(1), time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	a, b := f.put("a.csv", "123", old), f.put("b.csv", "", recent)
	f.put("sub/c.csv", "x", old)
	want := []plugin.FileInfo{
		{Path: a, Size: 3, ModTime: old.Truncate(f.c.TimePrecision)},
		{Path: b, ModTime: recent.Truncate(f.c.TimePrecision)},
		{Path: path.Join(f.dir, "sub"), Dir: true, ModTime: time.Time{}.Truncate(f.c.TimePrecision)},
	}
	if d := cmp.Diff(want, f.infos(f.dir)); d != "" {
		f.Error(d)
	}
}

func (f *fsTest) listMissing() {
	l, err := f.fs.List(f.Context(), path.Join(f.dir, "none"))
	f.want(err, fs.ErrNotExist, "List")
	if len(l) != 0 {
		f.Errorf("List = %v", l)
	}
}

func (f *fsTest) listEmpty() {
	if err := f.fs.MakeDir(f.Context(), f.dir); err != nil {
		f.Fatal(err)
	}
	if l := f.infos(f.dir); len(l) != 0 {
		f.Errorf("List = %v", l)
	}
}

func (f *fsTest) names() {
	names := []string{"-la", "[x]*?.csv", "a b  c.csv", "grün-żółć-日本.csv", "~x", `quo"te'.csv`, "{a,b}.csv"}
	slices.Sort(names)
	var want []string
	for _, n := range names {
		want = append(want, f.put(n, n, day(1)))
	}
	var got []string
	for _, in := range f.infos(f.dir) {
		got = append(got, in.Path)
		if b := f.read(in.Path, 0); b != path.Base(in.Path) {
			f.Errorf("%s holds %q", in.Path, b)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		f.Error(d)
	}
}

func (f *fsTest) stat() {
	p := f.put("a.csv", "1234", day(2))
	in, err := f.fs.Stat(f.Context(), p)
	if err != nil {
		f.Fatal(err)
	}
	listed := f.infos(f.dir)
	in.ModTime = in.ModTime.UTC().Truncate(f.c.TimePrecision)
	if d := cmp.Diff(listed, []plugin.FileInfo{in}); d != "" {
		f.Errorf("Stat and List differ: %s", d)
	}
	_, err = f.fs.Stat(f.Context(), path.Join(f.dir, "none"))
	f.want(err, fs.ErrNotExist, "Stat of a missing file")
	_, err = f.fs.Stat(f.Context(), path.Join(f.dir, "none", "none"))
	f.want(err, fs.ErrNotExist, "Stat in a missing folder")
}

func (f *fsTest) open() {
	a, b := f.put("a.csv", "hello", day(1)), f.put("empty.csv", "", day(1))
	for range 3 { // the session goes on after each
		if got := f.read(a, 0); got != "hello" {
			f.Errorf("got %q", got)
		}
		if got := f.read(b, 0); got != "" {
			f.Errorf("got %q", got)
		}
	}
}

func (f *fsTest) openOffset() {
	p := f.put("a.csv", "0123456789", day(1))
	for offset, want := range []string{"0123456789", "123456789", 9: "9", 10: ""} {
		if want == "" && offset != 10 {
			continue
		}
		if got := f.read(p, int64(offset)); got != want {
			f.Errorf("from %d: %q, want %q", offset, got, want)
		}
	}
	if r, err := f.fs.Open(f.Context(), p, 11); err == nil {
		r.Close() //nolint:errcheck // the error above is what counts
		f.Error("Open beyond the end succeeded: a file that got shorter must be noticed")
	}
	if got := f.read(p, 4); got != "456789" {
		f.Errorf("after the refusal: %q", got)
	}
}

func large(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func (f *fsTest) openLarge() {
	data := large(3<<20 + 17)
	p := f.put("large.bin", string(data), day(1))
	if got := f.read(p, 0); got != string(data) {
		f.Errorf("%d bytes differ from the %d of the file", len(got), len(data))
	}
	if got := f.read(p, 1<<20+3); got != string(data[1<<20+3:]) {
		f.Errorf("from an offset: %d bytes differ from the %d of the file", len(got), len(data)-(1<<20+3))
	}
}

func (f *fsTest) openMissing() {
	f.put("a.csv", "x", day(1))
	for _, p := range []string{path.Join(f.dir, "none.csv"), path.Join(f.dir, "none", "none.csv")} {
		r, err := f.fs.Open(f.Context(), p, 0)
		if err == nil {
			_, err = io.ReadAll(r)
			r.Close() //nolint:errcheck // the read's error counts
		}
		f.want(err, fs.ErrNotExist, "Open("+p+")")
	}
}

func (f *fsTest) leave() {
	data := large(2 << 20)
	p := f.put("large.bin", string(data), day(1))
	r, err := f.fs.Open(f.Context(), p, 0)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		f.Fatal(err)
	}
	if err := r.Close(); err != nil {
		f.Errorf("Close in the middle: %v", err)
	}
	if err := r.Close(); err != nil {
		f.Errorf("second Close: %v", err)
	}
	if got := f.read(p, 1000); got != string(data[1000:]) {
		f.Errorf("the next read got %d bytes", len(got))
	}
}

func (f *fsTest) rename() {
	a := f.put("a.csv", "x", day(1))
	to := path.Join(f.dir, "done", "a 2.csv")
	if err := f.fs.MakeDir(f.Context(), path.Dir(to)); err != nil {
		f.Fatal(err)
	}
	if err := f.fs.Rename(f.Context(), a, to); err != nil {
		f.Fatal(err)
	}
	if _, ok := f.c.Get(f.T, a); ok {
		f.Error("the old name is still there")
	}
	if b, _ := f.c.Get(f.T, to); string(b) != "x" {
		f.Errorf("the new name holds %q", b)
	}
	b := f.put("b.csv", "y", day(1))
	if err := f.fs.Rename(f.Context(), b, path.Join(f.dir, "none", "b.csv")); err == nil {
		f.Error("Rename into a missing folder succeeded")
	} else if errors.Is(err, fs.ErrExist) {
		f.Errorf("Rename into a missing folder = %v", err)
	}
	if _, ok := f.c.Get(f.T, b); !ok {
		f.Error("a failed rename lost the file")
	}
}

func (f *fsTest) renameExisting() {
	a, b := f.put("a.csv", "x", day(1)), f.put("b.csv", "old", day(1))
	f.want(f.fs.Rename(f.Context(), a, b), fs.ErrExist, "Rename")
	if got, _ := f.c.Get(f.T, b); string(got) != "old" {
		f.Errorf("the existing file was replaced: %q", got)
	}
	if got, _ := f.c.Get(f.T, a); string(got) != "x" {
		f.Errorf("the file moved is now %q", got)
	}
	f.put("sub/c.csv", "z", day(1))
	f.want(f.fs.Rename(f.Context(), a, path.Join(f.dir, "sub")), fs.ErrExist, "Rename to a folder's name")
}

func (f *fsTest) renameMissing() {
	f.put("a.csv", "x", day(1))
	err := f.fs.Rename(f.Context(), path.Join(f.dir, "none.csv"), path.Join(f.dir, "b.csv"))
	f.want(err, fs.ErrNotExist, "Rename")
}

func (f *fsTest) remove() {
	a := f.put("a.csv", "x", day(1))
	if err := f.fs.Remove(f.Context(), a); err != nil {
		f.Fatal(err)
	}
	if _, ok := f.c.Get(f.T, a); ok {
		f.Error("the file is still there")
	}
	f.want(f.fs.Remove(f.Context(), a), fs.ErrNotExist, "second Remove")
}

func (f *fsTest) makeDir() {
	dir := path.Join(f.dir, "x", "y y", "z")
	for range 2 {
		if err := f.fs.MakeDir(f.Context(), dir); err != nil {
			f.Fatal(err)
		}
	}
	if l := f.infos(path.Dir(dir)); len(l) != 1 || !l[0].Dir || l[0].Path != dir {
		f.Errorf("List = %v", l)
	}
	a := f.put("a.csv", "x", day(1))
	if err := f.fs.MakeDir(f.Context(), a); err == nil {
		f.Error("MakeDir with the name of a file succeeded")
	}
}

func (f *fsTest) canceled() {
	p := f.put("large.bin", string(large(4<<20)), day(1))
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	_, err := f.fs.List(ctx, f.dir)
	f.want(err, context.Canceled, "List")

	ctx, cancel = context.WithCancel(f.Context())
	defer cancel()
	r, err := f.fs.Open(ctx, p, 0)
	if err != nil {
		f.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, r)
	if cerr := r.Close(); err == nil && cerr == nil {
		f.Log("the transfer ended before the cancel was seen")
	} else if err != nil {
		f.want(err, context.Canceled, "Read")
	}
	if l := f.infos(f.dir); len(l) != 1 {
		f.Errorf("after a cancel, List = %v", l)
	}
}

func (f *fsTest) close() {
	f.put("a.csv", "x", day(1))
	for range 2 {
		if err := f.fs.Close(); err != nil {
			f.Errorf("Close: %v", err)
		}
	}
	if _, err := f.fs.List(f.Context(), f.dir); err == nil {
		f.Error("List after Close succeeded")
	}
	second := f.c.Open(f.T)
	defer second.Close() //nolint:errcheck // tested above
	if _, err := second.List(f.Context(), f.dir); err != nil {
		f.Errorf("List of a new session: %v", err)
	}
}
