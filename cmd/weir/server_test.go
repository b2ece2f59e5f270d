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

// TestCappedListener: so many connections are open at a time, the next is served when one ends.
func TestCappedListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := capped(l, 2)
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	var mine []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, conn)
		defer conn.Close() //nolint:errcheck // of a test
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Error("a third connection is open beside two")
	case <-time.After(50 * time.Millisecond): // enough to be seen, if it were
	}
	_ = first.Close()
	_ = first.Close() // a second time counts for nothing
	third := <-accepted
	if third == nil {
		t.Fatal("the next is not served")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, open := <-accepted; open {
		t.Error("it listens on")
	}
	_, _ = second, mine
}
