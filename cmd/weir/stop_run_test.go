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

// slowRig is a folder whose pipelines send to a server that takes its time.
type slowRig struct {
	t    *testing.T
	bin  string
	dir  string
	api  *restserver.Server
	came chan string // ids, as requests come
}

// slowPipeline sends rows one by one; other is a pipeline that comes after it.
const slowPipeline = `
engine {
  drain = "DRAIN"
}
connection "rest" "api" {
  url = "URL"
}
pipeline "a" {
  source "file" "in" {
    path  = "in/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  check "known" {
    rule "id" {
      that    = "id != 'bad'"
      message = "bad"
    }
  }
  sink "rest" "api" {
    connection = connection.rest.api
    body       = "rows[0]"
    batch {
      rows = 1
    }
  }
}
pipeline "b" {
  after = [pipeline.a]
  source "file" "in" {
    path  = "b/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
`

func newSlowRig(t *testing.T, pause time.Duration, drain string) *slowRig {
	t.Helper()
	r := &slowRig{t: t, bin: weirBinary(t), dir: t.TempDir(), came: make(chan string, 100)}
	var err error
	if r.api, err = restserver.New(restserver.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.api.Close() })
	r.api.On("POST", "/", func(q *restserver.Request) restserver.Reply {
		body, _ := q.Body.(map[string]any)
		r.came <- fmt.Sprint(body["id"])
		time.Sleep(pause)
		return restserver.Reply{}
	})
	writeIn(t, r.dir, "main.hcl", strings.NewReplacer("URL", r.api.URL(), "DRAIN", drain).Replace(slowPipeline))
	for _, d := range []string{"in", "b"} {
		if err := os.Mkdir(filepath.Join(r.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// stopped runs a verb, sends it signals, the first when do returns, and returns its exit
// code and what it printed.
func (r *slowRig) stopped(args []string, do func(), again bool) (code int, said string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.bin, args...)
	cmd.Dir = r.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	do()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	if again {
		time.Sleep(200 * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			r.t.Fatal(err)
		}
	}
	err := cmd.Wait()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		r.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// run runs a verb to its end and returns its exit code and what it printed.
func (r *slowRig) run(args ...string) (code int, said string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), r.bin, args...)
	cmd.Dir = r.dir
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// ids returns what came so far.
func (r *slowRig) ids() (out []string) {
	for {
		select {
		case id := <-r.came:
			out = append(out, id)
		default:
			return out
		}
	}
}

// first waits for the first request.
func (r *slowRig) first() { r.came <- <-r.came }

// TestRunEndsAtACommit: asked to stop, weir run finishes and commits what is under way,
// so that nothing is sent twice; pipelines that have not begun say so.
func TestRunEndsAtACommit(t *testing.T) {
	r := newSlowRig(t, 100*time.Millisecond, "30s")
	writeIn(t, r.dir, "in/1.csv", "id\n1\n2\n3\n4\n")
	writeIn(t, r.dir, "in/2.csv", "id\n5\n")
	writeIn(t, r.dir, "b/1.csv", "id\n1\n")
	code, said := r.stopped([]string{"run", "."}, r.first, false)
	before := r.ids()
	if code != exitFailed || !strings.Contains(said, "weir: stopped: what was under way is finished and committed") ||
		!strings.Contains(said, "Pipeline b was not run") || !strings.Contains(said, "weir: stopping") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if len(before) != 4 {
		t.Errorf("sent %v", before)
	}
	code, said = r.run("run", ".")
	if after := r.ids(); code != exitOK || strings.Join(append(before, after...), " ") != "1 2 3 4 5" {
		t.Errorf("exit code %d; sent %v and %v: %s", code, before, after, said)
	}
}

// TestRunIsBrokenOff: a second signal, or the end of the drain time, does not wait for
// what is under way.
func TestRunIsBrokenOff(t *testing.T) {
	for name, c := range map[string]struct {
		drain string
		again bool
		want  string
	}{"second signal": {"30s", true, ""}, "drain": {"1s", false, "came to no commit within 1s"}} {
		t.Run(name, func(t *testing.T) {
			r := newSlowRig(t, 5*time.Second, c.drain)
			writeIn(t, r.dir, "in/1.csv", "id\n1\n2\n3\n4\n5\n6\n7\n8\n")
			var asked time.Time
			code, said := r.stopped([]string{"run", "."}, func() {
				r.first()
				asked = time.Now()
			}, c.again)
			if took := time.Since(asked); took > 4*time.Second || code != exitFailed || !strings.Contains(strings.Join(strings.Fields(said), " "), c.want) {
				t.Errorf("exit code %d after %s: %s", code, took, said)
			}
		})
	}
}

// TestReplayEndsAtACommit: weir rejects replay ends as weir run does.
func TestReplayEndsAtACommit(t *testing.T) {
	r := newSlowRig(t, 0, "30s")
	writeIn(t, r.dir, "in/1.csv", "id\nbad\nbad\nbad\nbad\n")
	if code, said := r.run("run", "."); code != exitOK {
		t.Fatalf("exit code %d: %s", code, said)
	}
	slow := newSlowRig(t, 300*time.Millisecond, "30s")
	text, err := os.ReadFile(filepath.Join(slow.dir, "main.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	writeIn(t, r.dir, "main.hcl", strings.ReplaceAll(string(text), "id != 'bad'", "true"))
	code, said := r.stopped([]string{"rejects", "replay", "a", "--all"}, slow.first, false)
	before := slow.ids()
	if code != exitFailed || len(before) == 0 || len(before) > 3 || !strings.Contains(said, "finished and committed") {
		t.Errorf("exit code %d, sent %v: %s", code, before, said)
	}
	code, said = r.run("rejects", "replay", "a", "--all")
	if after := slow.ids(); code != exitOK || len(before)+len(after) != 4 {
		t.Errorf("exit code %d; sent %v and %v: %s", code, before, after, said)
	}
}

// TestRunThatHangs: a run that computes for ever in one row ends some seconds after the drain
// time, and says what hangs.
func TestRunThatHangs(t *testing.T) {
	r := newSlowRig(t, 0, "100ms")
	writeIn(t, r.dir, "main.hcl", "engine {\n  drain = \"100ms\"\n}\npipeline \"p\" {\n  source \"file\" \"in\" {\n    path  = \"in/*.csv\"\n    ready = \"now\"\n  }\n  decode \"csv\" {\n    columns = { x = \"text\" }\n  }\n"+
		"  map \"m\" {\n    fields = { r = \"count(1..900000, hmac(x, 'k') == 'a')\" }\n  }\n  sink \"file\" \"out\" {\n    path = \"out.ndjson\"\n  }\n}\n")
	writeIn(t, r.dir, "in/1.csv", "x\n"+strings.Repeat("a long text ", 70_000)+"\n")
	code, said := r.stopped([]string{"run", "."}, func() { time.Sleep(time.Second) }, false)
	if code != exitFailed || !strings.Contains(said, "it hangs at a step that computes") {
		t.Errorf("exit code %d: %s", code, said)
	}
}
