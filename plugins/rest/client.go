package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

// client makes requests of one connection. It is shared by all steps that use
// the connection: so are its limit and the pauses that the server asked for.
type client struct {
	base     *url.URL
	headers  http.Header
	http     *http.Client
	timeout  time.Duration
	limiter  *rate.Limiter
	conns    conns
	mu       sync.Mutex
	notUntil time.Time // no request before then: a Retry-After
	toldOdd  bool      // that a Retry-After makes no sense
}

// maxHeaders bounds the headers of a reply, all of which are kept in memory.
const maxHeaders = 1 << 20

// reply is an answer with as much of its body as the limit allows.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	tooLarge bool
}

// shareClient returns the client of c, which steps of the same connection share.
func shareClient(h plugin.Host, ref *spec.Ref, c *Connection) (*client, func(), error) {
	key := fmt.Sprintf("rest/%s/%s/%s", ref.Module, ref.Name, c.fingerprint())
	v, release, err := h.Share(key, func() (any, func(), error) {
		cl, err := newClient(c, h.Machine())
		if err != nil {
			return nil, nil, err
		}
		return cl, cl.close, nil
	})
	if err != nil {
		return nil, nil, err
	}
	cl, ok := v.(*client)
	if !ok {
		release()
		return nil, nil, fmt.Errorf("shared value %s is a %T", key, v)
	}
	return cl, release, nil
}

func newClient(c *Connection, m plugin.Machine) (*client, error) {
	base, err := url.Parse(c.url)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := c.tls.config()
	if err != nil {
		return nil, err
	}
	proxy, err := c.proxyURL()
	if err != nil {
		return nil, err
	}
	cl := &client{base: base, headers: c.requestHeaders(), timeout: c.timeout, limiter: rate.NewLimiter(rate.Inf, 1)}
	dial := c.dialer(m)
	tr := &http.Transport{
		Proxy: http.ProxyURL(proxy),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return cl.conns.add(raw)
		},
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: c.timeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64, // as many as a sink may use at once
		IdleConnTimeout:     90 * time.Second,

		MaxResponseHeaderBytes: maxHeaders,
	}
	if c.rate != "" {
		perSecond, err := parseRate(c.rate)
		if err != nil {
			return nil, err
		}
		cl.limiter = rate.NewLimiter(rate.Limit(perSecond), c.burst)
	}
	most := c.redirects
	cl.http = &http.Client{Transport: tr, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		// To another host credentials and data would leak, to another method
		// the body would be lost: both are left unfollowed and become an error with the place named.
		if len(via) > most || r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host || r.Method != via[0].Method {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return cl, nil
}

// close ends all connections. Nobody uses the client any more.
func (cl *client) close() {
	cl.http.CloseIdleConnections() // with their farewell
	cl.conns.close()
}

// dialer connects within the connection's timeout.
func (c *Connection) dialer(m plugin.Machine) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		return m.Dial(ctx, network, address)
	}
}

func (c *Connection) requestHeaders() http.Header {
	h := http.Header{"User-Agent": {"weir"}, "Accept": {"application/json"}, "Content-Type": {"application/json"}}
	switch a := c.auth; {
	case a.token.IsSet():
		scheme := a.scheme
		if scheme == "" && strings.EqualFold(a.header, "Authorization") {
			scheme = "Bearer"
		}
		h.Set(a.header, strings.TrimSpace(scheme+" "+a.token.Reveal()))
	case a.user != "":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.user+":"+a.password.Reveal())))
	}
	for k, v := range c.headers {
		h.Set(k, v.Reveal())
	}
	return h
}

// address returns the URL of path, which begins with a slash and may have a query.
func (cl *client) address(path string) (*url.URL, error) {
	rel, err := url.Parse(path)
	switch {
	case !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return nil, fmt.Errorf("the path %q must begin with one slash", path)
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }):
		return nil, fmt.Errorf("the path %q must have no spaces, control characters or \"#\"", path)
	case err != nil:
		return nil, fmt.Errorf("the path %q has \"%%\" without two hexadecimal digits", path)
	}
	for part := range strings.SplitSeq(rel.Path, "/") {
		if part == ".." || part == "." {
			return nil, fmt.Errorf("the path %q must not lead upwards", path)
		}
	}
	u := *cl.base
	u.Path = strings.TrimSuffix(cl.base.Path, "/") + rel.Path
	u.RawPath = strings.TrimSuffix(cl.base.EscapedPath(), "/") + rel.EscapedPath()
	u.RawQuery = escapeLetters(rel.RawQuery)
	return &u, nil
}

// escapeLetters escapes what is not ASCII: a query goes out as it is, other than a path.
func escapeLetters(query string) string {
	if !strings.ContainsFunc(query, func(r rune) bool { return r > '~' }) {
		return query
	}
	var sb strings.Builder
	for _, b := range []byte(query) {
		if b > '~' {
			fmt.Fprintf(&sb, "%%%02X", b)
		} else {
			sb.WriteByte(b)
		}
	}
	return sb.String()
}

// wait blocks until the limit and the server's own pauses allow a request. After a
// pause that was asked for meanwhile the limit counts again, so that the requests
// it held back do not come all at once.
func (cl *client) wait(ctx context.Context, clock plugin.Clock) error {
	for {
		for pause := cl.paused(clock); pause > 0; pause = cl.paused(clock) {
			if err := clock.Sleep(ctx, pause); err != nil {
				return err
			}
		}
		if err := cl.waitLimit(ctx, clock); err != nil {
			return err
		}
		if cl.paused(clock) <= 0 {
			return nil
		}
	}
}

// paused returns how long the server asked not to be sent requests.
func (cl *client) paused(clock plugin.Clock) time.Duration {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.notUntil.Sub(clock.Now())
}

func (cl *client) waitLimit(ctx context.Context, clock plugin.Clock) error {
	now := clock.Now()
	r := cl.limiter.ReserveN(now, 1)
	d := r.DelayFrom(now)
	if d <= 0 {
		return ctx.Err()
	}
	if err := clock.Sleep(ctx, d); err != nil {
		r.CancelAt(clock.Now())
		return err
	}
	return nil
}

// oddOnce reports whether it is the first time that a Retry-After makes no sense.
func (cl *client) oddOnce() bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	first := !cl.toldOdd
	cl.toldOdd = true
	return first
}

// pause keeps every step of the connection from making requests before t.
func (cl *client) pause(t time.Time) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if t.After(cl.notUntil) {
		cl.notUntil = t
	}
}

// do makes one request and reads the reply, of its body at most limit bytes.
// The time for all of it is the connection's timeout.
func (cl *client) do(ctx context.Context, method string, u *url.URL, header http.Header, body []byte, limit int64) (*reply, error) {
	attempt, cancel := context.WithTimeout(ctx, cl.timeout)
	defer cancel()
	out := &outgoing{data: body}
	defer out.takeBack()
	sent, err := out.open()
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(attempt, method, u.String(), sent)
	if err != nil {
		return nil, err
	}
	r.ContentLength, r.GetBody = int64(len(body)), out.open
	maps.Copy(r.Header, cl.headers)
	maps.Copy(r.Header, header)
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := cl.http.Do(r)
	if err != nil {
		return nil, cl.classify(ctx, attempt, err)
	}
	defer func() { _ = res.Body.Close() }() // the reply was read or is of no use
	if res.StatusCode == http.StatusSwitchingProtocols {
		// What follows is no reply, and the attempt's time does not end it.
		return nil, plugin.Fail(plugin.Environment, "env.not_http", fmt.Errorf("the server left HTTP for another protocol (101 Switching Protocols, Upgrade: %s), which it was not asked for", res.Header.Get("Upgrade")),
			"Check url: this address is not for plain requests; nothing is lost, the rows are sent again with the same key by the next run")
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, cl.classify(ctx, attempt, err)
	}
	if !out.takeBack() && res.StatusCode < 300 {
		return nil, plugin.Fail(plugin.Transient, "env.early_reply", fmt.Errorf("the server answered %s before all of the request was sent, so it cannot have taken the rows", statusText(res.StatusCode)), "")
	}
	got := &reply{status: res.StatusCode, header: res.Header, body: data}
	if int64(len(data)) > limit {
		got.body, got.tooLarge = data[:limit], true
	}
	return got, nil
}

// classify turns an error of the network into one that says what to do.
// Those of class Transient may be retried.
func (cl *client) classify(ctx, attempt context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var ne net.Error
	if attempt.Err() != nil || errors.As(err, &ne) && ne.Timeout() { // a dial and a handshake end at the same time by themselves
		return plugin.Fail(plugin.Transient, "env.timeout", fmt.Errorf("no complete reply within %s", cl.timeout), "")
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the method and address are told by the caller
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return plugin.Fail(plugin.Environment, "env.not_tls", err, notTLS)
	}
	if p, ok := remote.DescribeTLS(err, remote.TLSWords{CA: "tls { ca = file(\"ca.pem\") }", ServerName: "url, or tls { server_name },"}); ok {
		return tlsFailure(p)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return plugin.Fail(plugin.Transient, "env.unknown_host", err, "Check the host in url")
	}
	return plugin.Fail(plugin.Transient, "env.unreachable", err, "")
}

const notTLS = "The server does not speak TLS at this port: check the scheme and port of url"

// tlsFailure says what to do about a TLS handshake that failed.
func tlsFailure(p remote.TLSProblem) error {
	err := fmt.Errorf("the server %s", p.Text)
	switch p.Kind {
	case remote.BadCertificate:
		return plugin.Fail(plugin.Environment, "env.certificate_refused", err, p.Advice)
	case remote.NotTLS:
		return plugin.Fail(plugin.Environment, "env.not_tls", err, notTLS)
	case remote.NoAgreement:
	}
	if p.Advice == "" {
		p.Advice = "Check min_version, and certificate and key when the server asks for a client certificate"
	}
	return plugin.Fail(plugin.Environment, "env.tls_refused", err, p.Advice)
}
