package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"weir/engine"
	"weir/engine/serve"
	"weir/engine/spec"
	"weir/plugins/all"
)

// rig is a served folder with its API.
type rig struct {
	t       *testing.T
	dir     string
	server  *serve.Server
	url     string
	token   string
	client  *Client
	schemas *jsonschema.Compiler
	routes  []route
	told    map[string]bool // answers that came, as "id status"
	handler http.Handler
}

// pipelineA copies rows of in/a*.csv, and refuses those whose a is no number.
const pipelineA = `
pipeline "a" {
  description = "A copy"
  schedule    = "every 1h"
  source "file" "in" {
    path  = "DIR/in/a*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = { a = "text", b = "int" }
  }
  filter "some" {
    drop = "b == 13"
  }
  sink "file" "out" {
    path   = "DIR/out/a.ndjson"
    format = "ndjson"
    exists = "number"
  }
}
`

// newRig serves pipelineA, or the files given by name; DIR in them is the rig's folder.
func newRig(t *testing.T, files map[string]string, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), routes: routes(), told: map[string]bool{}}
	for _, d := range []string{"config", "in", "out"} {
		if err := os.MkdirAll(filepath.Join(r.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if files == nil {
		files = map[string]string{"config/a.hcl": pipelineA, "in/a.csv": "a,b\nx,1\ny,none\nz,13\n"}
	}
	for name, text := range files {
		r.write(name, text)
	}
	t.Cleanup(r.stop)
	r.serve(change...)
	r.compile()
	return r
}

// serve starts a server and its API.
func (r *rig) serve(change ...func(*Options)) {
	t := r.t
	t.Helper()
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard), Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))})
	if ds.HasErrors() {
		t.Fatal(ds.Err())
	}
	s, v, err := serve.Start(context.Background(), serve.Options{Engine: e, Folder: filepath.Join(r.dir, "config"), StateDir: filepath.Join(r.dir, "state")})
	if err != nil {
		t.Fatal(err)
	}
	r.server = s
	if v.Outcome != serve.Applied {
		t.Fatalf("the folder is not served: %v", Problems(v))
	}
	o := Options{Server: s, Version: "v1.2.3", Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)), Token: s.Engine().Token, Copies: &copier{dir: r.dir}, Prove: func(n string) string { return ProofOf("secret", "folder", n) }}
	for _, f := range change {
		f(&o)
	}
	r.handler = New(o)
	srv := httptest.NewServer(r.handler)
	t.Cleanup(srv.Close)
	r.url, r.token = srv.URL, o.Token.Reveal()
	r.client = &Client{URL: srv.URL, Token: o.Token}
}

// compile makes the schemas of the description, which take no field that is not described.
func (r *rig) compile() {
	b, err := json.Marshal(newDescription(r.t, true).whole())
	if err != nil {
		r.t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		r.t.Fatal(err)
	}
	r.schemas = jsonschema.NewCompiler()
	r.schemas.AssertFormat()
	if err := r.schemas.AddResource("mem:///openapi.json", doc); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stop() {
	if r.server == nil { // it never began
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.server.Stop(ctx); err != nil {
		r.t.Errorf("stopping: %v", err)
	}
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.WriteFile(file+".part", []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(file+".part", file); err != nil {
		r.t.Fatal(err)
	}
}

// until waits until ok.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s did not come about: %+v", what, r.server.Status())
		}
	}
}

// ran waits until n runs of a have ended.
func (r *rig) ran(n int64) {
	r.t.Helper()
	r.until(fmt.Sprintf("the end of run %d", n), func() bool {
		p, _ := r.server.Pipeline("a")
		return p.Runs >= n && p.Run == nil
	})
}

// send asks, with the token; change alters the request.
func (r *rig) send(method, path, body string, change func(*http.Request)) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// ask asks and holds the answer against the description.
func (r *rig) ask(status int, method, path, body string) string {
	r.t.Helper()
	return r.asked(status, method, path, body, nil)
}

func (r *rig) asked(status int, method, path, body string, change func(*http.Request)) string {
	r.t.Helper()
	resp := r.send(method, path, body, change)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != status {
		r.t.Fatalf("%s %s: %d, not %d: %s", method, path, resp.StatusCode, status, b)
	}
	if c := resp.Header.Get("Cache-Control"); c != "no-store" {
		r.t.Errorf("%s %s: Cache-Control: %s", method, path, c)
	}
	r.check(resp, method, path, b)
	return string(b)
}

// check holds an answer against the description of its route.
func (r *rig) check(resp *http.Response, method, path string, b []byte) {
	r.t.Helper()
	answer := reply{body: ErrorBody{}}
	if to := r.routeOf(method, path); to != nil {
		for _, a := range to.answers {
			if a.status == resp.StatusCode {
				answer = a
				r.told[fmt.Sprint(to.id, " ", a.status)] = true
			}
		}
	}
	if answer.media != "" {
		if c := resp.Header.Get("Content-Type"); !strings.HasPrefix(c, answer.media) {
			r.t.Errorf("%s %s: Content-Type: %s", method, path, c)
		}
		return
	}
	if c := resp.Header.Get("Content-Type"); c != "application/json" {
		r.t.Errorf("%s %s: Content-Type: %s", method, path, c)
	}
	r.validate(method+" "+path, answer.body, b)
}

// validate holds JSON against the schema of the type of like.
func (r *rig) validate(what string, like any, b []byte) {
	r.t.Helper()
	if _, free := like.(map[string]any); free {
		return
	}
	s, err := r.schemas.Compile("mem:///openapi.json#/components/schemas/" + componentName(typeOf(like)))
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		r.t.Errorf("%s: the answer is not as described: %v\n%s", what, err, b)
	}
}

// routeOf returns the route of a request, nil when there is none.
func (r *rig) routeOf(method, path string) *route {
	path, _, _ = strings.Cut(path, "?")
	for i := range r.routes {
		to := &r.routes[i]
		have, want := strings.Split(path, "/"), strings.Split(to.path, "/")
		same := to.method == method && len(have) == len(want)
		for j := range want {
			same = same && (want[j] == "{p}" || have[j] == want[j])
		}
		if same {
			return to
		}
	}
	return nil
}

// copier makes folders that stand for copies of the store.
type copier struct {
	dir     string
	n       int
	removed []string
}

func (c *copier) NewCheckpoint() (dir string, remove func(), err error) {
	c.n++
	dir = filepath.Join(c.dir, fmt.Sprint("copy", c.n))
	return dir, func() { c.removed = append(c.removed, dir) }, os.Mkdir(dir, 0o700)
}

func withToken(o *Options) { o.Token = spec.NewSecret("correct horse battery") }
