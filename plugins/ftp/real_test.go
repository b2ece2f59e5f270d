package ftp

import (
	"bytes"
	"errors"
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
	"weir/engine/testkit/testca"
)

func realConn(t *testing.T, s *realserver.Server, mode string) *Connection {
	t.Helper()
	c := &Connection{
		User: s.User, Password: spec.NewSecret(realserver.Password), TLS: mode, Verify: true,
		Timeout: 10 * time.Second, Sessions: 4, MLSD: true, EPSV: true, ExactTimes: true, Timezone: "UTC",
	}
	if err := c.StandIn(s.Addr, s.CA); err != nil {
		t.Fatal(err)
	}
	return c
}

type realCase struct {
	name   string
	start  func(t testing.TB, o realserver.Options) *realserver.Server
	o      realserver.Options
	mode   string
	tlsMax string // of the client
}

func realCases() []realCase {
	return []realCase{
		{"vsftpd plain", realserver.VSFTPD, realserver.Options{}, "none", ""},
		{"vsftpd explicit reuse", realserver.VSFTPD, realserver.Options{TLS: "explicit", Reuse: true}, "explicit", ""},
		{"vsftpd explicit reuse tls1.2", realserver.VSFTPD, realserver.Options{TLS: "explicit", Reuse: true}, "explicit", "1.2"},
		{"vsftpd implicit reuse", realserver.VSFTPD, realserver.Options{TLS: "implicit", Reuse: true}, "implicit", ""},
		{"proftpd plain", realserver.ProFTPD, realserver.Options{}, "none", ""},
		{"proftpd explicit reuse", realserver.ProFTPD, realserver.Options{TLS: "explicit", Reuse: true}, "explicit", ""},
		{"proftpd explicit reuse tls1.2", realserver.ProFTPD, realserver.Options{TLS: "explicit", Reuse: true, TLSMax: "1.2", Extra: "TLSSessionTickets on\n"}, "explicit", ""},
		{"proftpd implicit", realserver.ProFTPD, realserver.Options{TLS: "implicit"}, "implicit", ""},
	}
}

func TestRealServers(t *testing.T) {
	for _, tc := range realCases() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := tc.start(t, tc.o)
			open := func(t *testing.T) plugin.FileSystem {
				c := realConn(t, s, tc.mode)
				c.TLSMax = tc.tlsMax
				return openFS(t, c)
			}
			plugintest.FileSystem(t, plugintest.FileSystemCase{
				Root: s.Root, Open: open,
				Put: func(t *testing.T, p string, data []byte, at time.Time) { s.Put(t, p, data, at) },
				Get: func(_ *testing.T, p string) ([]byte, bool) { return s.Get(p) },
			})
			t.Run("links", func(t *testing.T) { realLinks(t, s, open) })
			t.Run("wrong password", func(t *testing.T) { realWrongPassword(t, s, tc.mode) })
			t.Run("wrong authority", func(t *testing.T) { realWrongCA(t, s, tc.mode) })
			t.Run("encryption required", func(t *testing.T) { realPlainRefused(t, s, tc.mode) })
			t.Run("killed in a transfer", func(t *testing.T) { realKilled(t, s, open) })
		})
	}
}

// wantFailure checks class, code and words of an error, and that it keeps the password (I9).
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
	for _, pw := range []string{realserver.Password, "s3cret-pw", "wrong-pw"} {
		if strings.Contains(err.Error(), pw) {
			t.Errorf("%q shows the password", err)
		}
	}
}

func realWrongPassword(t *testing.T, s *realserver.Server, mode string) {
	c := realConn(t, s, mode)
	c.Password = spec.NewSecret("wrong-pw")
	_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	wantFailure(t, err, plugin.Environment, "env.login_refused", "The FTP server "+s.Addr+" refused user", s.User, "530")
}

func realWrongCA(t *testing.T, s *realserver.Server, mode string) {
	if mode == "none" {
		t.Skip("no TLS here")
	}
	other, err := testca.New()
	if err != nil {
		t.Fatal(err)
	}
	c := realConn(t, s, mode)
	c.CA = string(other.PEM())
	_, err = Open(t.Context(), c, plugintest.NewHost(t, nil))
	wantFailure(t, err, plugin.Environment, "env.certificate", "authority that is not trusted", "ca = file(")
}

func realPlainRefused(t *testing.T, s *realserver.Server, mode string) {
	if mode != "explicit" {
		t.Skip("only where a plain session can begin")
	}
	c := realConn(t, s, mode)
	c.TLS, c.CA = "none", ""
	_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	wantFailure(t, err, plugin.Environment, "env.tls_required", `tls = "explicit"`)
}

func realKilled(t *testing.T, s *realserver.Server, open func(*testing.T) plugin.FileSystem) {
	p := path.Join(s.Root, "huge.bin")
	s.Put(t, p, bytes.Repeat([]byte("0123456789abcdef"), 4<<20), time.Time{})
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

// TestSessionCannotBeResumed: a server that resumes TLS 1.2 sessions only from
// its own cache cannot be served; the error must say what its owner can do.
func TestSessionCannotBeResumed(t *testing.T) {
	s := realserver.ProFTPD(t, realserver.Options{TLS: "explicit", Reuse: true, TLSMax: "1.2"})
	f := openFS(t, realConn(t, s, "explicit"))
	defer f.Close() //nolint:errcheck // the error is expected before
	_, err := f.List(t.Context(), s.Root)
	wantFailure(t, err, plugin.Environment, "env.tls_session", "TLSSessionTickets on")
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
