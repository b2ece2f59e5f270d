package function

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr"

	"weir/engine/record"
)

// options registers the library with expr.
func options() []expr.Option {
	var out []expr.Option
	for _, f := range All() {
		out = append(out, expr.Function(f.Name, f.Call, f.Types...))
	}
	return out
}

func byName(t testing.TB, name string) Function {
	t.Helper()
	for _, f := range All() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no function %s", name)
	return Function{}
}

func TestExamples(t *testing.T) {
	opts := append(options(), expr.Env(map[string]any{}))
	for _, f := range All() {
		if len(f.Examples) == 0 {
			t.Errorf("%s has no example", f.Name)
		}
		for _, e := range f.Examples {
			if !strings.Contains(e.Expr, f.Name+"(") {
				t.Errorf("the example %s does not call %s", e.Expr, f.Name)
			}
			p, err := expr.Compile(e.Expr, opts...)
			if err != nil {
				t.Errorf("%s: %v", e.Expr, err)
				continue
			}
			v, err := expr.Run(p, nil)
			if err != nil {
				t.Errorf("%s: %v", e.Expr, err)
				continue
			}
			got, err := appendJSON(nil, v, 0)
			if err != nil || string(got) != e.Result {
				t.Errorf("%s is %s, %v, want %s", e.Expr, got, err, e.Result)
			}
		}
	}
}

func TestDeclarations(t *testing.T) {
	last := ""
	for _, f := range All() {
		if f.Name <= last {
			t.Errorf("%s is not in order after %s", f.Name, last)
		}
		last = f.Name
		if !strings.HasPrefix(f.Usage, f.Name+"(") || f.Summary == "" || f.Call == nil || f.Returns == nil || len(f.Types) == 0 {
			t.Errorf("%s is not fully declared", f.Name)
		}
		for _, typ := range f.Types {
			if rt := reflect.TypeOf(typ); rt.Kind() != reflect.Pointer || rt.Elem().Kind() != reflect.Func || rt.Elem().NumOut() != 1 {
				t.Errorf("%s has the overload %s", f.Name, rt)
			}
		}
	}
}

// TestNull: null goes in, null comes out, for each argument of each overload of
// all functions but those that say otherwise.
func TestNull(t *testing.T) {
	tolerant := map[string]bool{"coalesce": true, "blank": true, "to_json": true, "join_nonempty": true, "lookup": true}
	for _, f := range All() {
		if tolerant[f.Name] {
			continue
		}
		for _, typ := range f.Types {
			fn := reflect.TypeOf(typ).Elem()
			args := make([]any, fn.NumIn())
			if v, err := f.Call(args...); v != nil || err != nil {
				t.Errorf("%s of nils is %v, %v", f.Name, v, err)
			}
			types := make([]record.Type, fn.NumIn())
			for i := range types {
				types[i] = record.NullableOf(kindFor(fn.In(i)))
			}
			if out := f.Returns(types); !out.Nullable {
				t.Errorf("%s of nullable arguments returns %s", f.Name, out)
			}
			if out := fn.Out(0).Kind(); out != reflect.Pointer && out != reflect.Interface {
				t.Errorf("%s can return nil, which %s hides", f.Name, fn)
			}
		}
	}
}

func kindFor(t reflect.Type) record.Kind {
	switch t {
	case reflect.TypeFor[string]():
		return record.String
	case reflect.TypeFor[int]():
		return record.Int
	case reflect.TypeFor[float64]():
		return record.Float
	case reflect.TypeFor[time.Time]():
		return record.Time
	case reflect.TypeFor[record.DateValue]():
		return record.Date
	case reflect.TypeFor[record.DecimalValue]():
		return record.Decimal
	}
	return record.Any
}

// TestWrongKinds: an argument of another kind than any overload takes, which a
// column of unknown type can bring, is an error that names the function.
func TestWrongKinds(t *testing.T) {
	values := []any{"x", 1, 1.5, true, time.Unix(0, 0), record.DateValue{}, record.DecimalValue{}, []any{1}, map[string]any{"a": 1}}
	for _, f := range All() {
		for _, typ := range f.Types {
			fn := reflect.TypeOf(typ).Elem()
			for _, v := range values {
				args := make([]any, fn.NumIn())
				for i := range args {
					args[i] = v
				}
				if _, err := f.Call(args...); err != nil && strings.Contains(err.Error(), "needs") && !strings.Contains(err.Error(), f.Name+"()") {
					t.Errorf("%s: %v", f.Name, err)
				}
			}
		}
	}
}

func TestReturns(t *testing.T) {
	str, date, null := record.Of(record.String), record.Of(record.Date), record.Of(record.Null)
	table := record.ObjectOf([]record.Field{{Name: "a", Type: str}, {Name: "b", Type: str}})
	mixed := record.ObjectOf([]record.Field{{Name: "a", Type: str}, {Name: "b", Type: date}})
	for _, c := range []struct {
		name string
		args []record.Type
		want string
	}{
		{"email", []record.Type{str}, "string or nil"},
		{"digits", []record.Type{str}, "string"},
		{"date", []record.Type{str, str}, "date or nil"},
		{"date", []record.Type{record.Of(record.Time)}, "date"},
		{"decimal", []record.Type{record.Of(record.Int)}, "decimal"},
		{"coalesce", []record.Type{record.NullableOf(record.String), str}, "string"},
		{"coalesce", []record.Type{null, record.NullableOf(record.Date)}, "date or nil"},
		{"coalesce", []record.Type{record.NullableOf(record.Date), str}, "any"},
		{"coalesce", []record.Type{str, date}, "string"},
		{"coalesce", []record.Type{null, null}, "null"},
		{"nullif", []record.Type{str, str}, "string or nil"},
		{"lookup", []record.Type{table, str}, "string or nil"},
		{"lookup", []record.Type{table, str, str}, "string"},
		{"lookup", []record.Type{mixed, str, str}, "any"},
		{"round", []record.Type{record.Of(record.Decimal)}, "decimal"},
		{"round", []record.Type{record.NullableOf(record.Float)}, "float or nil"},
		{"add_days", []record.Type{date, record.NullableOf(record.Int)}, "date or nil"},
	} {
		if got := byName(t, c.name).Returns(c.args).String(); got != c.want {
			t.Errorf("%s%v returns %s, want %s", c.name, c.args, got, c.want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	doc := Markdown()
	for _, f := range All() {
		for _, part := range []string{"## " + f.Name + "\n", "`" + f.Usage + "`", f.Summary} {
			if !bytes.Contains(doc, []byte(part)) {
				t.Errorf("the reference lacks %q", part)
			}
		}
	}
	if !bytes.Contains(doc, []byte("| `%:z` |")) || !bytes.Equal(doc, Markdown()) {
		t.Error("the reference lacks the formats, or is not always the same")
	}
}
