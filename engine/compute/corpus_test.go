package compute

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/engine/function"
	"weir/engine/record"
)

// corpusDir is the folder of expr's own test data.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/expr-lang/expr").Output()
	if err != nil {
		t.Skipf("the folder of expr's module is not known: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "testdata")
}

// corpus reads a file of expr's own test data.
func corpus(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpusDir(t), name))
	if err != nil {
		t.Skip(err)
	}
	return string(b)
}

func corpusCompiler() (*Compiler, *record.Batch, map[string]any) {
	bar := record.ObjectOf([]record.Field{field("Bar", tString)})
	s := record.NewSchema([]record.Field{
		field("ok", tBool), field("i", tInt), field("str", tString), field("f64", tFloat),
		field("array", record.ListOf(tInt)), field("foo", bar), field("list", record.ListOf(bar)),
	})
	env := map[string]any{
		"ok": true, "i": 1, "str": "str", "f64": .5, "array": []any{1, 2, 3, 4, 5}, "foo": map[string]any{"Bar": "foo"},
		"list":  []any{map[string]any{"Bar": "bar"}, map[string]any{"Bar": "baz"}},
		"add":   func(a, b int) int { return a + b },
		"greet": func(name string) string { return "Hello, " + name },
	}
	var row []any
	for _, f := range s.Fields() {
		row = append(row, env[f.Name])
	}
	fs := []function.Function{
		{Name: "add", Types: []any{new(func(int, int) int)}, Call: func(a ...any) (any, error) { return a[0].(int) + a[1].(int), nil }},
		{Name: "greet", Types: []any{new(func(string) string)}, Call: func(a ...any) (any, error) { return "Hello, " + a[0].(string), nil }},
	}
	return New(s, Options{Functions: fs}), batchOf(s, [][]any{row, row}), env
}

// What compiles here means what it means in expr: same value, or an error in both.
func TestCorpus(t *testing.T) {
	c, b, env := corpusCompiler()
	compiled, fast, n := 0, 0, 0
	for src := range strings.Lines(corpus(t, "generated.txt")) {
		if n++; n%11 != 0 {
			continue
		}
		src = strings.TrimSpace(src)
		x, ds := c.Row(txt(src), record.Invalid)
		if len(ds) > 0 || differs(src) {
			continue
		}
		compiled++
		e := x.(*Expr)
		got := outcomes(e, b, false)[0]
		if e.slow == "" {
			fast++
			if d := sameOutcome(got, outcomes(e, b, true)[0]); d != "" {
				t.Errorf("%s (-VM +kernel)\n%s", src, d)
			}
		}
		v, err := expr.Eval(src, env)
		if err == nil {
			v, err = conform(plainMaps(v), anyNumbers(e.Type()))
		}
		want := outcome{v: v}
		if err != nil {
			want = outcome{err: err.Error()}
		}
		want.v, got.v = inFloats(want.v), inFloats(got.v)
		if d := sameOutcome(want, got); d != "" {
			t.Errorf("%s (-expr +ours)\n%s", src, d)
		}
	}
	t.Logf("of %d expressions %d compiled, %d with kernels", n/11, compiled, fast)
	if compiled < 300 || fast < 100 {
		t.Error("the corpus hardly tests anything")
	}
}

// anyNumbers is t for numbers of every kind: floor() of an int is an int here.
func anyNumbers(t record.Type) record.Type {
	switch t.Kind {
	case record.Int:
		return tAny
	case record.List:
		return record.ListOf(anyNumbers(*t.Elem))
	case record.Object:
		fields := slices.Clone(t.Fields)
		for i := range fields {
			fields[i].Type = anyNumbers(fields[i].Type)
		}
		t.Fields = fields
	}
	return t
}

// plainMaps turns the objects of groupBy() and fromPairs(), which have keys of any
// kind in expr, into ones by the texts of their keys.
func plainMaps(v any) any {
	switch v := v.(type) {
	case map[any][]any:
		out := map[string]any{}
		for k, e := range v {
			out[fmt.Sprint(k)] = plainMaps(e)
		}
		return out
	case map[any]any:
		out := map[string]any{}
		for k, e := range v {
			out[fmt.Sprint(k)] = plainMaps(e)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = plainMaps(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainMaps(v[i])
		}
		return out
	}
	return v
}

// inFloats turns integers into floats: a choice between an int and a float is a float here.
func inFloats(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = inFloats(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = inFloats(v[k])
		}
		return out
	}
	return v
}

// differs lists what this language defines otherwise than expr, or what has no order.
func differs(src string) bool {
	for _, s := range []string{"string(", "type(", "toJSON(", "keys(", "values(", "toPairs(", "max(", "min(", "sort(", "sum(str", "foo | findLast", "get(", "/ 0", "first(", "last(", "/ reduce(", "str ??"} {
		if strings.Contains(src, s) {
			return true
		}
	}
	return strings.Contains(src, "groupBy(") && strings.ContainsAny(src[strings.Index(src, "groupBy("):], ".[|")
}

func TestExamples(t *testing.T) {
	c, b, env := corpusCompiler()
	blocks := strings.Split(corpus(t, "examples.md"), "```")
	compiled := 0
	for i := 1; i < len(blocks); i += 2 {
		src := strings.TrimSpace(blocks[i])
		x, ds := c.Row(txt(src), record.Invalid)
		if len(ds) > 0 {
			for _, d := range ds {
				if d.Subject.Start.Byte > len(src) {
					t.Errorf("%s\npoints beyond the text", show(ds))
				}
			}
			t.Logf("%s\n%s", src, show(ds))
			continue
		}
		if differs(src) {
			continue
		}
		compiled++
		v, err := expr.Eval(src, env)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = conform(v, x.Type()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(v, outcomes(x.(*Expr), b, false)[0].v, cmpopts.EquateNaNs()); d != "" {
			t.Errorf("%s (-expr +ours)\n%s", src, d)
		}
	}
	if compiled < 3 {
		t.Errorf("only %d examples compiled", compiled)
	}
}

// Whatever is written, the compiler answers with an expression or with
// diagnostics that point into the text.
func TestForeign(t *testing.T) {
	var list []string
	if err := json.Unmarshal([]byte(corpus(t, "crowdsec.json")), &list); err != nil {
		t.Fatal(err)
	}
	c := New(record.NewSchema([]record.Field{field("evt", tAny)}), Options{})
	compiled := 0
	for _, src := range list {
		_, ds := c.Row(txt(src), record.Invalid)
		if len(ds) == 0 {
			compiled++
		}
		for _, d := range ds {
			if d.Subject == nil || d.Subject.Start.Byte > len(src) || d.Summary == "" {
				t.Errorf("%s: %+v", src, d)
			}
		}
	}
	if compiled < 50 {
		t.Errorf("only %d compiled", compiled)
	}
}
