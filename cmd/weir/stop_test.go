package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/engine/testkit/restserver"
)

// manyPipelines writes a configuration that takes long to read: a folder with
// some pipelines, instantiated again and again.
func manyPipelines(t *testing.T, dir string, modules, pipelines int) {
	t.Helper()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var calls, part strings.Builder
	for i := range modules {
		fmt.Fprintf(&calls, "module \"m%d\" {\n  source = \"./part\"\n}\n", i)
	}
	for i := range pipelines {
		fmt.Fprintf(&part, "pipeline \"p%d\" {\n  source \"file\" \"in\" {\n    path = \"in/*.csv\"\n  }\n  decode \"csv\" {\n    columns = {\n      id = \"text\"\n    }\n  }\n  map \"row\" {\n    fields = {\n", i)
		for k := range 20 {
			fmt.Fprintf(&part, "      f%d = \"id == '%d' ? upper(trim(id)) + 'x' : lower(id)\"\n", k, k)
		}
		part.WriteString("    }\n  }\n  sink \"stdout\" \"out\" {}\n}\n")
	}
	write("main.hcl", calls.String())
	write("part/part.hcl", part.String())
}

// TestStopWhileLoading: reading a large configuration ends at once when it is
// asked to, and leaves with the code of an interrupted run.
func TestStopWhileLoading(t *testing.T) {
	bin := weirBinary(t)
	dir := t.TempDir()
	manyPipelines(t, dir, 1500, 20)
	for verb, sig := range map[string]syscall.Signal{"validate": syscall.SIGTERM, "run": syscall.SIGTERM, "graph": syscall.SIGINT, "explain": syscall.SIGINT} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), bin, verb, dir)
			cmd.Dir = t.TempDir()
			var out, said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // it is reading by now, and will be for long
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatalf("it ended before it was asked to: %v; %s", err, said.String())
			}
			asked := time.Now()
			var ee *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &ee) || ee.ExitCode() != exitFailed {
				t.Errorf("ended with %v, want exit code %d: %s", err, exitFailed, said.String())
			}
			if d := time.Since(asked); d > 5*time.Second {
				t.Errorf("it took %s to end", d)
			}
			if !strings.HasPrefix(said.String(), "weir: interrupted") || out.Len() > 0 {
				t.Errorf("printed %q and %q", out.String(), said.String())
			}
		})
	}
}

// TestUnaskedReplyIsNotShown (I9): what a server sends beyond its reply is not
// printed, as it may repeat what it was sent.
func TestUnaskedReplyIsNotShown(t *testing.T) {
	bin := weirBinary(t)
	s, err := restserver.New(restserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.On("POST", "/", func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	s.Fail(restserver.Fault{Times: -1, Raw: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}hunter2hunter2", Hang: true})
	dir := t.TempDir()
	for name, text := range map[string]string{
		"in.csv": "id\n" + strings.Repeat("1\n", 20),
		"main.hcl": fmt.Sprintf(`
connection "rest" "x" {
  url     = %q
  headers = { X-Key = "hunter2hunter2" }
}
pipeline "p" {
  source "file" "in" {
    path  = "in.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "rest" "out" {
    connection = connection.rest.x
    batch {
      rows = 1
    }
  }
}
`, s.URL())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), bin, "run", ".", "--log-level", "debug")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "hunter2") || strings.Contains(string(out), "nsolicited") {
		t.Errorf("it is shown: %s", out)
	}
}
