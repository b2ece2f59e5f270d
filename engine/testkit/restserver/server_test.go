package restserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) (*Server, *http.Client) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	if o.TLS {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(s.CA())
		tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func call(ctx context.Context, c *http.Client, method, url string, body []byte, header ...string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 100<<10))
	return res, string(text), err
}

func TestRoutesAndRecord(t *testing.T) {
	s, c := start(t, Options{TLS: true})
	s.On("POST", "/v1/items/*", func(r *Request) Reply { return Reply{Status: 201, JSON: r.Body} })
	s.On("*", "/v1/items/special", func(*Request) Reply { return Reply{Body: []byte("plain")} })
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(`{"a":[1]}`))
	_ = w.Close()
	for _, tc := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"POST", "/v1/items/7?x=1", 201, `{"a":[1]}`},
		{"PUT", "/v1/items/special", 200, "plain"},
		{"GET", "/v1/items/7", 404, `{"error":"no route for GET /v1/items/7"}`},
	} {
		res, text, err := call(t.Context(), c, tc.method, s.URL()+tc.path, z.Bytes(), "Content-Encoding", "gzip", "X-Key", "k")
		if err != nil || res.StatusCode != tc.status || text != tc.want {
			t.Errorf("%s %s = %v %q, %v", tc.method, tc.path, res, text, err)
		}
	}
	rs := s.Requests()
	if len(rs) != 3 || rs[0].Path != "/v1/items/7" || rs[0].Query.Get("x") != "1" || rs[0].Header.Get("X-Key") != "k" ||
		string(rs[0].Raw) != `{"a":[1]}` || rs[0].Status != 201 {
		t.Errorf("recorded %+v", rs)
	}
	s.Forget()
	if len(s.Requests()) != 0 {
		t.Error("Forget keeps requests")
	}
}

func TestFaults(t *testing.T) {
	s, c := start(t, Options{})
	handled := 0
	s.On("POST", "/", func(*Request) Reply { handled++; return Reply{JSON: map[string]any{"ok": true}} })
	for _, tc := range []struct {
		name    string
		f       Fault
		status  int
		handled int
		check   func(res *http.Response, text string, err error) bool
	}{
		{"status", Fault{Status: 429, RetryAfter: "3"}, 429, 0, func(res *http.Response, _ string, err error) bool {
			return err == nil && res.Header.Get("Retry-After") == "3"
		}},
		{"redirect", Fault{Redirect: "/other"}, 307, 0, func(res *http.Response, _ string, err error) bool {
			return err == nil && res.Header.Get("Location") == "/other"
		}},
		{"refuse", Fault{Refuse: true}, 0, 0, func(_ *http.Response, _ string, err error) bool { return err != nil }},
		{"lose", Fault{Lose: true}, 0, 1, func(_ *http.Response, _ string, err error) bool { return err != nil }},
		{"cut", Fault{Cut: true}, 200, 1, func(_ *http.Response, _ string, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"endless", Fault{Endless: true}, 200, 1, func(_ *http.Response, text string, err error) bool {
			return err == nil && len(text) == 100<<10
		}},
		{"hang", Fault{Hang: true}, 0, 0, func(_ *http.Response, _ string, err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"delay", Fault{Delay: time.Millisecond}, 200, 1, func(_ *http.Response, text string, err error) bool {
			return err == nil && strings.Contains(text, "ok")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.Forget()
			handled = 0
			s.Fail(tc.f)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			if tc.f.Hang {
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			}
			defer cancel()
			res, text, err := call(ctx, c, "POST", s.URL()+"/", nil)
			if !tc.check(res, text, err) {
				t.Errorf("answer %v %.40q, %v", res, text, err)
			}
			rs := s.Requests()
			if len(rs) != 1 || rs[0].Status != tc.status || handled != tc.handled {
				t.Errorf("recorded %d requests, handled %d, status %d", len(rs), handled, rs[0].Status)
			}
			if res, _, err := call(t.Context(), c, "POST", s.URL()+"/", nil); err != nil || res.StatusCode != 200 {
				t.Errorf("the next request: %v, %v", res, err)
			}
		})
	}
}

func TestFaultSkipMatchAndHeal(t *testing.T) {
	s, c := start(t, Options{})
	s.Otherwise(func(*Request) Reply { return Reply{Status: 204} })
	s.Fail(Fault{Match: func(r *Request) bool { return r.Path == "/b" }, Skip: 1, Times: -1, Status: 500})
	var got []int
	for _, path := range []string{"/a", "/b", "/b", "/a", "/b"} {
		res, _, err := call(t.Context(), c, "GET", s.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, res.StatusCode)
	}
	s.Heal()
	res, _, err := call(t.Context(), c, "GET", s.URL()+"/b", nil)
	if err != nil || res.StatusCode != 204 || got[0] != 204 || got[1] != 204 || got[2] != 500 || got[3] != 204 || got[4] != 500 {
		t.Errorf("statuses %v, then %v, %v", got, res, err)
	}
}
