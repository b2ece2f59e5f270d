package api

import (
	"encoding/json"
	"net/http"
	"testing"
)

// code returns the code of an answer that is an error.
func (r *rig) code(status int, method, path, body string, change func(*http.Request)) string {
	r.t.Helper()
	var e ErrorBody
	if err := json.Unmarshal([]byte(r.asked(status, method, path, body, change)), &e); err != nil {
		r.t.Fatal(err)
	}
	return e.Error.Code
}

func TestToken(t *testing.T) {
	r := newRig(t, nil, withToken)
	bearer := func(s string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set("Authorization", s) }
	}
	for _, bad := range []string{"", "Bearer", "Bearer wrong", "Basic " + r.token, r.token, "Bearer " + r.token + "x"} {
		for _, to := range routes() {
			if open(to.path) {
				continue
			}
			resp := r.send(to.method, to.path, "", bearer(bad))
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %q: %d", to.method, to.path, bad, resp.StatusCode)
			}
		}
		r.asked(200, "GET", "/healthz", "", bearer(bad))
		r.asked(200, "GET", "/readyz", "", bearer(bad))
	}
	if c := r.code(401, "GET", "/api/v1/status", "", bearer("")); c != "unauthorized" {
		t.Errorf("without a token: %s", c)
	}
	r.asked(200, "GET", "/api/v1/status", "", bearer("bearer  "+r.token))
	// With a token the name does not matter: whoever shows it means this server.
	r.asked(200, "GET", "/api/v1/status", "", func(q *http.Request) { q.Host = "weir.example" })
}

// A name that somebody else makes point to this machine is not answered.
func TestForeignHost(t *testing.T) {
	r := newRig(t, nil)
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:7433": 200, "a.localhost": 200, "localhost.": 200, "127.0.0.1:1": 200, "127.9.9.9": 200, "[::1]:7433": 200, "[::1]": 200,
		"weir.example": 403, "localhost.example": 403, "10.0.0.1:7433": 403, "0.0.0.0": 403, "127.0.0.1.example": 403, "notlocalhost": 403, "[::]:1": 403,
	} {
		for _, path := range []string{"/healthz", "/metrics", "/api/v1/status"} {
			resp := r.send("GET", path, "", func(q *http.Request) { q.Host = host })
			if resp.StatusCode != want {
				t.Errorf("%s at %s: %d, not %d", path, host, resp.StatusCode, want)
			}
		}
	}
}

// Pages from elsewhere change nothing.
func TestCrossOrigin(t *testing.T) {
	r := newRig(t, nil)
	own := "http://" + r.url[len("http://"):]
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Origin", "https://evil.example", 403}, {"Origin", "null", 403}, {"Origin", own, 200}, {"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-site", 403}, {"Sec-Fetch-Site", "same-origin", 200}, {"X-Other", "x", 200},
	} {
		resp := r.send("POST", "/api/v1/plan", "", func(q *http.Request) { q.Header.Set(c.header, c.value) })
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s: %d, not %d", c.header, c.value, resp.StatusCode, c.want)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("pages from elsewhere may read")
		}
	}
	for _, path := range []string{"/api/v1/reload", "/api/v1/pipelines/a/run", "/api/v1/pipelines/a/rejects/discard", "/api/v1/state/checkpoint"} {
		if c := r.code(403, "POST", path, "", func(q *http.Request) { q.Header.Set("Origin", "https://evil.example") }); c != "cross_origin" {
			t.Errorf("%s: %s", path, c)
		}
	}
	if r.server.Status().Reload.Trigger != "start" {
		t.Error("a page from elsewhere reloaded")
	}
}

func TestWrongRequests(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/", "", 404, "not_found"},
		{"GET", "/api/v1/statuss", "", 404, "not_found"},
		{"GET", "/api/v1//status", "", 404, "not_found"},
		{"GET", "/api/v1/status/", "", 404, "not_found"},
		{"PUT", "/api/v1/status", "", 405, "method_not_allowed"},
		{"GET", "/api/v1/plan", "", 405, "method_not_allowed"},
		{"GET", "/api/v1/status?verbose=1", "", 400, "unknown_parameter"},
		{"POST", "/api/v1/plan", "{", 400, "bad_body"},
		{"POST", "/api/v1/plan", "{} {}", 400, "bad_body"},
		{"POST", "/api/v1/plan", "[]", 400, "bad_body"},
		{"POST", "/api/v1/plan", `{"state": 1}`, 400, "bad_body"},
		{"POST", "/api/v1/plan", `{"state": "keep", "x": 1}`, 400, "unknown_field"},
		{"POST", "/api/v1/pipelines/a/rejects/discard", `{"ids": [-1]}`, 400, "bad_body"},
		{"POST", "/api/v1/pipelines/a%2Fb/run", "", 404, "unknown_pipeline"},
		{"POST", "/api/v1/pipelines/aa/run", "", 404, "unknown_pipeline"},
	} {
		if got := r.code(c.status, c.method, c.path, c.body, nil); got != c.code {
			t.Errorf("%s %s %s: %s, not %s", c.method, c.path, c.body, got, c.code)
		}
	}
	if resp := r.send("HEAD", "/api/v1/status", "", nil); resp.StatusCode != 200 {
		t.Errorf("HEAD: %d", resp.StatusCode)
	}
}
