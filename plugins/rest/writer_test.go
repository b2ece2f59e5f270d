package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/testkit/restserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func deliver(t *testing.T, w plugin.Writer, b *record.Batch) ([]plugin.Rejected, error) {
	t.Helper()
	return w.Deliver(t.Context(), &plugin.Delivery{Key: "k", Rows: b})
}

func TestDeliverSendsRowsOnce(t *testing.T) {
	for _, tc := range []struct {
		name, conn, sink string
		rows             *record.Batch
		method, path     string
		body             string
		header           http.Header
	}{
		{
			"the list of rows, basic credentials", "", `path = "/v1/items?x=1"`, people(2), "POST", "/v1/items", `[{"id":"r0","rate":null},{"id":"r1","rate":null}]`,
			http.Header{"Authorization": {"Basic d2VpcjpwYTU1IHcwcmQiJw=="}, "X-Auth-Apikey": {apiKey}, "Content-Type": {"application/json"}},
		},
		{
			"a body of its own, token in a header of its own", "auth {\n token = key\n header = \"X-Token\"\n}", "nulls = \"omit\"\nbody = \"{events: rows}\"\nmethod = \"PUT\"\nkey_header = \"\"",
			people(1), "PUT", "/", `{"events":[{"id":"r0"}]}`, http.Header{"X-Token": {apiKey}, "Idempotency-Key": nil},
		},
		{
			"path of the row, token with a scheme, gzip", "auth {\n token = key\n scheme = \"OAuth2\"\n}", "gzip = true\nbatch {\n rows = 1\n}\nnulls = \"omit\"\npath_expression = \"'/items/' + id\"\nheaders = { Content-Type = \"application/vnd.x+json\" }",
			people(1), "POST", "/items/r0", `{"id":"r0"}`, http.Header{"Authorization": {"OAuth2 " + apiKey}, "Content-Type": {"application/vnd.x+json"}, "Content-Encoding": {"gzip"}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := server(t, restserver.Options{})
			srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{Status: 201} })
			w := open(t, srv, newHost(), tc.conn, tc.sink, tc.rows.Schema)
			rejected, err := deliver(t, w, tc.rows)
			rs := srv.Requests()
			if err != nil || rejected != nil || len(rs) != 1 {
				t.Fatalf("rejected %v, error %v, %d requests", rejected, err, len(rs))
			}
			if r := rs[0]; r.Method != tc.method || r.Path != tc.path || string(r.Raw) != tc.body {
				t.Errorf("%s %s %s", r.Method, r.Path, r.Raw)
			}
			for k, want := range tc.header {
				if got := rs[0].Header[k]; !slices.Equal(got, want) {
					t.Errorf("header %s = %q, want %q", k, got, want)
				}
			}
		})
	}
}

// The writer's conformance to the contract of retries: whatever spoils requests,
// each repeats the same bytes under the same key, and the rows arrive.
func TestRetriesCarryTheSameKey(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault restserver.Fault
	}{
		{"busy", restserver.Fault{Status: 503, Times: 3}},
		{"limited", restserver.Fault{Status: 429, RetryAfter: "7", Times: 2}},
		{"refused connection", restserver.Fault{Refuse: true, Times: 2}},
		{"lost reply", restserver.Fault{Lose: true, Times: 2}},
		{"cut reply", restserver.Fault{Cut: true, Times: 2}},
		{"hanging server", restserver.Fault{Hang: true, Times: 1}},
		{"endless reply that must be read", restserver.Fault{Endless: true, Times: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, h := server(t, restserver.Options{}), newHost()
			srv.Otherwise(func(*restserver.Request) restserver.Reply {
				return restserver.Reply{JSON: map[string]any{"taken": true}}
			})
			srv.Fail(tc.fault)
			limit := "1GiB" // so that an endless reply runs into the timeout
			w := open(t, srv, h, `timeout = "150ms"`, fmt.Sprintf("reply {\n limit = %q\n ok = \"body?.taken == true\"\n}", limit), people(2).Schema)
			if rejected, err := deliver(t, w, people(2)); err != nil || rejected != nil {
				t.Fatalf("rejected %v, error %v", rejected, err)
			}
			rs := srv.Requests()
			if len(rs) < 2 {
				t.Fatalf("%d requests", len(rs))
			}
			for _, r := range rs {
				if r.Header.Get("Idempotency-Key") != rs[0].Header.Get("Idempotency-Key") || rowsKey(r.Header) != "k" || string(r.Raw) != string(rs[0].Raw) {
					t.Errorf("a repeated request differs: %q %s", r.Header.Get("Idempotency-Key"), r.Raw)
				}
			}
			if tc.fault.RetryAfter != "" && !slices.Contains(h.clock.slept, 7*time.Second) {
				t.Errorf("slept %v, not the 7 s asked for", h.clock.slept)
			}
		})
	}
}

func TestGivingUp(t *testing.T) {
	for _, tc := range []struct {
		name, sink string
		fault      restserver.Fault
		requests   int
		class      plugin.Class
		code       string
		want       string
	}{
		{"attempts", "retry {\n attempts = 3\n}", restserver.Fault{Status: 503, Reply: restserver.Reply{Body: []byte("down")}}, 3, plugin.Transient, "env.unavailable", "answered 503 Service Unavailable: down; gave up after 3 requests"},
		{"time", "retry {\n attempts = 100\n elapsed = \"20s\"\n}", restserver.Fault{Status: 503, RetryAfter: "9"}, 3, plugin.Transient, "env.unavailable", "gave up after 3 requests"},
		{"a long Retry-After", "", restserver.Fault{Status: 429, RetryAfter: "3600"}, 1, plugin.Transient, "env.server_busy", "asks to wait 1h0m0s, longer than retry.after = 2m0s"},
		{"a date to come back at", "", restserver.Fault{Status: 503, RetryAfter: "Mon, 01 Jul 2024 13:00:00 GMT"}, 1, plugin.Transient, "env.unavailable", "asks to wait 1h0m0s"},
		{"a Retry-After that makes no sense", "retry {\n attempts = 100\n}", restserver.Fault{Status: 503, RetryAfter: "99999999999999999999"}, 4, plugin.Transient, "env.unavailable", "gave up after 4 requests"},
		{"credentials", `reply {
			reject = "body.errors"
		}`, restserver.Fault{Status: 403, Reply: restserver.Reply{JSON: map[string]any{"errors": []any{"key " + apiKey + " of " + password + " unknown"}}}}, 1, plugin.Environment, "env.credentials_refused", "key (secret) of (secret) unknown. Check the credentials in connection.rest.shop"},
		{"unauthorized", "", restserver.Fault{Status: 401}, 1, plugin.Environment, "env.credentials_refused", "401 Unauthorized: (empty reply)"},
		{"wrong path", "", restserver.Fault{Status: 404, Reply: restserver.Reply{Body: []byte("<h1>No\tsuch\x00 page " + apiKey + "</h1>")}}, 1, plugin.Environment, "env.request_refused", "404 Not Found: <h1>No such page (secret)</h1>"},
		{"refused as a whole", "", restserver.Fault{Status: 422, Reply: restserver.Reply{JSON: map[string]any{"error": map[string]any{"message": "bad rows"}}}}, 1, plugin.Data, "run.request_refused", "422 Unprocessable Entity: bad rows"},
		{"not ok", `reply {
			ok = "body.success"
		}`, restserver.Fault{Status: 200, Reply: restserver.Reply{JSON: map[string]any{"success": false}}}, 1, plugin.Data, "run.reply_not_ok", "does not meet reply.ok"},
		{"expression fails", `reply {
			ok = "status in [200]"
			reject = "body.errors.list"
		}`, restserver.Fault{Status: 400, Reply: restserver.Reply{Body: []byte("html " + apiKey)}}, 1, plugin.Data, "run.reply_not_understood", "reply.reject fails for that reply"},
		{"too large", `reply {
			ok = "body.success"
			limit = "2KiB"
		}`, restserver.Fault{Status: 200, Reply: restserver.Reply{Body: []byte(strings.Repeat("x", 3000))}}, 1, plugin.Environment, "env.reply_too_large", "more than 2048 bytes"},
		{"redirect to another host", "", restserver.Fault{Redirect: "http://127.0.0.2:1/x?key=" + "k%2Fs3cr3t%2Bvalue%3D%3D"}, 1, plugin.Environment, "env.redirected", "answered 307 Temporary Redirect to http://127.0.0.2:1/x?key=(secret)"},
		{"redirect that loses the body", "", restserver.Fault{Status: 302, Redirect: "/login"}, 1, plugin.Environment, "env.redirected", "302 Found to /login"},
		{"too many redirects", "", restserver.Fault{Redirect: "/"}, 4, plugin.Environment, "env.redirected", "307"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, h := server(t, restserver.Options{}), newHost()
			tc.fault.Times = -1
			srv.Fail(tc.fault)
			w := open(t, srv, h, "", tc.sink, people(1).Schema)
			rejected, err := deliver(t, w, people(2))
			f := failure(t, err)
			if rejected != nil || f.Class != tc.class || string(f.Code) != tc.code || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("rejected %v, class %d, code %s:\n%v\nwant %s", rejected, f.Class, f.Code, err, tc.want)
			}
			if n := len(srv.Requests()); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
		})
	}
}

func TestCancelEndsRetries(t *testing.T) {
	srv := server(t, restserver.Options{})
	srv.Fail(restserver.Fault{Hang: true, Times: -1})
	w := open(t, srv, newHost(), "", "", people(1).Schema)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := w.Deliver(ctx, &plugin.Delivery{Key: "k", Rows: people(1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestRedirectOnTheSameHostKeepsTheBody(t *testing.T) {
	srv := server(t, restserver.Options{})
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	srv.Fail(restserver.Fault{Redirect: "/moved"})
	w := open(t, srv, newHost(), "", "", people(1).Schema)
	if _, err := deliver(t, w, people(1)); err != nil {
		t.Fatal(err)
	}
	rs := srv.Requests()
	if len(rs) != 2 || rs[1].Path != "/moved" || string(rs[1].Raw) != string(rs[0].Raw) || rs[1].Header.Get("X-Auth-Apikey") != apiKey || rowsKey(rs[1].Header) != "k" {
		t.Errorf("requests %+v", rs)
	}
}

func TestOwnAuthority(t *testing.T) {
	srv := server(t, restserver.Options{TLS: true})
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	w := open(t, srv, newHost(), "", "", people(1).Schema)
	_, err := deliver(t, w, people(1))
	if f := failure(t, err); f.Class != plugin.Environment || f.Code != "env.certificate_refused" || !strings.Contains(f.Advice, "tls { ca") {
		t.Errorf("error %v", err)
	}
	w = open(t, srv, newHost(), fmt.Sprintf("tls {\n ca = %q\n}", srv.CA()), "", people(1).Schema)
	if _, err := deliver(t, w, people(1)); err != nil {
		t.Error(err)
	}
}

func TestRateLimitAndPausesAreShared(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	one := open(t, srv, h, `rate_limit = "4/s"`, "", people(1).Schema)
	two := open(t, srv, h, `rate_limit = "4/s"`, `path = "/b"`, people(1).Schema)
	began := h.clock.Now()
	for range 4 {
		for _, w := range []plugin.Writer{one, two} {
			if _, err := deliver(t, w, people(1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d := h.clock.Now().Sub(began).Round(time.Millisecond); d != 7*250*time.Millisecond || len(h.shared) != 1 {
		t.Errorf("8 requests of two sinks took %v with %d clients", d, len(h.shared))
	}
	one.(*writer).client.pause(h.clock.Now().Add(time.Minute))
	began = h.clock.Now()
	if _, err := deliver(t, two, people(1)); err != nil || h.clock.Now().Sub(began) < time.Minute {
		t.Errorf("a pause asked of one sink held the other for %v, %v", h.clock.Now().Sub(began), err)
	}
}

func TestRowsThatCannotBeSentAreRejectedAlone(t *testing.T) {
	for _, sinkSrc := range []string{"", `body = "{list: rows}"`} {
		srv := server(t, restserver.Options{})
		srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
		b := people(4)
		b.Cols[1].Floats[2], b.Cols[1].Nulls[2] = math.NaN(), false
		b.Sel = []int32{0, 2, 3}
		w := open(t, srv, newHost(), "", sinkSrc, b.Schema)
		rejected, err := deliver(t, w, b)
		if err != nil || len(rejected) != 1 || rejected[0].Row != 2 || rejected[0].Code != "row.bad_value" || !strings.Contains(rejected[0].Reason, "NaN") {
			t.Errorf("rejected %v, error %v", rejected, err)
		}
		rs := srv.Requests()
		if len(rs) != 1 || !slices.Equal(ids(&rs[0]), []string{"r0", "r3"}) {
			t.Errorf("requests %+v", rs)
		}
	}
}

func TestPathExpressionRejectsBadPaths(t *testing.T) {
	srv := server(t, restserver.Options{})
	w := open(t, srv, newHost(), "", "batch {\n rows = 1\n}\npath_expression = \"id == 'r0' ? '/a/../b' : nil\"", people(2).Schema)
	for i, want := range []string{"must not lead upwards", "is nil"} {
		b := people(2)
		b.Sel = []int32{int32(i)}
		rejected, err := deliver(t, w, b)
		if err != nil || len(rejected) != 1 || rejected[0].Row != i || rejected[0].Code != "row.bad_path" || !strings.Contains(rejected[0].Reason, want) || len(b.Rejects) != 0 {
			t.Errorf("rejected %v, error %v, rejects of the batch %v", rejected, err, b.Rejects)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestPausesGrowAndStayBelowTheLongest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := retry{base: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(rt, "base")), max: time.Minute}
		n := rapid.IntRange(1, 100).Draw(rt, "attempts")
		if p := r.pause(n); p < 0 || p > r.max || n == 1 && p > r.base {
			rt.Fatalf("pause %v after %d attempts", p, n)
		}
	})
}

// Encoding and judging a delivery costs the same whatever its rows hold: no work
// per row beyond appending bytes.
func TestEncodingAllocatesNothingPerRow(t *testing.T) {
	srv := server(t, restserver.Options{})
	w := open(t, srv, newHost(), "", "", people(1).Schema).(*writer).newShipment()
	cost := func(n int) float64 {
		w.d = &plugin.Delivery{Key: "k", Rows: people(n)}
		places := make([]int, n)
		for i := range places {
			places[i] = i
		}
		return testing.AllocsPerRun(20, func() {
			if err := w.encodeBody(places); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, large := cost(1), cost(1000); small != 0 || large != 0 {
		t.Errorf("1 row costs %v allocations, 1000 rows %v", small, large)
	}
	var rows []any
	if err := json.Unmarshal(w.buf, &rows); err != nil || len(rows) != 1000 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if d := cmp.Diff([]string{"k-d", "k-d/1-3,5"}, []string{keyOf(w, 4, 0, 1, 2, 3), keyOf(w, 9, 1, 2, 3, 5)}); d != "" {
		t.Error(d)
	}
}

func keyOf(w *shipment, live int, places ...int) string {
	w.live = live
	return w.key(&request{places: places, digest: "d"})
}

// A Retry-After that makes no sense is taken as the longest wait that is left, and said once.
func TestOddRetryAfter(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	w := open(t, srv, h, "", "retry {\n after = \"2m\"\n elapsed = \"3m\"\n}", people(1).Schema)
	for _, s := range []string{"-1", apiKey} {
		srv.Fail(restserver.Fault{Status: 503, RetryAfter: s, Times: 2})
		if _, err := deliver(t, w, people(1)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []time.Duration{2 * time.Minute, time.Minute, 2 * time.Minute, time.Minute}; !slices.Equal(h.clock.slept, want) {
		t.Errorf("slept %v, want %v", h.clock.slept, want)
	}
	if n := h.logged.FilterMessageSnippet("makes no sense").Len(); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}
