package rest

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// Connection is the configuration of an HTTP interface: address, credentials, limits.
type Connection struct {
	url       string
	headers   map[string]spec.Secret
	auth      auth
	timeout   time.Duration
	rate      string
	burst     int
	redirects int
	proxy     spec.Secret
	tls       tlsOptions
}

type auth struct {
	set      bool
	user     string
	password spec.Secret
	token    spec.Secret
	header   string
	scheme   string
}

type tlsOptions struct {
	ca         string
	cert       string
	key        spec.Secret
	serverName string
	minVersion string
}

var _ plugin.Connection = (*Connection)(nil)

// Spec implements plugin.Config.
func (c *Connection) Spec() spec.Body {
	return spec.Body{
		spec.String("url", &c.url).Required().Doc("Base of all addresses: https://host/prefix. Credentials do not belong here.").Check(checkURL),
		spec.CredentialMap("headers", &c.headers).Doc("Headers sent with every request. Their values are treated as secrets."),
		spec.Block("auth", &c.auth.set, "Credentials: user and password (HTTP Basic), or a token.",
			spec.String("user", &c.auth.user).Doc("User name of HTTP Basic authentication; it cannot have a colon.").Check(checkUser),
			spec.Credential("password", &c.auth.password).Doc("Password of HTTP Basic authentication."),
			spec.Credential("token", &c.auth.token).Doc("Token, sent as 'Authorization: Bearer TOKEN' unless header or scheme say otherwise."),
			spec.String("header", &c.auth.header).Default("Authorization", `"Authorization"`).Doc("Header that carries the token.").Check(checkHeaderName),
			spec.String("scheme", &c.auth.scheme).Doc("Word before the token: Bearer by default in Authorization, none in other headers.").Check(checkScheme),
		),
		spec.Duration("timeout", &c.timeout).Default(30*time.Second, `"30s"`).Doc("Longest time for one request, from connecting to the last byte of the reply.").Check(positive),
		spec.String("rate_limit", &c.rate).Doc("Most requests per time, such as \"10/s\" or \"300/5m\", for all steps that use the connection together.").Check(checkRate),
		spec.Int("burst", &c.burst).Default(1, "1").Doc("Requests that may be made at once after a pause, within rate_limit.").Check(spec.Between(1, 10000)),
		spec.Int("redirects", &c.redirects).Default(3, "3").Doc("Most redirects followed. Only redirects on the same host that keep the method are ever followed.").Check(spec.Between(0, 20)),
		spec.Credential("proxy", &c.proxy).Doc("URL of an HTTP proxy. The environment's proxy variables are not used."),
		spec.Block("tls", nil, "How the server's certificate is checked.",
			spec.String("ca", &c.tls.ca).Doc("Certificates (PEM) of the authorities to trust instead of the machine's, such as file(\"ca.pem\").").Check(checkCA),
			spec.String("server_name", &c.tls.serverName).Doc("Name that the certificate must have, when it is not the host of url."),
			spec.Choice("min_version", &c.tls.minVersion, "1.2", "1.3").Default("1.2", `"1.2"`).Doc("Oldest TLS version accepted."),
			spec.String("certificate", &c.tls.cert).Doc("Client certificate (PEM)."),
			spec.Credential("key", &c.tls.key).Doc("Key of the client certificate (PEM)."),
		),
	}
}

// Check implements plugin.Config.
func (c *Connection) Check(at spec.Ranges) diag.List {
	var out diag.List
	if a := c.auth; a.set {
		basic := a.user != "" || a.password.IsSet()
		switch {
		case basic && a.token.IsSet():
			out = append(out, diag.Errorf("config.conflict", at.Of(&c.auth.token), "Two kinds of credentials", "Give either user and password or a token."))
		case basic && (a.user == "" || !a.password.IsSet()):
			out = append(out, diag.Errorf("config.missing_attribute", at.Of(&c.auth.user), "Incomplete credentials", "HTTP Basic authentication needs both user and password."))
		case !basic && !a.token.IsSet():
			out = append(out, diag.Errorf("config.missing_attribute", at.Of(&c.auth.token), "No credentials in auth", "Give user and password, or token."))
		}
	}
	out = append(out, checkHeaders(c.headers, at.Of(&c.headers))...)
	if why := badHeaderValue(c.auth.token.Reveal()); why != "" {
		out = append(out, diag.Errorf("config.invalid_value", at.Of(&c.auth.token), "Invalid value for token", "The token goes into a header, and it holds %s.", why))
	}
	if (c.tls.cert == "") == c.tls.key.IsSet() {
		out = append(out, diag.Errorf("config.missing_attribute", at.Of(&c.tls.cert), "Incomplete client certificate", "Give both certificate and key."))
	} else if _, err := c.tls.config(); err != nil {
		out = append(out, diag.Errorf("config.invalid_value", at.Of(&c.tls.cert), "Client certificate cannot be used", "%s", err))
	}
	if _, err := c.proxyURL(); err != nil {
		out = append(out, diag.Errorf("config.invalid_value", at.Of(&c.proxy), "Invalid value for proxy", "%s.", err))
	}
	if u, err := url.Parse(c.url); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) && (c.auth.set || len(c.headers) > 0) {
		out = append(out, diag.Warnf("config.unencrypted", at.Of(&c.url), "Credentials would travel unencrypted", "Use https, or leave the credentials out."))
	}
	return out
}

// MoveTo implements plugin.Movable. The path of url stays: requests keep their form.
func (c *Connection) MoveTo(e plugin.Endpoint) error {
	u, err := url.Parse(c.url)
	if err != nil {
		return err
	}
	u.Scheme, u.Host = "http", e.Addr
	if e.TLS != "none" {
		u.Scheme = "https"
	}
	c.url, c.tls.ca, c.tls.serverName, c.proxy = u.String(), e.CA, "", spec.Secret{}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("must be a URL such as \"https://api.example.com\"")
	case u.User != nil:
		return errors.New("must not hold credentials: put them in the auth block")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must begin with https:// or http:// and name a host")
	case badPort(u.Port()):
		return errors.New("must have a port between 1 and 65535, or none")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must end with the path: a query belongs to the path of the sink")
	}
	return nil
}

func checkScheme(s string) error {
	if badHeaderValue(s) != "" {
		return errors.New("must be a word such as \"Bearer\", without line ends and control characters")
	}
	return nil
}

// checkUser refuses what HTTP Basic would take apart at another place.
func checkUser(s string) error {
	if strings.Contains(s, ":") {
		return errors.New("must not have a colon: the receiver would take what follows for the password")
	}
	return nil
}

func checkHeaderName(s string) error {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return errors.New("must be a header name such as \"X-Api-Key\"")
		}
	}
	return nil
}

func badPort(s string) bool {
	n, err := strconv.Atoi(s)
	return s != "" && (err != nil || n < 1 || n > 65535)
}

// checkHeaders refuses at planning what a request could not be made with.
func checkHeaders(headers map[string]spec.Secret, at *hcl.Range) diag.List {
	var out diag.List
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if err := checkHeaderName(name); err != nil || name == "" {
			out = append(out, diag.Errorf("config.invalid_value", at, "Invalid header name", "The header name %q must be one such as \"X-Api-Key\".", name))
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		if other := seen[canonical]; other != "" {
			out = append(out, diag.Errorf("config.invalid_value", at, "The same header twice", "%q and %q name one header: only one of their values would be sent.", other, name))
		}
		seen[canonical] = name
		switch canonical {
		case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade":
			out = append(out, diag.Errorf("config.invalid_value", at, "Header that cannot be set", "%s belongs to the transport: it is set by how the request is made, and what stands here would be ignored.", name))
		}
		if why := badHeaderValue(headers[name].Reveal()); why != "" {
			out = append(out, diag.Errorf("config.invalid_value", at, "Invalid header value", "The value of the header %s holds %s.", name, why))
		}
	}
	return out
}

// badHeaderValue says what s holds that no header can have, without showing s, which
// may be a secret (I9).
func badHeaderValue(s string) string {
	for _, b := range []byte(s) {
		switch {
		case b == '\r' || b == '\n':
			return "a line end. A secret read from a file often ends in one: use trimspace()"
		case b < ' ' && b != '\t' || b == 0x7f:
			return fmt.Sprintf("the control character %#x", b)
		}
	}
	return ""
}

func checkCA(s string) error {
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(s)) {
		return errors.New("must hold certificates in PEM form, such as file(\"ca.pem\")")
	}
	return nil
}

func positive(d time.Duration) error {
	if d <= 0 {
		return errors.New("must be longer than zero")
	}
	return nil
}

func checkRate(s string) error { _, err := parseRate(s); return err }

// parseRate reads "10/s" or "300/5m" as requests a second.
func parseRate(s string) (float64, error) {
	n, per, ok := strings.Cut(strings.ReplaceAll(s, " ", ""), "/")
	count, err := strconv.ParseFloat(n, 64)
	if per == "" || per[0] < '0' || per[0] > '9' {
		per = "1" + per
	}
	d, derr := spec.ParseDuration(per)
	if !ok || err != nil || derr != nil || !(count > 0) || count > 1e9 || d <= 0 {
		return 0, fmt.Errorf("must be requests per time such as \"10/s\", \"600/m\" or \"300/5m\", not %q", s)
	}
	return count / d.Seconds(), nil
}

func (c *Connection) proxyURL() (*url.URL, error) {
	if !c.proxy.IsSet() || !c.proxy.Known() {
		return nil, nil
	}
	u, err := url.Parse(c.proxy.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return nil, errors.New("proxy must be a URL such as \"http://proxy.example.com:3128\"") // without the text: it may hold a password (I9)
	}
	return u, nil
}

func (o *tlsOptions) config() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.serverName}
	if o.minVersion == "1.3" {
		cfg.MinVersion = tls.VersionTLS13
	}
	if o.ca != "" {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM([]byte(o.ca))
	}
	if o.cert != "" && o.key.Known() {
		pair, err := tls.X509KeyPair([]byte(o.cert), []byte(o.key.Reveal()))
		if err != nil {
			return nil, errors.New("certificate and key do not fit together, or are not PEM")
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// fingerprint identifies the values of c, so that a client is shared by what it
// does and a changed password makes a new one. It is one-way (I9).
func (c *Connection) fingerprint() string {
	h := sha256.New()
	add := func(parts ...string) {
		for _, p := range parts {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(p), p) // a hash takes everything
		}
	}
	add(c.url, c.timeout.String(), c.rate, strconv.Itoa(c.burst), strconv.Itoa(c.redirects), c.proxy.Reveal())
	add(c.auth.user, c.auth.password.Reveal(), c.auth.token.Reveal(), c.auth.header, c.auth.scheme)
	add(c.tls.ca, c.tls.cert, c.tls.key.Reveal(), c.tls.serverName, c.tls.minVersion)
	for _, k := range slices.Sorted(maps.Keys(c.headers)) {
		add(k, c.headers[k].Reveal())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
