package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
)

// rejectRig serves a pipeline that refuses every row of one file of n rows of width bytes.
func rejectRig(t *testing.T, n, width int) *rig {
	t.Helper()
	var csv strings.Builder
	csv.WriteString("a,b\n")
	for i := range n {
		fmt.Fprintf(&csv, "%d%s,none\n", i, strings.Repeat("x", width))
	}
	r := newRig(t, map[string]string{"config/a.hcl": pipelineA, "in/a.csv": csv.String()})
	r.ran(1)
	return r
}

// slowReaders opens connections that ask for path and never read, with little room for what
// was sent and not read.
func slowReaders(t *testing.T, r *rig, n int, path string) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if tc, ok := c.(*net.TCPConn); ok {
			_ = tc.SetReadBuffer(4 << 10)
		}
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, strings.TrimPrefix(r.url, "http://")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStalledReaders: callers who ask for much and read nothing cost no more than the room
// for answers, health and readiness are answered meanwhile, and the server stops without
// waiting for them.
func TestStalledReaders(t *testing.T) {
	const rows, width, readers = 200, 64 << 10, 60 // 12.8 MB an answer
	r := rejectRig(t, rows, width)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	slowReaders(t, r, readers, "/api/v1/pipelines/a/rejects?limit=1000")
	a, isAPI := r.handler.(*API)
	if !isAPI {
		t.Fatal("the handler is another")
	}
	r.until("answers are being sent", func() bool { return len(a.answers) == maxAnswers })
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		r.ask(http.StatusOK, "GET", path, "")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > maxAnswers*8*(width+sendChunk) {
		t.Errorf("%d callers who read nothing take %d MiB", readers, grown>>20)
	}
	ended := make(chan struct{})
	go func() {
		r.stop()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second): // a bound for the test alone
		t.Error("the server waits for callers who read nothing")
	}
}

// TestListIsWhole: a list that is sent as it is read says where the next page begins, and
// pages together are everything.
func TestListIsWhole(t *testing.T) {
	r := rejectRig(t, 25, 10)
	seen, from := 0, uint64(1)
	for range 10 {
		l := get[RejectList](r, 200, "GET", fmt.Sprintf("/api/v1/pipelines/a/rejects?limit=10&from=%d", from), "")
		seen += len(l.Rejects)
		if from = l.Next; from == 0 {
			break
		}
	}
	if seen != 25 || from != 0 {
		t.Errorf("%d rows, next %d", seen, from)
	}
	if l := get[EditedList](r, 200, "GET", "/api/v1/pipelines/a/rejects/edited", ""); l.Edited == nil || len(l.Edited) != 0 {
		t.Errorf("%+v", l)
	}
	if l := get[FileList](r, 200, "GET", "/api/v1/pipelines/a/files?history=true", ""); len(l.Files) != 1 {
		t.Errorf("%+v", l)
	}
}

// TestBrokenList: what cannot be read whole is an error when nothing was sent, and else ends
// the connection, so that no caller takes a part for the whole.
func TestBrokenList(t *testing.T) {
	for _, c := range []struct {
		entries int
		status  int
	}{{1, http.StatusInternalServerError}, {3, http.StatusOK}} {
		a := &API{}
		a.o.Log = zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))
		l := &listing{name: "files", each: func(put func(any) bool) error {
			for range c.entries {
				if !put(strings.Repeat("x", sendChunk-100)) {
					return nil
				}
			}
			return io.ErrUnexpectedEOF
		}}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { a.list(w, req, l) }))
		resp, err := http.Get(srv.URL) //nolint:noctx // bounded by the server's end
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, bufio.NewReader(resp.Body))
		_ = resp.Body.Close()
		srv.Close()
		if resp.StatusCode != c.status || (err == nil) != (c.status != http.StatusOK) {
			t.Errorf("%d entries: %d, %v", c.entries, resp.StatusCode, err)
		}
	}
}

// TestLatest: of many runs the latest are kept.
func TestLatest(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var runs []Run
	for i := range 100 {
		runs = append(runs, Run{Number: uint64(i), Started: at.Add(time.Duration(i*37%100) * time.Minute)})
		if len(runs) > 20 {
			runs = latest(runs, 5)
		}
	}
	runs = latest(runs, 5)
	if len(runs) != 5 || !runs[0].Started.Equal(at.Add(99*time.Minute)) || !runs[4].Started.Equal(at.Add(95*time.Minute)) {
		t.Errorf("%+v", runs)
	}
}
