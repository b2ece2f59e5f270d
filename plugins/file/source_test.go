package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

func openLocal(t *testing.T) plugin.FileSystem {
	t.Helper()
	f, err := (&Source{}).OpenFS(t.Context(), plugintest.NewHost(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, p string, data []byte, at time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(p, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFileSystemConformance(t *testing.T) {
	plugintest.FileSystem(t, plugintest.FileSystemCase{
		Root: t.TempDir(), Open: openLocal, Put: put,
		Get: func(_ *testing.T, p string) ([]byte, bool) {
			b, err := os.ReadFile(p)
			return b, err == nil
		},
	})
}

func TestListLinks(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "real", "a.csv"), []byte("abc"), time.Now())
	for name, target := range map[string]string{"file": "real/a.csv", "folder": "real", "loop": ".", "broken": "none"} {
		if err := os.Symlink(filepath.Join(dir, target), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := openLocal(t).List(t.Context(), dir)
	if err != nil || len(l) != 2 || l[0].Path != filepath.Join(dir, "file") || l[0].Size != 3 || l[1].Path != filepath.Join(dir, "real") {
		t.Errorf("List = %+v, %v", l, err)
	}
}

func TestFileCutWhileRead(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.csv")
	put(t, p, make([]byte, 100), time.Now())
	r, err := openLocal(t).Open(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err == nil || plugin.ClassOf(err) != plugin.Transient {
		t.Errorf("Close = %v", err)
	}
}

func TestMoveCopy(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	put(t, src, []byte("abc"), at)
	put(t, dst, []byte("old"), at)
	f := &fileSystem{disk: plugin.SystemMachine{}.Disk()}
	if err := f.moveCopy(src, dst); !errors.Is(err, fs.ErrExist) {
		t.Errorf("moveCopy onto a file = %v", err)
	}
	os.Remove(dst)
	if err := f.moveCopy(src, dst); err != nil {
		t.Fatal(err)
	}
	in, err := os.Stat(dst)
	if err != nil || in.Size() != 3 || !in.ModTime().Equal(at) {
		t.Errorf("the copy: %v, %v", in, err)
	}
	if l, _ := os.ReadDir(dir); len(l) != 1 {
		t.Errorf("left behind: %v", l)
	}
}

// TestArchiveIsTheFolder: an archive that links make the folder of the source is refused, since
// what is moved there would be read again; another one is not.
func TestArchiveIsTheFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "in", "sub", "a.csv"), []byte("a"), time.Now())
	put(t, filepath.Join(dir, "old", "b.csv"), []byte("b"), time.Now())
	for name, target := range map[string]string{"done": "in", "deep": "in/sub", "other": "old", "again": "done"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path, after string
		refused     bool
	}{
		{"in/*.csv", "move DIR/done", true}, {"in/*.csv", "move DIR/again", true}, {"in/**/*.csv", "move DIR/deep", true}, {"again/*.csv", "move DIR/in", true},
		{"in/*.csv", "move DIR/deep", false}, {"in/*.csv", "move DIR/other", false}, {"in/*.csv", "move DIR/new", false}, {"in/*.csv", "keep", false},
	} {
		s := &Source{plugin.FileOptions{Path: filepath.Join(dir, c.path), After: strings.ReplaceAll(c.after, "DIR", dir), Ready: "now"}}
		if ds := s.FileOptions.Check(nil); ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		_, err := s.OpenFS(t.Context(), plugintest.NewHost(t, nil))
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "finds them again") {
			t.Errorf("%s, %s: %v", c.path, c.after, err)
		}
	}
}
