package ftp

import (
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/testca"
)

func tryOpen(t *testing.T, c *Connection) error {
	t.Helper()
	f, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	if err == nil {
		f.Close() //nolint:errcheck // tested elsewhere
	}
	return err
}

func TestLoginRefused(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	c := connTo(t, s, "none")
	c.Password = spec.NewSecret("wrong-pw")
	wantFailure(t, tryOpen(t, c), plugin.Environment, "env.login_refused",
		"The FTP server "+s.Addr()+` refused user "weir": 530 Login incorrect. Check user and password`)

	c = connTo(t, s, "none")
	s.SetFaults(ftpserver.Faults{RefuseLogin: "530 user weir with s3cret-pw is locked"})
	wantFailure(t, tryOpen(t, c), plugin.Environment, "env.login_refused", "with (secret) is locked")
	s.SetFaults(ftpserver.Faults{RefuseLogin: "421 Too many connections"})
	wantFailure(t, tryOpen(t, c), plugin.Transient, "env.server_busy", "Too many connections")
}

func TestTLSProblems(t *testing.T) {
	other, err := testca.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"explicit", "implicit"} {
		s := startServer(t, ftpserver.Options{TLS: mode})
		t.Run(mode+" unknown authority", func(t *testing.T) {
			c := connTo(t, s, mode)
			c.CA = string(other.PEM())
			wantFailure(t, tryOpen(t, c), plugin.Environment, "env.certificate", "authority that is not trusted", "ca = file(", "Weir test authority")
			c.Verify = false
			if err := tryOpen(t, c); err != nil {
				t.Errorf("verify = false: %v", err)
			}
		})
		t.Run(mode+" wrong name", func(t *testing.T) {
			c := connTo(t, s, mode)
			c.ServerName = "ftp.example.com"
			wantFailure(t, tryOpen(t, c), plugin.Environment, "env.certificate", `not for the name "ftp.example.com"`, "localhost, 127.0.0.1")
			c.ServerName = "localhost"
			if err := tryOpen(t, c); err != nil {
				t.Error(err)
			}
		})
		t.Run(mode+" expired", func(t *testing.T) {
			s := startServer(t, ftpserver.Options{TLS: mode, Cert: testca.Leaf{Expired: true}})
			wantFailure(t, tryOpen(t, connTo(t, s, mode)), plugin.Environment, "env.certificate", "only from 2000-01-01 to 2001-01-01")
		})
	}
	t.Run("plain where TLS is required", func(t *testing.T) {
		c := connTo(t, startServer(t, ftpserver.Options{TLS: "explicit", RequireTLS: true}), "none")
		c.CA = ""
		wantFailure(t, tryOpen(t, c), plugin.Environment, "env.tls_required", `Set tls = "explicit"`)
	})
	t.Run("no TLS", func(t *testing.T) {
		c := connTo(t, startServer(t, ftpserver.Options{}), "none")
		c.TLS = "explicit"
		wantFailure(t, tryOpen(t, c), plugin.Environment, "env.tls_unavailable", "does not offer encryption", `tls = "none" sends the password in clear`)
		c.TLS = "implicit"
		wantFailure(t, tryOpen(t, c), plugin.Environment, "env.tls_unavailable", `Set tls = "explicit"`)
	})
}

func TestNoServer(t *testing.T) {
	c := &Connection{Host: "127.0.0.1", Port: 1, TLS: "none", User: "weir", Timeout: time.Second, Sessions: 1}
	wantFailure(t, tryOpen(t, c), plugin.Transient, "env.connection_refused", "127.0.0.1:1 refused the connection")
	c.Host = "no-such-host.invalid"
	if err := tryOpen(t, c); err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Error(err)
	}
}

func TestConnectionCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		c    Connection
		want string
	}{
		"url for the host": {Connection{Host: "ftp://x/y", TLS: "none", Verify: true}, "Invalid host"},
		"line break":       {Connection{Password: spec.NewSecret("x\n"), TLS: "none", Verify: true}, "trimspace()"},
		"no certificate":   {Connection{CA: "ca.pem", TLS: "explicit", Verify: true}, "No certificate in ca"},
		"ca without tls":   {Connection{ServerName: "x", TLS: "none", Verify: true}, "server_name has no effect"},
	} {
		ds := tc.c.Check(nil)
		if !ds.HasErrors() || !strings.Contains(ds.Err().Error(), tc.want) {
			t.Errorf("%s: %v", name, ds.Err())
		}
	}
	c := Connection{Host: "x", TLS: "explicit"}
	if ds := c.Check(nil); len(ds) != 1 || ds.HasErrors() || ds[0].Code != "config.insecure" {
		t.Errorf("verify = false: %+v", ds)
	}
}

func TestLocation(t *testing.T) {
	c := &Connection{Host: "ftp.example.com", User: "we ir", Password: spec.NewSecret("s3cret-pw"), TLS: "implicit"}
	s := &Source{Type: "ftp", Ref: &spec.Ref{Kind: "connection", Value: c}}
	if got := s.Location(); got != "ftp://we%20ir@ftp.example.com:990" {
		t.Errorf("Location = %s", got)
	}
}
