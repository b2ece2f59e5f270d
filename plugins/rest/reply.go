package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/engine/plugin"
	"weir/engine/record"
)

func emptyURL() *url.URL { return &url.URL{Scheme: "http", Host: "localhost"} }

// judge evaluates the reply expressions. One goroutine at a time uses it.
type judge struct {
	ok, reject, accepted, retry plugin.Eval // nil for the default
	env                         []record.Column
}

func newJudge(s *Sink) *judge {
	j := &judge{env: make([]record.Column, len(replyEnv()))}
	start := func(e plugin.Expr) plugin.Eval {
		if e == nil {
			return nil
		}
		return e.New()
	}
	j.ok, j.reject, j.accepted, j.retry = start(s.exprs.ok), start(s.exprs.reject), start(s.exprs.accepted), start(s.exprs.retry)
	return j
}

// reads reports whether the body of a reply matters.
func (j *judge) reads() bool {
	return j.ok != nil || j.reject != nil || j.accepted != nil || j.retry != nil
}

// load puts r, the reply to a request with the given number of rows, before the expressions.
func (j *judge) load(r *reply, rows int) {
	for i, f := range replyEnv() {
		j.env[i].Resize(f.Type, 1)
	}
	j.env[0].Ints[0] = int64(r.status)
	j.env[1].Anys[0] = parseJSON(r.body)
	j.env[2].SetString(0, bytes.ToValidUTF8(r.body, []byte("\uFFFD")))
	headers := make(map[string]any, len(r.header))
	for k, v := range r.header {
		headers[strings.ToLower(k)] = strings.Join(v, ", ")
	}
	j.env[3].Anys[0] = headers
	j.env[4].Ints[0] = int64(rows)
}

func (j *judge) value(e plugin.Eval) (any, error) {
	c, err := e.Value(j.env)
	if err != nil {
		return nil, err
	}
	return valueOf(c, 0), nil
}

// truth evaluates a yes-or-no expression, or returns def when there is none.
func (j *judge) truth(e plugin.Eval, def bool) (bool, error) {
	if e == nil {
		return def, nil
	}
	v, err := j.value(e)
	if err != nil {
		return false, err
	}
	b, _ := v.(bool) // nil is no
	return b, nil
}

// refusals evaluates reply.reject: a list, or one refusal, or nil.
func (j *judge) refusals() ([]any, error) {
	if j.reject == nil {
		return nil, nil
	}
	v, err := j.value(j.reject)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	case bool:
		if !v {
			return nil, nil
		}
		return []any{"the receiver refused the request"}, nil
	}
	return []any{v}, nil
}

// othersTaken tells whether, of the given number of rows that the reply does not
// refuse, all were taken although the reply is not ok.
func (j *judge) othersTaken(others int) (bool, error) {
	if j.accepted == nil {
		return false, nil
	}
	v, err := j.value(j.accepted)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case int:
		return v == others, nil
	case float64:
		return v == float64(others), nil
	case record.DecimalValue:
		return v == record.DecimalFromInt(int64(others)), nil
	}
	return false, nil
}

// parseJSON returns text as the Go values of an Any column, nil when it is not JSON.
func parseJSON(text []byte) any {
	if values, whole := parseValues(text); whole && len(values) == 1 {
		return values[0]
	}
	return nil
}

// parseValues returns the JSON values that text has, one after another, as parseJSON does
// a single one. It reports false when something else is in it, or its end is missing.
func parseValues(text []byte) (values []any, whole bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		var v any
		switch err := dec.Decode(&v); {
		case err == io.EOF: //nolint:errorlint // returned as it is
			return values, len(values) > 0
		case err != nil:
			return values, false
		}
		values = append(values, numbers(v))
	}
}

// numbers replaces json.Number by the values of record.ParseJSONNumber. A number that
// no value holds exactly, such as an id of 20 digits, becomes its text: a reply that
// was given is not refused for a digit.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, err := record.ParseJSONNumber([]byte(v))
		if err != nil {
			return v.String()
		}
		return n
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// valueOf returns value i of c as the Go value that an Any column would hold.
// It allocates: it is for replies, not for rows.
func valueOf(c *record.Column, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c.Type.Kind {
	case record.Bool:
		return c.Bools[i]
	case record.Int:
		return int(c.Ints[i])
	case record.Float:
		return c.Floats[i]
	case record.Decimal:
		return c.Dec(i)
	case record.String:
		return string(c.Bytes(i))
	case record.Date:
		return record.DateValue{Days: c.Ints[i]}
	case record.Time:
		return time.UnixMicro(c.Ints[i]).In(c.Type.Location())
	case record.List:
		out := []any{}
		for j := c.Offs[i]; j < c.Offs[i+1]; j++ {
			out = append(out, valueOf(c.Elem, int(j)))
		}
		return out
	case record.Object:
		out := make(map[string]any, len(c.Fields))
		for k := range c.Fields {
			out[c.Type.Fields[k].Name] = valueOf(&c.Fields[k], i)
		}
		return out
	case record.Any:
		return c.Anys[i]
	case record.Invalid, record.Null:
	}
	return nil
}

// errorText returns what a reply says went wrong: its first error message, else the beginning of its text.
func errorText(r *reply) string {
	if s := message(parseJSON(r.body)); s != "" {
		return s
	}
	if s := string(r.body); strings.TrimSpace(s) != "" {
		return s
	}
	return "(empty reply)"
}

// message finds a message in a parsed reply or refusal, "" when there is none.
func message(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		for _, el := range v {
			if s := message(el); s != "" {
				return s
			}
		}
	case map[string]any:
		for _, k := range []string{"errors", "error", "message", "reason", "detail", "description", "title", "error_description"} {
			if s := message(v[k]); s != "" {
				return s
			}
		}
	}
	return ""
}

// statusError turns a reply that was not taken into an error that says what to do.
func (w *writer) statusError(r *reply, place string) error {
	text := w.mask.excerpt(errorText(r))
	err := fmt.Errorf("%s answered %s: %s", place, statusText(r.status), text)
	switch {
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		return plugin.Fail(plugin.Environment, "env.credentials_refused", err,
			"Check the credentials in connection."+w.sink.connection.Name+"; nothing is lost, the rows are sent again with the same key once they are accepted")
	case r.status >= 300 && r.status < 400:
		err = fmt.Errorf("%s answered %s to %s", place, statusText(r.status), w.mask.excerpt(r.header.Get("Location")))
		return plugin.Fail(plugin.Environment, "env.redirected", err,
			"Credentials and data are never sent on to another host, and a redirect that changes the method loses the body: correct url or path")
	case r.status == http.StatusTooManyRequests:
		return plugin.Fail(plugin.Transient, "env.server_busy", err, fmt.Sprintf("The receiver limits how many requests it takes: set rate_limit in connection.%s, such as \"5/s\", "+
			"or raise retry.attempts, retry.elapsed and retry.after of the sink; nothing is lost, the rows are sent again with the same key by the next run", w.sink.connection.Name))
	case r.status == http.StatusRequestEntityTooLarge:
		return plugin.Fail(plugin.Data, "run.request_too_large", err, "Send less at once: lower batch.rows or set batch.bytes")
	case r.status >= 500:
		return plugin.Fail(plugin.Transient, "env.unavailable", err, "The rows are sent again with the same key by the next run")
	case r.status == http.StatusBadRequest || r.status == http.StatusConflict || r.status == http.StatusUnprocessableEntity:
		return plugin.Fail(plugin.Data, "run.request_refused", err,
			"The receiver refuses what was sent. If it names the refused rows, say where with reply.reject; then only those are rejected")
	case r.status >= 400:
		return plugin.Fail(plugin.Environment, "env.request_refused", err, "Check url, path and method; nothing is lost, the rows are sent again with the same key by the next run")
	}
	return plugin.Fail(plugin.Data, "run.reply_not_ok", err, "The reply does not meet reply.ok; the rows are sent again with the same key by the next run")
}

func statusText(status int) string {
	if t := http.StatusText(status); t != "" {
		return strconv.Itoa(status) + " " + t
	}
	return strconv.Itoa(status)
}
