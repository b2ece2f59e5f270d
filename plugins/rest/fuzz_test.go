package rest

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"weir/engine/spec"
)

// FuzzReply judges any reply: status, body and headers lead to a verdict or an
// error, and its text has no control characters and is bounded.
func FuzzReply(f *testing.F) {
	for _, s := range []string{`{"errors":[{"index":1,"message":"no"}]}`, `[`, `{"a":1e999}`, "\xff\xfe", "", strings.Repeat("[", 20000), `{"message":"\u0000\u001b[2J"}`, `null`, `{"errors":{"0":"x"}}`} {
		f.Add(400, []byte(s), "text/plain")
		f.Add(200, []byte(s), "application/json")
	}
	w := &writer{sink: &Sink{connection: &spec.Ref{Name: "rest.x"}}, mask: maskerOf([]string{"s3cret"})}
	f.Fuzz(func(t *testing.T, status int, body []byte, header string) {
		r := &reply{status: status, body: body, header: http.Header{"Location": {header}, "Content-Type": {header}}}
		err := w.statusError(r, "POST http://localhost/x")
		if s := err.Error(); s == "" || strings.ContainsAny(s, "\x1b\x00") || len(s) > 4096 {
			t.Errorf("%d %q: %q", status, body, s)
		}
		if s := err.Error(); utf8.Valid(body) && utf8.ValidString(header) && !utf8.ValidString(s) {
			t.Errorf("%q", s)
		}
		_ = parseJSON(body)
	})
}
