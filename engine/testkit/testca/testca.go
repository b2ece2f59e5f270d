// Package testca makes certificate authorities and server certificates for
// test servers. Nothing in it is meant for production.
package testca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Authority signs certificates. It is immutable.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// Leaf says what a server certificate is for and what is wrong with it. The
// zero value is for localhost and 127.0.0.1 and has nothing wrong.
type Leaf struct {
	Names      []string // host names and IP addresses
	Expired    bool
	NotYet     bool // valid only in the far future
	SelfSigned bool // signed by its own key, not by the authority
	ClientOnly bool // its key usage is that of clients
	Authority  bool // it is itself an authority's certificate, with a common name and no other
}

// Issued is a server certificate in the forms servers want.
type Issued struct {
	TLS     tls.Certificate
	CertPEM []byte
	KeyPEM  []byte
}

// New makes an authority. It is valid in every year a virtual clock may show.
func New() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	tpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Weir test authority " + serial.Text(36)[:6]},
		NotBefore: year(2000), NotAfter: year(2100),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{cert: cert, key: key, pem: block("CERTIFICATE", der)}, nil
}

// PEM returns the authority's certificate, as a client's ca option takes it.
func (a *Authority) PEM() []byte { return a.pem }

// Issue signs a server certificate.
func (a *Authority) Issue(l Leaf) (*Issued, error) {
	if len(l.Names) == 0 {
		l.Names = []string{"localhost", "127.0.0.1"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	tpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: l.Names[0]},
		NotBefore: year(2000), NotAfter: year(2099),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	l.spoil(tpl)
	parent, signer := a.cert, a.key
	if l.SelfSigned {
		parent, signer = tpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &Issued{
		TLS:     tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		CertPEM: block("CERTIFICATE", der), KeyPEM: block("PRIVATE KEY", raw),
	}, nil
}

// spoil puts the names into tpl, and what is wrong.
func (l Leaf) spoil(tpl *x509.Certificate) {
	if l.Expired {
		tpl.NotAfter = year(2001)
	}
	if l.NotYet {
		tpl.NotBefore = year(2098)
	}
	if l.ClientOnly {
		tpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if l.Authority {
		tpl.IsCA, tpl.BasicConstraintsValid, tpl.KeyUsage, tpl.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		return
	}
	for _, n := range l.Names {
		if ip := net.ParseIP(n); ip != nil {
			tpl.IPAddresses = append(tpl.IPAddresses, ip)
		} else {
			tpl.DNSNames = append(tpl.DNSNames, n)
		}
	}
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
}

func year(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
