package rest

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/engine/diag"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

func summary(ds diag.List) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.Summary+": "+d.Detail)
	}
	return strings.Join(out, "\n")
}

func TestConnectionDiagnostics(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"fine", `url = "https://api.example.com/x"`, ""},
		{"no host", `url = "/v1"`, "must begin with https:// or http:// and name a host"},
		{"credentials in the url", `url = "https://u:p@example.com"`, "must not hold credentials"},
		{"query", `url = "https://example.com?x=1"`, "a query belongs to the path"},
		{"plain http", "url = \"http://example.com\"\nheaders = { X-Key = key }", "Credentials would travel unencrypted"},
		{"plain http on loopback", "url = \"http://127.0.0.1:80\"\nheaders = { X-Key = key }", ""},
		{"two kinds", "url = \"https://e.com\"\nauth {\n user = \"u\"\n password = password\n token = key\n}", "Two kinds of credentials"},
		{"half of basic", "url = \"https://e.com\"\nauth {\n user = \"u\"\n}", "needs both user and password"},
		{"empty auth", "url = \"https://e.com\"\nauth {\n}", "No credentials in auth"},
		{"rate", "url = \"https://e.com\"\nrate_limit = \"10\"", "must be requests per time such as"},
		{"ca", "url = \"https://e.com\"\ntls {\n ca = \"x\"\n}", "must hold certificates in PEM form"},
		{"half a certificate", "url = \"https://e.com\"\ntls {\n key = key\n}", "Give both certificate and key"},
		{"bad certificate", "url = \"https://e.com\"\ntls {\n certificate = \"x\"\n key = key\n}", "do not fit together"},
		{"proxy", "url = \"https://e.com\"\nproxy = key", "proxy must be a URL"},
		{"header name", "url = \"https://e.com\"\nheaders = { \"X Y\" = \"1\" }", "must be one such as"},
		{"header value", "url = \"https://e.com\"\nheaders = { X = \"1\\n\" }", "use trimspace()"},
		{"header twice", "url = \"https://e.com\"\nheaders = { x-key = key, X-Key = key }", "name one header"},
		{"header of the transport", "url = \"https://e.com\"\nheaders = { content-length = \"1\" }", "belongs to the transport"},
		{"token with a line end", "url = \"https://e.com\"\nauth {\n token = \"k/s3cr3t\\n\"\n}", "use trimspace()"},
		{"scheme with a line end", "url = \"https://e.com\"\nauth {\n token = key\n scheme = \"Bearer\\n\"\n}", "must be a word such as"},
		{"user with a colon", "url = \"https://e.com\"\nauth {\n user = \"a:b\"\n password = password\n}", "must not have a colon"},
		{"port", `url = "https://e.com:77777"`, "between 1 and 65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, ds := connection(t, tc.src)
			got := summary(ds)
			if tc.want == "" && len(ds) > 0 || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			noSecret(t, "a diagnostic", got)
		})
	}
}

func TestSinkDiagnostics(t *testing.T) {
	conn, _ := connection(t, `url = "https://example.com"`)
	for _, tc := range []struct{ name, src, want string }{
		{"fine", `path = "/v1/track"`, ""},
		{"path", `path = "v1/track"`, "must begin with one slash"},
		{"placeholder", `path = "/items/{id}"`, "path_expression, such as \"'/items/' + id\""}, {"doubled placeholder", `path = "/items/{{ id }}/x"`, "is sent as it is, with {{ id }} in it"},
		{"a brace that is meant", `path = "/items/%7Bid%7D"`, ""},
		{"other host", `path = "//evil.example/x"`, "must begin with one slash"},
		{"space in a query", `path = "/v1?a=b c"`, "without spaces"},
		{"fragment", `path = "/v1#part"`, "without spaces"},
		{"line end in a path", `path = "/v1\n"`, "without spaces"},
		{"header with a line end", `headers = { X-Key = "1\n" }`, "use trimspace()"},
		{"header with a control character", `headers = { X-Key = "a\u0001b" }`, "control character 0x1"},
		{"header without a name", `headers = { "" = "1" }`, "Invalid header name"},
		{"path of a row", `path_expression = "'/' + id"`, "Write batch { rows = 1 }"},
		{"pattern", "reply {\n index_pattern = \"event [0-9]+\"\n}", "a group around the number"},
		{"pauses", "retry {\n base = \"2m\"\n}", "must not exceed retry.max"},
		{"expression", `body = "{events: rows"`, "unexpected token EOF"},
		{"method", `method = "GET"`, "must be one of POST, PUT, PATCH, DELETE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, ds := sink(t, tc.src, conn, people(1).Schema)
			if got := summary(ds); tc.want == "" && len(ds) > 0 || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	s := new(Sink)
	s.connection = &spec.Ref{Value: new(Sink)}
	if got := summary(s.Check(spec.Ranges{})); !strings.Contains(got, "needs a connection of type rest") {
		t.Errorf("got %q", got)
	}
}

func TestGuaranteeAndBatching(t *testing.T) {
	conn, _ := connection(t, `url = "https://example.com"`)
	s, _ := sink(t, "batch {\n rows = 7\n wait = \"3s\"\n bytes = \"1KiB\"\n}", conn, people(1).Schema)
	if b := s.Batching(); b.Rows != 7 || b.Wait != 3*time.Second || b.Bytes != 1024 {
		t.Errorf("batching %+v", b)
	}
	if g := s.Guarantee(); !strings.Contains(g, "stable Idempotency-Key") {
		t.Error(g)
	}
	s, _ = sink(t, `key_header = ""`, conn, people(1).Schema)
	if g := s.Guarantee(); !strings.Contains(g, "cannot recognise") {
		t.Error(g)
	}
}

// Every option has a doc text, and a plugin's example decodes.
func TestOptionsAreDocumented(t *testing.T) {
	var walk func(path string, os []spec.Option)
	walk = func(path string, os []spec.Option) {
		for _, o := range os {
			if o.Doc == "" {
				t.Errorf("%s%s has no doc", path, o.Name)
			}
			walk(path+o.Name+".", o.Body)
		}
	}
	p := Plugin()
	walk("connection.", p.Connection().Spec().Describe())
	walk("sink.", p.Sink().Spec().Describe())
	if p.Source != nil || p.Name != "rest" || !strings.Contains(p.Example, `sink "rest"`) {
		t.Errorf("plugin %+v", p)
	}
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]float64{"10/s": 10, "600/m": 10, "300 / 5m": 1, "2/1h": 2.0 / 3600, "0.5/s": 0.5} {
		if got, err := parseRate(s); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("parseRate(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "10", "/s", "0/s", "-1/s", "NaN/s", "10/", "10/x", "10/0s", "1e99/s"} {
		if got, err := parseRate(s); err == nil {
			t.Errorf("parseRate(%q) = %v", s, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"7": 7 * time.Second, " 0 ": 0, "1.5": 1500 * time.Millisecond, "2592000": 30 * 24 * time.Hour,
		"Mon, 01 Jul 2024 12:00:30 GMT": 30 * time.Second, "Mon, 01 Jul 2024 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {s}}, now); got != (asked{given: true, wait: want}) {
			t.Errorf("%q = %+v; want %v", s, got, want)
		}
	}
	for _, s := range []string{
		"soon", "-1", "1e3", "0x10", "NaN", "Inf", "1_000", "99999999999", "99999999999999999999999999", strings.Repeat("9", 5000), "7, 7", "7s",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 99 Jul 2024 12:00:00 GMT",
	} {
		if got := retryAfter(http.Header{"Retry-After": {s}}, now); got != (asked{given: true, odd: true}) {
			t.Errorf("%q = %+v", s, got)
		}
	}
	if got := retryAfter(http.Header{}, now); got != (asked{}) {
		t.Errorf("none = %+v", got)
	}
}

func TestFingerprintFollowsEveryValue(t *testing.T) {
	base := `url = "https://e.com"` + "\n"
	seen := map[string]string{}
	for _, src := range []string{
		"", "timeout = \"1s\"", "rate_limit = \"1/s\"", "burst = 2", "redirects = 0", "proxy = \"http://p:1\"", "headers = { A = \"1\" }", "headers = { A = \"2\" }", "headers = { B = \"1\" }",
		"auth {\n token = \"a\"\n}", "auth {\n token = \"b\"\n}", "auth {\n token = \"a\"\n scheme = \"X\"\n}", "auth {\n token = \"a\"\n header = \"X\"\n}",
		"auth {\n user = \"a\"\n password = \"b\"\n}", "tls {\n server_name = \"x\"\n}", "tls {\n min_version = \"1.3\"\n}",
	} {
		c, ds := connection(t, base+src)
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		f := c.fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("%q and %q have one fingerprint", src, other)
		}
		seen[f] = src
		if again, _ := connection(t, base+src); again.fingerprint() != f {
			t.Errorf("%q has two fingerprints", src)
		}
	}
}

// No way of writing a secret passes the masker (I9).
func FuzzMask(f *testing.F) {
	for _, s := range []string{"k/s3cr3t+value==", "a b\"c\\d", "żółw&x=1", "abc", "1234"} {
		f.Add(s, "key ", " is wrong")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < 4 || secret != strings.TrimSpace(secret) || strings.Contains(remote.Masked, secret) {
			return
		}
		m := maskerOf([]string{secret})
		if got := m.text(before + secret + after); strings.Contains(got, secret) && !strings.Contains(before+remote.Masked+after, secret) {
			t.Errorf("%q shows %q", got, secret)
		}
	})
}

func TestMaskShortSecretsAreWholeWords(t *testing.T) {
	m := maskerOf([]string{"42", "", "Bearer"})
	if got := m.text("account 42 of 4242, Bearer"); got != "account (secret) of 4242, Bearer" {
		t.Error(got)
	}
}

func TestValuesOfReplies(t *testing.T) {
	if got, want := parseJSON([]byte(`{"a":[1,2.5,"x",null,true,1e3]}`)), `map[a:[1 2.5 x <nil> true 1000]]`; want != fmt.Sprint(got) {
		t.Errorf("got %v", got)
	}
	for _, s := range []string{"", "<html>", `{"a":1} trailing`, `{"a":`} {
		if got := parseJSON([]byte(s)); got != nil {
			t.Errorf("parseJSON(%q) = %v", s, got)
		}
	}
}

// What becomes of each kind of reply is said, as the reply block has it.
func TestDescribe(t *testing.T) {
	conn, _ := connection(t, `url = "https://example.com"`)
	for src, want := range map[string][]string{
		"": {"key: the same Idempotency-Key", "reply 200 to 299: taken, unless it carries failures", "reply 401, 403", "reply 408, 425, 429, 500, 502, 503, 504, or none: repeated, 5 requests", "reply 413: sent again in halves", "any other reply: the run stops"},
		"key_header = \"\"\nreply {\n ok = \"body?.done == true\"\n retry = \"status == 409\"\n}": {"reply for which `body?.done == true`: taken, whatever it carries", "reply 401", "reply for which `status == 409`, or none", "reply 413", "any other"},
		"reply {\n reject = \"body?.errors ?? []\"\n unassigned = \"all\"\n}":                     {"key:", "reply 200 to 299: taken, but for the rows that `body?.errors ?? []` lists", "reply 401", "reply 408", "other reply: the rows that `body?.errors ?? []` lists are rejected; those of a refusal that names none are rejected", "reply 413", "any other"},
		"reply {\n failures = \"ignore\"\n}":                                                      {"key:", "reply 200 to 299: taken, whatever it carries besides", "reply 401", "reply 408", "reply 413", "any other"},
	} {
		s, ds := sink(t, src, conn, people(1).Schema)
		got := s.Describe()
		if ds.HasErrors() || len(got) != len(want) {
			t.Errorf("%s: %v, %d lines: %q", src, ds, len(got), got)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%s:\n got %s\nwant %s", src, got[i], want[i])
			}
		}
	}
}
