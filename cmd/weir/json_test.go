package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"weir/engine/testkit/restserver"
)

const jsonConfig = `
entity "person" {
  keys = { id = "value" }
}
connection "rest" "api" {
  url = "URL"
}
pipeline "p" {
  schedule = "every 1h"
  source "file" "in" {
    path  = "DIR/in/*.csv"
    ready = "now"
  }
  decode "csv" {
    columns = {
      id = "text"
      n  = "int"
    }
  }
  filter "zero" {
    drop = "n == 0"
  }
  dedupe "seen" {
    entity = entity.person
    keys   = { id = "id" }
    trace  = true
  }
  check "five" {
    rule "five" {
      that = "n != 5"
    }
  }
  sink "rest" "out" {
    connection = connection.rest.api
  }
}
`

const jsonTest = `
test "reads" {
  serve "rest" "api" {}
  serve "file" "disk" {
    file "DIR/in/a.csv" {
      content = "id,n\n1,1\n"
    }
  }
  run "first" {
    pipelines = ["p"]
    expect {
      ledger = { read = 99 }
    }
  }
}
`

// jsonVerbs are the verbs whose JSON is checked, in an order in which each has something
// to tell; "serve" begins to serve the folder, and "damage" damages its state.
var jsonVerbs = []string{
	"validate", "validate bad", "fmt --check", "graph", "explain", "schema", "docs", "version", "columns in/a.csv", "test", "test --cover", "preview p",
	"run", "trace id 1", "run bad", "runs", "files ls", "files why p a.csv", "files retry p a.csv --again", "run", "files skip p c.csv",
	"rejects ls", "rejects ls --summary", "rejects show p 1 2 3", "rejects replay p 1", "rejects edit p 2 --set n=5 --by ann --reason r", "rejects show p 2",
	"rejects discard p --all --yes", "rejects ls --edited", "rejects replay p --all",
	"state ls", "state show p", "state export --keys", "plan --offline",
	"serve", "status", "reload", "plan", "reloads", "reloads show 1", "stop", "state reset p --yes", "state prune",
	"damage", "state repair",
}

// jsonLess are verbs that print no JSON: what they print is for a terminal or another
// program, or goes on for ever.
var jsonLess = []string{"completion", "demo", "serve", "top"}

// jsonMaps are objects whose keys are data: names of filters, states, steps and headers,
// and fields of rows.
var jsonMaps = regexp.MustCompile(`(ledger\.filtered|pipelines\[\]\.files|pipeline\.files|^files|cursors|headers|steps\[\]\.rows\[\]|body|body\[\])$`)

// TestJSONKeys runs every verb with --json. What it prints is described in JSON.md, which
// scripts may rely on: keys are lower case with _ between words, and change with that
// page alone. WEIR_UPDATE=1 writes it anew.
func TestJSONKeys(t *testing.T) {
	page, err := filepath.Abs("JSON.md")
	if err != nil {
		t.Fatal(err)
	}
	rig := newJSONRig(t)
	keys := map[string]map[string]string{} // by verb and path
	for _, line := range jsonVerbs {
		args := strings.Fields(line)
		switch line {
		case "serve":
			rig.serve()
			continue
		case "stop":
			rig.stop()
			continue
		case "damage":
			if err := os.Truncate(filepath.Join(rig.dir, ".weir", "state", "db", "weir-end"), 10); err != nil {
				t.Fatal(err)
			}
			continue
		case "files skip p c.csv":
			writeIn(t, rig.dir, "in/c.csv", "id,n\n8,8\n")
		}
		verb := rig.verb(args)
		if keys[verb] == nil {
			keys[verb] = map[string]string{}
		}
		rig.collect(keys[verb], line, rig.run(append(args, "--json")...))
	}
	for _, verb := range rig.leaves() {
		if (keys[verb] == nil) != slices.Contains(jsonLess, verb) {
			t.Errorf("weir %s is not looked at, or not known to print no JSON", verb)
		}
	}
	want := jsonPage(keys)
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("%v: what verbs print is not as JSON.md says; if that is meant, WEIR_UPDATE=1 go test ./cmd/weir -run TestJSONKeys:\n%s", err, gocmp.Diff(string(got), want))
	}
}

func jsonPage(keys map[string]map[string]string) string {
	var sb strings.Builder
	sb.WriteString("# What --json prints\n\nOne object in one line; `state export` prints several. A key that has nothing to tell may be missing.\n" +
		"`[]` stands for every element of a list, `*` for every key of an object whose keys are data. Times are RFC 3339 in UTC.\n" +
		"This page is kept equal to what the verbs print by a test.\n")
	for _, verb := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(&sb, "\n## weir %s\n\n", verb)
		for _, p := range slices.Sorted(maps.Keys(keys[verb])) {
			fmt.Fprintf(&sb, "- `%s` %s\n", p, keys[verb][p])
		}
	}
	return sb.String()
}

// jsonRig is a folder with a configuration, and a receiver.
type jsonRig struct {
	t    *testing.T
	dir  string
	done chan error // of the server
	end  context.CancelFunc
}

func newJSONRig(t *testing.T) *jsonRig {
	t.Helper()
	api, err := restserver.New(restserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	api.Otherwise(func(*restserver.Request) restserver.Reply { return restserver.Reply{} })
	r := &jsonRig{t: t, dir: t.TempDir()}
	for _, d := range []string{"in", "bad"} {
		if err := os.Mkdir(filepath.Join(r.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeIn(t, r.dir, "main.hcl", strings.NewReplacer("DIR", r.dir, "URL", api.URL()).Replace(jsonConfig))
	writeIn(t, r.dir, "main.test.hcl", jsonTest)
	writeIn(t, r.dir, "in/a.csv", "id,n\n1,1\n1,2\n2,0\n3,x\n4,y\n5,5\n5,6\n")
	writeIn(t, r.dir, "in/b.csv", "id,n\n7,7\n")
	writeIn(t, r.dir, "bad/main.hcl", strings.ReplaceAll(jsonConfig, "n == 0", "m == 0"))
	t.Chdir(r.dir)
	return r
}

func (r *jsonRig) run(args ...string) string {
	r.t.Helper()
	var out, errs bytes.Buffer
	code := newApp(strings.NewReader(""), &out, &errs).main(r.t.Context(), args)
	if out.Len() == 0 {
		r.t.Errorf("weir %s: exit %d, and nothing is printed: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// serve serves the folder until stop.
func (r *jsonRig) serve() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	r.done, r.end = make(chan error, 1), cancel
	a := newApp(strings.NewReader(""), io.Discard, io.Discard)
	a.logLevel, a.logFormat = "error", "text"
	go func() { r.done <- a.serve(ctx, ".", serveFlags{listen: "127.0.0.1:0", quiet: time.Hour}) }()
	for deadline := time.Now().Add(scriptPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var s serving
		b, err := os.ReadFile(filepath.Join(r.dir, ".weir", "state", servingFile))
		if err != nil || json.Unmarshal(b, &s) != nil {
			continue
		}
		resp, err := http.Get(s.URL + "/readyz") //nolint:gosec,noctx // the server of the test
		if err != nil {
			continue
		}
		_ = resp.Body.Close() // its status is all that is wanted
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	r.t.Fatal("it does not get ready")
}

func (r *jsonRig) stop() {
	r.t.Helper()
	r.end()
	if err := <-r.done; err != nil {
		r.t.Error(err)
	}
}

// verb is the part of a command line that names the verb.
func (r *jsonRig) verb(args []string) string {
	c, _, err := newApp(nil, nil, nil).root().Find(args)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimPrefix(c.CommandPath(), "weir ")
}

// leaves lists the verbs that do something.
func (r *jsonRig) leaves() (out []string) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if len(c.Commands()) == 0 || c.Flags().Lookup("json") != nil {
			out = append(out, strings.TrimPrefix(c.CommandPath(), "weir "))
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, c := range newApp(nil, nil, nil).root().Commands() {
		walk(c)
	}
	return out
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// collect adds the paths of all values in JSON lines to keys, with their types.
func (r *jsonRig) collect(keys map[string]string, line, out string) {
	r.t.Helper()
	var walk func(path string, v any)
	note := func(path, kind string) {
		kinds := strings.Split(keys[path], " or ")
		if keys[path] == "" {
			kinds = nil
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		keys[path] = strings.Join(kinds, " or ")
	}
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				switch {
				case jsonMaps.MatchString(path):
					k = "*"
				case !snakeCase.MatchString(k):
					r.t.Errorf("weir %s: the key %q at %q is not in lower case with _ between words", line, k, path)
				}
				walk(strings.TrimPrefix(path+"."+k, "."), x)
			}
		case []any:
			for _, x := range v {
				walk(path+"[]", x)
			}
			if len(v) == 0 {
				note(path, "list")
			}
		default:
			note(path, cmp.Or(map[string]string{"bool": "bool", "string": "string", "json.Number": "number", "<nil>": "null"}[fmt.Sprintf("%T", v)], "?"))
		}
	}
	d := json.NewDecoder(strings.NewReader(out))
	d.UseNumber()
	for {
		var v any
		err := d.Decode(&v)
		if err == io.EOF {
			return
		}
		if err != nil {
			r.t.Errorf("weir %s prints no JSON: %v\n%.300s", line, err, out)
			return
		}
		walk("", v)
	}
}
