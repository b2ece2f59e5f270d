package sftp

import (
	"context"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/sftpserver"
)

const password = "s3cret-pw"

func startServer(t *testing.T, o sftpserver.Options) *sftpserver.Server {
	t.Helper()
	o.User = "weir"
	if o.AuthorizedKey == nil {
		o.Password = password
	}
	s, err := sftpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func connTo(t *testing.T, s *sftpserver.Server) *Connection {
	t.Helper()
	c := &Connection{User: "weir", Password: spec.NewSecret(password), Timeout: 5 * time.Second, Sessions: 4}
	if err := c.StandIn(s.Addr(), s.Fingerprints()[:1]); err != nil {
		t.Fatal(err)
	}
	return c
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
	for name, faults := range map[string]sftpserver.Faults{
		"plain":       {},
		"short reads": {ShortReads: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, sftpserver.Options{})
			s.SetFaults(faults)
			plugintest.FileSystem(t, plugintest.FileSystemCase{
				Root: "/",
				Open: func(t *testing.T) plugin.FileSystem { return openFS(t, connTo(t, s)) },
				Put:  func(_ *testing.T, p string, data []byte, at time.Time) { s.Put(p, data, at) },
				Get: func(_ *testing.T, p string) ([]byte, bool) {
					b, err := s.Get(p)
					return b, err == nil
				},
			})
		})
	}
}
