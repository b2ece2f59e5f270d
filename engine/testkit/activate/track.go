package activate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"weir/engine/testkit/restserver"
)

// refusal is why an event is not taken.
type refusal struct{ code, message string }

// track answers POST /v1/track: one bare event or {"events": [...]}.
func (s *Server) track(body any) restserver.Reply {
	events, err := eventsOf(body)
	if err != "" {
		s.violate("body", "%s", err)
		return failed(http.StatusBadRequest, err)
	}
	if s.o.MaxEvents > 0 && len(events) > s.o.MaxEvents {
		s.violate("body", "%d events in a call; the most is %d", len(events), s.o.MaxEvents)
		return failed(http.StatusBadRequest, fmt.Sprintf("Too many events, the maximum is %d", s.o.MaxEvents))
	}
	var good []map[string]any
	var errs []any
	for i, e := range events {
		ev, ok := e.(map[string]any)
		if !ok {
			s.violate(place(i), "an event must be an object")
			errs = append(errs, s.errorOf(i, refusal{"INVALID_EVENT", "an event must be an object"}))
			continue
		}
		if r := s.check(place(i), ev); r != nil {
			errs = append(errs, s.errorOf(i, *r))
			continue
		}
		good = append(good, ev)
	}
	if len(errs) > 0 && s.o.DropGood {
		good = nil
	}
	for _, ev := range good {
		s.accept(ev)
	}
	if len(errs) == 0 {
		return restserver.Reply{JSON: map[string]any{"success": true, "processed": len(good)}}
	}
	out := map[string]any{"success": false, "errors": errs}
	if s.o.ReportProcessed {
		out["processed"] = len(good)
	}
	return restserver.Reply{Status: s.o.StatusOfRejects, JSON: out}
}

func eventsOf(body any) ([]any, string) {
	m, ok := body.(map[string]any)
	if !ok {
		return nil, "The body must be an event or {\"events\": [...]}"
	}
	list, ok := m["events"]
	if !ok {
		return []any{m}, ""
	}
	events, ok := list.([]any)
	if !ok || len(events) == 0 {
		return nil, "events must be a list with at least one event"
	}
	return events, ""
}

func place(i int) string { return fmt.Sprintf("events[%d]", i) }

func (s *Server) errorOf(i int, r refusal) any {
	switch {
	case s.o.ErrorObjects:
		return map[string]any{"event": i, "code": r.code, "message": r.message}
	case s.o.ErrorsUnplaced:
		return r.code + ": " + r.message
	}
	return fmt.Sprintf("%s: %s: %s", place(i), r.code, r.message)
}

// check records what is wrong with an event and returns the first reason to refuse it.
func (s *Server) check(at string, ev map[string]any) *refusal {
	var first *refusal
	refuse := func(code, format string, args ...any) {
		r := refusal{code, fmt.Sprintf(format, args...)}
		s.violate(at, "%s: %s", r.code, r.message)
		if first == nil {
			first = &r
		}
	}
	name, _ := ev["event"].(string)
	if name == "" {
		refuse("INVALID_EVENT", "event is missing")
	}
	if text(ev["email"]) == "" && text(ev["userid"]) == "" && text(ev["sqzly_cookie"]) == "" && s.otherIdentifier(ev) == "" {
		refuse("NO_IDENTIFIER", "the event has no email, userid or other identifier")
	}
	if v, ok := ev["timestamp"]; ok {
		if _, err := s.instant(v); err != nil {
			refuse("TIMESTAMP_ERROR", "%v", err)
		}
	}
	if name == "Purchase" || name == s.o.ReturnEvent {
		if text(ev["orderid"]) == "" {
			refuse("MISSING_FIELD", "%s needs orderid", name)
		}
		if list, _ := ev["products"].([]any); len(list) == 0 {
			refuse("MISSING_FIELD", "%s needs products", name)
		}
	}
	for i, p := range productList(ev["products"]) {
		if m, ok := p.(map[string]any); !ok || text(m["id"]) == "" {
			refuse("MISSING_FIELD", "products[%d] has no id", i)
		}
	}
	s.inspect(at, ev)
	return first
}

func (s *Server) otherIdentifier(ev map[string]any) string {
	for _, f := range s.o.IdentifyBy {
		if v := text(ev[f]); v != "" {
			return v
		}
	}
	return ""
}

// productList returns the products of an event; one official client sends a bare object.
func productList(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		return []any{v}
	}
	return nil
}

// instant reads a timestamp: Unix seconds, or text that begins YYYY-mm-dd, in
// the server's zone unless it carries one.
func (s *Server) instant(v any) (time.Time, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return time.Unix(n, 0).In(s.o.Location), nil
		}
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05-0700", "2006-01-02 15:04", "2006-01-02"} {
			if t, err := time.ParseInLocation(layout, v, s.o.Location); err == nil {
				return t.In(s.o.Location), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%v is not a supported date: it must begin with YYYY-mm-dd", v)
}

// accept applies an event that passed check.
func (s *Server) accept(ev map[string]any) {
	p := s.identify(ev)
	s.update(p, ev)
	p.Events++
	name, at := text(ev["event"]), ""
	if v, ok := ev["timestamp"]; ok {
		if t, err := s.instant(v); err == nil {
			at = t.Format("2006-01-02 15:04:05")
		}
	}
	s.events = append(s.events, Event{Name: name, Profile: p.ID, At: at, Fields: ev})
	id := text(ev["orderid"])
	if id == "" || name != "Purchase" && name != s.o.ReturnEvent {
		return
	}
	for _, o := range s.orders {
		if o.ID == id && o.Event == name {
			o.merge(ev, p.ID, at)
			return
		}
	}
	o := &Order{ID: id, Event: name}
	o.merge(ev, p.ID, at)
	s.orders = append(s.orders, o)
}

func (o *Order) merge(ev map[string]any, profile, at string) {
	o.Profile, o.Products = profile, productList(ev["products"])
	if at != "" {
		o.At = at
	}
	if v, ok := ev["totalvalue"]; ok {
		o.TotalValue = v
	}
	o.Events++
}

// lower tells whether s is n lower-case ASCII letters, upper likewise.
func lower(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

func upper(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
