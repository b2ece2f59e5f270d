package rest

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/testkit/restserver"
)

// A 2xx that carries failures is never taken for delivered: rows that it names are
// rejected, and where it names none the run stops.
func TestReplyCarriesFailures(t *testing.T) {
	const stops = "stops"
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   string // places of rejected rows, "" for none, or stops
	}{
		{"nothing", 200, ``, ""},
		{"text", 200, `OK`, ""},
		{"fine", 200, `{"status":"ok","accepted":3,"errors":[]}`, ""},
		{"fine in words", 201, `{"success":true,"error":null,"failed":0,"result":{"id":7}}`, ""},
		{"a state that is no outcome", 200, `{"status":"rejected","order":7}`, ""},
		{"errors in words", 200, `{"errors":["quota exceeded"]}`, stops},
		{"graphql", 200, `{"data":{"x":null},"errors":[{"message":"not found","path":["x"]}]}`, stops},
		{"graphql with places of its own", 200, `{"errors":[{"message":"not found","locations":[{"line":1,"column":2}]}]}`, stops},
		{"errors that name rows", 200, `{"errors":[{"index":2,"message":"bad email"},{"index":0,"code":"x"}]}`, "0 2"},
		{"one names none", 200, `{"errors":[{"index":2,"message":"bad email"},{"message":"and more"}]}`, stops},
		{"place out of range", 200, `{"errors":[{"index":9,"message":"bad email"}]}`, stops},
		{"not successful", 200, `{"success": false}`, stops},
		{"not ok", 200, `{ "ok" : false, "error" : "invalid_auth" }`, stops},
		{"status error", 200, `{"status":"error","message":"down"}`, stops},
		{"status of HTTP inside", 200, `{"status":503}`, stops},
		{"status as text", 200, `{"status":"400 Bad Request"}`, stops},
		{"upper case", 200, `{"Status":"FAILED"}`, stops},
		{"some failed", 200, `{"failed":2,"accepted":1}`, stops},
		{"count of errors", 200, `{"error_count":1}`, stops},
		{"has errors", 200, `{"hasErrors":true}`, stops},
		{"an object of errors", 200, `{"errors":{"email":["is invalid"]}}`, stops},
		{"inside an envelope", 200, `{"response":{"success":false}}`, stops},
		{"bulk", 200, `{"took":3,"errors":true,"items":[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"mapper","reason":"bad date"}}},{"index":{"status":200}}]}`, "1"},
		{"bulk without failures", 200, `{"errors":false,"items":[{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":201}}]}`, ""},
		{"bulk of another length", 200, `{"errors":true,"items":[{"index":{"status":400}}]}`, stops},
		{"bulk that says so and shows none", 200, `{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":201}}]}`, stops},
		{"list of results", 200, `[{"id":1,"success":true,"errors":[]},{"success":false,"errors":[{"message":"no name"}]},{"success":false,"errors":[]}]`, "1 2"},
		{"results", 200, `{"results":[{"status":"created"},{"status":"error","message":"x"},{"status":"created"}]}`, "1"},
		{"results that do not fit the rows", 200, `{"results":[{"status":"created"},{"status":"error"}]}`, stops},
		{"multi-status that is fine", 207, `[{"status":201},{"status":201},{"status":201}]`, ""},
		{"multi-status with a failure", 207, `{"results":[{"status":201},{"status":422},{"status":201}]}`, "1"},
		{"multi-status with named rows", 207, `{"errors":[{"index":1,"message":"bad"}]}`, "1"},
		{"multi-status without errors", 207, `{"errors":[]}`, ""},
		{"multi-status that cannot be read", 207, `<multistatus/>`, stops},
		{"multi-status without an outcome", 207, `{"ids":[1,2]}`, stops},
		{"page", 200, "\n<!DOCTYPE HTML><html>Please log in</html>", stops},
		{"page without a type", 200, `<html><body>ok`, stops},
		{"other markup", 200, `<ok/>`, ""},
		{"too long to look at", 200, `{"errors":["` + strings.Repeat("x", 5000) + `"]}`, stops},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := server(t, restserver.Options{})
			srv.Otherwise(func(*restserver.Request) restserver.Reply {
				return restserver.Reply{Status: tc.status, Body: []byte(tc.body)}
			})
			w := open(t, srv, newHost(), "", "reply {\n limit = \"2KiB\"\n}", people(1).Schema)
			rejected, err := deliver(t, w, people(3))
			if tc.want == stops {
				if f := failure(t, err); f.Code != "run.reply_carries_failures" || !strings.Contains(f.Advice, "reply") {
					t.Errorf("%s: %v", f.Code, err)
				}
			} else {
				var got []string
				for i := range 3 {
					for _, r := range rejected {
						if r.Row == i {
							got = append(got, fmt.Sprint(i))
						}
					}
				}
				if err != nil || strings.Join(got, " ") != tc.want {
					t.Errorf("rejected %v, error %v; want %q", rejected, err, tc.want)
				}
			}
			if n := len(srv.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Whoever says what a failure looks like is heard, and so is who asks not to look.
func TestReplyIsJudgedByItsBlock(t *testing.T) {
	for _, block := range []string{`failures = "ignore"`, `reject = "[]"`, `ok = "body?.code != 7"`, `ok = "text != 'x'"`} {
		srv := server(t, restserver.Options{})
		srv.Otherwise(func(*restserver.Request) restserver.Reply {
			return restserver.Reply{JSON: map[string]any{"errors": []any{"x"}}}
		})
		w := open(t, srv, newHost(), "", "reply {\n "+block+"\n}", people(1).Schema)
		if rejected, err := deliver(t, w, people(2)); err != nil || rejected != nil {
			t.Errorf("%s: rejected %v, error %v", block, rejected, err)
		}
	}
	srv := server(t, restserver.Options{})
	srv.Otherwise(func(*restserver.Request) restserver.Reply {
		return restserver.Reply{JSON: map[string]any{"errors": []any{"x"}}}
	})
	w := open(t, srv, newHost(), "", "reply {\n ok = \"status == 200\"\n}", people(1).Schema)
	if _, err := deliver(t, w, people(2)); err == nil {
		t.Error("an ok that looks at the status alone hides what the reply carries")
	}
}
