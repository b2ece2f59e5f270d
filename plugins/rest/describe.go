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
		out = append(out, fmt.Sprintf("key: %s is made of the rows and of the request's content, so the same key is always the same request. "+
			"What is repeated after a lost reply, a failed run or a crash is the same, now() included, unless the configuration or what it looks up was changed in between; it then has another key, and a receiver that took the first request applies both", s.keyHeader))
	}
	return append(out, "replies: "+strings.Join(s.replies(), "; "))
}

// replies says what becomes of each kind of reply, in the order in which they are told apart.
func (s *Sink) replies() []string {
	r := &s.reply
	one := func(t string) string { return "`" + strings.Join(strings.Fields(t), " ") + "`" }
	ok := "200 to 299 are taken"
	if !r.ok.IsZero() {
		ok = "those for which " + one(r.ok.S) + " are taken"
	}
	switch {
	case !r.reject.IsZero():
		ok += ", but for the rows that " + one(r.reject.S) + " lists"
	case s.looksInside():
		ok += ", unless they carry failures (such as errors, success: false, failed: 2, status: \"error\", a 207, or items with these): rows that they name are rejected, and when they name none the run stops and nothing of the request counts as delivered"
	default:
		ok += ", whatever they carry besides"
	}
	again := "408, 425, 429, 500, 502, 503 and 504"
	if !r.retry.IsZero() {
		again = "those for which " + one(r.retry.S)
	}
	out := []string{
		ok, "401 and 403 stop the run",
		fmt.Sprintf("%s and lost replies are repeated, %d requests at most, then the run stops", again, s.retry.attempts),
	}
	if !r.reject.IsZero() {
		unnamed := map[string]string{"split": "are sent again in halves, down to the row that is refused", "all": "are rejected", "stop": "stop the run"}[r.unassigned]
		out = append(out, fmt.Sprintf("of others the rows listed are rejected; those of a refusal that names none %s", unnamed))
	}
	return append(out, "413 is sent again in halves, down to the row that is too large, which is rejected", "any other stops the run, and its rows are sent again by the next")
}
