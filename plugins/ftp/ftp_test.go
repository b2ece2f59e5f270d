package ftp

import (
	"context"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/ftpserver"
)

// connTo returns a connection to an in-process server.
func connTo(t *testing.T, s *ftpserver.Server, mode string) *Connection {
	t.Helper()
	c := &Connection{
		User: "weir", Password: spec.NewSecret("s3cret-pw"), TLS: mode, Verify: true,
		Timeout: 5 * time.Second, Sessions: 4, MLSD: true, EPSV: true, ExactTimes: true, Timezone: "UTC",
	}
	if err := c.StandIn(s.Addr(), s.CAPEM()); err != nil {
		t.Fatal(err)
	}
	return c
}

func startServer(t *testing.T, o ftpserver.Options) *ftpserver.Server {
	t.Helper()
	o.User, o.Password = "weir", "s3cret-pw"
	s, err := ftpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Open opens the file system of a connection.
func Open(ctx context.Context, c *Connection, h plugin.Host) (plugin.FileSystem, error) {
	s := NewSource()
	s.Ref = &spec.Ref{Kind: "connection", Value: c}
	return s.OpenFS(ctx, h)
}

func openFS(t *testing.T, c *Connection) plugin.FileSystem {
	t.Helper()
	f, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConformance(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]ftpserver.Options{
		"plain":                 {},
		"explicit":              {TLS: "explicit", RequireTLS: true},
		"explicit reuse":        {TLS: "explicit", RequireTLS: true, RequireReuse: true},
		"explicit reuse tls1.2": {TLS: "explicit", RequireReuse: true, MaxTLS: 0x0303},
		"implicit reuse":        {TLS: "implicit", RequireReuse: true},
		"no MLSD":               {NoMLSD: true},
		"no MLSD, zone":         {NoMLSD: true, Zone: amsterdam},
		"no MLSD, MDTM in zone": {NoMLSD: true, Zone: amsterdam, MDTMZone: true},
		"no reuse with tls1.3":  {TLS: "explicit", RequireReuse: true, NoReuse13: true},
		"PASV only":             {NoEPSV: true},
		"no SIZE":               {NoSIZE: true},
		"no REST":               {NoREST: true},
		"no MLSD, SIZE":         {NoMLSD: true, NoSIZE: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, o)
			mode := o.TLS
			if mode == "" {
				mode = "none"
			}
			plugintest.FileSystem(t, plugintest.FileSystemCase{
				Root: "/",
				Open: func(t *testing.T) plugin.FileSystem {
					c := connTo(t, s, mode)
					if o.Zone != nil {
						c.Timezone = o.Zone.String()
					}
					return openFS(t, c)
				},
				Put: func(_ *testing.T, p string, data []byte, at time.Time) { s.Put(p, data, at) },
				Get: func(_ *testing.T, p string) ([]byte, bool) {
					b, err := s.Get(p)
					return b, err == nil
				},
			})
		})
	}
}
