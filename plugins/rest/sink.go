package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Sink is the configuration of the sink "rest".
type Sink struct {
	connection *spec.Ref
	method     string
	path       string
	pathExpr   spec.Text
	headers    map[string]spec.Secret
	body       spec.Text
	nulls      string
	gzip       bool
	keyHeader  string
	batch      struct {
		rows     int
		wait     time.Duration
		bytes    int64
		parallel int
		key      spec.Text
	}
	reply replyOptions
	retry retry

	schema *record.Schema // set by Bind, like what follows
	exprs  exprs
}

type replyOptions struct {
	ok, reject, accepted, retry spec.Text
	index                       []string
	indexFrom                   int
	indexPattern                string
	unassigned                  string
	failures                    string
	limit                       int64
}

// exprs are the compiled expressions; nil ones were left out.
type exprs struct {
	path, body, ok, reject, accepted, retry plugin.Expr
	order                                   []plugin.Expr
}

var _ plugin.Sink = (*Sink)(nil)

// defaultIndexPattern finds the place of an event in a message. It is strict: a
// number that is not clearly a place must not get a good row rejected.
const defaultIndexPattern = `(?i)(?:^\s*|\b(?:events?|items?|rows?|records?)\s*)(?:\[(\d{1,7})\]|#(\d{1,7})\b)|\b(?:event|row|record)\s+(\d{1,7})\b`

// Spec implements plugin.Config.
func (s *Sink) Spec() spec.Body {
	r := &s.reply
	return spec.Body{
		spec.Reference("connection", "connection", &s.connection).Required().Doc("The connection to send to: connection.rest.NAME."),
		spec.Choice("method", &s.method, "POST", "PUT", "PATCH", "DELETE").Default("POST", `"POST"`).Doc("HTTP method."),
		spec.String("path", &s.path).Default("/", `"/"`).Doc("Path below the connection's url; it may have a query.").Check(checkPath),
		spec.Expr("path_expression", &s.pathExpr).Doc("Path computed from the row, such as \"'/v1/items/' + id\"; needs batch { rows = 1 }. " +
			"Constant text is the structure of the path; everything else is a value and is escaped, so that a row never changes where a request goes: a slash in id becomes %2F. " +
			"The same holds for values of a query, as in \"'/v1/items?no=' + id\". raw(link) puts a value in as it is. A row is rejected (row.bad_path) whose value would make a segment that is empty, \".\" or \"..\"."),
		spec.CredentialMap("headers", &s.headers).Doc("Headers on top of the connection's. Their values are treated as secrets."),
		spec.Expr("body", &s.body).Doc("Request body, computed from the list rows. Default: the list itself, or the row when there is a path_expression."),
		spec.Choice("nulls", &s.nulls, "keep", "omit").Default("keep", `"keep"`).Doc("Whether object fields that are null are sent as null or left out."),
		spec.Bool("gzip", &s.gzip).Default(false, "false").Doc("Send bodies compressed; the receiver must understand Content-Encoding: gzip."),
		spec.String("key_header", &s.keyHeader).Default("Idempotency-Key", `"Idempotency-Key"`).Doc("Header that carries the request's key, which is made of its rows and its content; empty for none.").Check(checkHeaderName),
		spec.Block("batch", nil, "How rows are put together into requests.",
			spec.Int("rows", &s.batch.rows).Default(100, "100").Doc("Most rows in a request.").Check(spec.Between(1, 100000)),
			spec.Duration("wait", &s.batch.wait).Default(2*time.Second, `"2s"`).Doc("A request is sent this long after its first row came, full or not."),
			spec.Size("bytes", &s.batch.bytes).Default(0, "0").Doc("Most bytes of the rows as JSON in a request; 0 is no limit."),
			spec.Int("parallel", &s.batch.parallel).Default(1, "1").Doc("Most requests of the sink under way at once. With more than 1, a request may overtake others, but none that has rows with the same ordering_key. "+
				"It changes neither requests nor their keys; rate_limit and a Retry-After hold for all of them together.").Check(spec.Between(1, 64)),
			spec.Expr("ordering_key", &s.batch.key).Doc("What a row is about, such as \"customer_no\": rows with the same value reach the receiver in the order of the source, also with parallel. "+
				"Rows for which it is nil may come in any order. Default: the identity and the keys of the dedupe step before the sink; without one, parallel needs it."),
		),
		spec.Block("reply", nil, "What a reply means. The expressions see status, body (parsed JSON, or nil), text, headers (lower-case names) and rows (how many were sent).",
			spec.Expr("ok", &r.ok).Doc("Whether the request was taken. Default: status between 200 and 299."),
			spec.Expr("reject", &r.reject).Doc("List of refused rows: numbers, objects with an index, or messages; empty for none."),
			spec.Expr("accepted", &r.accepted).Doc("For replies that are not ok: how many rows were taken nevertheless, or true when all but the refused ones were."),
			spec.Expr("retry", &r.retry).Doc("Whether the same request may succeed later. Default: status 408, 425, 429, 500, 502, 503 or 504."),
			spec.Strings("index", &r.index).Default([]string{"index", "event", "item", "row", "position"}, `["index", "event", "item", "row", "position"]`).Doc("Field of a refusal that holds the place of the row in the request."),
			spec.Int("index_from", &r.indexFrom).Default(0, "0").Doc("The place of the first row: 0 or 1.").Check(spec.Between(0, 1)),
			spec.String("index_pattern", &r.indexPattern).Default(defaultIndexPattern, strconv.Quote(defaultIndexPattern)).Doc("Regular expression whose first group that matches is the place of the row in a message; empty for none.").Check(checkPattern),
			spec.Choice("unassigned", &r.unassigned, "split", "all", "stop").Default("split", `"split"`).Doc("What follows a refusal that names no row: send again in halves, reject all rows of the request, or stop."),
			spec.Choice("failures", &r.failures, "find", "ignore").Default("find", `"find"`).Doc("Whether a reply that is ok is searched for failures that it carries all the same, such as {\"errors\": [...]}, {\"insertErrors\": [...]}, {\"success\": false}, {\"FailedRecordCount\": 2}, {\"accepted\": 2} for three rows, a 207, items with a status of their own, XML with such elements, text such as ERROR: ..., or a page of HTML. Names count whose words all tell of failures or of rows: last_error_at is none. "+
				"Rows that it names are rejected, those of items with status 429 or 503 are sent again alone, as retry says; when it names none, or is longer than limit, the run stops. Without effect where reject is given, or an ok that reads body or text."),
			spec.Size("limit", &r.limit).Default(1<<20, `"1MiB"`).Doc("Most bytes of a reply that are read.").Check(checkLimit),
		),
		s.retry.spec(),
	}
}

func checkLimit(n int64) error {
	if n < 1<<10 || n > 1<<30 {
		return errors.New("must be between 1KiB and 1GiB")
	}
	return nil
}

func checkPath(p string) error {
	if m := placeholder.FindStringSubmatch(p); m != nil {
		return fmt.Errorf("is sent as it is, with %s in it: a path that is made of a row is path_expression, such as \"'/items/' + %s\". A brace that is meant is %%7B", m[0], m[1])
	}
	if _, err := (&client{base: emptyURL()}).address(p); err != nil {
		return errors.New("must begin with one slash, without spaces, control characters, \"#\" and parts that lead upwards")
	}
	return nil
}

// placeholder is what other tools replace in a path.
var placeholder = regexp.MustCompile(`\{+ *([A-Za-z_][A-Za-z0-9_]*) *\}+`)

func checkPattern(s string) error {
	re, err := regexp.Compile(s)
	if err != nil || s != "" && re.NumSubexp() == 0 {
		return errors.New("must be a regular expression with a group around the number, such as \"event ([0-9]+)\"")
	}
	return nil
}

// Check implements plugin.Config.
func (s *Sink) Check(at spec.Ranges) diag.List {
	var out diag.List
	if s.connection != nil {
		if _, ok := s.connection.Value.(*Connection); !ok {
			out = append(out, diag.Errorf("config.wrong_connection", at.Of(&s.connection), "Wrong kind of connection",
				"A rest sink needs a connection of type rest: connection.rest.NAME."))
		}
	}
	if !s.pathExpr.IsZero() && s.batch.rows != 1 {
		out = append(out, diag.Errorf("config.conflict", at.Of(&s.pathExpr), "path_expression needs requests of one row",
			"The path is computed from one row. Write batch { rows = 1 }."))
	}
	if s.retry.base > s.retry.max {
		out = append(out, diag.Errorf("config.conflict", at.Of(&s.retry.base), "The first pause is longer than the longest", "retry.base must not exceed retry.max."))
	}
	if s.batch.parallel <= 1 && !s.batch.key.IsZero() {
		out = append(out, diag.Errorf("config.conflict", at.Of(&s.batch.key), "ordering_key is without effect",
			"Requests are made one after the other, in the order of the source. It matters with batch.parallel above 1."))
	}
	return append(out, checkHeaders(s.headers, at.Of(&s.headers))...)
}

// replyEnv are the names that reply expressions see.
func replyEnv() []record.Field {
	return []record.Field{
		{Name: "status", Type: record.Of(record.Int)},
		{Name: "body", Type: record.NullableOf(record.Any)},
		{Name: "text", Type: record.Of(record.String)},
		{Name: "headers", Type: record.Of(record.Any)},
		{Name: "rows", Type: record.Of(record.Int)},
	}
}

// Bind implements plugin.Sink.
func (s *Sink) Bind(in *record.Schema, at spec.Ranges, c plugin.Compiler) diag.List {
	s.schema = in
	var out diag.List
	keep := func(e plugin.Expr, ds diag.List) plugin.Expr {
		out = append(out, ds...)
		return e
	}
	value := func(t spec.Text, want record.Kind) plugin.Expr {
		if t.IsZero() {
			return nil
		}
		return keep(c.Value(t, replyEnv(), want))
	}
	if !s.pathExpr.IsZero() {
		s.exprs.path = keep(c.Path(s.pathExpr))
	}
	if !s.body.IsZero() {
		s.exprs.body = keep(c.Rows(s.body, nil, record.Invalid))
	}
	if s.batch.parallel > 1 {
		order, ds := s.orderOf(in, at, c)
		s.exprs.order, out = order, append(out, ds...)
	}
	s.exprs.ok = value(s.reply.ok, record.Bool)
	s.exprs.retry = value(s.reply.retry, record.Bool)
	s.exprs.reject = value(s.reply.reject, record.Invalid)
	s.exprs.accepted = value(s.reply.accepted, record.Invalid)
	return out
}

// Batching implements plugin.Sink.
func (s *Sink) Batching() plugin.Batching {
	b := plugin.Batching{Rows: s.batch.rows, Wait: s.batch.wait, Bytes: s.batch.bytes}
	if s.batch.parallel > 1 {
		b.Parallel = &plugin.Parallel{Most: s.batch.parallel, Order: s.exprs.order}
	}
	return b
}

// Guarantee implements plugin.Sink.
func (s *Sink) Guarantee() string {
	text := fmt.Sprintf("at least once; each request carries a stable %s, so a receiver that honours it applies each request once", s.keyHeader)
	if s.keyHeader == "" {
		text = "at least once; deliveries carry no key (key_header is empty), so a receiver cannot recognise one that is repeated after a lost reply or a crash"
	}
	switch {
	case s.batch.parallel <= 1:
	case len(s.exprs.order) == 0:
		text += fmt.Sprintf("; up to %d at once, in any order", s.batch.parallel)
	default:
		text += fmt.Sprintf("; up to %d at once, rows with the same ordering_key in the order of the source", s.batch.parallel)
	}
	return text
}

// Open implements plugin.Sink. It makes no request.
func (s *Sink) Open(_ context.Context, h plugin.Host, _ []byte) (plugin.Writer, error) {
	w, err := s.newWriter(h)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (s *Sink) newWriter(h plugin.Host) (*writer, error) {
	conn, ok := s.connection.Value.(*Connection)
	if !ok {
		return nil, fmt.Errorf("connection %s is a %T, not a rest connection", s.connection.Name, s.connection.Value)
	}
	cl, release, err := shareClient(h, s.connection, conn)
	if err != nil {
		return nil, plugin.Fail(plugin.Environment, "env.connection", err, "")
	}
	w := &writer{
		sink: s, client: cl, release: release, clock: h.Clock(), log: h.Log(), mask: newMasker(conn, s.headers),
		rows:   record.NewEncoder(s.schema, record.JSONOptions{OmitNull: s.nulls == "omit"}),
		header: http.Header{}, inside: s.looksInside(),
	}
	if s.reply.indexPattern != "" {
		if w.pattern, err = regexp.Compile(s.reply.indexPattern); err != nil {
			release()
			return nil, err
		}
	}
	for k, v := range s.headers {
		w.header.Set(k, v.Reveal())
	}
	if s.gzip {
		w.header.Set("Content-Encoding", "gzip")
	}
	if e := s.exprs.body; e != nil {
		w.body, w.value = e.New(), record.NewValueEncoder(e.Type(), record.JSONOptions{OmitNull: s.nulls == "omit"})
	}
	if e := s.exprs.path; e != nil {
		w.path = e.New()
	}
	return w, nil
}
