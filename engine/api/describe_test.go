package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDescription keeps openapi.json equal to what the table of routes and the
// types say. WEIR_UPDATE=1 writes it anew.
func TestDescription(t *testing.T) {
	want, err := json.MarshalIndent(newDescription(t, false).whole(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := os.WriteFile("openapi.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, openAPI) {
		t.Errorf("openapi.json is out of date; write it anew with WEIR_UPDATE=1 go test ./engine/api:\n%s", cmp.Diff(string(openAPI), string(want)))
	}
}

// description makes the description of the API from the routes and the Go types.
type description struct {
	closed  bool // refuse fields that are not described: for tests, clients must not
	schemas map[string]any
	docs    map[string]string // comments by "package.Type" and "package.Type.Field"
}

func newDescription(t *testing.T, closed bool) *description {
	t.Helper()
	d := &description{closed: closed, schemas: map[string]any{}, docs: map[string]string{}}
	for _, dir := range []string{"api", "serve", "plan", "diag"} {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			d.read(dir, f)
		}
	}
	return d
}

// read takes the comments of a file.
func (d *description) read(pkg string, f *ast.File) {
	for _, decl := range f.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			ts := s.(*ast.TypeSpec) //nolint:errcheck,forcetypeassert // what TYPE declares
			name := pkg + "." + ts.Name.Name
			d.docs[name] = sentence(g.Doc.Text() + ts.Doc.Text())
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, fd := range st.Fields.List {
				for _, n := range fd.Names {
					d.docs[name+"."+n.Name] = sentence(fd.Doc.Text() + fd.Comment.Text())
				}
			}
		}
	}
}

// sentence makes one line of a comment.
func sentence(s string) string { return strings.Join(strings.Fields(s), " ") }

func (d *description) whole() map[string]any {
	paths := map[string]map[string]any{}
	for _, r := range routes() {
		if paths[r.path] == nil {
			paths[r.path] = map[string]any{}
		}
		paths[r.path][strings.ToLower(r.method)] = d.operation(&r)
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "weir serve", "version": "1",
			"description": "Asks and steers a server of pipelines. With a token in the engine block, all but /healthz and /readyz ask for it; without one the API answers only to names of its own machine. Fields may be added; none goes or changes its meaning."},
		"paths":      paths,
		"components": map[string]any{"schemas": d.schemas, "securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer"}}},
		"security":   []any{map[string]any{"token": []any{}}, map[string]any{}},
	}
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (d *description) operation(r *route) map[string]any {
	out := map[string]any{"operationId": r.id, "summary": r.summary}
	params := []any{}
	for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "description": "Address of the pipeline", "schema": map[string]any{"type": "string"}})
	}
	for _, p := range r.query {
		params = append(params, map[string]any{"name": p.name, "in": "query", "description": p.doc, "schema": map[string]any{"type": p.kind}})
	}
	if len(params) > 0 {
		out["parameters"] = params
	}
	if r.body != nil {
		out["requestBody"] = map[string]any{"required": r.needsBody, "content": map[string]any{"application/json": map[string]any{"schema": d.schema(reflect.TypeOf(r.body))}}}
	}
	if open(r.path) {
		out["security"] = []any{}
	}
	answers := map[string]any{"default": d.answer(reply{doc: "The request was refused, or failed", body: ErrorBody{}})}
	for _, a := range r.answers {
		answers[strconv.Itoa(a.status)] = d.answer(a)
	}
	out["responses"] = answers
	return out
}

func (d *description) answer(a reply) map[string]any {
	media := a.media
	if media == "" {
		media = "application/json"
	}
	content := map[string]any{"schema": map[string]any{"type": "string"}}
	switch {
	case a.body != nil && a.media == "":
		content["schema"] = d.schema(reflect.TypeOf(a.body))
	case a.body != nil:
		d.schema(reflect.TypeOf(a.body)) // described, though no JSON Schema can say where it stands
	}
	return map[string]any{"description": a.doc, "content": map[string]any{media: content}}
}

// schema returns the schema of a type; those of structs are components.
func (d *description) schema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		out := map[string]any{"type": "integer"}
		if t.Kind() == reflect.Uint64 {
			out["minimum"] = 0
		}
		return out
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return map[string]any{"type": "object"}
		}
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		return d.object(t)
	}
	panic(fmt.Sprintf("no schema for %s", t))
}

func (d *description) object(t reflect.Type) map[string]any {
	name := componentName(t)
	ref := map[string]any{"$ref": "#/components/schemas/" + name}
	if d.schemas[name] != nil {
		return ref
	}
	out := map[string]any{"type": "object"}
	d.schemas[name] = out // types refer to each other
	if doc := d.docs[path.Base(t.PkgPath())+"."+t.Name()]; doc != "" {
		out["description"] = doc
	}
	props, required := map[string]any{}, []any{}
	d.fields(t, props, &required)
	out["properties"] = props
	if len(required) > 0 {
		out["required"] = required
	}
	if d.closed {
		out["additionalProperties"] = false
	}
	return ref
}

// fields adds the fields of t, those of embedded structs included.
func (d *description) fields(t reflect.Type, props map[string]any, required *[]any) {
	for f := range t.Fields() {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && tag == "":
			d.fields(f.Type, props, required)
			continue
		case !f.IsExported() || tag == "-":
			continue
		}
		s := d.schema(f.Type)
		if doc := d.docs[path.Base(t.PkgPath())+"."+t.Name()+"."+f.Name]; doc != "" {
			s["description"] = doc
		}
		props[tag] = s
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, tag)
		}
	}
}

// componentName is the name of a type in the description.
func componentName(t reflect.Type) string {
	pkg := path.Base(t.PkgPath())
	if pkg == "api" {
		return t.Name()
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + t.Name()
}

// TestRoutesAreServed asks every route by a wrong method: what answers 405 is there.
func TestRoutesAreServed(t *testing.T) {
	r := newRig(t, nil)
	for _, to := range routes() {
		resp := r.send(http.MethodTrace, strings.ReplaceAll(to.path, "{p}", "a"), "", nil)
		if resp.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(resp.Header.Get("Allow"), to.method) {
			t.Errorf("%s %s: %d, Allow: %s", to.method, to.path, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}
