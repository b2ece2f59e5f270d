package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// served is a folder that weir serve, in this process and with the real watcher, runs.
type served struct {
	t    *testing.T
	dir  string
	next int // input file
}

func newServed(t *testing.T) *served {
	s := &served{t: t, dir: t.TempDir()}
	for _, d := range []string{"config", "in", "out"} {
		s.ok(os.Mkdir(filepath.Join(s.dir, d), 0o700))
	}
	return s
}

func (s *served) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) path(name string) string { return filepath.Join(s.dir, name) }

func (s *served) write(name, text string) {
	s.t.Helper()
	s.ok(os.MkdirAll(filepath.Dir(s.path(name)), 0o700))
	s.ok(os.WriteFile(s.path(name), []byte(text), 0o600))
}

// copies is a pipeline that copies in/NAME*.csv to out/NAME*.ndjson, marked.
func (s *served) copies(name, mark string) string {
	return strings.NewReplacer("NAME", name, "MARK", mark, "DIR", s.dir).Replace(`pipeline "NAME" {
  schedule = "every 1s"
  source "file" "in" {
    path  = "DIR/in/NAME*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { a = "text" }
  }
  map "m" {
    fields = { v = "'MARK:' + (a ?? '')" }
  }
  sink "file" "out" {
    path   = "DIR/out/NAME.ndjson"
    format = "ndjson"
    exists = "number"
  }
}
`)
}

// starts serves the folder until the test ends.
func (s *served) starts() {
	ctx, cancel := context.WithCancel(s.t.Context())
	over := make(chan string, 1)
	go func() {
		var out, said strings.Builder
		a := newApp(strings.NewReader(""), &out, &said)
		code := a.main(ctx, []string{"serve", s.path("config"), "--state", s.path("state"), "--listen", "off", "--quiet", "50ms"})
		over <- fmt.Sprintf("exit code %d\n%s", code, said.String())
	}()
	s.t.Cleanup(func() {
		cancel()
		if said := <-over; s.t.Failed() {
			s.t.Log(said)
		}
	})
}

// becomes feeds rows to a pipeline until one comes out with the mark.
func (s *served) becomes(what, name, mark string) {
	s.t.Helper()
	waitFor(s.t, func() bool {
		files, _ := filepath.Glob(s.path("out/" + name + "*.ndjson"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				s.t.Fatal(err)
			}
			if strings.Contains(string(b), `"`+mark+":") {
				return true
			}
		}
		if s.next++; s.next%20 == 0 {
			s.write(fmt.Sprintf("in/%s%d.csv", name, s.next), "a\n1\n")
		}
		return false
	})
	s.t.Log(what + " was seen")
}

// TestWatchedFolder: whichever way files of a folder change, the pipelines do, with
// the watcher that weir serve has.
func TestWatchedFolder(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for schedules of a second")
	}
	s := newServed(t)
	// As Kubernetes mounts a config map: a.hcl -> ..data/a.hcl, ..data -> ..v1.
	s.write("config/..v1/a.hcl", s.copies("a", "first"))
	s.ok(os.Symlink("..v1", s.path("config/..data")))
	s.ok(os.Symlink("..data/a.hcl", s.path("config/a.hcl")))
	s.starts()
	s.becomes("the first configuration", "a", "first")

	s.write("config/..v2/a.hcl", s.copies("a", "swapped"))
	s.ok(os.Symlink("..v2", s.path("config/..data_tmp")))
	s.ok(os.Rename(s.path("config/..data_tmp"), s.path("config/..data")))
	s.ok(os.RemoveAll(s.path("config/..v1")))
	s.becomes("a symlink swap", "a", "swapped")

	s.write("config/b.hcl", s.copies("b", "new"))
	s.becomes("a new file", "b", "new")

	s.write("config/.b.tmp", s.copies("b", "renamed"))
	s.ok(os.Rename(s.path("config/.b.tmp"), s.path("config/b.hcl")))
	s.becomes("a file renamed over another", "b", "renamed")

	s.write("config/b.hcl", s.copies("b", "written"))
	s.becomes("a file written in place", "b", "written")

	s.ok(os.Remove(s.path("config/b.hcl")))
	s.write("config/b.hcl", s.copies("b", "again"))
	s.becomes("a file removed and made anew", "b", "again")
}
