package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

// entries lists what is in dir.
func entries(dir string) func(t *testing.T) any {
	return func(t *testing.T) any {
		t.Helper()
		found, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range found {
			out = append(out, e.Name())
		}
		return out
	}
}

func TestProbeSource(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.csv"), []byte("x"), time.Now())
	source := func(path string, create bool) *Source {
		return &Source{plugin.FileOptions{Path: filepath.Join(dir, path), Create: create}}
	}
	plugintest.Probe(t, plugintest.ProbeCase{
		Good: source("*.csv", false), Look: entries(dir),
	})
	if err := source("none/*.csv", true).Probe(t.Context(), plugintest.NewHost(t, nil)); err != nil {
		t.Errorf("a run makes the folder: %v", err)
	}
	err := source("none/*.csv", false).Probe(t.Context(), plugintest.NewHost(t, nil))
	var f *plugin.Failure
	if !errors.As(err, &f) || f.Class != plugin.Environment || f.Code != "env.missing_folder" || !strings.Contains(err.Error(), "In "+dir+" there are a.csv.") {
		t.Errorf("Probe = %v", err)
	}
}

func TestProbeSink(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "out.csv"), []byte("x"), time.Now())
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	sink := func(path string) *Sink { return &Sink{path: filepath.Join(dir, path), timezone: "UTC", mode: "0640"} }
	refused := map[string]plugintest.Refused{
		"no folder":      {Prober: sink("none/out.csv"), Class: plugin.Environment},
		"a file instead": {Prober: sink("out.csv/out.csv"), Class: plugin.Environment},
	}
	if os.Getuid() != 0 { // root may write everywhere
		refused["no right"] = plugintest.Refused{Prober: sink("locked/out.csv"), Class: plugin.Environment}
	}
	plugintest.Probe(t, plugintest.ProbeCase{Good: sink("out-%Y.csv"), Look: entries(dir), Refused: refused})
}
