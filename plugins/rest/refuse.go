package rest

import (
	"math"
	"strconv"
	"strings"

	"weir/engine/record"
)

// refusal is one item of what reply.reject yields.
type refusal struct {
	place  int // of the row in the request, from 0; -1 when the item names none
	code   string
	reason string
}

// refusalOf reads an item of the list: a number is a place, a text a message
// that may hold a place, an object may hold both.
func (w *writer) refusalOf(item any, rows int) refusal {
	r := refusal{place: -1, code: "sink.refused"}
	var text string
	if at, ok := item.(placed); ok {
		r.place, item = at.place, at.item
	}
	known := r.place >= 0
	switch v := item.(type) {
	case string:
		text = v
	case map[string]any:
		text = message(v)
		for _, name := range w.sink.reply.index {
			if n, ok := whole(v[name]); ok && !known {
				r.place = n - w.sink.reply.indexFrom
				break
			}
		}
		if code, ok := v["code"].(string); ok && code != "" {
			switch {
			case text == "":
				text = code
			case !strings.HasPrefix(text, code):
				text = code + ": " + text
			}
		}
		if text == "" {
			text = w.asText(v)
		}
	default:
		if n, ok := whole(v); ok {
			r.place = n - w.sink.reply.indexFrom
			text = "refused by the receiver"
		} else {
			text = w.asText(v)
		}
	}
	if r.place < 0 && w.pattern != nil {
		r.place = w.placeIn(text)
	}
	if r.place < 0 || r.place >= rows {
		r.place = -1
	}
	r.reason = w.mask.excerpt(text)
	return r
}

// asText shows a refusal without a message of its own as JSON.
func (w *writer) asText(v any) string {
	c := record.Column{Type: record.Of(record.Any), Anys: []any{v}}
	out, err := record.NewValueEncoder(c.Type, record.JSONOptions{}).AppendValue(nil, &c, 0)
	if err != nil {
		return "refused by the receiver"
	}
	return string(out)
}

// placeIn returns the place that a message names, -1 when it names none.
func (w *writer) placeIn(text string) int {
	m := w.pattern.FindStringSubmatch(text)
	for _, g := range m[min(1, len(m)):] {
		if n, err := strconv.Atoi(g); g != "" && err == nil {
			return n - w.sink.reply.indexFrom
		}
	}
	return -1
}

// whole returns v as an int when it is a whole number, also one written as text.
func whole(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case float64:
		return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<31
	case record.DecimalValue:
		return int(v.Coef), v.Scale == 0
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}
