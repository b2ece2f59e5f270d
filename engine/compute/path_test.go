package compute

import (
	"strings"
	"testing"

	"weir/engine/function"
	"weir/engine/record"
)

func pathCompiler() *Compiler {
	s := record.NewSchema([]record.Field{
		field("id", tString), field("b", tString), field("maybe", record.NullableOf(record.String)), field("n", tInt), field("any", tAny), field("link", tString),
	})
	return New(s, Options{Vars: map[string]any{"base": "/v2/items/", "shop": "a b"}, Functions: function.All()})
}

// A value of a row changes nothing in the structure of a path, whatever it holds.
func TestPath(t *testing.T) {
	const bad = "a segment of the path would be empty"
	for _, tt := range []struct{ name, src, id, b, want string }{
		{"plain", "'/v1/customers/' + id", "7", "", "/v1/customers/7"},
		{"fragment", "'/v1/customers/' + id", "8#", "", "/v1/customers/8%23"},
		{"query", "'/v1/customers/' + id", "a?b", "", "/v1/customers/a%3Fb"},
		{"slash", "'/v1/customers/' + id", "a/b", "", "/v1/customers/a%2Fb"},
		{"percent", "'/v1/customers/' + id", "50%", "", "/v1/customers/50%25"},
		{"escaped already", "'/v1/customers/' + id", "a%2Fb", "", "/v1/customers/a%252Fb"},
		{"line end", "'/v1/customers/' + id", "a\r\nb\x00", "", "/v1/customers/a%0D%0Ab%00"},
		{"not ASCII", "'/v1/customers/' + id", "Łódź", "", "/v1/customers/%C5%81%C3%B3d%C5%BA"},
		{"empty", "'/v1/customers/' + id", "", "", bad},
		{"dot", "'/v1/customers/' + id + '/orders'", ".", "", bad},
		{"dots", "'/v1/customers/' + id + '?x=1'", "..", "", bad},
		{"dots that are escaped", "'/v1/customers/' + id", "%2e%2e", "", "/v1/customers/%252e%252e"},
		{"two values in one segment", "'/v1/' + id + b", "", "x", "/v1/x"},
		{"both empty", "'/v1/' + id + b + '/x'", "", "", bad},
		{"they make dots", "'/v1/' + id + b", ".", ".", bad},
		{"text beside an empty value", "'/v1/no-' + id", "", "", "/v1/no-"},
		{"and behind it", "'/v1/' + id + '.json'", "", "", "/v1/.json"},
		{"value of a query", "'/v1?no=' + id + '&to=' + b", "a&b=c d", "", "/v1?no=a%26b%3Dc%20d&to="},
		{"url() is not escaped twice", "'/v1/' + url(id)", "a/b", "", "/v1/a%2Fb"},
		{"url() may be empty no more than others", "'/v1/' + url(id)", "", "", bad},
		{"number", "'/v1/' + url(n)", "", "", "/v1/42"},
		{"any", "'/v1/' + any", "", "", "/v1/x%2Fy"},
		{"raw", "'/v1/' + raw(id)", "a/b?c=d", "", "/v1/a/b?c=d"},
		{"raw whole", "raw(link)", "", "", "/whole/link?x=1"},
		{"variable is structure", "var.base + id", "a/b", "", "/v2/items/a%2Fb"},
		{"let of a constant is structure", "let base = '/v1/' + 'items/'; base + id", "a/b", "", "/v1/items/a%2Fb"},
		{"let of a value is a value", "let x = id + '/' + b; '/v1/' + x", "a", "c", "/v1/a%2Fc"},
		{"let hides the constant around", "let x = '/a/'; '/v1' + (let x = id; x)", "/", "", "/v1%2F"},
		{"choice of structure", "(id == 'new' ? '/v1/items' : '/v1/items/' + id)", "a/b", "", "/v1/items/a%2Fb"},
		{"choice of structure, the other", "(id == 'new' ? '/v1/items' : '/v1/items/' + id)", "new", "", "/v1/items"},
		{"choice inside", "'/v1/' + (b == '' ? 'x/' : 'y/') + id", "..", "", bad},
		{"choice of a query", "'/v1/x' + (b == '' ? '' : '?b=' + b) ", "", "&", "/v1/x?b=%26"},
		{"default", "'/v1/' + (maybe ?? id)", "a/b", "", "/v1/a%2Fb"},
		{"function of a value", "'/v1/' + lower(id)", "A/B", "", "/v1/a%2Fb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := pathCompiler()
			x, ds := c.Path(txt(tt.src))
			if len(ds) > 0 {
				t.Fatal(show(ds))
			}
			e := x.(*Expr)
			b := batchOf(c.schema, [][]any{{tt.id, tt.b, nil, 42, "x/y", "/whole/link?x=1"}})
			for _, kernels := range []bool{true, false} {
				if kernels && e.slow != "" {
					continue
				}
				got := outcomes(e, b, kernels)[0]
				if s, _ := got.v.(string); got.err == "" && s != tt.want || got.err != "" && !strings.HasPrefix(got.err, tt.want) {
					t.Errorf("kernels %v: got %q, error %q; want %q", kernels, got.v, got.err, tt.want)
				}
			}
		})
	}
}

// What cannot be a path, or would be escaped against its author's wish, is
// refused where it is written.
func TestPathRefused(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"link", "expr.path: A path cannot begin with a value. Values are escaped, slashes too: write '/v1/items/' + link, or raw(link)"},
		{"id + '/x'", "expr.path: A path cannot begin with a value"},
		{"b == '' ? '/x' : id", "expr.path: A path cannot begin with a value"},
		{"'v1/' + id", "expr.path: The path must begin with one slash"},
		{"'//host/' + id", "expr.path: The path must begin with one slash"},
		{"var.shop + id", "expr.path: The path must begin with one slash"},
		{"'/v1/#' + id", "expr.path: This text cannot stand in a path. It has '#'"},
		{"'/v 1/' + id", "expr.path: This text cannot stand in a path. It has a space"},
		{"'/v1/\\n' + id", "expr.path: This text cannot stand in a path. It has a control character"},
		{"'/50%/' + id", "expr.path: This text cannot stand in a path. It has \"%\" without"},
		{"'/v1/' + upper(raw(id))", "expr.path: raw() has no effect here"},
		{"'/v1/' + n", "expr.type: "},
		{"'/v1/' + maybe", "expr.nullable: "},
		{"'/v1/' + nme", "expr.unknown_name: "},
		{"n", "expr.type: This must be string"},
	} {
		_, ds := pathCompiler().Path(txt(tt.src))
		if got := show(ds); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.src, got, tt.want)
		}
		if len(ds) > 0 && (ds[0].Subject == nil || ds[0].Subject.End.Column <= ds[0].Subject.Start.Column) {
			t.Errorf("%s: no range", tt.src)
		}
	}
}

func TestPathPattern(t *testing.T) {
	for src, want := range map[string]string{
		"'/v1/' + id + '/orders?by=' + lower(b)":       "/v1/{id}/orders?by={lower(b)}",
		"b == '' ? '/v1/items' : var.base + raw(link)": "{/v1/items or /v2/items/{raw(link)}}",
	} {
		e, ds := pathCompiler().Path(txt(src))
		if len(ds) > 0 {
			t.Fatal(show(ds))
		}
		if got := e.(*Expr).Pattern(); got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}
