package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStrangersSeeNoToken (I9): what listens at the address that a server left in its folder,
// and does not prove that it is this server, is shown no token and asked for nothing.
func TestStrangersSeeNoToken(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(r.Method, r.URL.Path, r.Header))
		_, _ = w.Write([]byte(`{"proof": "00"}`))
	}))
	defer stranger.Close()
	dir := t.TempDir()
	id, err := folderID(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(serving{URL: stranger.URL, PID: os.Getpid(), Folder: id, Shared: "what-was-left-behind"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, servingFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenVariable, "a-token-that-nobody-sees")
	for _, args := range [][]string{{"status"}, {"reload"}, {"top"}, {"reloads"}, {"state", "reset", "p", "--yes"}, {"rejects", "replay", "p", "--all"}, {"files", "retry", "p", "x"}} {
		var out bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &out)
		if code := a.main(t.Context(), append(args, "--state", dir)); code == exitOK {
			t.Errorf("%v: exit 0\n%s", args, out.String())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) == 0 {
		t.Error("nobody was asked for a proof: the test tests nothing")
	}
	for _, s := range seen {
		if !strings.HasPrefix(s, "GET/api/v1/prove") && !strings.HasPrefix(s, "GET /api/v1/prove") || strings.Contains(s, "a-token") || strings.Contains(s, "left-behind") {
			t.Errorf("a stranger was sent %s", s)
		}
	}
}

// TestFewDescriptors: callers who connect and say nothing leave the server the files that it
// needs, where a process may open few: its runs go on, and none fails for want of them.
func TestFewDescriptors(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeIn(t, dir, "main.hcl", "pipeline \"p\" {\n  schedule = \"every 1s\"\n  source \"file\" \"in\" {\n    path  = \"in/*.csv\"\n    ready = \"now\"\n  }\n  decode \"csv\" {\n    columns = { id = \"text\" }\n  }\n"+
		"  sink \"file\" \"out\" {\n    path   = \"out/a.ndjson\"\n    exists = \"number\"\n  }\n}\n")
	p := begin(t, dir, "bash", "-c", "ulimit -n 96; exec \"$0\" serve main.hcl --state state --listen 127.0.0.1:0", weirBinary(t))
	address := p.address(t)
	for range 150 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			break // the queue of the system is full
		}
		defer c.Close() //nolint:errcheck // of a test
	}
	for i := range 3 {
		writeIn(t, dir, fmt.Sprintf("in/%d.csv", i), "id\n1\n")
		waitFor(t, func() bool {
			out, _ := filepath.Glob(filepath.Join(dir, "out", "*.ndjson"))
			return len(out) == i+1
		})
	}
	if said := p.output(); strings.Contains(said, "too many open files") || strings.Contains(said, `"outcome": "failed"`) {
		t.Error(said)
	}
}
