package remote

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"weir/engine/spec"
)

func TestShortSecretsAreMaskedWhereTheyStandAlone(t *testing.T) {
	for _, tc := range []struct{ secret, text, want string }{
		{"1", "127.0.0.1:8081 refused 1", "127.0.0.1:8081 refused (secret)"},
		{"1", "dial tcp 127.0.0.1:21: connection refused", "dial tcp 127.0.0.1:21: connection refused"},
		{"1", "HTTP/1.1 401", "HTTP/1.1 401"},
		{"1", "key=1", "key=(secret)"},
		{"1", `{"key":"1","n":11}`, `{"key":"(secret)","n":11}`},
		{"1", `{"key":1}`, `{"key":(secret)}`},
		{"1", "wrong key: 1.", "wrong key: (secret)."},
		{"1", "1 1 1", "(secret) (secret) (secret)"},
		{"a", "a bad password a", "(secret) bad password (secret)"},
		{"a", "after a moment", "after (secret) moment"},
		{"ä", "grün: ä, käse", "grün: (secret), käse"},
		{"x1", "user x1 and x11, 'x1'", "user (secret) and x11, '(secret)'"},
		{"", "nothing", "nothing"},
		{"aaa", "aaaa aaa", "aaaa (secret)"},
		{"long", "along the longest", "a(secret) the (secret)est"},
		{`q"/x y`, `is q"/x y, "q\"/x y", "q\"\/x y"`, `is (secret), "(secret)", "(secret)"`},
	} {
		if got := Mask(tc.text, tc.secret); got != tc.want {
			t.Errorf("Mask(%q, %q) = %q, want %q", tc.text, tc.secret, got, tc.want)
		}
	}
}

func TestSafe(t *testing.T) {
	p := Peer{Kind: "FTP", Addr: "127.0.0.1:21", Secrets: []spec.Secret{spec.NewSecret("p w/ä+&1"), spec.NewSecret("7"), {}}}
	for _, form := range []string{"p w/ä+&1", url.QueryEscape("p w/ä+&1"), url.PathEscape("p w/ä+&1"), base64.StdEncoding.EncodeToString([]byte("p w/ä+&1"))} {
		if got := p.Safe("530 no " + form + "\r\n"); got != "530 no (secret)" {
			t.Errorf("%q became %q", form, got)
		}
	}
	if got := p.Safe("530 7 of 127.0.0.7\x1b[2J\u202e\xff.\r\n"); strings.ContainsAny(got, "\x1b\u202e") || got != "530 (secret) of 127.0.0.7 [2J  \ufffd" && got != "530 (secret) of 127.0.0.7 [2J \ufffd" {
		t.Errorf("%q", got)
	}
}
