package config

import (
	"strings"
	"testing"
)

// A quote that is not closed is one problem, from the quote to the end of its line, whatever
// the line ends with and whatever stands before it.
func TestOpenQuoteIsOneProblem(t *testing.T) {
	for name, c := range map[string]struct {
		src        string
		line       int
		from, to   int // columns
		more, said string
	}{
		"end":           {"a = \"x\nb = \"y\"\nc = \"z\"\n", 1, 5, 7, "", "The text is not closed"},
		"CRLF":          {"a = \"x\r\nb = \"y\"\r\n", 1, 5, 7, "", "The text is not closed"},
		"mark":          {"\ufeffa = 1\nb = \"xé\n", 2, 5, 8, "", "The text is not closed"},
		"last line":     {"a = \"x", 1, 5, 7, "", "The text is not closed"},
		"second":        {"a = [\"x\", \"y]\nb = \"z\"\n", 1, 11, 14, "", "The text is not closed"},
		"escapes":       {"a = \"x \\\" ${b[\"c\"]}\nb = \"z\"\n", 1, 5, 20, "", "The text is not closed"},
		"a word before": {"x = '1'\na = \"x\nb = \"y\"\n", 2, 5, 7, "Single quotes", "The text is not closed"},
	} {
		ds := CheckSyntax("a.hcl", []byte(c.src))
		want := 1
		if c.more != "" {
			want = 2
			if len(ds) > 0 && !strings.Contains(ds[0].Detail, c.more) {
				t.Errorf("%s: %v", name, ds[0])
			}
		}
		if len(ds) != want {
			t.Errorf("%s: %d problems: %v", name, len(ds), ds)
			continue
		}
		d := ds[want-1]
		r := d.Subject
		if d.Summary != c.said || r.Start.Line != c.line || r.End.Line != c.line || r.Start.Column != c.from || r.End.Column != c.to {
			t.Errorf("%s: %s at %v", name, d.Summary, r)
		}
		if got := c.src[r.Start.Byte:r.End.Byte]; !strings.HasPrefix(got, "\"") || strings.ContainsAny(got, "\r\n") {
			t.Errorf("%s: the bytes are %q", name, got)
		}
	}
}

func TestOtherEncodingIsNamed(t *testing.T) {
	ds := CheckSyntax("a.hcl", []byte("\xff\xfea\x00"))
	if len(ds) != 1 || ds[0].Code != "config.not_utf8" || !strings.Contains(ds[0].Detail, "It is UTF-16") {
		t.Errorf("%v", ds)
	}
	for src, want := range map[string]string{"a =\u00a01\n": "U+00A0", "a = 1;\n": "", "a = §\n": "§"} {
		ds := CheckSyntax("a.hcl", []byte(src))
		if len(ds) != 1 || !strings.Contains(ds[0].Detail, want) {
			t.Errorf("%q: %v", src, ds)
		}
	}
}
