package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
)

const provePath = "/api/v1/prove"

// Proof answers a challenge.
type Proof struct {
	Proof string `json:"proof"`
}

var nonce = regexp.MustCompile(`^[0-9a-f]{16,64}$`)

// prove answers the challenge of a caller. It tells nothing to those who do not have what is
// in the state folder.
func (a *API) prove(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	n := r.URL.Query().Get("nonce")
	switch {
	case a.o.Prove == nil:
		return 0, nil, &Error{Status: http.StatusNotFound, Code: "no_proof", Message: "This server proves nothing"}
	case !nonce.MatchString(n):
		return 0, nil, badRequest("bad_parameter", "nonce must be 16 to 64 hexadecimal digits")
	}
	return http.StatusOK, Proof{a.o.Prove(n)}, nil
}

// ProofOf returns the proof for a nonce by who knows secret, about the folder that is called
// so: what a server and those who look at its folder have in common.
func ProofOf(secret, folder, nonce string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("the server of state folder " + folder + "\n" + nonce)) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// ErrStranger says that what answers at an address is not the server that it was taken for.
var ErrStranger = errors.New("what answers there is not the server of the folder")

// Challenge makes the server at c.URL prove that it knows secret and has the folder. No token
// is shown. It returns ErrStranger when the answer is another.
func (c *Client) Challenge(ctx context.Context, secret, folder string) error {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	n := hex.EncodeToString(b)
	bare := *c
	bare.Token = Client{}.Token
	p, err := answer[Proof](ctx, &bare, http.MethodGet, provePath+"?nonce="+url.QueryEscape(n), nil)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(p.Proof), []byte(ProofOf(secret, folder, n))) {
		return ErrStranger
	}
	return nil
}
