package plan

import (
	"strings"
	"testing"

	"weir/engine/spec"
)

// TestCheckAccess: which addresses the API may have with which token.
func TestCheckAccess(t *testing.T) {
	long, short := spec.NewSecret("0123456789abcdef"), spec.NewSecret("0123456789abcde")
	for _, c := range []struct {
		address string
		token   spec.Secret
		want    string
	}{
		{"127.0.0.1:7433", spec.Secret{}, ""}, {"localhost:1", short, ""}, {"[::1]:1", spec.Secret{}, ""},
		{"0.0.0.0:7433", spec.Secret{}, "open to every machine"}, {":7433", spec.Secret{}, "open to every machine"},
		{"0.0.0.0:7433", short, "16 characters or more"}, {"10.0.0.1:1", short, "16 characters or more"}, {"[::]:1", short, "16 characters or more"},
		{"0.0.0.0:7433", long, ""}, {"example.com:1", long, ""}, {"0.0.0.0:7433", spec.UnknownSecret(), ""},
	} {
		got := ""
		if err := CheckAccess(c.address, c.token); err != nil {
			got = err.Error()
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || strings.Contains(got, "0123456789abc") {
			t.Errorf("%s with %d characters: %q, want %q", c.address, len(c.token.Reveal()), got, c.want)
		}
	}
}

// TestCheckToken: a token that no header can carry is refused where it is read, not by
// the first caller.
func TestCheckToken(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "abc": true, "a+/=~!": true, " abc": false, "abc\n": false, "a bc": false, "a\tb": false, "a\x00b": false, "é": false, "abc\u00a0": false} {
		if err := checkToken(spec.NewSecret(text)); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "abc") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := checkToken(spec.UnknownSecret()); err != nil {
		t.Error(err)
	}
}
