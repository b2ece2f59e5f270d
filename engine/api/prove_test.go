package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/engine/spec"
)

// TestChallenge: a server proves by what is in its folder that it is the one, for that folder
// alone, and no token is shown before.
func TestChallenge(t *testing.T) {
	shown := ""
	answers := func(secret, folder string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			shown += r.Header.Get("Authorization") + r.URL.String()
			a := &API{o: Options{Prove: func(n string) string { return ProofOf(secret, folder, n) }}}
			_, body, _ := a.prove(w, r)
			p, _ := body.(Proof)
			_, _ = w.Write([]byte(`{"proof": "` + p.Proof + `"}`))
		}))
		t.Cleanup(s.Close)
		return s
	}
	for _, c := range []struct {
		secret, folder string
		ok             bool
	}{{"secret", "1:2", true}, {"other", "1:2", false}, {"secret", "1:3", false}, {"", "", false}} {
		client := &Client{URL: answers(c.secret, c.folder).URL, Token: spec.NewSecret("token-token-token")}
		err := client.Challenge(t.Context(), "secret", "1:2")
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrStranger) {
			t.Errorf("%+v: %v", c, err)
		}
		if !client.Token.IsSet() {
			t.Error("the client has lost its token")
		}
	}
	if strings.Contains(shown, "token") || strings.Contains(shown, "secret") {
		t.Errorf("shown: %s", shown)
	}
}
