package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stalledRig is weir serve with much to tell: hundreds of pipelines, and refused rows of
// 64 KiB each.
type stalledRig struct {
	*process
	t       *testing.T
	address string
}

func newStalledRig(t *testing.T) *stalledRig {
	t.Helper()
	dir := t.TempDir()
	manyPipelines(t, filepath.Join(dir, "config"), 12, 20)
	writeIn(t, dir, "config/refuse.hcl", `pipeline "refuse" {
  schedule = "every 1s"
  source "file" "in" {
    path  = "in/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      a = "text"
      b = "int"
    }
  }
  sink "stdout" "out" {}
}
`)
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o700); err != nil {
		t.Fatal(err)
	}
	var rows bytes.Buffer
	rows.WriteString("a,b\n")
	for i := range 200 {
		fmt.Fprintf(&rows, "%d%s,none\n", i, strings.Repeat("x", 64<<10))
	}
	if err := os.WriteFile(filepath.Join(dir, "in", "1.csv"), rows.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := begin(t, dir, weirBinary(t), "serve", "config", "--state", "state", "--listen", "127.0.0.1:0", "--quiet", "1h")
	r := &stalledRig{process: p, t: t, address: p.address(t)}
	waitFor(t, func() bool {
		resp, err := http.Get("http://" + r.address + "/api/v1/pipelines/refuse/ledger") //nolint:noctx // the process ends with the test
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // opened for reading
		var l struct{ Ledger struct{ Rejected int } }
		return json.NewDecoder(resp.Body).Decode(&l) == nil && l.Ledger.Rejected == 200
	})
	return r
}

// peak returns the most memory that the process had since the last call, in bytes.
func (r *stalledRig) peak() int64 {
	r.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(r.cmd.Process.Pid))
	b, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		r.t.Skip("LEFT OUT: this system does not tell how much memory a process had: ", err)
	}
	kb := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if kb == nil {
		r.t.Skip("LEFT OUT: this system does not tell how much memory a process had")
	}
	if err := os.WriteFile(filepath.Join(proc, "clear_refs"), []byte("5"), 0o600); err != nil {
		r.t.Skip("LEFT OUT: this system does not forget how much memory a process had: ", err)
	}
	n, err := strconv.ParseInt(string(kb[1]), 10, 64)
	if err != nil {
		r.t.Fatal(err)
	}
	return n << 10
}

// stalls opens n connections that make a request and never read, and waits until no more
// of them are answered.
func (r *stalledRig) stalls(n int, method, path string) (conns []net.Conn) {
	r.t.Helper()
	for range n {
		c, err := net.Dial("tcp", r.address)
		if err != nil {
			r.t.Fatal(err)
		}
		conns = append(conns, c)
		if tc, ok := c.(*net.TCPConn); ok {
			_ = tc.SetReadBuffer(4 << 10)
		}
		if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, path, r.address); err != nil {
			r.t.Fatal(err)
		}
	}
	for was, same := -1, 0; same < 5; time.Sleep(100 * time.Millisecond) {
		now := 0
		for _, c := range conns {
			if answered(c) {
				now++
			}
		}
		if same++; now != was || now == 0 {
			was, same = now, 0
		}
	}
	return conns
}

// answered reports whether something came on c, and leaves it there.
func answered(c net.Conn) (yes bool) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		yes = err == nil && n > 0
	})
	return yes && err == nil
}

// TestStalledCallers: callers of the whole program who ask for much and read nothing take a
// bounded amount of memory, whatever they ask for, and do not keep the program from ending.
func TestStalledCallers(t *testing.T) {
	const readers, most = 60, 64 << 20
	r := newStalledRig(t)
	part, err := os.ReadFile(filepath.Join(r.cmd.Dir, "config", "part", "part.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	writeIn(t, r.cmd.Dir, "config/part/part.hcl", strings.ReplaceAll(string(part), "upper(", "lower(")) // a plan has much to tell
	for _, ask := range []struct{ method, path string }{
		{"GET", "/api/v1/status"}, {"GET", "/api/v1/pipelines"}, {"GET", "/api/v1/runs?limit=1000"}, {"GET", "/api/v1/reloads?limit=500"}, {"GET", "/api/v1/reload"},
		{"GET", "/metrics"}, {"GET", "/api/v1/openapi.json"}, {"GET", "/api/v1/events"},
		{"GET", "/api/v1/pipelines/refuse/rejects?limit=1000"}, {"POST", "/api/v1/plan"}, {"POST", "/api/v1/reload"},
	} {
		r.peak()
		before := r.peak()
		conns := r.stalls(readers, ask.method, ask.path)
		grown := r.peak() - before
		t.Logf("%s %s: %d MiB, and %d MiB more with %d callers who read nothing", ask.method, ask.path, before>>20, grown>>20, readers)
		if grown > most {
			t.Errorf("%s %s: %d callers who read nothing take %d MiB", ask.method, ask.path, readers, grown>>20)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}
	for _, path := range []string{"/api/v1/pipelines/refuse/rejects?limit=1000", "/api/v1/status", "/api/v1/events"} {
		for _, c := range r.stalls(readers/3, "GET", path) {
			defer c.Close() //nolint:errcheck // of a test
		}
	}
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	select {
	case err := <-r.over:
		var ee *exec.ExitError
		if err != nil && !errors.As(err, &ee) || r.cmd.ProcessState.ExitCode() != exitOK {
			t.Errorf("%v\n%s", err, r.output())
		}
	case <-time.After(60 * time.Second): // a bound for the test alone
		t.Fatalf("it does not end:\n%s", r.output())
	}
	t.Logf("it ended %s after it was asked to", time.Since(asked).Round(time.Millisecond))
}
