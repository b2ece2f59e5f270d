package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"

	"weir/engine/plugin"
)

var _ plugin.Prober = (*Sink)(nil)

// Probe implements plugin.Prober: it connects to the host and, with https, agrees
// on encryption with it. It makes no request, so it does not try the credentials.
// Behind a proxy it only connects to the proxy.
func (s *Sink) Probe(ctx context.Context, h plugin.Host) error {
	conn, ok := s.connection.Value.(*Connection)
	if !ok {
		return fmt.Errorf("connection %s is a %T, not a rest connection", s.connection.Name, s.connection.Value)
	}
	cl, err := newClient(conn, h.Machine())
	if err != nil {
		return plugin.Fail(plugin.Environment, "env.connection", err, "")
	}
	defer cl.close()
	attempt, cancel := context.WithTimeout(ctx, conn.timeout)
	defer cancel()
	err = conn.reach(attempt, h.Machine(), cl.base)
	if err == nil {
		return nil
	}
	err = cl.classify(ctx, attempt, err)
	var f *plugin.Failure
	if errors.As(err, &f) {
		return plugin.Fail(f.Class, f.Code, fmt.Errorf("%s: %w", cl.base.Host, f.Err), f.Advice)
	}
	return err
}

// reach connects to the host of base, or to the proxy.
func (c *Connection) reach(ctx context.Context, m plugin.Machine, base *url.URL) error {
	to := base
	proxy, err := c.proxyURL()
	if err != nil {
		return err
	}
	if proxy != nil {
		to = proxy
	}
	raw, err := c.dialer(m)(ctx, "tcp", hostPort(to))
	if err != nil {
		return err
	}
	defer raw.Close() //nolint:errcheck // nothing was sent that could be lost
	if proxy != nil || base.Scheme != "https" {
		return nil
	}
	cfg, err := c.tls.config()
	if err != nil {
		return err
	}
	if cfg.ServerName == "" {
		cfg.ServerName = base.Hostname()
	}
	return tls.Client(raw, cfg).HandshakeContext(ctx)
}

// hostPort returns "host:port" with the usual port of the scheme.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
