package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// TLSKind says what part of TLS failed.
type TLSKind uint8

// The kinds of TLSProblem.
const (
	BadCertificate TLSKind = iota + 1 // the server's certificate cannot be trusted
	NotTLS                            // the server speaks something else
	NoAgreement                       // no version or method in common, or the server refuses
)

// TLSProblem describes a TLS handshake that failed. Text goes on after the name
// of the server; Advice is a sentence without its full stop, and may be empty.
type TLSProblem struct {
	Kind         TLSKind
	Text, Advice string
}

// TLSWords are the words of a connection's configuration.
type TLSWords struct {
	CA         string // how authorities are named, such as `ca = file("ca.pem")`
	ServerName string // how another name is set, such as "host, or server_name,"
}

// DescribeTLS returns what err says about a TLS handshake in plain words; ok is
// false when it is about something else.
func DescribeTLS(err error, w TLSWords) (p TLSProblem, ok bool) {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		op      *net.OpError
	)
	bad := func(advice, format string, args ...any) (TLSProblem, bool) {
		return TLSProblem{BadCertificate, "shows a certificate that " + fmt.Sprintf(format, args...), advice}, true
	}
	text := err.Error()
	switch {
	case errors.As(err, &name):
		return bad(fmt.Sprintf("Set %s to a name the certificate has: %s", w.ServerName, certNames(name.Certificate)), "is not for the name %q", name.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c := invalid.Cert
		if strings.Contains(invalid.Detail, " is before ") {
			return bad("Check the clock of this machine; else ask the server's owner", "is not valid yet: only from %s to %s", day(c.NotBefore), day(c.NotAfter))
		}
		return bad("Have it renewed; check the clock of this machine", "has expired: it is valid only from %s to %s", day(c.NotBefore), day(c.NotAfter))
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return bad("Ask the server's owner for a certificate with the extended key usage serverAuth", "is not meant for servers")
	case errors.As(err, &invalid):
		return bad("", "cannot be used: %s", strings.TrimPrefix(invalid.Error(), "x509: "))
	case errors.As(err, &unknown):
		if errors.As(err, &verify) && len(verify.UnverifiedCertificates) > 0 && selfSigned(verify.UnverifiedCertificates[0]) {
			return bad("If it is the right server, get that certificate from its owner and set "+w.CA, "is self-signed: no authority vouches for it")
		}
		return bad("If it is the right server, set "+w.CA+" to the certificate of its authority", "is signed by an authority that is not trusted (%s)", issuer(verify))
	case errors.As(err, &verify):
		return bad("", "cannot be verified: %s", strings.TrimPrefix(verify.Err.Error(), "x509: "))
	case errors.As(err, &record):
		return TLSProblem{NotTLS, "did not answer in TLS", ""}, true
	case strings.Contains(text, "protocol version"):
		return TLSProblem{NoAgreement, "and this side have no TLS version in common; it may know only TLS 1.0 and 1.1, which are not safe any more",
			"The server needs TLS 1.2 at least: ask its owner for an update"}, true
	case errors.As(err, &op) && op.Op == "remote error" && aboutAgreement(text), strings.Contains(text, "tls: server selected"), strings.Contains(text, "tls: server chose"):
		return TLSProblem{NoAgreement, "and this side could not agree on TLS: " + strings.TrimPrefix(text, "remote error: "), ""}, true
	}
	return TLSProblem{}, false
}

// aboutAgreement tells alerts about the handshake from those that may pass.
func aboutAgreement(text string) bool {
	for _, w := range []string{"handshake failure", "certificate", "insufficient security", "unrecognized name", "access denied"} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func selfSigned(c *x509.Certificate) bool {
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func issuer(v *tls.CertificateVerificationError) string {
	if v != nil && len(v.UnverifiedCertificates) > 0 {
		return "issuer " + v.UnverifiedCertificates[0].Issuer.String()
	}
	return "unknown issuer"
}

func certNames(c *x509.Certificate) string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "it has none (a common name alone does not count)"
	}
	return strings.Join(names, ", ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
