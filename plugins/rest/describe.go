package rest

import (
	"fmt"
	"strings"

	"weir/engine/plugin"
)

var _ plugin.Describer = (*Sink)(nil)

// Describe implements plugin.Describer: where requests go, what their key means, and what the sink
// makes of each kind of reply.
func (s *Sink) Describe() []string {
	var out []string
	if p, ok := s.exprs.path.(interface{ Pattern() string }); ok {
		out = append(out, fmt.Sprintf("path: %s; values between braces are escaped, but for raw(), so that no row changes where a request goes", p.Pattern()))
	}
	if s.keyHeader != "" {
		out = append(out, fmt.Sprintf("key: the same %s is always the same request, also when it is repeated after a lost reply, a failed run or a crash, now() included. "+
			"When the configuration or what a row looks up was changed in between and makes another request, that has another key: a receiver that took the first one has both", s.keyHeader))
	}
	return append(out, s.replies()...)
}

// replies says what becomes of each kind of reply, in the order in which they are told apart.
func (s *Sink) replies() []string {
	r := &s.reply
	one := func(t string) string { return "`" + strings.Join(strings.Fields(t), " ") + "`" }
	ok := "reply 200 to 299: taken"
	if !r.ok.IsZero() {
		ok = "reply for which " + one(r.ok.S) + ": taken"
	}
	switch {
	case !r.reject.IsZero():
		ok += ", but for the rows that " + one(r.reject.S) + " lists, which are rejected"
	case s.looksInside():
		ok += ", unless it carries failures (fields such as errors, insertErrors, FailedRecordCount, success: false, status: \"error\", in JSON, lines of JSON, XML or text, a 207, or items with these), is a page of HTML, or is longer than reply.limit: rows that it names are rejected, rows that it puts off (429 or 503 for an item) are sent again; when it names none the run stops, and nothing of the request counts as delivered"
	default:
		ok += ", whatever it carries besides"
	}
	again := "408, 425, 429, 500, 502, 503, 504"
	if !r.retry.IsZero() {
		again = "for which " + one(r.retry.S)
	}
	out := []string{
		ok, "reply 401, 403: the run stops",
		fmt.Sprintf("reply %s, or none: repeated, %d requests at most, then the run stops", again, s.retry.attempts),
	}
	if !r.reject.IsZero() {
		unnamed := map[string]string{"split": "are sent again in halves, down to the row that is refused", "all": "are rejected", "stop": "stop the run"}[r.unassigned]
		out = append(out, fmt.Sprintf("other reply: the rows that %s lists are rejected; those of a refusal that names none %s", one(r.reject.S), unnamed))
	}
	return append(out, "reply 413: sent again in halves, down to the row that is too large, which is rejected", "any other reply: the run stops, and its rows are sent again by the next")
}
