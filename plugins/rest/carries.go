package rest

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"weir/engine/plugin"
)

// What a reply that is taken for ok may carry nevertheless: failures, of some rows
// or of all. Names are compared in lower case, without "_" and "-".
var (
	// failing hold something only when something failed: a list, a text, an object, a number above 0, true.
	failing = []string{"error", "errors", "failed", "failure", "failures", "rejected", "haserrors", "haserror", "errorcount", "errorscount",
		"failedcount", "failurecount", "numfailed", "numerrors", "errormessage", "errormessages"}
	// succeeding are false when something failed.
	succeeding = []string{"success", "succeeded", "successful", "ok", "issuccess"}
	// judging hold a word for the outcome, or a status of HTTP.
	judging = []string{"status", "statuscode", "result", "outcome"}
	// failedWords are such words. Those that orders and payments have as a state are not among them: replies often repeat what was sent.
	failedWords = []string{"error", "errors", "fail", "failed", "failure", "partial", "partialsuccess", "partialfailure"}
	// listing hold one item for each row.
	listing = []string{"items", "results", "responses", "result", "data", "rows", "records", "events"}
)

// hinted tells whether a reply has a value anywhere that could tell of a failure. Most
// have none and are not parsed.
func hinted(body []byte) bool {
	for i := bytes.IndexByte(body, ':'); i >= 0; {
		key := bytes.TrimRight(body[max(0, i-48):i], " \t\r\n")
		if n := len(key); n > 1 && key[n-1] == '"' {
			key = key[bytes.LastIndexByte(key[:n-1], '"')+1 : n-1]
			if suspicious(key, bytes.TrimLeft(body[i+1:], " \t\r\n")) {
				return true
			}
		}
		next := bytes.IndexByte(body[i+1:], ':')
		if next < 0 {
			return false
		}
		i += 1 + next
	}
	return false
}

// suspicious judges a value, of which text is the beginning, by the name it has. What it lets pass is
// nothing to failedValue; what it does not may be nothing either.
func suspicious(name, text []byte) bool {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if containsFold(name, p) {
				return true
			}
		}
		return false
	}
	begins := func(values ...string) bool {
		for _, v := range values {
			if len(text) >= len(v) && string(text[:len(v)]) == v {
				return true
			}
		}
		return false
	}
	switch {
	case has("err", "fail", "reject"):
		return !begins("[]", "{}", "null", "false", `""`, "0,", "0}", "0 ", "0\n")
	case has("succe") || len(name) == 2 && has("ok"):
		return !begins("true")
	case has("status", "result", "outcome"):
		return begins(`"e`, `"E`, `"f`, `"F`, `"p`, `"P`, `"4`, `"5`, `" `, "4", "5")
	}
	return false
}

// containsFold tells whether name has part, which is in lower case.
func containsFold(name []byte, part string) bool {
	for i := 0; i+len(part) <= len(name); i++ {
		j := 0
		for j < len(part) && name[i+j]|0x20 == part[j] {
			j++
		}
		if j == len(part) {
			return true
		}
	}
	return false
}

func squeezed(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// looksInside tells whether replies that are ok are searched for failures. Whoever
// wrote reply.reject, or a reply.ok that reads the reply, has said what one looks like.
func (s *Sink) looksInside() bool {
	return s.reply.failures == "find" && s.reply.reject.IsZero() && !readsReply.MatchString(s.reply.ok.S)
}

var readsReply = regexp.MustCompile(`\b(?:body|text)\b`)

// carried returns the rows that a reply taken for ok refuses nevertheless. It fails
// when the reply carries failures and does not tell of which rows.
func (x *shipment) carried(r *request) ([]any, error) {
	multi := r.reply.status == http.StatusMultiStatus
	if isPage(r.reply.body) {
		return nil, x.unclear(r, "is a page of HTML, such as that of a login or of a proxy", "Check url and path, and what stands between; where the receiver does answer with pages, write failures = \"ignore\" in the reply block. "+
			"Nothing of the request is counted as delivered; its rows are sent again with the same key by the next run")
	}
	if !multi && !hinted(r.reply.body) {
		return nil, nil
	}
	if r.reply.tooLarge {
		return nil, x.unclear(r, fmt.Sprintf("is longer than %d bytes", x.sink.reply.limit), "Raise reply.limit, so that all of it can be looked at")
	}
	body := parseJSON(r.reply.body)
	if items := list(body, len(r.places)); items != nil {
		if out := failedItems(items); len(out) > 0 || !failedValue(body) {
			return out, nil
		}
	}
	m, _ := body.(map[string]any)
	if out := x.named(m, len(r.places)); out != nil {
		return out, nil
	}
	if failedValue(body) || failedSomewhere(body) {
		return nil, x.unclear(r, "carries failures: "+errorText(r.reply), "")
	}
	if multi && !judged(body) {
		return nil, x.unclear(r, "may carry failures", "")
	}
	return nil, nil
}

// isPage tells whether a body is a page for people to look at.
func isPage(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, begin := range []string{"<!doctype html", "<html"} {
		if len(body) >= len(begin) && strings.EqualFold(string(body[:len(begin)]), begin) {
			return true
		}
	}
	return false
}

// unclear is the error of a reply that is ok and may be none.
func (x *shipment) unclear(r *request, what, advice string) error {
	if advice == "" {
		advice = "Say what a refused row looks like in a reply block, such as reject = \"body?.errors ?? []\", or which replies are failures as a whole, such as ok = \"status < 300 and body?.success != false\"; " +
			"failures = \"ignore\" takes such replies as delivered. Nothing of the request is counted as delivered; its rows are sent again with the same key by the next run"
	}
	return plugin.Fail(plugin.Data, "run.reply_carries_failures", fmt.Errorf("%s answered %s, and the reply %s", x.place(r.u), statusText(r.reply.status), x.mask.excerpt(what)), advice)
}

// list returns the items of a reply that has one for each row, nil when it has none such.
func list(body any, rows int) []any {
	if l, ok := body.([]any); ok && len(l) == rows && objects(l) {
		return l
	}
	m, _ := body.(map[string]any)
	for _, name := range sortedKeys(m) {
		if l, ok := m[name].([]any); ok && slices.Contains(listing, squeezed(name)) && len(l) == rows && objects(l) {
			return l
		}
	}
	return nil
}

func objects(l []any) bool {
	return !slices.ContainsFunc(l, func(v any) bool { _, ok := v.(map[string]any); return !ok })
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// placed is a refusal that is known by the place of its item.
type placed struct {
	place int
	item  any
}

// failedItems returns the items that failed, each with its place. An item
// may lie in an object of one field that names what was done, as in bulk interfaces.
func failedItems(items []any) []any {
	var out []any
	for i, it := range items {
		m, _ := it.(map[string]any)
		if len(m) == 1 {
			for _, v := range m {
				if inner, ok := v.(map[string]any); ok {
					m = inner
				}
			}
		}
		if failedValue(m) {
			out = append(out, placed{i, m})
		}
	}
	return out
}

// named returns the failures of a reply when each of them names its row, else nil.
func (x *shipment) named(m map[string]any, rows int) []any {
	var out []any
	for _, name := range sortedKeys(m) {
		l, ok := m[name].([]any)
		if !ok || !slices.Contains(failing, squeezed(name)) {
			continue
		}
		for _, it := range l {
			if _, text := it.(string); text || x.refusalOf(it, rows).place < 0 {
				return nil // the number in a free text is too weak a hint here
			}
		}
		out = append(out, l...)
	}
	return out
}

// failedValue tells whether a reply or an item says that something failed.
func failedValue(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for name, v := range m {
		switch n := squeezed(name); {
		case slices.Contains(failing, n) && !empty(v):
			return true
		case slices.Contains(succeeding, n) && (v == false || v == "false" || v == 0):
			return true
		case slices.Contains(judging, n) && badOutcome(v):
			return true
		}
	}
	return false
}

// failedSomewhere looks into the lists of a reply whose items do not match the rows.
func failedSomewhere(body any) bool {
	l, _ := body.([]any)
	if m, ok := body.(map[string]any); ok {
		for name, v := range m {
			if some, ok := v.([]any); ok && slices.Contains(listing, squeezed(name)) {
				l = append(l, some...)
			}
			if some, ok := v.(map[string]any); ok && failedValue(some) {
				return true
			}
		}
	}
	return len(failedItems(l)) > 0
}

// judged tells whether a reply has an outcome for something, so that one of 207 that holds no failure is none.
func judged(body any) bool {
	l, _ := body.([]any)
	m, _ := body.(map[string]any)
	for name, v := range m {
		n := squeezed(name)
		if slices.Contains(failing, n) || slices.Contains(succeeding, n) || slices.Contains(judging, n) {
			return true
		}
		if some, ok := v.([]any); ok && slices.Contains(listing, n) {
			l = append(l, some...)
		}
	}
	return len(l) > 0 && !slices.ContainsFunc(l, func(v any) bool {
		inner, _ := v.(map[string]any)
		for _, w := range inner {
			if deeper, ok := w.(map[string]any); ok && len(inner) == 1 {
				return !judged(deeper)
			}
		}
		return !judged(inner)
	})
}

func badOutcome(v any) bool {
	switch v := v.(type) {
	case int:
		return v >= 400 && v < 600
	case float64:
		return v >= 400 && v < 600
	case string:
		return slices.Contains(failedWords, squeezed(v)) || len(v) >= 3 && (v[0] == '4' || v[0] == '5') && strings.Trim(v[:3], "0123456789") == "" && (len(v) == 3 || v[3] == ' ')
	}
	return false
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		t := strings.ToLower(strings.TrimSpace(v))
		return t == "" || t == "0" || t == "false" || t == "none" || t == "null"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case int:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}
