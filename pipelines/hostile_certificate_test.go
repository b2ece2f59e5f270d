package pipelines_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/restserver"
	"weir/engine/testkit/sftpserver"
	"weir/engine/testkit/testca"
)

// badCertificate is one way in which a server's certificate is wrong.
type badCertificate struct {
	leaf   testca.Leaf
	max    uint16 // newest TLS version of the server
	strays bool   // the client trusts another authority
	trusts bool   // the client trusts the machine's authorities
	words  []string
	tls    bool // no certificate is at fault but the version
}

func badCertificates() map[string]badCertificate {
	return map[string]badCertificate{
		"expired":       {leaf: testca.Leaf{Expired: true}, words: []string{"shows a certificate that has expired", "only from 2000-01-01 to 2001-01-01", "Have it renewed"}},
		"not yet valid": {leaf: testca.Leaf{NotYet: true}, words: []string{"is not valid yet: only from 2098-01-01", "Check the clock of this machine"}},
		"wrong host": {leaf: testca.Leaf{Names: []string{"shop.example.com", "10.0.0.1"}},
			words: []string{`is not for the name "127.0.0.1"`, "to a name the certificate has: shop.example.com, 10.0.0.1"}},
		"unknown authority":   {trusts: true, words: []string{"is signed by an authority that is not trusted (issuer CN=Weir test authority", `ca = file("ca.pem")`}},
		"another authority":   {strays: true, words: []string{"is signed by an authority that is not trusted", `ca = file("ca.pem")`}},
		"self-signed":         {leaf: testca.Leaf{SelfSigned: true}, words: []string{"is self-signed: no authority vouches for it", `ca = file("ca.pem")`}},
		"for clients only":    {leaf: testca.Leaf{ClientOnly: true}, words: []string{"is not meant for servers", "serverAuth"}},
		"an authority itself": {leaf: testca.Leaf{Authority: true}, words: []string{`is not for the name "127.0.0.1"`, "it has none (a common name alone does not count)"}},
		"only TLS 1.0":        {max: tls.VersionTLS10, tls: true, words: []string{"no TLS version in common", "TLS 1.2 at least"}},
		"only TLS 1.1":        {max: tls.VersionTLS11, tls: true, words: []string{"no TLS version in common", "TLS 1.2 at least"}},
	}
}

// authority is the PEM text that the client trusts, "" for the machine's.
func (c badCertificate) authority(t *testing.T, own string) string {
	t.Helper()
	switch {
	case c.trusts:
		return ""
	case c.strays:
		ca, err := testca.New()
		if err != nil {
			t.Fatal(err)
		}
		return string(ca.PEM())
	}
	return own
}

// TestWrongCertificates has servers with every wrong certificate: nothing is
// sent to them, not even a password, and the message says what is wrong with it.
func TestWrongCertificates(t *testing.T) {
	content, _ := rows(1, 3)
	for name, c := range badCertificates() {
		for _, mode := range []string{"explicit", "implicit"} {
			t.Run("ftp "+mode+" "+name, func(t *testing.T) {
				p := ftpPlace(t, ftpserver.Options{TLS: mode, Cert: c.leaf, MaxTLS: c.max})
				own := fmt.Sprintf("ca = %q\n", p.ftp.CAPEM())
				p.config = strings.Replace(p.config, own, "", 1)
				if ca := c.authority(t, p.ftp.CAPEM()); ca != "" {
					p.config += fmt.Sprintf("ca = %q\n", ca)
				}
				p.fs.Put("/in/a.csv", []byte(content), longAgo())
				b := p.bench(t, "")
				code := "env.certificate"
				if c.tls {
					code = "env.tls_unavailable"
				}
				fails(t, b.run().Err, plugin.Environment, code, append(c.words, "source.in: The FTP server "+p.addr)...)
				if log := strings.Join(p.ftp.Log(), "\n"); strings.Contains(log, "USER") || strings.Contains(log, "PASS") {
					t.Errorf("credentials were sent: %s", log)
				}
			})
		}
		t.Run("https "+name, func(t *testing.T) {
			s, err := restserver.New(restserver.Options{TLS: true, Cert: c.leaf, MaxTLS: c.max})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			b := restBench(t, s.URL(), "", tlsBlock(c.authority(t, string(s.CA()))), 3)
			code := "env.certificate_refused"
			if c.tls {
				code = "env.tls_refused"
			}
			fails(t, b.run().Err, plugin.Environment, code, append(c.words, "POST "+s.URL()+"/v1")...)
			if n := len(s.Requests()); n > 0 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

func tlsBlock(ca string) string {
	if ca == "" {
		return ""
	}
	return fmt.Sprintf("tls {\n ca = %q\n}", ca)
}

// TestHostKeys has SSH servers whose key is not known, or not the one it was.
func TestHostKeys(t *testing.T) {
	content, ids := rows(1, 3)
	other, err := sftpserver.New(sftpserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // it only lends its key
	for name, tc := range map[string]struct {
		trust func(s *sftpserver.Server) string
		code  string
		words []string
	}{
		"not known": {func(*sftpserver.Server) string { return "" }, "env.host_key_unknown",
			[]string{"is not known yet; it shows the host key ssh-ed25519 SHA256:", "If the server's owner confirms this fingerprint, set host_key ="}},
		"another fingerprint": {func(*sftpserver.Server) string { return fmt.Sprintf("host_key = [%q]", other.Fingerprints()[0]) }, "env.host_key_changed",
			[]string{"shows another host key", "somebody may be listening in", "Ask the server's owner"}},
		"not in known_hosts": {func(*sftpserver.Server) string { return fmt.Sprintf("known_hosts = %q", other.KnownHosts(0)) }, "env.host_key_unknown",
			[]string{"is not in known_hosts; it shows the host key", "add the server to known_hosts"}},
		"another in known_hosts": {func(s *sftpserver.Server) string {
			_, key, _ := strings.Cut(other.KnownHosts(0), " ")
			where, _, _ := strings.Cut(s.KnownHosts(0), " ")
			return fmt.Sprintf("known_hosts = %q", where+" "+key)
		}, "env.host_key_changed", []string{"shows another host key", "than known_hosts has", "replace the server's line in known_hosts"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sftpPlace(t)
			right := fmt.Sprintf("host_key = [%q]", p.sftp.Fingerprints()[0])
			p.fs.Put("/in/a.csv", []byte(content), longAgo())
			b := newBench(t, pipelineOf("sftp", strings.Replace(p.config, right, tc.trust(p.sftp), 1), ""))
			fails(t, b.run().Err, plugin.Environment, tc.code, append(tc.words, "The SFTP server "+p.addr)...)
			if p.sftp.Logins() > 0 {
				t.Error("it logged in")
			}
			b.configure(pipelineOf("sftp", p.config, ""))
			b.good()
			b.exactly(ids)
		})
	}
}

// restBench is a bench that reads n rows from a file and sends them to url.
func restBench(t *testing.T, url, sink, connection string, n int) *bench {
	t.Helper()
	b := newBench(t, "")
	content, _ := rows(1, n)
	in := writeFile(t, b.dir, "in.csv", []byte(content), time.Time{})
	b.configure(fmt.Sprintf(`
connection "rest" "x" {
  url = %q
  headers = {
    X-Key = %q
  }
  %s
}
pipeline "p" {
  source "file" "in" {
    path  = %q
    ready = "now"
  }
  decode "csv" {
    delimiter = ";"
    columns = {
      id = "text"
    }
  }
  sink "rest" "out" {
    connection = connection.rest.x
    path       = "/v1"
    %s
  }
}
`, url, restKey, connection, in, sink))
	return b
}

const restKey = "r3st-s3cret-key"
