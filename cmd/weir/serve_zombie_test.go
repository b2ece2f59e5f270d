package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/engine/testkit/restserver"
)

// process is weir serve as a process of its own.
type process struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
	over chan error
}

// Write implements io.Writer.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// serves starts the real program on the rig's configuration.
func (r *crashRig) serves(more ...string) *process {
	r.t.Helper()
	args := append([]string{"serve", r.path, "--listen", "off", "--state", filepath.Join(r.dir, "state")}, more...)
	return begin(r.t, r.dir, weirBinary(r.t), args...)
}

// begin starts a program in dir, which is killed when the test is over.
func begin(t testing.TB, dir, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(context.Background(), program, args...), over: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.over <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
	return p
}

var listens = regexp.MustCompile(`"url": "http://([^"]+)"`)

// address waits until a server listens, and returns its host and port.
func (p *process) address(t *testing.T) string {
	t.Helper()
	waitFor(t, func() bool { return listens.MatchString(p.output()) })
	return listens.FindStringSubmatch(p.output())[1]
}

// ends waits for the end of p and returns its exit code.
func (r *crashRig) ends(p *process) int {
	r.t.Helper()
	select {
	case err := <-p.over:
		var ee *exec.ExitError
		if err != nil && !errors.As(err, &ee) {
			r.t.Fatal(err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		r.t.Fatalf("it does not end:\n%s", p.output())
		return 0
	}
}

func (r *crashRig) signal(p *process, sig syscall.Signal) {
	r.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		r.t.Fatalf("%v: %s", err, p.output())
	}
}

// TestZombie: a server is stopped in the middle of a file, as a machine that is
// suspended is; another one takes its folder over and does the rest. When the first
// goes on, what it commits is refused and it ends and says why. Nothing is lost,
// and what came twice came with one key (I3, I5, I7).
func TestZombie(t *testing.T) {
	for _, after := range []string{"keep", "move /done"} {
		t.Run(after, func(t *testing.T) {
			c := crashCase{after: after, sink: "rest, keys honoured"}
			want := c.undisturbed(t)
			r := c.rig(t)
			text, err := os.ReadFile(r.path)
			if err != nil {
				t.Fatal(err)
			}
			scheduled := strings.Replace(string(text), "pipeline \"people\" {", "pipeline \"people\" {\n  schedule = \"every 1s\"", 1)
			if err := os.WriteFile(r.path, []byte(scheduled), 0o600); err != nil {
				t.Fatal(err)
			}
			r.api.Fail(restserver.Fault{Delay: 300 * time.Millisecond, Times: 8})
			first := r.serves()
			waitFor(t, func() bool { return len(r.api.Requests()) >= 4 })
			r.signal(first, syscall.SIGSTOP)

			refused := r.serves()
			if code := r.ends(refused); code != exitEnvironment || !strings.Contains(refused.output(), "in use by another weir process") {
				t.Errorf("without --take-over: exit code %d\n%s", code, refused.output())
			}
			second := r.serves("--take-over")
			waitFor(t, func() bool { return strings.Count(second.output(), "run ended") >= 2 }) // the rest, and a run with nothing to do
			r.signal(first, syscall.SIGCONT)
			if code := r.ends(first); code != exitEnvironment || !strings.Contains(first.output(), "was taken over by another weir process") {
				t.Errorf("the first server: exit code %d\n%s", code, first.output())
			}
			r.signal(second, syscall.SIGTERM)
			if code := r.ends(second); code != exitOK {
				t.Errorf("the second server: exit code %d\n%s", code, second.output())
			}
			t.Logf("%d requests came again with their key", r.repeats())
			r.same(r.final(), want)
		})
	}
}
