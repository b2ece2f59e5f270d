package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/testkit/ftpserver"
)

const rekeyed = `
pipeline "p" {
  source "file" "in" {
    path  = "DIR/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  dedupe "once" {
    keys = { id = "KEY" }
  }
  sink "stdout" "out" {}
}
`

// weirIn runs a command line in this process with every plugin.
func weirIn(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = newApp(strings.NewReader(""), &out, &errs).main(t.Context(), args)
	return code, out.String(), errs.String()
}

// A run that would break stored state is a mistake of the configuration, and says
// what can be done; what it lays aside is shown, and dropped when asked to.
func TestRunProtectsState(t *testing.T) {
	dir := t.TempDir()
	file, st := filepath.Join(dir, "p.hcl"), filepath.Join(dir, "state")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(key string, more ...string) (int, string, string) {
		t.Helper()
		write(file, strings.NewReplacer("DIR", dir, "KEY", key).Replace(rekeyed))
		return weirIn(t, append([]string{"run", file, "--state", st}, more...)...)
	}
	write(filepath.Join(dir, "a.csv"), "id\nrow-x\n")
	if code, out, errs := run("id"); code != exitOK || !strings.Contains(out, "row-x") {
		t.Fatal(code, out, errs)
	}
	if code, out, errs := run("upper(id)"); code != exitConfig || strings.Contains(out, "row-x") || !strings.Contains(errs, "1 key is stored") || !strings.Contains(errs, "p.hcl:") {
		t.Fatal(code, out, errs)
	}
	if code, _, errs := run("upper(id)", "--stored-state", "forget"); code != exitConfig || !strings.Contains(errs, "keep, rebuild or fork") {
		t.Error(code, errs)
	}
	if code, out, errs := run("upper(id)", "--stored-state", "fork"); code != exitOK || !strings.Contains(out, "row-x") {
		t.Fatal(code, out, errs)
	}
	markRemoved(t, st)
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"ls", exitOK, []string{"p~1", "laid aside", "gone", "removed from the configuration"}},
		{"show p~1", exitOK, []string{"laid aside; weir state reset drops it"}},
		{"prune", exitFailed, []string{"Would drop: pipeline p~1", "Would drop: pipeline gone", "add --yes"}},
		{"prune --yes", exitOK, []string{"Dropped: pipeline p~1", "Dropped: pipeline gone"}},
		{"prune", exitOK, []string{"nothing to drop"}},
	} {
		code, out, errs := weirIn(t, append(append([]string{"state"}, strings.Fields(c.args)...), "--state", st)...)
		for _, w := range c.want {
			if code != c.code || !strings.Contains(out+errs, w) {
				t.Errorf("state %s: exit %d, no %q in\n%s%s", c.args, code, w, out, errs)
			}
		}
	}
	if _, out, _ := weirIn(t, "state", "ls", "--state", st); strings.Contains(out, "p~1") || !strings.Contains(out, "p ") {
		t.Errorf("afterwards:\n%s", out)
	}
}

// markRemoved adds a pipeline that was taken out of a folder that is served.
func markRemoved(t *testing.T, dir string) {
	t.Helper()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Pipeline(t.Context(), "gone", 1, "rev"); err == nil {
		err = lineage.Open(s, zap.NewNop()).Write(&lineage.Record{Description: plan.PipelineDescription{Address: "gone"}, Removed: true}, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// The engine of a server keeps connections open from run to run, that of the other
// verbs does not: nobody would close them.
func TestServingEngineKeepsConnectionsOpen(t *testing.T) {
	f, err := ftpserver.New(ftpserver.Options{User: "weir", Password: "s3cret-pw"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // a server of this test
	f.Put("/in/a.csv", []byte("id\n1\n"), time.Time{})
	dir := t.TempDir()
	text := fmt.Sprintf(`
connection "ftp" "erp" {
  host     = "127.0.0.1"
  port     = %d
  tls      = "none"
  user     = "weir"
  password = "s3cret-pw"
}
pipeline "p" {
  schedule = "every 1s"
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "/in/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
`, f.Port())
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	a := newApp(strings.NewReader(""), io.Discard, &errs)
	a.logLevel, a.logFormat = "error", "text"
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- a.serve(ctx, dir, serveFlags{state: filepath.Join(dir, "state"), listen: "off", quiet: time.Second})
	}()
	polls := func() (n int) {
		for _, line := range f.Log() {
			if strings.Contains(line, "MLSD") || strings.Contains(line, "LIST") {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(20 * time.Second); polls() < 3; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-done:
			t.Fatalf("it ended: %v\n%s", err, errs.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("no three polls: %q", f.Log())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.Logins(); n != 1 {
		t.Errorf("%d logins for %d polls", n, polls())
	}
}
