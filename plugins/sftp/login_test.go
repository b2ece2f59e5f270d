package sftp

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/sftpserver"
)

// wantFailure checks class, code and words of an error, and that it keeps secrets (I9).
func wantFailure(t *testing.T, err error, class plugin.Class, code string, words ...string) {
	t.Helper()
	var f *plugin.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure %s", err, code)
	}
	if f.Class != class || string(f.Code) != code {
		t.Errorf("class %d, code %s, want %d, %s: %v", f.Class, f.Code, class, code, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
	for _, secret := range []string{password, "wrong-pw", "PRIVATE KEY"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q shows a secret", err)
		}
	}
}

func newKey(t *testing.T, passphrase string) (text string, pub ssh.PublicKey) {
	t.Helper()
	raw, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	if pub, err = ssh.NewPublicKey(raw); err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), pub
}

func tryList(t *testing.T, c *Connection) error {
	t.Helper()
	f, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // tested elsewhere
	_, err = f.List(t.Context(), "/")
	return err
}

func TestLogins(t *testing.T) {
	t.Run("interactive", func(t *testing.T) {
		if err := tryList(t, connTo(t, startServer(t, sftpserver.Options{Interactive: true}))); err != nil {
			t.Error(err)
		}
	})
	t.Run("key with passphrase", func(t *testing.T) {
		text, pub := newKey(t, "open sesame")
		c := connTo(t, startServer(t, sftpserver.Options{AuthorizedKey: pub}))
		c.Password, c.PrivateKey, c.Passphrase = spec.Secret{}, spec.NewSecret(text), spec.NewSecret("open sesame")
		if ds := c.Check(nil); ds != nil {
			t.Error(ds.Err())
		}
		if err := tryList(t, c); err != nil {
			t.Error(err)
		}
	})
	t.Run("another key", func(t *testing.T) {
		_, pub := newKey(t, "")
		text, _ := newKey(t, "")
		c := connTo(t, startServer(t, sftpserver.Options{AuthorizedKey: pub}))
		c.Password, c.PrivateKey = spec.Secret{}, spec.NewSecret(text)
		wantFailure(t, tryList(t, c), plugin.Environment, "env.login_refused", "private_key")
	})
	t.Run("wrong password", func(t *testing.T) {
		c := connTo(t, startServer(t, sftpserver.Options{}))
		c.Password = spec.NewSecret("wrong-pw")
		wantFailure(t, tryList(t, c), plugin.Environment, "env.login_refused", `refused user "weir"`, "password")
	})
}

func TestHostKeys(t *testing.T) {
	s := startServer(t, sftpserver.Options{ECDSAKey: true})
	other := startServer(t, sftpserver.Options{})
	t.Run("fingerprint of the second key", func(t *testing.T) {
		c := connTo(t, s)
		c.HostKeys = s.Fingerprints()[1:]
		if err := tryList(t, c); err != nil {
			t.Error(err)
		}
	})
	for i := range 2 { // the library must ask for the kind of key that the file has
		c := connTo(t, s)
		c.HostKeys, c.KnownHosts = nil, s.KnownHosts(i)
		if err := tryList(t, c); err != nil {
			t.Errorf("known_hosts with key %d: %v", i, err)
		}
	}
	t.Run("none known", func(t *testing.T) {
		c := connTo(t, s)
		c.HostKeys = nil
		wantFailure(t, tryList(t, c), plugin.Environment, "env.host_key_unknown", "is not known yet", "set host_key = \"SHA256:")
	})
	t.Run("not in known_hosts", func(t *testing.T) {
		c := connTo(t, s)
		c.HostKeys, c.KnownHosts = nil, other.KnownHosts(0)
		wantFailure(t, tryList(t, c), plugin.Environment, "env.host_key_unknown", "not in known_hosts")
	})
	t.Run("changed", func(t *testing.T) {
		c := connTo(t, s)
		line := other.KnownHosts(0)
		c.HostKeys, c.KnownHosts = nil, strings.SplitN(s.KnownHosts(0), " ", 2)[0]+" "+strings.SplitN(line, " ", 2)[1]
		wantFailure(t, tryList(t, c), plugin.Environment, "env.host_key_changed", "somebody may be listening in")
	})
	t.Run("another fingerprint", func(t *testing.T) {
		c := connTo(t, s)
		c.HostKeys = other.Fingerprints()
		err := tryList(t, c)
		wantFailure(t, err, plugin.Environment, "env.host_key_changed", s.Fingerprints()[0], s.Fingerprints()[1])
	})
	if s.Logins() != 3 {
		t.Errorf("%d logins: no password may be sent to a server that is not known", s.Logins())
	}
}

func TestConnectionCheck(t *testing.T) {
	text, _ := newKey(t, "open sesame")
	for name, tc := range map[string]struct {
		c    Connection
		want string
	}{
		"no way in":        {Connection{HostKeys: []string{"x"}}, "Set password or private_key"},
		"missing phrase":   {Connection{PrivateKey: spec.NewSecret(text)}, "needs a passphrase"},
		"wrong phrase":     {Connection{PrivateKey: spec.NewSecret(text), Passphrase: spec.NewSecret("wrong-pw")}, "passphrase does not fit"},
		"not a key":        {Connection{PrivateKey: spec.NewSecret("id_rsa")}, "No private key found"},
		"useless phrase":   {Connection{Password: spec.NewSecret("x"), Passphrase: spec.NewSecret("y")}, "passphrase has no effect"},
		"bad known_hosts":  {Connection{Password: spec.NewSecret("x"), KnownHosts: "known_hosts.txt"}, "Invalid known_hosts"},
		"url for the host": {Connection{Password: spec.NewSecret("x"), Host: "sftp://x/y"}, "Invalid host"},
	} {
		ds := tc.c.Check(nil)
		if !ds.HasErrors() || !strings.Contains(ds.Err().Error(), tc.want) {
			t.Errorf("%s: %v", name, ds.Err())
		}
	}
	c := Connection{Password: spec.NewSecret("x")}
	if ds := c.Check(nil); len(ds) != 1 || ds.HasErrors() || !strings.Contains(ds[0].Summary, "host key is not known") {
		t.Errorf("without a host key: %+v", ds)
	}
}
