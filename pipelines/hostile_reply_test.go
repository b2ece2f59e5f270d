package pipelines_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"weir/engine/plugin"
	"weir/engine/testkit/restserver"
)

// receiver is a server that takes rows, and keeps the ids it took by request key,
// as one that honours keys does.
func receiver(t *testing.T, o restserver.Options) (s *restserver.Server, taken func() []string) {
	t.Helper()
	s, err := restserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	seen := map[string]bool{}
	var ids []string
	s.On("POST", "/v1", func(r *restserver.Request) restserver.Reply {
		key := r.Header.Get("Idempotency-Key")
		if list, ok := r.Body.([]any); ok && !seen[key] {
			seen[key] = true
			for _, e := range list {
				row, _ := e.(map[string]any)
				ids = append(ids, fmt.Sprint(row["id"]))
			}
		}
		return restserver.Reply{JSON: map[string]any{"taken": true}}
	})
	return s, func() []string { return ids }
}

// readsBody makes the reply's body matter, few attempts, and few rows a request.
const readsBody = `
    batch {
      rows = 2
    }
    reply {
      ok    = "status == 200 and body?.taken == true"
      limit = "64KiB"
    }
    retry {
      attempts = 2
    }`

// TestHostileReplies has replies that are meant to fill the memory, to be waited
// for for ever, or that break. Each ends with a message, and once the server
// behaves every row has been taken exactly once.
func TestHostileReplies(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, tc := range map[string]struct {
		fault restserver.Fault
		class plugin.Class
		code  string
		words []string
	}{
		"3 GB":             {restserver.Fault{Stream: 3 << 30}, plugin.Environment, "env.reply_too_large", []string{"answered 200 OK with more than 65536 bytes", "Raise reply.limit"}},
		"gzip bomb":        {restserver.Fault{Stream: 1 << 30, Gzip: true}, plugin.Environment, "env.reply_too_large", []string{"answered 200 OK with more than 65536 bytes"}},
		"endless":          {restserver.Fault{Endless: true}, plugin.Environment, "env.reply_too_large", []string{"with more than 65536 bytes"}},
		"header bomb":      {restserver.Fault{Raw: ok + strings.Repeat("X-Bomb: "+strings.Repeat("x", 1000)+"\r\n", 20_000) + "\r\n{}"}, plugin.Transient, "env.unreachable", []string{"headers exceeded 1048576 bytes"}},
		"one header":       {restserver.Fault{Raw: ok + "X-Bomb: " + strings.Repeat("x", 20<<20) + "\r\n\r\n{}"}, plugin.Transient, "env.unreachable", []string{"headers exceeded 1048576 bytes"}},
		"many 1xx":         {restserver.Fault{Raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 50_000)}, plugin.Transient, "env.unreachable", []string{"POST http://127.0.0.1"}},
		"status never":     {restserver.Fault{Raw: "HTTP/1.1 20", Hang: true}, plugin.Transient, "env.timeout", []string{"no complete reply within 300ms", "gave up after 2 requests"}},
		"header never":     {restserver.Fault{Raw: ok + "X-A", Hang: true}, plugin.Transient, "env.timeout", []string{"no complete reply within 300ms"}},
		"body never":       {restserver.Fault{Raw: ok + "Content-Length: 100\r\n\r\n{\"taken\"", Hang: true}, plugin.Transient, "env.timeout", []string{"no complete reply within 300ms"}},
		"chunk never":      {restserver.Fault{Raw: ok + "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"tak", Hang: true}, plugin.Transient, "env.timeout", []string{"no complete reply within 300ms"}},
		"answer never":     {restserver.Fault{Hang: true}, plugin.Transient, "env.timeout", []string{"no complete reply within 300ms"}},
		"closed":           {restserver.Fault{Lose: true}, plugin.Transient, "env.unreachable", []string{"EOF", "gave up after 2 requests"}},
		"cut":              {restserver.Fault{Cut: true}, plugin.Transient, "env.unreachable", []string{"unexpected EOF"}},
		"length too long":  {restserver.Fault{Raw: ok + "Content-Length: 1000\r\n\r\n{\"taken\":true}"}, plugin.Transient, "env.unreachable", []string{"unexpected EOF"}},
		"length too short": {restserver.Fault{Raw: ok + "Content-Length: 3\r\n\r\n{\"taken\":true}"}, plugin.Data, "run.reply_not_ok", []string{"answered 200 OK", `{"t`}},
		"length negative":  {restserver.Fault{Raw: ok + "Content-Length: -3\r\n\r\n{\"taken\":true}"}, plugin.Transient, "env.unreachable", []string{"Content-Length"}},
		"two lengths":      {restserver.Fault{Raw: ok + "Content-Length: 3\r\nContent-Length: 14\r\n\r\n{\"taken\":true}"}, plugin.Transient, "env.unreachable", []string{"Content-Length"}},
		"bad chunks":       {restserver.Fault{Raw: ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"}, plugin.Transient, "env.unreachable", []string{"chunk"}},
		"not gzip":         {restserver.Fault{Raw: ok + "Content-Encoding: gzip\r\nContent-Length: 14\r\n\r\n{\"taken\":true}"}, plugin.Transient, "env.unreachable", []string{"gzip"}},
		"not HTTP":         {restserver.Fault{Raw: "220 ready\r\n"}, plugin.Transient, "env.unreachable", []string{"malformed HTTP"}},
		"deep JSON":        {restserver.Fault{Raw: ok + "Content-Length: 60000\r\n\r\n" + strings.Repeat("[", 60_000)}, plugin.Data, "run.reply_not_ok", []string{"answered 200 OK"}},
		"not text":         {restserver.Fault{Raw: ok + "Content-Length: 6\r\n\r\n\xff\xfe\x1b[2J"}, plugin.Data, "run.reply_not_ok", []string{"answered 200 OK"}},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := `timeout = "30s"`
			if tc.code == "env.timeout" {
				timeout = `timeout = "300ms"`
			}
			s, taken := receiver(t, restserver.Options{})
			tc.fault.Times, tc.fault.Skip = -1, 1
			s.Fail(tc.fault)
			b := restBench(t, s.URL(), readsBody, timeout, 5)
			before := heap()
			r := b.run()
			fails(t, r.Err, tc.class, tc.code, append(tc.words, "sink.out", "POST "+s.URL()+"/v1")...)
			says(t, r.Err.Error(), "the same key")
			if grown := int64(heap()) - int64(before); grown > 64<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
			if got := s.Streamed(); got > 64<<20 && !tc.fault.Gzip {
				t.Errorf("%d MiB were taken from the server", got>>20)
			}
			if strings.ContainsAny(r.Err.Error(), "\x1b\x00") || !utf8.ValidString(r.Err.Error()) || len(r.Err.Error()) > 2000 {
				t.Errorf("the message is not fit to be shown: %.300q", r.Err)
			}
			s.Heal()
			b.good()
			b.good()
			got := taken()
			if fmt.Sprint(got) != "[01 02 03 04 05]" {
				t.Errorf("taken: %v", got)
			}
		})
	}
}

// heap returns the bytes that the process holds for objects.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}

// TestRedirects leads requests elsewhere: credentials and rows stay, loops end.
func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, to := range map[string]string{
			"another host": other.URL + "/v1", "another name": strings.Replace(other.URL, "127.0.0.1", "localhost", 1), "no scheme": strings.TrimPrefix(other.URL, "http:"),
			"credentials in it": strings.Replace(other.URL, "http://", "http://"+restKey+"@", 1), "a loop": "/v1", "a file": "file:///etc/passwd", "no place": "", "garbage": "http://[::1",
		} {
			t.Run(fmt.Sprint(status, " ", name), func(t *testing.T) {
				s, taken := receiver(t, restserver.Options{})
				raw := fmt.Sprintf("HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status, to)
				s.On("POST", "/v2", func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
				s.Fail(restserver.Fault{Times: -1, Raw: raw, Match: func(*restserver.Request) bool { return true }})
				b := restBench(t, s.URL(), readsBody, "", 2)
				r := b.run()
				if r.Err == nil || plugin.ClassOf(r.Err) == plugin.Data {
					t.Fatalf("class %d: %v", plugin.ClassOf(r.Err), r.Err)
				}
				says(t, r.Err.Error(), "POST "+s.URL())
				if strings.Contains(r.Err.Error()+b.log.String(), restKey) {
					t.Errorf("a credential is shown: %v", r.Err)
				}
				if n := len(s.Requests()); n > 8 {
					t.Errorf("%d requests", n)
				}
				if elsewhere.Load() > 0 {
					t.Fatal("the request was sent to another host")
				}
				s.Heal()
				before := len(taken())
				b.good()
				if n := len(taken()) - before; n > 2 {
					t.Errorf("%d rows were taken", n)
				}
			})
		}
	}
}
