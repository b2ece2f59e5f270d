package sftp

import (
	"bytes"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/realserver"
)

func realConn(t *testing.T, s *realserver.SSHServer) *Connection {
	t.Helper()
	c := &Connection{User: s.User, PrivateKey: spec.NewSecret(s.PrivateKey), Timeout: 10 * time.Second, Sessions: 4}
	if err := c.StandIn(s.Addr, s.Fingerprints); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpenSSH(t *testing.T) {
	s := realserver.SSHD(t)
	open := func(t *testing.T) plugin.FileSystem { return openFS(t, realConn(t, s)) }
	plugintest.FileSystem(t, plugintest.FileSystemCase{
		Root: s.Root, Open: open,
		Put: func(t *testing.T, p string, data []byte, at time.Time) { s.Put(t, p, data, at) },
		Get: func(_ *testing.T, p string) ([]byte, bool) { return s.Get(p) },
	})
	t.Run("links", func(t *testing.T) { realLinks(t, &s.Server, open) })
	t.Run("password", func(t *testing.T) {
		if !s.HasPassword {
			t.Skip("the user's password is not known without root")
		}
		c := realConn(t, s)
		c.PrivateKey, c.Password = spec.Secret{}, spec.NewSecret(realserver.Password)
		f := openFS(t, c)
		if _, err := f.List(t.Context(), s.Root); err != nil {
			t.Error(err)
		}
		f.Close() //nolint:errcheck // tested elsewhere
		c.Password = spec.NewSecret("wrong-pw")
		_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
		wantFailure(t, err, plugin.Environment, "env.login_refused", "refused user", s.User)
	})
	t.Run("wrong host key", func(t *testing.T) {
		c := realConn(t, s)
		c.HostKeys = []string{"SHA256:uNiVztksCsDhcc0u9e8BrHsKWTcBo/DNf0PLqMzwPtM"}
		_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
		wantFailure(t, err, plugin.Environment, "env.host_key_changed", s.Fingerprints[0], "host_key")
	})
	t.Run("killed in a transfer", func(t *testing.T) { realKilled(t, s, open) })
}

func realKilled(t *testing.T, s *realserver.SSHServer, open func(*testing.T) plugin.FileSystem) {
	p := path.Join(s.Root, "huge.bin")
	s.Put(t, p, bytes.Repeat([]byte("0123456789abcdef"), 2<<20), time.Time{})
	f := open(t)
	defer f.Close() //nolint:errcheck // the server is gone
	r, err := f.Open(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	n, err := io.Copy(io.Discard, r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err == nil || plugin.ClassOf(err) != plugin.Transient {
		t.Errorf("after %d bytes: %v", n, err)
	}
	if _, err := f.List(t.Context(), s.Root); err == nil {
		t.Error("List of a server that is gone succeeded")
	}
}

// realLinks: a link to a file is a file, with the file's size and time; links
// to folders and to nothing are left out.
func realLinks(t *testing.T, s *realserver.Server, open func(*testing.T) plugin.FileSystem) {
	dir := path.Join(s.Root, "links")
	at := time.Date(2021, 3, 1, 14, 5, 6, 0, time.UTC)
	s.Put(t, path.Join(dir, "a.csv"), []byte("abcde"), at)
	s.Link(t, path.Join(dir, "file.csv"), "a.csv")
	s.Link(t, path.Join(dir, "loop"), ".")
	s.Link(t, path.Join(dir, "nothing.csv"), "none")
	f := open(t)
	defer f.Close() //nolint:errcheck // tested elsewhere
	got, err := f.List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b plugin.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	want := []plugin.FileInfo{
		{Path: path.Join(dir, "a.csv"), Size: 5, ModTime: at},
		{Path: path.Join(dir, "file.csv"), Size: 5, ModTime: at},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
