package ftp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

// Connection is the configuration of a connection "ftp" block: one account on
// one server.
type Connection struct {
	Host       string
	Port       int // 0 is the usual port: 21, or 990 for implicit TLS
	User       string
	Password   spec.Secret
	TLS        string // "none", "explicit" or "implicit"
	CA         string // PEM text; "" trusts the machine's authorities
	ServerName string // the name the certificate must have; "" is Host
	Verify     bool
	TLSMax     string        // "", "1.2" or "1.3"
	Timeout    time.Duration // without any progress
	Keepalive  time.Duration // 0 is off
	Idle       time.Duration // a session nobody uses stays open
	Sessions   int           // control connections open at the same time
	Timezone   string        // of the times in LIST replies
	MLSD       bool
	EPSV       bool
	ExactTimes bool
}

// Spec implements plugin.Config.
func (c *Connection) Spec() spec.Body {
	return slices.Concat(spec.Body{
		spec.String("host", &c.Host).Required().Doc("Name or IP address of the server."),
		spec.Int("port", &c.Port).Default(0, "0").Check(spec.Between(0, 65535)).
			Doc("Port of the control connection; 0 is 21, or 990 with implicit TLS."),
		spec.String("user", &c.User).Default("anonymous", `"anonymous"`).Doc("User to log in as."),
		spec.Credential("password", &c.Password).Doc("Password of the user."),
		spec.Choice("tls", &c.TLS, "none", "explicit", "implicit").Default("explicit", `"explicit"`).
			Doc(`"explicit" encrypts after AUTH TLS on the usual port, "implicit" encrypts from the first byte (port 990), "none" sends everything, also the password, in clear.`),
		spec.String("ca", &c.CA).Doc(`Certificates to trust instead of the machine's, as PEM text: file("ca.pem").`),
		spec.String("server_name", &c.ServerName).Doc("The name the server's certificate must have, when it is not host."),
		spec.Bool("verify", &c.Verify).Default(true, "true").
			Doc("Whether the server's certificate is checked. false lets anybody on the way read the password and the files."),
		spec.Choice("tls_max", &c.TLSMax, "1.2", "1.3").
			Doc(`The newest TLS version to use. "1.2" helps with servers that cannot resume TLS 1.3 sessions on data connections.`),
	}, c.limits().Spec(" with NOOP"), spec.Body{
		spec.String("timezone", &c.Timezone).Default("UTC", `"UTC"`).Check(checkZone).
			Doc("Time zone of the times in directory listings, for servers without MLSD, such as Europe/Amsterdam."),
		spec.Bool("mlsd", &c.MLSD).Default(true, "true").
			Doc("Whether listings use MLSD where the server offers it. Some servers offer it and answer wrongly."),
		spec.Bool("epsv", &c.EPSV).Default(true, "true").
			Doc("Whether EPSV is tried before PASV. Some firewalls do not understand it."),
		spec.Bool("exact_times", &c.ExactTimes).Default(true, "true").
			Doc("Whether each file's time is asked with MDTM when listings show only minutes or days."),
	})
}

func (c *Connection) limits() remote.Limits {
	return remote.Limits{Timeout: &c.Timeout, Keepalive: &c.Keepalive, Idle: &c.Idle, Sessions: &c.Sessions}
}

// Client implements remote.Account.
func (c *Connection) Client() remote.Client {
	return remote.Client{
		Peer: c.peer(), User: c.User, Sessions: c.Sessions, Keepalive: c.Keepalive, Idle: c.Idle, Settings: c,
		Dial: func(ctx context.Context, m plugin.Machine, last remote.Session, log *zap.Logger) (remote.Session, error) {
			before, _ := last.(*session)
			s, err := dial(ctx, c, m, before, log)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

func checkZone(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("must be the name of a time zone such as Europe/Amsterdam, not %q", s)
	}
	return nil
}

// Check implements plugin.Config.
func (c *Connection) Check(at spec.Ranges) diag.List {
	var ds diag.List
	invalid := func(p any, summary, detail string) {
		ds = append(ds, diag.Errorf("config.invalid_value", at.Of(p), summary, "%s", detail))
	}
	if strings.ContainsAny(c.Host, "/ @\r\n") {
		invalid(&c.Host, "Invalid host", "host is a name or an IP address alone, such as ftp.example.com, without ftp:// and without a path.")
	}
	if strings.ContainsAny(c.User, "\r\n") || strings.ContainsAny(c.Password.Reveal(), "\r\n") {
		invalid(&c.Password, "Invalid credentials", "user and password must not hold line breaks. A password read from a file often ends in one: use trimspace().")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		invalid(&c.CA, "No certificate in ca", `ca must hold certificates as PEM text (-----BEGIN CERTIFICATE-----), as file("ca.pem") returns it.`)
	}
	if c.TLS == "none" {
		for _, o := range []struct {
			p    any
			name string
			set  bool
		}{{&c.CA, "ca", c.CA != ""}, {&c.ServerName, "server_name", c.ServerName != ""}, {&c.TLSMax, "tls_max", c.TLSMax != ""}, {&c.Verify, "verify", !c.Verify}} {
			if o.set {
				invalid(o.p, o.name+" has no effect", o.name+` is about TLS, and tls is "none". Remove it, or set tls = "explicit".`)
			}
		}
	} else if !c.Verify {
		ds = append(ds, diag.Warnf("config.insecure", at.Of(&c.Verify), "The server's certificate is not checked",
			"With verify = false anybody between here and %s can read the password and change the files. Set ca to the server's certificate authority instead.", c.Host))
	}
	return ds
}

// Addr returns "host:port" of the control connection.
func (c *Connection) Addr() string {
	port := c.Port
	if port == 0 {
		port = 21
		if c.TLS == "implicit" {
			port = 990
		}
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

// StandIn points c at a test server: addr is its "host:port", ca the PEM text
// of its authority, "" without TLS. User, password and limits stay.
func (c *Connection) StandIn(addr, ca string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	c.Host, c.Port, c.CA, c.ServerName = host, n, ca, ""
	if ca == "" {
		c.TLS = "none"
	}
	return nil
}

// MoveTo implements plugin.Movable.
func (c *Connection) MoveTo(e plugin.Endpoint) error {
	c.TLS, c.Verify = e.TLS, true
	if e.TLS == "none" {
		c.TLSMax = ""
	}
	if e.User != "" {
		c.User, c.Password = e.User, e.Password
	}
	return c.StandIn(e.Addr, e.CA)
}

// zone is the time zone of LIST replies; Spec has checked its name.
func (c *Connection) zone() *time.Location {
	if z, err := time.LoadLocation(c.Timezone); err == nil {
		return z
	}
	return time.UTC
}

// tlsConfig returns the configuration for one session's control and data
// connections. The session cache and a fixed server name are what make data
// connections resume the control connection's TLS session, which strict
// servers demand.
func (c *Connection) tlsConfig(max uint16) *tls.Config {
	if c.TLS == "none" {
		return nil
	}
	cfg := &tls.Config{
		ServerName:         c.ServerName,
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
		InsecureSkipVerify: !c.Verify, //nolint:gosec // only when the file says so; Check warns
		MinVersion:         tls.VersionTLS12,
		MaxVersion:         max,
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.Host
	}
	if c.TLSMax == "1.2" {
		cfg.MaxVersion = tls.VersionTLS12
	}
	if c.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	return cfg
}
