package ftp

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/testkit/testca"
)

// scripted is an FTP server that says what a test wants, of which a good server says nothing.
type scripted struct {
	say    map[string]func(x *exchange) // by command, "" for the greeting
	tls    *tls.Config                  // implicit TLS
	data   func(x *exchange, c net.Conn)
	healed atomic.Bool // it says what is usual from now on
}

// exchange is one control connection of it.
type exchange struct {
	net.Conn
	*scripted
	ctx  context.Context
	arg  string
	open net.Listener // for the data connection
}

const fileSize = 100_000

// line sends lines of a reply.
func (x *exchange) line(format string, args ...any) {
	fmt.Fprintf(x, format+"\r\n", args...) //nolint:errcheck // the next read notices
}

// drip sends text again and again, byte by byte, fewer than the least bytes a second.
func drip(ctx context.Context, w io.Writer, text string) {
	for i := 0; ctx.Err() == nil; i = (i + 1) % len(text) {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func says(text string) func(*exchange) { return func(x *exchange) { x.line("%s", text) } }

func drips(text string) func(*exchange) { return func(x *exchange) { drip(x.ctx, x, text) } }

// mute says nothing, and takes nothing.
func mute(x *exchange) { <-x.ctx.Done() }

// start serves until the test ends.
func (s *scripted) start(t testing.TB) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() }) //nolint:errcheck // the test is over
	ctx := t.Context()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if s.tls != nil {
				c = tls.Server(c, s.tls)
			}
			x := &exchange{Conn: c, scripted: s, ctx: ctx}
			go x.serve()
		}
	}()
	return ln.Addr().String()
}

func (x *exchange) serve() {
	defer x.Close()                                                        //nolint:errcheck // the test is over
	defer context.AfterFunc(x.ctx, func() { x.SetDeadline(time.Now()) })() //nolint:errcheck // it ends what waits
	defer x.shut()
	x.answer("")
	r := bufio.NewReader(x)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		cmd, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		x.arg = arg
		x.answer(strings.ToUpper(cmd))
		if cmd == "QUIT" {
			return
		}
	}
}

func (x *exchange) shut() {
	if x.open != nil {
		x.open.Close() //nolint:errcheck // no longer needed
		x.open = nil
	}
}

func (x *exchange) answer(cmd string) {
	if f := x.say[cmd]; f != nil && !x.healed.Load() {
		f(x)
		return
	}
	switch cmd {
	case "":
		x.line("220 ready")
	case "USER":
		x.line("331 password")
	case "PASS":
		x.line("230 in")
	case "FEAT":
		x.line("211-Features\r\n SIZE\r\n MDTM\r\n EPSV\r\n211 End")
	case "TYPE", "NOOP", "PBSZ", "PROT", "OPTS":
		x.line("200 ok")
	case "PWD":
		x.line(`257 "/" is here`)
	case "CWD", "DELE", "RNTO":
		x.line("250 ok")
	case "RNFR", "REST":
		x.line("350 go on")
	case "MKD":
		x.line(`257 "/new" made`)
	case "SIZE":
		x.line("213 %d", fileSize)
	case "MDTM":
		x.line("213 20240701120000")
	case "EPSV":
		x.listen()
	case "LIST", "RETR":
		x.transfer(cmd)
	case "226":
		x.line("226 complete")
	case "QUIT":
		x.line("221 bye")
	default:
		x.line("500 unknown")
	}
}

func (x *exchange) listen() {
	x.shut()
	ln, err := (&net.ListenConfig{}).Listen(x.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		x.line("425 no port")
		return
	}
	x.open = ln
	x.line("229 here (|||%d|)", ln.Addr().(*net.TCPAddr).Port)
}

func (x *exchange) transfer(cmd string) {
	if x.open == nil {
		x.line("425 no connection")
		return
	}
	defer x.shut()
	c, err := x.open.Accept()
	if err != nil {
		return
	}
	defer c.Close()                                                        //nolint:errcheck // the reply follows
	defer context.AfterFunc(x.ctx, func() { c.SetDeadline(time.Now()) })() //nolint:errcheck // it ends what waits
	x.line("150 here it comes")
	switch {
	case x.data != nil:
		x.data(x, c)
		return
	case x.tls != nil:
		c = tls.Server(c, x.tls)
	}
	if cmd == "LIST" {
		io.WriteString(c, "-rw-r--r--    1 weir     weir       100000 Jul  1  2024 a.csv\r\n") //nolint:errcheck // the client may leave
	} else {
		c.Write(make([]byte, fileSize)) //nolint:errcheck // the client may leave
	}
	c.Close() //nolint:errcheck // before the reply
	x.answer("226")
}

// connect returns a connection to s.
func (s *scripted) connect(t testing.TB, mode string, timeout time.Duration) *Connection {
	t.Helper()
	ca := ""
	if mode != "none" {
		a, err := testca.New()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := a.Issue(testca.Leaf{})
		if err != nil {
			t.Fatal(err)
		}
		ca = string(a.PEM())
		if mode == "implicit" {
			s.tls = &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, MinVersion: tls.VersionTLS12}
		}
	}
	c := &Connection{
		User: "weir", Password: spec.NewSecret("s3cret-pw"), TLS: mode, Verify: true,
		Timeout: timeout, Sessions: 2, MLSD: true, EPSV: true, ExactTimes: true, Timezone: "UTC",
	}
	if err := c.StandIn(s.start(t), ca); err != nil {
		t.Fatal(err)
	}
	c.TLS = mode
	return c
}

// visit does what a run does: it lists, reads a file and puts it away.
func visit(ctx context.Context, c *Connection, h plugin.Host) error {
	f, err := Open(ctx, c, h)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // tested elsewhere
	if _, err := f.List(ctx, "/"); err != nil {
		return err
	}
	if _, err := readAll(ctx, f, "/a.csv"); err != nil {
		return err
	}
	if err := f.MakeDir(ctx, "/done/new"); err != nil {
		return err
	}
	return f.Remove(ctx, "/a.csv")
}
