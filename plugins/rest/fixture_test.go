package rest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
	"weir/engine/testkit/restserver"
)

// clock is a clock that moves only when somebody sleeps.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return nil
}

// host lends log, clock and shared values, and remembers what was logged.
type host struct {
	clock  *clock
	log    *zap.Logger
	logged *observer.ObservedLogs
	shared map[string]any
	closed int
}

func newHost() *host {
	core, logged := observer.New(zapcore.DebugLevel)
	return &host{
		clock: &clock{now: time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)}, log: zap.New(core), logged: logged, shared: map[string]any{},
	}
}

func (h *host) Log() *zap.Logger        { return h.log }
func (h *host) Clock() plugin.Clock     { return h.clock }
func (h *host) Machine() plugin.Machine { return plugin.SystemMachine{} }

func (h *host) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	if v, ok := h.shared[key]; ok {
		return v, func() {}, nil
	}
	v, done, err := open()
	if err != nil {
		return nil, nil, err
	}
	h.shared[key] = v
	return v, func() { h.closed++; delete(h.shared, key); done() }, nil
}

// compiler runs expressions in the expression library's own machine, over Go values.
type compiler struct{ in *record.Schema }

func (c compiler) Row(t spec.Text, _ record.Kind) (plugin.Expr, diag.List) {
	return compile(t, record.Of(record.String))
}

func (c compiler) Path(t spec.Text) (plugin.Expr, diag.List) {
	return compile(t, record.Of(record.String))
}

func (c compiler) Rows(t spec.Text, _ []record.Field, _ record.Kind) (plugin.Expr, diag.List) {
	return compile(t, record.NullableOf(record.Any))
}

func (c compiler) Value(t spec.Text, env []record.Field, _ record.Kind) (plugin.Expr, diag.List) {
	e, ds := compile(t, record.NullableOf(record.Any))
	if p, ok := e.(*program); ok {
		p.env = env
	}
	return e, ds
}

type program struct {
	p   *vm.Program
	typ record.Type
	env []record.Field
}

func compile(t spec.Text, typ record.Type) (plugin.Expr, diag.List) {
	p, err := expr.Compile(t.S, expr.AllowUndefinedVariables())
	if err != nil {
		return nil, diag.FromError("expr.invalid", err)
	}
	return &program{p: p, typ: typ}, nil
}

func (p *program) Type() record.Type    { return p.typ }
func (p *program) Reads() []record.Slot { return nil }
func (p *program) New() plugin.Eval     { return &eval{program: p} }

type eval struct {
	*program
	out record.Column
}

func (e *eval) run(env map[string]any) (*record.Column, error) {
	v, err := expr.Run(e.p, env)
	e.out.Resize(record.NullableOf(record.Any), 1)
	if m, ok := v.([]map[string]any); ok {
		list := make([]any, len(m))
		for i := range m {
			list[i] = m[i]
		}
		v = list
	}
	e.out.Anys[0] = v
	return &e.out, err
}

func (e *eval) Rows(b *record.Batch, step, column string) *record.Column {
	e.out.Resize(record.NullableOf(record.String), b.N)
	for k := range b.Live() {
		i := b.Row(k)
		v, err := expr.Run(e.p, rowOf(b, i))
		s, ok := v.(string)
		if err != nil {
			b.Reject(i, step, column, "row.expression", err.Error())
		}
		if !ok {
			e.out.SetNull(i)
			continue
		}
		e.out.SetString(i, []byte(s))
	}
	return &e.out
}

func (e *eval) Set(b *record.Batch, _ []record.Column) (*record.Column, error) {
	rows := make([]any, b.Live())
	for k := range rows {
		rows[k] = rowOf(b, b.Row(k))
	}
	return e.run(map[string]any{"rows": rows})
}

func (e *eval) Value(env []record.Column) (*record.Column, error) {
	m := map[string]any{}
	for i, f := range e.env {
		m[f.Name] = valueOf(&env[i], 0)
	}
	return e.run(m)
}

func rowOf(b *record.Batch, i int) map[string]any {
	m := map[string]any{}
	for k, f := range b.Schema.Fields() {
		m[f.Name] = valueOf(&b.Cols[k], i)
	}
	return m
}

// body parses HCL.
func body(t *testing.T, src string) hcl.Body {
	t.Helper()
	f, ds := hclsyntax.ParseConfig([]byte(src), "test.hcl", hcl.InitialPos)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return f.Body
}

const (
	apiKey   = "k/s3cr3t+value=="
	password = "pa55 w0rd\"'"
)

// connection decodes a connection block.
func connection(t *testing.T, src string) (*Connection, diag.List) {
	t.Helper()
	c := new(Connection)
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"key":      cty.StringVal(apiKey).Mark(spec.Sensitive),
		"password": cty.StringVal(password).Mark(spec.Sensitive),
	}}
	at, ds := c.Spec().Decode(body(t, src), ctx)
	return c, append(ds, c.Check(at)...)
}

// sink decodes and binds a sink block that uses conn.
func sink(t *testing.T, src string, conn *Connection, in *record.Schema) (*Sink, diag.List) {
	t.Helper()
	s := new(Sink)
	ref := cty.CapsuleVal(spec.RefType, &spec.Ref{Kind: "connection", Name: "rest.shop", Value: conn})
	at, ds := s.Spec().Decode(body(t, "connection = shop\n"+src), &hcl.EvalContext{Variables: map[string]cty.Value{"shop": ref}})
	ds = append(ds, s.Check(at)...)
	return s, append(ds, s.Bind(in, at, compiler{in})...)
}

// open makes a running sink against srv, with credentials that must never be seen.
func open(t *testing.T, srv *restserver.Server, h *host, connSrc, sinkSrc string, in *record.Schema) plugin.Writer {
	t.Helper()
	src := fmt.Sprintf("url = %q\nheaders = { X-AUTH-APIKEY = key }\n", srv.URL()) + connSrc
	if !strings.Contains(connSrc, "auth") {
		src += "\nauth {\n user = \"weir\"\n password = password\n}"
	}
	conn, ds := connection(t, src)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	s, ds := sink(t, sinkSrc, conn, in)
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	w, err := s.Open(t.Context(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
		noSecret(t, "the log", fmt.Sprintf("%+v", h.logged.All()))
	})
	return w
}

// noSecret fails when text holds a credential in any of its usual forms (I9).
func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range []string{apiKey, password, "s3cr3t", "pa55", "d2VpcjpwYTU1"} { // the last: base64 of user and password
		if strings.Contains(text, s) {
			t.Errorf("%s shows the secret %q: %s", where, s, text)
		}
	}
}

func server(t *testing.T, o restserver.Options) *restserver.Server {
	t.Helper()
	srv, err := restserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

// people is a batch of rows {id, qty}, with ids "r0", "r1", ...
func people(n int) *record.Batch {
	b := new(record.Batch)
	b.Reset(record.NewSchema([]record.Field{
		{Name: "id", Type: record.Of(record.String)}, {Name: "rate", Type: record.NullableOf(record.Float)},
	}), n)
	for i := range n {
		b.Cols[0].SetString(i, fmt.Appendf(nil, "r%d", i))
		b.Cols[1].SetNull(i)
	}
	return b
}

// ids returns the ids of the rows in the body of a request.
func ids(r *restserver.Request) []string {
	v := r.Body
	if m, ok := v.(map[string]any); ok {
		v = slices.Collect(maps.Values(m))[0]
	}
	var out []string
	list, _ := v.([]any)
	for _, el := range list {
		row, _ := el.(map[string]any)
		id, _ := row["id"].(string)
		out = append(out, id)
	}
	return out
}

func failure(t *testing.T, err error) *plugin.Failure {
	t.Helper()
	var f *plugin.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no Failure", err)
	}
	noSecret(t, "the error", err.Error())
	return f
}

// rowsKey returns the key of a request without the digest of its content.
func rowsKey(h http.Header) string {
	key, part, _ := strings.Cut(h.Get("Idempotency-Key"), "/")
	if i := strings.LastIndexByte(key, '-'); i > 0 && len(key)-i == 17 {
		key = key[:i]
	}
	if part != "" {
		key += "/" + part
	}
	return key
}
