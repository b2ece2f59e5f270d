package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/engine/testkit/restserver"
)

// fill leaves only so many bytes of the disk of a folder, and returns what gives the rest back.
func fill(t *testing.T, dir string, left int64) (empty func()) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "spool", "filler")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	// Others write meanwhile, so it takes what it gets.
	_ = os.WriteFile(name, make([]byte, max(0, int64(st.Bavail)*st.Bsize-left)), 0o600)
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestStopOnFullDisk: asked to end while the disk of the state folder is all but full, or
// was so from the start, both verbs end, tell of the disk where it hindered them, and go on
// where they ended once there is room.
func TestStopOnFullDisk(t *testing.T) {
	c := crashCase{after: "move /done", sink: "rest, keys honoured"}
	want := c.undisturbed(t)
	for verb, left := range map[string][]int64{"serve": {4, 256}, "run": {4, 64}} {
		for _, kib := range left {
			t.Run(fmt.Sprintf("%s, %d KiB left", verb, kib), func(t *testing.T) {
				r := c.rig(t)
				dir := tmpfs(t, r, "400m")
				empty := fill(t, dir, kib<<10)
				if said, code := ends(t, r.begins(verb), 0); code != exitEnvironment || !strings.Contains(said, "is full") || !strings.Contains(said, "nothing is lost") {
					t.Errorf("exit code %d: %s", code, said)
				}
				empty()
				r.api.Fail(restserver.Fault{Delay: 200 * time.Millisecond, Times: 6})
				p := r.begins(verb)
				waitFor(t, func() bool { return len(r.api.Requests()) >= 3 })
				empty = fill(t, dir, kib<<10)
				said, code := ends(t, p, syscall.SIGTERM)
				told := strings.Contains(said, "no space left") || strings.Contains(said, "is full") || strings.Contains(said, "of the state folder has")
				switch {
				case code == exitOK && (verb == "serve" || !told): // what was left was enough, or the next run would have tried again
				case code == exitEnvironment && told:
				case code == exitFailed && (told || strings.Contains(said, "weir: stopped")):
				default:
					t.Errorf("exit code %d: %s", code, said)
				}
				t.Logf("exit code %d, %s of the processor", code, (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Round(time.Millisecond))
				empty()
				if done, out := r.run(t.Context(), ""); !done {
					t.Fatal(out)
				}
				r.same(r.final(), want)
			})
		}
	}
}

// begins starts a verb of the program on the rig's configuration.
func (r *crashRig) begins(verb string) *process {
	r.t.Helper()
	if verb == "serve" {
		text, err := os.ReadFile(r.path)
		if err != nil {
			r.t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("schedule")) {
			if err := os.WriteFile(r.path, bytes.Replace(text, []byte("pipeline \"people\" {"), []byte("pipeline \"people\" {\n  schedule = \"every 1s\""), 1), 0o600); err != nil {
				r.t.Fatal(err)
			}
		}
		return r.serves()
	}
	return begin(r.t, r.dir, weirBinary(r.t), verb, r.path, "--state", filepath.Join(r.dir, "state"))
}

// ends asks a process to end, unless sig is 0, and returns what it said, in one line, and
// its exit code. It may have ended by itself.
func ends(t *testing.T, p *process, sig syscall.Signal) (said string, code int) {
	t.Helper()
	if sig != 0 {
		_ = p.cmd.Process.Signal(sig)
	}
	select {
	case <-p.over:
	case <-time.After(60 * time.Second): // a bound for the test alone
		t.Fatalf("it does not end:\n%s", p.output())
	}
	return strings.Join(strings.Fields(p.output()), " "), p.cmd.ProcessState.ExitCode()
}
