package sftp

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/plugin/stall"
	"weir/engine/testkit/sftpserver"
)

func readAll(t *testing.T, f plugin.FileSystem, p string) (int, error) {
	t.Helper()
	r, err := f.Open(t.Context(), p, 0)
	if err != nil {
		return 0, err
	}
	b, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return len(b), err
}

func TestTransferFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		faults sftpserver.Faults
		code   string
		word   string
	}{
		"cut":         {sftpserver.Faults{CutAfter: 300_000}, "env.connection_lost", "closed the connection while reading"},
		"stall":       {sftpserver.Faults{StallAfter: 300_000}, "env.timeout", "did not answer for 300ms while reading"},
		"size is off": {sftpserver.Faults{SizeAs: 2_000_000}, "env.transfer_cut", "after 1000000 of 2000000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, sftpserver.Options{})
			s.Put("/a.bin", make([]byte, 1_000_000), time.Time{})
			c := connTo(t, s)
			c.Timeout = 300 * time.Millisecond
			f := openFS(t, c)
			defer f.Close() //nolint:errcheck // tested elsewhere
			s.SetFaults(tc.faults)
			_, err := readAll(t, f, "/a.bin")
			wantFailure(t, err, plugin.Transient, tc.code, tc.word)
			if (name == "stall") != errors.Is(err, stall.ErrStalled) {
				t.Errorf("ErrStalled: %v", err)
			}
			s.SetFaults(sftpserver.Faults{})
			if n, err := readAll(t, f, "/a.bin"); n != 1_000_000 || err != nil {
				t.Errorf("the next read: %d bytes, %v", n, err)
			}
		})
	}
}

func TestSilentServer(t *testing.T) {
	s := startServer(t, sftpserver.Options{})
	s.SetFaults(sftpserver.Faults{Silent: true})
	c := connTo(t, s)
	c.Timeout = 200 * time.Millisecond
	_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	wantFailure(t, err, plugin.Transient, "env.timeout", "did not answer for 200ms")
}

func TestReconnects(t *testing.T) {
	s := startServer(t, sftpserver.Options{})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	f := openFS(t, connTo(t, s))
	defer f.Close() //nolint:errcheck // tested elsewhere
	for i := range 3 {
		s.DropAll()
		if l, err := f.List(t.Context(), "/"); err != nil || len(l) != 1 {
			t.Fatalf("List %d = %v, %v", i, l, err)
		}
	}
	s.DropAll()
	if err := f.Rename(t.Context(), "/a.csv", "/b.csv"); err != nil {
		t.Error(err)
	}
	if s.Logins() != 5 {
		t.Errorf("%d logins", s.Logins())
	}
}

func TestNotSSH(t *testing.T) {
	c := &Connection{Host: "127.0.0.1", Port: 1, User: "weir", Timeout: time.Second, Sessions: 1}
	_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
	wantFailure(t, err, plugin.Transient, "env.connection_refused", "127.0.0.1:1 refused the connection")
	c.Host = "no-such-host.invalid"
	_, err = Open(t.Context(), c, plugintest.NewHost(t, nil))
	if err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Error(err)
	}
}

func TestOddNames(t *testing.T) {
	s := startServer(t, sftpserver.Options{})
	s.Put("/good.csv", nil, time.Time{})
	s.SetFaults(sftpserver.Faults{ExtraNames: []string{"line\nbreak.csv", `back\slash.csv`, "tab\t.csv", ".."}})
	h := plugintest.NewHost(t, nil)
	f, err := Open(t.Context(), connTo(t, s), h)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // tested elsewhere
	l, err := f.List(t.Context(), "/")
	if err != nil || len(l) != 1 || l[0].Path != "/good.csv" {
		t.Errorf("List = %v, %v", l, err)
	}
	if logs := h.Logs(); len(logs) != 1 || logs[0].ContextMap()["entries"] != int64(3) {
		t.Errorf("logged: %v", logs)
	}
}

// TestReadAllocates: a big file takes no more buffers than are read ahead, and
// the next file takes the same ones.
func TestReadAllocates(t *testing.T) {
	s := startServer(t, sftpserver.Options{})
	s.Put("/a.bin", make([]byte, 16<<20), time.Time{})
	se, err := dial(t.Context(), connTo(t, s), plugin.SystemMachine{})
	if err != nil {
		t.Fatal(err)
	}
	defer se.Close()
	for range 2 {
		f, err := se.Open("/a.bin", 0)
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.(io.WriterTo).WriteTo(io.Discard)
		if err != nil || n != 16<<20 {
			t.Fatal(n, err)
		}
		if over, err := f.Finish(); over || err != nil {
			t.Error(over, err)
		}
		if n := len(se.free); n > readAhead/smallChunk+1 {
			t.Errorf("%d buffers of %d KiB", n, smallChunk>>10)
		}
	}
}
