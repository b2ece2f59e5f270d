package plan

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"weir/engine/diag"
	"weir/engine/spec"
)

// minToken is how many characters a token has at least where other machines can try to
// guess it.
const minToken = 16

// checkToken refuses what no caller can show in a header as it is.
func checkToken(s spec.Secret) error {
	if !s.Known() {
		return nil
	}
	text := s.Reveal()
	if strings.TrimSpace(text) != text {
		return errors.New("begins or ends with a blank or a line end, which callers cannot show: take it out of where the token is kept")
	}
	for _, r := range text {
		if r <= ' ' || r > '~' {
			return errors.New("has a blank or a character that is not ASCII in it, which callers cannot show: letters, digits and signs are possible")
		}
	}
	return nil
}

// CheckAccess tells why the API must not listen at address, HOST:PORT, with this token; nil
// when it may. Where only this machine reaches the address, it may do without one.
func CheckAccess(address string, token spec.Secret) error {
	switch {
	case loopback(address):
	case !token.IsSet():
		return fmt.Errorf("the API would be open to every machine that reaches %s: give the engine block a token = secret(\"NAME\"), or listen on 127.0.0.1", address)
	case token.Known() && len(token.Reveal()) < minToken:
		return fmt.Errorf("the token is too short for %s, which other machines reach: it takes %d characters or more, made at random, so that nobody guesses it", address, minToken)
	}
	return nil
}

// access reports what CheckAccess says of the engine block.
func (e *EngineOptions) access() diag.List {
	if e.Listen == "off" || e.at == nil {
		return nil
	}
	if err := CheckAccess(e.Listen, e.Token); err != nil {
		text := err.Error()
		return diag.List{diag.Errorf("config.invalid_value", e.at.Of(&e.Listen), "The API must not listen here", "%s.", strings.ToUpper(text[:1])+text[1:])}
	}
	return nil
}

// loopback reports whether only this machine reaches address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
