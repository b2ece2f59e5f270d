package ftp

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"strings"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

func (c *Connection) peer() remote.Peer {
	return remote.Peer{Kind: "FTP", Addr: c.Addr(), Host: c.Host, Timeout: c.Timeout, Secrets: []spec.Secret{c.Password}}
}

func (c *Connection) safe(text string) string { return c.peer().Safe(text) }

func (c *Connection) lost(doing string, err error) error { return c.peer().Lost(doing, err) }

func (c *Connection) fail(class plugin.Class, code diag.Code, advice, format string, args ...any) error {
	return c.peer().Fail(class, code, advice, format, args...)
}

func (c *Connection) greetingFailure(s *session, err error) error {
	if s.ctl.replies > 0 {
		return c.refusedGreeting(s.ctl.code, s.ctl.text)
	}
	if cause := s.guard.Cause(); cause != nil {
		err = cause
	}
	lost := c.lost("waiting for its greeting", err)
	var f *plugin.Failure
	if c.TLS != "implicit" && errors.As(lost, &f) && f.Code == "env.timeout" {
		f.Advice = `If this port expects encryption from the first byte (usually 990), set tls = "implicit".`
	}
	return lost
}

func (c *Connection) refusedGreeting(code int, text string) error {
	if code == 421 {
		return c.fail(plugin.Transient, "env.server_busy", "", "takes no more connections now: %s", c.safe(text))
	}
	return c.fail(plugin.Transient, "env.connection_refused", "", "refused the session: %s", c.safe(text))
}

func (c *Connection) noTLS(text string) error {
	return c.fail(plugin.Environment, "env.tls_unavailable",
		`Use tls = "implicit" and its port if the server has one; tls = "none" sends the password in clear`,
		"does not offer encryption (AUTH TLS): %s", c.safe(text))
}

// tlsFailure describes a handshake that failed, naming what to set.
func (c *Connection) tlsFailure(err error) error {
	p, ok := remote.DescribeTLS(err, remote.TLSWords{CA: `ca = file("ca.pem")`, ServerName: "host, or server_name,"})
	if !ok {
		return c.lost("starting encryption", err)
	}
	code := diag.Code("env.tls_unavailable")
	switch p.Kind {
	case remote.BadCertificate:
		code = "env.certificate"
	case remote.NotTLS:
		p.Advice = `Set tls = "explicit" if it speaks FTP in clear at first, as on port 21`
	case remote.NoAgreement:
	}
	return c.fail(plugin.Environment, code, c.safe(p.Advice), "%s", c.safe(p.Text))
}

// loginFailure describes a refused login. The library drops the code of some
// replies, so the last one seen on the control connection decides.
func (c *Connection) loginFailure(s *session, err error) error {
	if s.guard.Cause() != nil || s.ctl.code < 400 {
		if cause := s.guard.Cause(); cause != nil {
			err = cause
		}
		return c.lost("logging in", err)
	}
	text := c.safe(s.ctl.text)
	if c.TLS == "none" && mentionsTLS(text) {
		return c.fail(plugin.Environment, "env.tls_required", `Set tls = "explicit" in the connection block`, "lets nobody in without encryption: %s", text)
	}
	switch s.ctl.code {
	case 421:
		return c.fail(plugin.Transient, "env.server_busy", "", "takes no more sessions now: %s", text)
	case 430, 530, 532, 332:
		return c.fail(plugin.Environment, "env.login_refused", "Check user and password in the connection block", "refused user %q: %s", c.User, text)
	}
	return c.fail(plugin.Environment, "env.login_refused", "", "did not complete the login of user %q: %s", c.User, text)
}

func mentionsTLS(text string) bool {
	l := strings.ToLower(text)
	for _, w := range []string{"tls", "ssl", "encrypt", "secure"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// wantsReuse reports whether a reply complains that a data connection did not
// resume the control connection's TLS session. proftpd's says only "not permitted".
func wantsReuse(reply *textproto.Error) bool {
	l := strings.ToLower(reply.Msg)
	if strings.Contains(l, "reuse") || strings.Contains(l, "resum") {
		return true
	}
	switch reply.Code {
	case 425, 426, 435, 450, 522:
		return mentionsTLS(l) || strings.Contains(l, "operation not permitted")
	}
	return false
}

// sessionAdvice says what helps when a server did not take the session of a
// data connection. With TLS 1.2 this side resumes by ticket only, not by the
// server's session cache.
func (s *session) sessionAdvice() string {
	if s.tls13() {
		return `Set tls_max = "1.2" in the connection block`
	}
	return `If tls_max is "1.2", remove it. Else ask the server's owner for TLS 1.3 or session tickets (proftpd: TLSSessionTickets on, or TLSOptions NoSessionReuseRequired; vsftpd: require_ssl_reuse=NO)`
}

// confine marks a failure whose reply is about a file or folder, and not about the
// login or the data connection.
func confine(reply *textproto.Error, err error) error {
	switch reply.Code {
	case 425, 426, 530, 532:
		return err
	}
	return plugin.Confine(err)
}

// Failure implements remote.Session.
func (s *session) Failure(doing, p string, err error) error {
	var reply *textproto.Error
	var f *plugin.Failure
	what := doing + " " + p
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return err
	case s.guard.Cause() != nil:
		return s.cfg.lost(what, s.guard.Cause())
	case errors.Is(err, bufio.ErrTooLong):
		return s.cfg.fail(plugin.Environment, "env.listing_unreadable", "Set mlsd = false in the connection block in case the other form of listing is better, and tell the server's owner",
			"has a line of more than 64 KiB in its answer while %s", what)
	case !errors.As(err, &reply):
		var cert *tls.CertificateVerificationError
		if errors.As(err, &cert) {
			return s.cfg.tlsFailure(err)
		}
		return s.cfg.lost(what, err)
	}
	text := s.cfg.safe(reply.Error())
	switch {
	case reply.Code == 421:
		return s.cfg.fail(plugin.Transient, "env.connection_lost", "", "ended the session while %s: %s", what, text)
	case s.tls != nil && wantsReuse(reply):
		return s.cfg.fail(plugin.Environment, "env.tls_session", s.sessionAdvice(), "refused the encrypted data connection while %s: %s", what, text)
	case reply.Code == 452 || reply.Code == 552:
		return s.cfg.fail(plugin.Environment, "env.disk_full", "", "has no room left while %s: %s", what, text)
	case reply.Code == 532 || reply.Code == 550 || reply.Code == 553 || reply.Code == 530:
		return confine(reply, s.cfg.fail(plugin.Environment, "env.permission", fmt.Sprintf("Check what user %q may do there", s.cfg.User), "refused %s: %s", what, text))
	}
	return confine(reply, s.cfg.fail(plugin.Transient, "", "", "refused %s: %s", what, text))
}
