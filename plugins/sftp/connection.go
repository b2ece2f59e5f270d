package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/ssh"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/spec"
)

// Connection is the configuration of a connection "sftp" block: one account on
// one server.
type Connection struct {
	Host       string
	Port       int
	User       string
	Password   spec.Secret
	PrivateKey spec.Secret // PEM or OpenSSH text
	Passphrase spec.Secret // of PrivateKey

	KnownHosts string        // content of a known_hosts file
	HostKeys   []string      // fingerprints, "SHA256:..."
	Legacy     bool          // old algorithms too
	Timeout    time.Duration // without any progress
	Keepalive  time.Duration // 0 is off
	Idle       time.Duration // a session nobody uses stays open
	Sessions   int           // open at the same time
}

// Spec implements plugin.Config.
func (c *Connection) Spec() spec.Body {
	return append(spec.Body{
		spec.String("host", &c.Host).Required().Doc("Name or IP address of the server."),
		spec.Int("port", &c.Port).Default(22, "22").Check(spec.Between(1, 65535)).Doc("Port of the SSH server."),
		spec.String("user", &c.User).Required().Doc("User to log in as."),
		spec.Credential("password", &c.Password).Doc("Password of the user; it also answers a server that asks for it interactively."),
		spec.Credential("private_key", &c.PrivateKey).Doc(`Private key of the user, as text: file("id_ed25519") or a secret.`),
		spec.Credential("passphrase", &c.Passphrase).Doc("Passphrase of private_key."),
		spec.String("known_hosts", &c.KnownHosts).Doc(`Host keys to trust, in the form of a known_hosts file: file("known_hosts").`),
		spec.Strings("host_key", &c.HostKeys).Check(checkFingerprints).
			Doc(`Fingerprint of the server's host key, such as "SHA256:...", or several while it changes. ssh-keygen -lf shows it.`),
		spec.Bool("legacy_algorithms", &c.Legacy).Default(false, "false").
			Doc("Whether old, weak algorithms (such as SHA-1 signatures) are offered too, for servers that know no others."),
	}, remote.Limits{Timeout: &c.Timeout, Keepalive: &c.Keepalive, Idle: &c.Idle, Sessions: &c.Sessions}.Spec("")...)
}

// Client implements remote.Account.
func (c *Connection) Client() remote.Client {
	return remote.Client{
		Peer: c.peer(), User: c.User, Sessions: c.Sessions, Keepalive: c.Keepalive, Idle: c.Idle, Settings: c,
		Dial: func(ctx context.Context, m plugin.Machine, _ remote.Session, _ *zap.Logger) (remote.Session, error) {
			s, err := dial(ctx, c, m)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

func checkFingerprints(fs []string) error {
	for _, f := range fs {
		if rest, ok := strings.CutPrefix(f, "SHA256:"); !ok || len(strings.TrimRight(rest, "=")) != 43 {
			return fmt.Errorf(`must be a fingerprint such as "SHA256:" and 43 letters and digits (ssh-keygen -lf shows it), not %q`, f)
		}
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
		invalid(&c.Host, "Invalid host", "host is a name or an IP address alone, such as sftp.example.com, without sftp:// and without a path.")
	}
	if !c.Password.IsSet() && !c.PrivateKey.IsSet() {
		invalid(&c.User, "No way to log in", "Set password or private_key.")
	}
	if c.PrivateKey.IsSet() {
		known := c.PrivateKey.Known() && c.Passphrase.Known()
		if _, err := c.signer(); known && err != nil {
			summary, detail := keyProblem(err)
			invalid(&c.PrivateKey, summary, detail)
		}
	} else if c.Passphrase.IsSet() {
		invalid(&c.Passphrase, "passphrase has no effect", "It belongs to private_key, which is not set.")
	}
	if c.KnownHosts != "" {
		if err := checkKnownHosts(c.KnownHosts); err != nil {
			invalid(&c.KnownHosts, "Invalid known_hosts", fmt.Sprintf(`known_hosts must hold lines of a known_hosts file, as file("known_hosts") returns them: %s.`, err))
		}
	}
	if c.KnownHosts == "" && len(c.HostKeys) == 0 {
		ds = append(ds, diag.Warnf("config.no_host_key", at.Of(&c.Host), "The server's host key is not known",
			"The connection will be refused until host_key or known_hosts is set. The refusal shows the server's fingerprint, to be compared with what its owner says."))
	}
	if c.Legacy {
		ds = append(ds, diag.Warnf("config.insecure", at.Of(&c.Legacy), "Weak algorithms are allowed",
			"With legacy_algorithms the connection may use algorithms that can be broken. Ask for an update of the server."))
	}
	return ds
}

// signer parses the private key. Its errors do not show the key (I9).
func (c *Connection) signer() (ssh.Signer, error) {
	key := []byte(c.PrivateKey.Reveal())
	if c.Passphrase.IsSet() {
		s, err := ssh.ParsePrivateKeyWithPassphrase(key, []byte(c.Passphrase.Reveal()))
		if err == nil {
			return s, nil
		}
		if plain, perr := ssh.ParsePrivateKey(key); perr == nil {
			return plain, nil // a passphrase that is not needed does no harm
		}
		return nil, err
	}
	return ssh.ParsePrivateKey(key)
}

func keyProblem(err error) (summary, detail string) {
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		return "The private key needs a passphrase", "Set passphrase."
	case strings.Contains(err.Error(), "decryption password incorrect"), strings.Contains(err.Error(), "passphrase"):
		return "The passphrase does not fit the private key", "Check passphrase."
	case strings.Contains(err.Error(), "no key found"):
		return "No private key found", "private_key must hold the text of a key file, beginning with -----BEGIN ... PRIVATE KEY-----. PuTTY's .ppk files must be converted first."
	}
	return "The private key cannot be read", "Its form is not known. ssh-keygen -p -f FILE writes it anew in a usual form."
}

func checkKnownHosts(text string) error {
	rest := []byte(text)
	n := 0
	for {
		_, _, _, _, next, err := ssh.ParseKnownHosts(rest)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := 1 + bytes.Count([]byte(text)[:len(text)-len(rest)], []byte("\n"))
			return fmt.Errorf("the entry at or after line %d cannot be read", line)
		}
		rest = next
		n++
	}
	if n == 0 {
		return errors.New("it has no entries")
	}
	return nil
}

// Addr returns "host:port".
func (c *Connection) Addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// StandIn points c at a test server: addr is its "host:port", fingerprints are
// its host keys'. User, password and limits stay.
func (c *Connection) StandIn(addr string, fingerprints []string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	c.Host, c.Port, c.KnownHosts, c.HostKeys = host, n, "", fingerprints
	return nil
}

// MoveTo implements plugin.Movable.
func (c *Connection) MoveTo(e plugin.Endpoint) error {
	if e.User != "" {
		c.User, c.Password, c.PrivateKey, c.Passphrase = e.User, e.Password, spec.Secret{}, spec.Secret{}
	}
	return c.StandIn(e.Addr, e.HostKeys)
}
