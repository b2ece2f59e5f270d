package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"weir/engine/config"
	"weir/engine/plugin"
)

// modules makes n folders of files each below dir, and returns what a
// configuration made of all of them depends on.
func modules(tb testing.TB, dir string, n, files int) Paths {
	tb.Helper()
	var p Paths
	for m := range n {
		folder := filepath.Join(dir, "pipelines", fmt.Sprintf("m%d", m))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			tb.Fatal(err)
		}
		p.Folders = append(p.Folders, folder)
		for f := range files {
			name := filepath.Join(folder, fmt.Sprintf("f%d.hcl", f))
			if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
				tb.Fatal(err)
			}
			p.Files = append(p.Files, name)
		}
	}
	p.Roots = []string{filepath.Join(dir, "pipelines")}
	return p
}

// TestFewWatches checks that one watch serves all files of a folder, and all
// paths that lead through one.
func TestFewWatches(t *testing.T) {
	dir := t.TempDir()
	p := modules(t, dir, 50, 10)
	w := Start(t.Context(), Options{Clock: plugin.SystemClock{}, Names: config.Listed})
	defer w.Close()
	w.Set(p)
	above := len(parts(dir)) + 2 // with the top, and pipelines
	if st := w.Status(); st.Polling != "" || st.Folders > 50+above {
		t.Errorf("%+v; want at most %d folders", st, 50+above)
	}
	w.Set(Paths{})
	if st := w.Status(); st.Folders != 0 {
		t.Errorf("%+v after nothing matters any more", st)
	}
}

// BenchmarkSet replaces the set of 5,000 files in 500 modules: the first time,
// which adds all watches, and again, as after each load.
func BenchmarkSet(b *testing.B) {
	p := modules(b, b.TempDir(), 500, 10)
	o := Options{Clock: plugin.SystemClock{}, Names: config.Listed}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			w := Start(b.Context(), o)
			w.Set(p)
			b.ReportMetric(float64(w.Status().Folders), "watches")
			w.Close()
		}
	})
	b.Run("again", func(b *testing.B) {
		w := Start(b.Context(), o)
		defer w.Close()
		w.Set(p)
		for b.Loop() {
			w.Set(p)
		}
	})
}
