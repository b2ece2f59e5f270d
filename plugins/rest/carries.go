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

// hinted tells whether a reply has a value anywhere that could tell of a failure. Most
// have none and are not parsed.
func hinted(body []byte, rows int) bool {
	for i := bytes.IndexByte(body, ':'); i >= 0; {
		key := bytes.TrimRight(body[max(0, i-48):i], " \t\r\n")
		if n := len(key); n > 1 && key[n-1] == '"' {
			key = key[bytes.LastIndexByte(key[:n-1], '"')+1 : n-1]
			if suspicious(key, bytes.TrimLeft(body[i+1:], " \t\r\n"), rows) {
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
func suspicious(name, text []byte, rows int) bool {
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
	case has("err", "fail", "reject", "refus", "invalid", "unproc", "undeliv", "unsucc", "exception", "fault", "denied", "violation", "not"):
		return !begins("[]", "{}", "null", "false", `""`, "0,", "0}", "0 ", "0\n")
	case has("succe", "acknow", "accept", "process", "valid", "stored", "saved", "deliver") || len(name) == 2 && has("ok"):
		return begins("false", "0", `"`) || begins("1", "2", "3", "4", "5", "6", "7", "8", "9") && leading(text) < rows
	case has("code"):
		return begins(`"`, "-") || begins("1", "2", "3", "4", "5", "6", "7", "8", "9") && leading(text) >= 400
	case has("status", "result", "outcome"):
		return begins(`"e`, `"E`, `"f`, `"F`, `"p`, `"P`, `"n`, `"N`, `"k`, `"K`, `"completed`, `"COMPLETED`, `"Completed`, `"4`, `"5`, `" `, "4", "5")
	}
	return false
}

// leading returns the whole number that text begins with.
func leading(text []byte) int {
	n := 0
	for _, c := range text[:min(len(text), 9)] {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
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

// looksInside tells whether replies that are ok are searched for failures. Whoever
// wrote reply.reject, or a reply.ok that reads the reply, has said what one looks like.
func (s *Sink) looksInside() bool {
	return s.reply.failures == "find" && s.reply.reject.IsZero() && !readsReply.MatchString(s.reply.ok.S)
}

var readsReply = regexp.MustCompile(`\b(?:body|text)\b`)

// carried returns the rows that a reply taken for ok refuses nevertheless. It fails
// when the reply carries failures and does not tell of which rows.
func (x *shipment) carried(r *request) ([]any, error) {
	rows := len(r.places)
	multi := r.reply.status == http.StatusMultiStatus
	text := bytes.TrimSpace(bytes.TrimPrefix(r.reply.body, []byte("\xef\xbb\xbf")))
	switch {
	case isPage(text):
		return nil, x.unclear(r, "is a page of HTML, such as that of a login or of a proxy", "Check url and path, and what stands between; where the receiver does answer with pages, write failures = \"ignore\" in the reply block. "+
			"Nothing of the request is counted as delivered; its rows are sent again with the same key by the next run")
	case r.reply.tooLarge:
		return nil, x.unclear(r, fmt.Sprintf("is longer than %d bytes, so that not all of it can be searched for failures", x.sink.reply.limit),
			"Raise reply.limit, so that all of it can be looked at, or write failures = \"ignore\" in the reply block")
	case len(text) > 0 && text[0] != '{' && text[0] != '[':
		if multi || failedText(text, rows) {
			return nil, x.unclear(r, "may carry failures: "+string(text), "")
		}
		return nil, nil
	case !multi && !hinted(text, rows):
		return nil, nil
	}
	values, whole := parseValues(text)
	if !whole {
		return nil, x.unclear(r, "begins as JSON and is none, so that it cannot be searched for failures: "+string(text), "")
	}
	var body any = values
	if len(values) == 1 {
		body = values[0]
	}
	return x.searched(r, body, multi)
}

// searched is carried for a reply that was parsed.
func (x *shipment) searched(r *request, body any, multi bool) ([]any, error) {
	rows := len(r.places)
	if items := list(body, rows); items != nil {
		if out := failedItems(items); len(out) > 0 || !failedOf(body, rows) {
			return out, nil
		}
	}
	m, _ := body.(map[string]any)
	if out := x.named(m, rows); out != nil {
		return out, nil
	}
	if failedOf(body, rows) || failedSomewhere(body, 0) {
		return nil, x.unclear(r, "carries failures: "+errorText(r.reply), "")
	}
	if multi && !judged(body) {
		return nil, x.unclear(r, "may carry failures", "")
	}
	return nil, nil
}

// isPage tells whether a body is a page for people to look at.
func isPage(body []byte) bool {
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
	var other []any
	for _, name := range sortedKeys(m) {
		l, ok := m[name].([]any)
		if !ok || len(l) != rows || !objects(l) || tellsFailure(name) {
			continue
		}
		if slices.Contains(listing, squeezed(name)) {
			return l
		}
		if other == nil && len(failedItems(l)) > 0 {
			other = l
		}
	}
	return other
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
	busy  bool // its row may be taken later
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
			out = append(out, placed{i, m, busyItem(m)})
		}
	}
	return out
}

// named returns the failures of a reply when each of them names its row, else nil.
func (x *shipment) named(m map[string]any, rows int) []any {
	var out []any
	for _, name := range sortedKeys(m) {
		l, ok := m[name].([]any)
		if !ok || !tellsFailure(name) {
			continue
		}
		for _, it := range l {
			if _, text := it.(string); text || x.refusalOf(it, rows).place < 0 {
				return nil // the number in a free text is too weak a hint here
			}
		}
		for _, it := range l {
			m, _ := it.(map[string]any)
			if busyItem(m) {
				it = placed{x.refusalOf(it, rows).place, m, true}
			}
			out = append(out, it)
		}
	}
	return out
}

// maxSearch is how deep in a reply failures are searched for.
const maxSearch = 6

// failedSomewhere looks into the lists of a reply whose items do not match the rows, and into
// the objects in it: far down, where what was sent may be repeated, for failures that
// say what they are.
func failedSomewhere(body any, depth int) bool {
	if l, ok := body.([]any); ok {
		return len(failedItems(l)) > 0
	}
	m, ok := body.(map[string]any)
	if !ok || depth > maxSearch {
		return false
	}
	for name, v := range m {
		switch v := v.(type) {
		case []any:
			if depth == 0 && slices.Contains(listing, squeezed(name)) && len(failedItems(v)) > 0 || depth > 0 && tellsFailure(name) && saysWhat(v) {
				return true
			}
		case map[string]any:
			if depth == 0 && failedValue(v) || tellsFailure(name) && saysWhat(v) || failedSomewhere(v, depth+1) {
				return true
			}
		}
	}
	return false
}

// saysWhat reports whether v, or something in it when it is a list, has the text of a failure.
func saysWhat(v any) bool {
	if l, ok := v.([]any); ok {
		return slices.ContainsFunc(l, func(e any) bool { _, text := e.(string); return text && e != "" || saysWhat(e) })
	}
	m, _ := v.(map[string]any)
	for name, e := range m {
		if slices.Contains(saying, squeezed(name)) && !empty(e) {
			return true
		}
	}
	return false
}

// judged tells whether a reply has an outcome for something, so that one of 207 that holds no failure is none.
func judged(body any) bool {
	l, _ := body.([]any)
	m, _ := body.(map[string]any)
	for name, v := range m {
		n := squeezed(name)
		if tellsFailure(name) || slices.Contains(succeeding, n) || slices.Contains(judging, n) {
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
