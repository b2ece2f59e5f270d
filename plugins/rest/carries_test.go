package rest

import (
	"fmt"
	"strings"
	"testing"

	"weir/engine/plugin"
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
		{"BigQuery", 200, `{"kind":"bigquery#tableDataInsertAllResponse","insertErrors":[{"index":1,"errors":[{"reason":"invalid","message":"no such field"}]}]}`, "1"},
		{"BigQuery, all rows", 200, `{"insertErrors":[{"index":0,"errors":[{"reason":"stopped"}]},{"index":1,"errors":[{"reason":"stopped"}]},{"index":2,"errors":[{"reason":"stopped"}]}]}`, "0 1 2"},
		{"DynamoDB", 200, `{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"id":{"S":"2"}}}}]}}`, stops},
		{"DynamoDB without", 200, `{"UnprocessedItems":{}}`, ""},
		{"unprocessed", 200, `{"unprocessed":[{"id":2}]}`, stops},
		{"Shopify", 200, `{"data":{"customerCreate":{"customer":null,"userErrors":[{"field":["email"],"message":"taken"}]}}}`, stops},
		{"Shopify without", 200, `{"data":{"customerCreate":{"customer":{"id":1},"userErrors":[]}}}`, ""},
		{"Kafka REST", 200, `{"offsets":[{"partition":0,"offset":1},{"partition":null,"offset":null,"error_code":50003,"error":"timeout"},{"partition":0,"offset":2}]}`, "1"},
		{"Kafka REST without", 200, `{"offsets":[{"partition":0,"offset":1,"error_code":null,"error":null},{"partition":0,"offset":2,"error_code":null,"error":null},{"partition":0,"offset":3}]}`, ""},
		{"Mongo", 200, `{"ok":1,"n":2,"writeErrors":[{"index":1,"code":11000,"errmsg":"dup"}]}`, "1"},
		{"Kinesis", 200, `{"FailedRecordCount":1,"Records":[{"SequenceNumber":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"},{"SequenceNumber":"3"}]}`, "1"},
		{"EventBridge", 200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"},{"EventId":"3"}]}`, ""},
		{"Google Ads", 200, `{"partialFailureError":{"code":3,"message":"bad","details":[]},"results":[{},{},{}]}`, stops},
		{"HubSpot", 207, `{"status":"COMPLETE","numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"bad email"}],"results":[{"id":"1"},{"id":"2"}]}`, stops},
		{"JSON-RPC", 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Invalid params"}}`, stops},
		{"code and message", 200, `{"code":500,"message":"Internal"}`, stops},
		{"code in words and message", 200, `{"code":"InvalidParameter","message":"bad"}`, stops},
		{"code of an own kind", 200, `{"code":40001,"message":"bad token"}`, stops},
		{"negative code", 200, `{"code":-1,"message":"fail"}`, stops},
		{"errcode", 200, `{"errcode":40001,"errmsg":"bad token"}`, stops},
		{"errcode of success", 200, `{"errcode":0,"errmsg":"ok"}`, ""},
		{"errno", 200, `{"errno":5}`, stops},
		{"write concern", 200, `{"ok":1,"writeConcernError":{"code":64,"errmsg":"waiting"}}`, stops},
		{"code of success", 200, `{"code":200,"message":"OK"}`, ""},
		{"code 0", 200, `{"code":0,"message":"done"}`, ""},
		{"code of a thing", 200, `{"code":450,"name":"Widget"}`, ""},
		{"SOAP in JSON", 200, `{"Fault":{"faultcode":"soap:Server","faultstring":"down"}}`, stops},
		{"not acknowledged", 200, `{"acknowledged":false}`, stops},
		{"invalid rows", 200, `{"invalid":[{"email":"x"}]}`, stops},
		{"rows not imported", 200, `{"imported":2,"notImported":["3"]}`, stops},
		{"none not imported", 200, `{"imported":3,"not_imported":[]}`, ""},
		{"fewer accepted", 200, `{"accepted":2}`, stops},
		{"all accepted", 200, `{"accepted":3}`, ""},
		{"a time of a failure", 200, `{"id":1,"last_error_at":"2026-01-01","failed_attempts":3,"failedAt":null}`, ""},
		{"a list without errors for each row", 200, `{"errors":[null,null,null]}`, ""},
		{"a row sent back", 200, `{"data":{"order":{"id":1,"status":"failed","lines":[{"error":""}]}}}`, ""},
		{"completed with errors", 200, `{"status":"completed_with_errors"}`, stops},
		{"completed", 200, `{"status":"completed"}`, ""},
		{"NDJSON, second line", 200, "{\"ok\":true}\n{\"ok\":false,\"error\":\"bad\"}\n{\"ok\":true}\n", "1"},
		{"NDJSON of another length", 200, "{\"ok\":true}\n{\"ok\":false,\"error\":\"bad\"}\n", stops},
		{"NDJSON without", 200, "{\"ok\":true}\n{\"ok\":true}\n", ""},
		{"cut JSON", 200, `{"errors":[{"index":0,"mess`, stops},
		{"cut JSON of another kind", 200, `{"id":12,"na`, ""},
		{"text", 200, "ERROR: not stored", stops},
		{"text of several lines", 200, "imported 2\nFailed: 1\n", stops},
		{"text without errors", 200, "imported 3\nerrors: 0\nfailed: none", ""},
		{"text of a program", 200, "Fatal error: Uncaught Exception in x.php", stops},
		{"text with the word", 200, "stored without error", ""},
		{"a form", 200, "status=error&message=down", stops},
		{"a form that is fine", 200, "status=ok&errors=0", ""},
		{"SOAP", 200, `<?xml version="1.0"?><soap:Envelope xmlns:soap="x"><soap:Body><soap:Fault><faultcode>soap:Server</faultcode></soap:Fault></soap:Body></soap:Envelope>`, stops},
		{"XML with an error", 200, `<response><errors><item>bad email</item></errors></response>`, stops},
		{"XML with an attribute", 200, `<response status="fail"/>`, stops},
		{"XML not successful", 200, `<r><success>false</success></r>`, stops},
		{"XML without errors", 200, `<response status="ok"><errors/><errorCount>0</errorCount><success>true</success></response>`, ""},
		{"too long, failures beyond", 200, `{"pad":"` + strings.Repeat("x", 5000) + `","errors":[{"index":0}]}`, stops},
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

// TestBusyItems: rows that a reply puts off are sent again, alone and under a key of their
// own, while those that it refuses are rejected; when they are put off for good the run ends.
func TestBusyItems(t *testing.T) {
	const busy = `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":%s}},{"create":{"status":400,"error":{"reason":"bad date"}}}]}`
	for name, item := range map[string]string{
		"429": `429`, "503": `503,"error":"unavailable"`, "in words": `500,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}`,
	} {
		t.Run(name, func(t *testing.T) {
			srv := server(t, restserver.Options{})
			srv.Otherwise(func(r *restserver.Request) restserver.Reply {
				if rows, _ := r.Body.([]any); len(rows) > 1 {
					return restserver.Reply{Status: 200, Body: fmt.Appendf(nil, busy, item)}
				}
				return restserver.Reply{Status: 200, Body: []byte(`{"errors":false,"items":[{"create":{"status":201}}]}`)}
			})
			h := newHost()
			w := open(t, srv, h, "", "", people(1).Schema)
			rejected, err := deliver(t, w, people(3))
			if err != nil || len(rejected) != 1 || rejected[0].Row != 2 {
				t.Fatalf("%v, %v", rejected, err)
			}
			reqs := srv.Requests()
			if len(reqs) != 2 || reqs[0].Header.Get("Idempotency-Key") == reqs[1].Header.Get("Idempotency-Key") || reqs[1].Header.Get("Idempotency-Key") == "" {
				t.Errorf("%d requests: %v", len(reqs), reqs)
			}
		})
	}
	for name, reply := range map[string]string{
		"named": `{"errors":[{"index":1,"status":429},{"index":2,"message":"bad date"}]}`, "a code": `{"items":[{"code":200},{"code":429,"message":"busy"},{"code":400,"message":"bad date"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			srv := server(t, restserver.Options{})
			srv.Otherwise(func(r *restserver.Request) restserver.Reply {
				if rows, _ := r.Body.([]any); len(rows) > 1 {
					return restserver.Reply{Status: 200, Body: []byte(reply)}
				}
				return restserver.Reply{Status: 200}
			})
			w := open(t, srv, newHost(), "", "", people(1).Schema)
			rejected, err := deliver(t, w, people(3))
			if err != nil || len(rejected) != 1 || rejected[0].Row != 2 || len(srv.Requests()) != 2 {
				t.Errorf("%v, %v, %d requests", rejected, err, len(srv.Requests()))
			}
		})
	}
	t.Run("for good", func(t *testing.T) {
		srv := server(t, restserver.Options{})
		srv.Otherwise(func(*restserver.Request) restserver.Reply {
			return restserver.Reply{Status: 200, Body: []byte(`[{"status":429}]`)}
		})
		w := open(t, srv, newHost(), "", "retry {\n attempts = 3\n}", people(1).Schema)
		rejected, err := deliver(t, w, people(1))
		if f := failure(t, err); f.Code != "env.server_busy" || f.Class != plugin.Transient || rejected != nil {
			t.Errorf("%v, %v", rejected, err)
		}
		reqs := srv.Requests()
		if len(reqs) != 3 || reqs[0].Header.Get("Idempotency-Key") != reqs[2].Header.Get("Idempotency-Key") {
			t.Errorf("%d requests", len(reqs))
		}
	})
}
