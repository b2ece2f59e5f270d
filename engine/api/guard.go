package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard says why a request is not answered, nil when it is.
//
// Without a token the API trusts whoever is on this machine. A page in a browser
// there is not whoever: it may only ask names of this machine, which a name that
// somebody makes point here is not, and change nothing from elsewhere.
func (a *API) guard(r *http.Request) *Error {
	if !a.o.Token.IsSet() {
		if !ownName(r.Host) {
			return &Error{Status: http.StatusForbidden, Code: "foreign_host", Message: fmt.Sprintf("Without a token the API answers to localhost and addresses of this machine only, not to %q. Give the engine block a token = secret(\"NAME\")", r.Host)}
		}
	} else if !open(r.URL.Path) && !a.shows(r) {
		return &Error{Status: http.StatusUnauthorized, Code: "unauthorized", Message: "The API asks for its token: Authorization: Bearer TOKEN"}
	}
	if err := a.origin.Check(r); err != nil {
		return &Error{Status: http.StatusForbidden, Code: "cross_origin", Message: "A page from elsewhere may not change anything here"}
	}
	return nil
}

// open reports whether a path is answered without a token: what watches over
// processes has none, and learns nothing else there.
func open(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == provePath
}

// shows reports whether a request shows the token. What is compared are digests,
// so that the time it takes says nothing, not even about the length.
func (a *API) shows(r *http.Request) bool {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	have, want := sha256.Sum256([]byte(strings.TrimSpace(shown))), sha256.Sum256([]byte(a.o.Token.Reveal()))
	return subtle.ConstantTimeCompare(have[:], want[:]) == 1
}

// ownName reports whether a Host header is a name or an address of this machine alone.
func ownName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
