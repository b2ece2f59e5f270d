package spec_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/spec"
)

// settings is a configuration with one option of each kind.
type settings struct {
	host     string
	port     int
	secure   bool
	timeout  time.Duration
	size     int64
	mode     string
	names    []string
	password spec.Secret
	when     spec.Text
	fields   []spec.NamedText
	conn     *spec.Ref
	raw      cty.Value
	hasPort  bool
	batch    struct {
		rows  int
		given bool
	}
	rules []*rule
}

type rule struct{ name, that string }

func (c *settings) Spec() spec.Body {
	return spec.Body{
		spec.String("host", &c.host).Required().Doc("Name of the server."),
		spec.Int("port", &c.port).Default(21, "21").Check(spec.Between(1, 65535)).Set(&c.hasPort).Doc("Its port."),
		spec.Bool("secure", &c.secure).Default(true, "true"),
		spec.Duration("timeout", &c.timeout).Default(30*time.Second, `"30s"`),
		spec.Size("size", &c.size).Default(1<<20, `"1MiB"`),
		spec.Choice("mode", &c.mode, "active", "passive").Default("passive", `"passive"`),
		spec.Strings("names", &c.names),
		spec.Credential("password", &c.password),
		spec.Expr("when", &c.when),
		spec.Exprs("fields", &c.fields),
		spec.Reference("connection", "connection", &c.conn),
		spec.Raw("raw", "anything", &c.raw),
		spec.Block("batch", &c.batch.given, "How rows are put together.", spec.Int("rows", &c.batch.rows).Default(100, "100").Check(spec.Between(1, 1000))),
		spec.Blocks("rule", []string{"name"}, "A condition.", func() spec.Body { return (&rule{}).spec() }, func(labels []string, _ hcl.Range) spec.Body {
			r := &rule{name: labels[0]}
			c.rules = append(c.rules, r)
			return r.spec()
		}),
	}
}

func (r *rule) spec() spec.Body { return spec.Body{spec.String("that", &r.that).Required()} }

func decode(t *testing.T, src string) (*settings, spec.Ranges, string) {
	t.Helper()
	f, hd := hclsyntax.ParseConfig([]byte(src), "p.hcl", hcl.InitialPos)
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	c := &settings{}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"secret":  cty.StringVal("s3cret").Mark(spec.Sensitive),
		"unknown": cty.UnknownVal(cty.String),
		"connection": cty.ObjectVal(map[string]cty.Value{"ftp": cty.ObjectVal(map[string]cty.Value{
			"a": cty.CapsuleVal(spec.RefType, &spec.Ref{Kind: "connection", Name: "ftp.a"}),
		})}),
		"entity": cty.ObjectVal(map[string]cty.Value{"e": cty.CapsuleVal(spec.RefType, &spec.Ref{Kind: "entity", Name: "e"})}),
	}}
	at, ds := c.Spec().Decode(f.Body, ctx)
	msg := ""
	if ds.HasErrors() {
		msg = ds.Err().Error()
	}
	return c, at, msg
}

func TestDefaults(t *testing.T) {
	c, at, msg := decode(t, "host = \"h\"\n")
	if msg != "" {
		t.Fatal(msg)
	}
	if c.port != 21 || !c.secure || c.timeout != 30*time.Second || c.size != 1<<20 || c.mode != "passive" || c.batch.rows != 100 || c.batch.given || c.hasPort {
		t.Errorf("%+v", c)
	}
	if r := at.Of(&c.host); r.Start.Line != 1 || r.Start.Column != 8 {
		t.Errorf("host at %v", r)
	}
}

func TestValues(t *testing.T) {
	c, at, msg := decode(t, `host = "h"
port = 2121
timeout = "1d"
size = "64KiB"
names = ["a", "b"]
password = secret
fields = { b = "x + 1", a = "y" }
connection = connection.ftp.a
batch {
  rows = 5
}
rule "one" {
  that = "x"
}
rule "two" {
  that = "y"
}
`)
	if msg != "" {
		t.Fatal(msg)
	}
	if c.port != 2121 || !c.hasPort || c.timeout != 24*time.Hour || c.size != 64<<10 || strings.Join(c.names, "") != "ab" || c.password.Reveal() != "s3cret" ||
		c.conn.Name != "ftp.a" || c.batch.rows != 5 || len(c.rules) != 2 || c.rules[1].name != "two" || c.rules[1].that != "y" {
		t.Errorf("%+v", c)
	}
	if len(c.fields) != 2 || c.fields[0].Text.S == "" {
		t.Errorf("fields %+v", c.fields)
	}
	if r := at.Of(&c.batch.rows); r.Start.Line != 10 {
		t.Errorf("batch.rows at %v", r)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ src, want string }{
		{"hots = \"h\"\n", `p.hcl:1:1: Unsupported argument: An argument named "hots" is not expected here. Did you mean "host"?`},
		{"", `Missing required argument: The argument "host" is required`},
		{"host = \"h\"\nport = 70000\n", "p.hcl:2:8: Invalid value for port: port must be between 1 and 65535, not 70000."},
		{"host = \"h\"\nport = \"x\"\n", "p.hcl:2:8: Invalid value for port: port must be a whole number."},
		{"host = \"h\"\nport = 1.5\n", "port must be a whole number"},
		{"host = { name = \"h\" }\n", "p.hcl:1:8: Invalid value for host: host must be a string. Name of the server."},
		{"host = \"h\"\nmode = \"pasive\"\n", `mode must be one of active, passive, not "pasive". Did you mean "passive"?`},
		{"host = \"h\"\ntimeout = \"3 weeks\"\n", `timeout must be a duration such as "30s", "10m", "1h30m" or "7d", not "3 weeks".`},
		{"host = \"h\"\nsize = \"big\"\n", `size must be a size such as "64KiB" or "10MB", not "big".`},
		{"host = secret\n", "p.hcl:1:8: secret is sensitive and cannot be used here: host would show the secret"},
		{"host = null\n", "host must not be null"},
		{"host = \"h\"\nconnection = connection.ftp.b\n", "p.hcl:2:29: There is no connection.ftp.b: There is: a."},
		{"host = \"h\"\nconnection = entity.e\n", "connection must refer to a connection, not to a entity."},
		{"host = \"h\"\nconnection = \"ftp.a\"\n", "connection must be a reference such as connection.TYPE.NAME."},
		{"host = \"h\"\nwhen = 5\n", "" /* a number reads as the text of an expression */},
		{"host = \"h\"\nfields = { a = 5 }\n", `fields.a must be an expression in quotes, such as "trim(name)".`},
		{"host = \"h\"\nfields = [\"a\"]\n", "fields must be a map: { name = value }."},
		{"host = \"h\"\nbatch {\n  rows = 0\n}\n", "p.hcl:3:10: Invalid value for rows: rows must be between 1 and 1000, not 0."},
		{"host = \"h\"\nbatch {}\nbatch {}\n", "p.hcl:3:1: Duplicate batch block"},
		{"host = \"h\"\nrule \"a\" {}\n", `The argument "that" is required`},
		{"host = \"h\"\nbach {}\n", `Did you mean "batch"?`},
		{"host = varr.x\nport = 0\n", "p.hcl:2:8"}, // every problem in one run
	} {
		_, _, got := decode(t, tc.src)
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%q\n got  %s\n want %s", tc.src, got, tc.want)
		}
	}
}

// TestUnknownValues checks that a variable without a value is no error while validating.
func TestUnknownValues(t *testing.T) {
	c, _, msg := decode(t, "host = unknown\nport = unknown\nwhen = unknown\n")
	if msg != "" || c.port != 21 || !c.hasPort || !c.when.IsZero() {
		t.Errorf("%s, %+v", msg, c)
	}
}

// TestSecretsAreNotPrinted enforces I9 for every way of printing a configuration.
func TestSecretsAreNotPrinted(t *testing.T) {
	c, _, _ := decode(t, "host = \"h\"\npassword = secret\n")
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{c.password, &c.password, c, *c} {
			if s := fmt.Sprintf(f, v); strings.Contains(s, "s3cret") || strings.Contains(s, fmt.Sprintf("%x", "s3cret")) {
				t.Errorf("%s of %T shows the secret: %s", f, v, s)
			}
		}
	}
	if b, err := c.password.MarshalText(); err != nil || strings.Contains(string(b), "s3cret") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestDescribe(t *testing.T) {
	var c settings
	got := map[string]spec.Option{}
	for _, o := range c.Spec().Describe() {
		got[o.Name] = o
	}
	if o := got["host"]; !o.Required || o.Type != "string" || o.Doc != "Name of the server." {
		t.Errorf("host %+v", o)
	}
	if o := got["mode"]; o.Default != `"passive"` || len(o.Choices) != 2 {
		t.Errorf("mode %+v", o)
	}
	if o := got["password"]; !o.Sensitive {
		t.Errorf("password %+v", o)
	}
	if o := got["rule"]; !o.Block || !o.Repeated || len(o.Body) != 1 || o.Body[0].Name != "that" {
		t.Errorf("rule %+v", o)
	}
}
