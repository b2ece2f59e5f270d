package ftp

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
	"weir/engine/plugin/remote"
)

// FuzzListing parses any answer to MLSD and LIST. Each line is an entry, odd,
// or one of the entries that are left out; no entry has a name that leads to
// another folder than the one that was listed.
func FuzzListing(f *testing.F) {
	for _, s := range []string{
		"type=file;size=3;modify=20240701120000; a.csv\r\n", "type=file;size=99999999999999999999; a\r\n", "type=file;modify=99999999999999; a\r\n",
		"type=file;size=3; ../../etc/passwd\r\n", "type=file; \x1b[2J\r\n", "type=dir; .\r\ntype=file; a/b\r\n", ";;; \r\n", "type=file;size=3;modify=20240230250000; a",
		"-rw-r--r-- 1 u g 3 Jul  1 12:00 a.csv\r\n", "01-07-24  12:00PM  <DIR> x\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		var odd remote.Odd
		got := parseMLSD(lines, &odd)
		if n := strings.Count(lines, "\n") + 1; len(got)+odd.Count > n {
			t.Errorf("%d entries and %d odd lines of %d", len(got), odd.Count, n)
		}
		raw := []*ftp.Entry{}
		for _, e := range got {
			raw = append(raw, &ftp.Entry{Name: e.name, Size: uint64(e.size), Time: e.time})
		}
		for _, e := range append(got, fromLIST(raw, lines, &odd)...) {
			if !remote.ValidName(e.name) {
				continue // list leaves it out as odd
			}
			if e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\r\n\x00") {
				t.Errorf("the name %q of %q", e.name, lines)
			}
			if e.size < 0 {
				t.Errorf("the size %d of %q", e.size, lines)
			}
		}
	})
}

type fixedConn struct {
	net.Conn
	r io.Reader
}

func (c fixedConn) Read(p []byte) (int, error)  { return c.r.Read(p) }
func (c fixedConn) Write(p []byte) (int, error) { return len(p), nil }

// FuzzReply reads any bytes as replies of the control connection: what is noted
// does not depend on how they are cut, and reading ends.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"220 hello\r\n", "220-hello\r\n220 x\r\n", "227 Entering (1,2,3,4,5,6)\r\n", "99 x\r\n", "\x00\xff\r\n", "220", "220-\r\n 220 \r\n", strings.Repeat("1", 3000)} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole := &control{Conn: fixedConn{r: bytes.NewReader(b)}}
		_, _ = io.ReadAll(whole)
		parts := &control{Conn: fixedConn{r: bytes.NewReader(b)}}
		buf := make([]byte, 1+cut&7)
		for {
			if _, err := parts.Read(buf); err != nil {
				break
			}
		}
		if whole.replies != parts.replies || whole.code != parts.code || whole.text != parts.text {
			t.Errorf("%q: %d replies, %q in one piece; %d, %q in pieces", b, whole.replies, whole.text, parts.replies, parts.text)
		}
		if code, _, err := readReply(bytes.NewReader(b)); err == nil && (code < 100 || code > 999) {
			t.Errorf("%q: code %d", b, code)
		}
	})
}

// commands are those whose reply FuzzServer spoils; "" is the greeting, "226" the end of a transfer.
var commands = []string{"", "USER", "PASS", "FEAT", "TYPE", "OPTS", "PWD", "CWD", "EPSV", "PASV", "LIST", "MLSD", "MLST", "SIZE", "MDTM", "RETR", "226", "RNFR", "RNTO", "DELE", "MKD", "QUIT"}

// FuzzServer answers one command with anything, and closes the connection after it now
// and then. A run over that ends, with a failure or without, and gives its session back.
func FuzzServer(f *testing.F) {
	for i := range commands {
		for _, s := range []string{"257 \"\r\n", "227 )1,2(\r\n", "229 |||\r\n", "229 (|||99999999999999999999|)\r\n", "", "250-x\r\n y\r\n250 z\r\n", "\xff\x00\r\n", "213 -1\r\n", "213 99999999999999999999\r\n", "421 bye\r\n", "100 \r\n", "abc"} {
			f.Add(byte(i), s, i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, reply string, more bool) {
		cmd := commands[int(which)%len(commands)]
		s := &scripted{say: map[string]func(*exchange){cmd: func(x *exchange) {
			io.WriteString(x, reply) //nolint:errcheck // the client may leave
			if !more {
				x.Close() //nolint:errcheck // that is the point
			}
		}}}
		switch cmd {
		case "PASV":
			s.say["EPSV"] = says("502 no")
		case "MLSD", "MLST":
			s.say["FEAT"] = says("211-Features\r\n MLST size*;modify*;type*;\r\n211 End")
		}
		c := s.connect(t, "none", 100*time.Millisecond)
		h := plugintest.NewHost(t, nil) // nothing is shared in the end
		err := plugintest.Ends(t, func() error { return visit(t.Context(), c, h) })
		var failure *plugin.Failure
		if err != nil && !errors.As(err, &failure) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s answered %q: %v", cmd, reply, err)
		}
	})
}
