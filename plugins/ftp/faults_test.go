package ftp

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/plugin/stall"
	"weir/engine/testkit/ftpserver"
)

func readAll(ctx context.Context, f plugin.FileSystem, p string) (int, error) {
	r, err := f.Open(ctx, p, 0)
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
		faults ftpserver.Faults
		code   string
		word   string
	}{
		"cut, server tells": {ftpserver.Faults{CutAfter: 300_000}, "env.transfer_cut", "broke off the transfer of /a.bin after 300000 of 1000000 bytes: 426"},
		"cut, server lies":  {ftpserver.Faults{CutAfter: 300_000, CutReply: "226 Transfer complete"}, "env.transfer_cut", "after 300000 of 1000000 bytes and called it complete"},
		"stall":             {ftpserver.Faults{StallAfter: 300_000}, "env.timeout", "did not answer for 300ms while reading /a.bin"},
		"control dropped":   {ftpserver.Faults{DropOn: []string{"RETR"}}, "env.connection_lost", "closed the connection while opening /a.bin"},
		"RETR unanswered":   {ftpserver.Faults{Mute: []string{"RETR"}}, "env.timeout", "did not answer for 300ms while opening /a.bin"},
	} {
		for _, mode := range []string{"none", "explicit"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				s := startServer(t, ftpserver.Options{TLS: mode})
				s.Put("/a.bin", make([]byte, 1_000_000), time.Time{})
				c := connTo(t, s, mode)
				c.Timeout = 300 * time.Millisecond
				f := openFS(t, c)
				defer f.Close() //nolint:errcheck // tested elsewhere
				s.SetFaults(tc.faults)
				_, err := readAll(t.Context(), f, "/a.bin")
				wantFailure(t, err, plugin.Transient, tc.code, tc.word)
				if (tc.code == "env.timeout") != errors.Is(err, stall.ErrStalled) {
					t.Errorf("ErrStalled: %v", err)
				}
				s.SetFaults(ftpserver.Faults{})
				if n, err := readAll(t.Context(), f, "/a.bin"); n != 1_000_000 || err != nil {
					t.Errorf("the next read: %d bytes, %v", n, err)
				}
			})
		}
	}
}

func TestStalledCommands(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	c := connTo(t, s, "none")
	c.Timeout = 200 * time.Millisecond
	f := openFS(t, c)
	defer f.Close() //nolint:errcheck // tested elsewhere
	for cmd, op := range map[string]func() error{
		"CWD":  func() error { _, err := f.List(t.Context(), "/"); return err },
		"EPSV": func() error { _, err := f.List(t.Context(), "/"); return err },
		"MLSD": func() error { _, err := f.List(t.Context(), "/"); return err },
		"MLST": func() error { _, err := f.Stat(t.Context(), "/a.csv"); return err },
		"RNTO": func() error { return f.Rename(t.Context(), "/a.csv", "/b.csv") },
		"DELE": func() error { return f.Remove(t.Context(), "/a.csv") },
		"MKD":  func() error { return f.MakeDir(t.Context(), "/new") },
	} {
		s.SetFaults(ftpserver.Faults{Mute: []string{cmd}})
		wantFailure(t, op(), plugin.Transient, "env.timeout", "200ms")
		s.SetFaults(ftpserver.Faults{})
	}
}

func TestSilentServer(t *testing.T) {
	for mode, word := range map[string]string{"none": `tls = "implicit"`, "explicit": "greeting", "implicit": "encryption"} {
		s := startServer(t, ftpserver.Options{TLS: mode})
		s.SetFaults(ftpserver.Faults{Silent: true})
		c := connTo(t, s, mode)
		c.Timeout = 200 * time.Millisecond
		_, err := Open(t.Context(), c, plugintest.NewHost(t, nil))
		wantFailure(t, err, plugin.Transient, "env.timeout", "did not answer for 200ms", word)
	}
}

func TestReconnects(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	f := openFS(t, connTo(t, s, "none"))
	defer f.Close() //nolint:errcheck // tested elsewhere
	ops := []func() error{
		func() error { _, err := f.List(t.Context(), "/"); return err },
		func() error { _, err := f.Stat(t.Context(), "/a.csv"); return err },
		func() error { _, err := readAll(t.Context(), f, "/a.csv"); return err },
		func() error { return f.MakeDir(t.Context(), "/new") },
		func() error { return f.Rename(t.Context(), "/a.csv", "/b.csv") },
		func() error { return f.Remove(t.Context(), "/b.csv") },
	}
	for i, op := range ops {
		s.DropAll()
		if err := op(); err != nil {
			t.Errorf("operation %d: %v", i, err)
		}
	}
	if s.Logins() != 1+len(ops) {
		t.Errorf("%d logins", s.Logins())
	}
	s.Close()
	if err := ops[0](); err == nil {
		t.Error("List of a closed server succeeded")
	}
}

// TestNoSecondMove: a connection lost after RNTO was sent must not lead to a
// second try, which could find the file gone and call that the outcome.
func TestNoSecondMove(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	s.Put("/a.csv", nil, time.Time{})
	f := openFS(t, connTo(t, s, "none"))
	defer f.Close() //nolint:errcheck // tested elsewhere
	s.SetFaults(ftpserver.Faults{DropOn: []string{"RNTO"}})
	wantFailure(t, f.Rename(t.Context(), "/a.csv", "/b.csv"), plugin.Transient, "env.connection_lost", "while moving /a.csv")
	if n := strings.Count(strings.Join(s.Log(), "\n"), "RNTO"); n != 1 {
		t.Errorf("RNTO was sent %d times", n)
	}
}

func TestKeepalive(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	c := connTo(t, s, "none")
	c.Keepalive = 10 * time.Millisecond
	f := openFS(t, c)
	deadline := time.Now().Add(5 * time.Second)
	for !slices.Contains(s.Log(), "NOOP") && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if !slices.Contains(s.Log(), "NOOP") {
		t.Error("an idle session was not kept alive")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestSessionsLimit(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	c := connTo(t, s, "none")
	c.Sessions, c.Timeout = 1, 200*time.Millisecond
	h := plugintest.NewHost(t, nil)
	first, err := Open(t.Context(), c, h)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), c, h)
	wantFailure(t, err, plugin.Transient, "env.sessions", "all 1 sessions", "Raise sessions")
	if s.Peak() != 1 {
		t.Errorf("%d sessions at the same time", s.Peak())
	}
	first.Close() //nolint:errcheck // tested elsewhere
	second, err := Open(t.Context(), c, h)
	if err != nil {
		t.Fatal(err)
	}
	second.Close() //nolint:errcheck // tested elsewhere
}

func TestWrongPASVAddress(t *testing.T) {
	s := startServer(t, ftpserver.Options{NoEPSV: true})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	s.SetFaults(ftpserver.Faults{PASVAddress: "10.1.2.3"})
	f := openFS(t, connTo(t, s, "none"))
	defer f.Close() //nolint:errcheck // tested elsewhere
	if n, err := readAll(t.Context(), f, "/a.csv"); n != 3 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestOddNames(t *testing.T) {
	evil := []string{"../up.csv", "/etc/passwd", `..\up.csv`, "tab\there.csv", ".."}
	for _, noMLSD := range []bool{false, true} {
		s := startServer(t, ftpserver.Options{NoMLSD: noMLSD})
		s.Put("/good.csv", nil, time.Time{})
		var lines []string
		for _, n := range evil {
			if noMLSD {
				lines = append(lines, "-rw-r--r--    1 weir     weir            3 Jul  1 12:00 "+n)
			} else {
				lines = append(lines, "type=file;size=3;modify=20240701120000; "+n)
			}
		}
		s.SetFaults(ftpserver.Faults{ExtraLines: append(lines, "what is this")})
		h := plugintest.NewHost(t, nil)
		f, err := Open(t.Context(), connTo(t, s, "none"), h)
		if err != nil {
			t.Fatal(err)
		}
		l, err := f.List(t.Context(), "/")
		if err != nil || len(l) != 1 || l[0].Path != "/good.csv" {
			t.Errorf("List = %v, %v", l, err)
		}
		if logs := h.Logs(); len(logs) != 1 || logs[0].ContextMap()["entries"] != int64(len(evil)) {
			t.Errorf("noMLSD %v, logged: %v", noMLSD, logs)
		}
		f.Close() //nolint:errcheck // tested elsewhere
	}
}

func TestControlCharactersAreNotSent(t *testing.T) {
	s := startServer(t, ftpserver.Options{})
	s.Put("/a.csv", nil, time.Time{})
	f := openFS(t, connTo(t, s, "none"))
	defer f.Close() //nolint:errcheck // tested elsewhere
	for _, err := range []error{
		f.Remove(t.Context(), "/x\r\nDELE /a.csv"),
		f.Rename(t.Context(), "/a.csv", "/x\r\nDELE /a.csv"),
	} {
		if err == nil || !strings.Contains(err.Error(), "control character") {
			t.Error(err)
		}
	}
	if _, err := s.Get("/a.csv"); errors.Is(err, fs.ErrNotExist) {
		t.Error("the file is gone")
	}
}
