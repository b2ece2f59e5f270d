package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/testkit/restserver"
)

// takesAtMost is a receiver that answers 413 to requests of more than n rows, or with the row big.
func takesAtMost(srv *restserver.Server, n int, big string) {
	srv.On("POST", "/", func(r *restserver.Request) restserver.Reply {
		if got := ids(r); len(got) > n || slices.Contains(got, big) {
			return restserver.Reply{Status: http.StatusRequestEntityTooLarge, Body: []byte("too large")}
		}
		return restserver.Reply{}
	})
}

// taken are the rows of the requests that were taken, and the keys of all.
func taken(srv *restserver.Server) (rows, keys []string) {
	for _, r := range srv.Requests() {
		keys = append(keys, fmt.Sprintf("%d %s %d", r.Status, r.Header.Get("Idempotency-Key"), len(ids(&r))))
		if r.Status == http.StatusOK {
			rows = append(rows, ids(&r)...)
		}
	}
	return rows, keys
}

// A request that is too large is sent in halves, which are the same with the
// same keys when the delivery is repeated (I7); what fits is told to the engine.
func TestTooLargeIsHalved(t *testing.T) {
	var before []string
	for range 2 {
		srv, h := server(t, restserver.Options{}), newHost()
		takesAtMost(srv, 3, "")
		w := open(t, srv, h, "", "", people(1).Schema)
		rejected, err := deliver(t, w, people(10))
		if err != nil || rejected != nil {
			t.Fatal(rejected, err)
		}
		rows, keys := taken(srv)
		if got := strings.Join(rows, " "); got != "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9" {
			t.Errorf("taken: %s", got)
		}
		if before != nil && !slices.Equal(keys, before) {
			t.Errorf("requests differ:\n%v\n%v", before, keys)
		}
		before = keys
		if n := w.(plugin.Limiter).MostRows(); n != 3 {
			t.Errorf("MostRows is %d", n)
		}
		if h.logged.FilterMessageSnippet("sent in halves").Len() != 1 {
			t.Error("the halves were not told of once")
		}
	}
}

// A row that is too large alone is rejected with what the receiver said, and does not make requests smaller.
func TestTooLargeRow(t *testing.T) {
	srv := server(t, restserver.Options{})
	takesAtMost(srv, 100, "r6")
	w := open(t, srv, newHost(), "", "", people(1).Schema)
	rejected, err := deliver(t, w, people(8))
	if err != nil || len(rejected) != 1 || rejected[0].Row != 6 || rejected[0].Code != "sink.too_large" ||
		!strings.Contains(rejected[0].Reason, "413 Request Entity Too Large: too large") {
		t.Fatal(rejected, err)
	}
	if rows, _ := taken(srv); strings.Join(rows, " ") != "r0 r1 r2 r3 r4 r5 r7" {
		t.Errorf("taken: %v", rows)
	}
	if n := w.(plugin.Limiter).MostRows(); n != 4 {
		t.Errorf("MostRows is %d", n)
	}
}

// Whoever says in reply.reject what 413 means, is heard.
func TestTooLargeByReject(t *testing.T) {
	srv := server(t, restserver.Options{})
	takesAtMost(srv, 1, "")
	w := open(t, srv, newHost(), "", "reply {\n reject = \"status == 413 ? ['too large'] : []\"\n unassigned = \"all\"\n}", people(1).Schema)
	if rejected, err := deliver(t, w, people(2)); err != nil || len(rejected) != 2 {
		t.Fatal(rejected, err)
	}
}

// A busy receiver is told apart from a wrong address, and what is logged of a
// repeat says nothing of a next run.
func TestBusy(t *testing.T) {
	srv, h := server(t, restserver.Options{}), newHost()
	srv.Fail(restserver.Fault{Status: http.StatusTooManyRequests, Times: -1})
	w := open(t, srv, h, "", "retry {\n attempts = 2\n}", people(1).Schema)
	_, err := deliver(t, w, people(1))
	f := failure(t, err)
	if f.Code != "env.server_busy" || f.Class != plugin.Transient || !strings.Contains(f.Advice, "set rate_limit in connection.rest.shop") {
		t.Errorf("%s, class %d: %s", f.Code, f.Class, f.Advice)
	}
	logged := h.logged.FilterMessage("request is repeated").All()
	if len(logged) != 1 || strings.Contains(fmt.Sprint(logged[0].ContextMap()), "next run") {
		t.Errorf("logged %v", logged)
	}
}

// A path that a row makes too long is that row's fault; one that the configuration gives is not.
func TestPathTooLong(t *testing.T) {
	srv := server(t, restserver.Options{})
	srv.Fail(restserver.Fault{Status: http.StatusRequestURITooLong, Times: -1})
	w := open(t, srv, newHost(), "", "batch {\n rows = 1\n}\npath_expression = \"'/x/' + id\"", people(1).Schema)
	if rejected, err := deliver(t, w, people(1)); err != nil || len(rejected) != 1 || rejected[0].Code != "sink.too_large" {
		t.Error(rejected, err)
	}
	w = open(t, srv, newHost(), "", "", people(1).Schema)
	if _, err := deliver(t, w, people(1)); failure(t, err).Code != "env.request_refused" {
		t.Error(err)
	}
}
