package sftp

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"weir/engine/plugin"
	"weir/engine/spec"
)

// Types of SFTP packets.
const (
	fxInit, fxVersion                                                    = 1, 2
	fxOpen, fxClose, fxRead, fxLstat, fxFstat, fxOpendir, fxReaddir      = 3, 4, 5, 7, 8, 11, 12
	fxRemove, fxMkdir, fxRealpath, fxStat                                = 13, 14, 16, 17
	fxStatus, fxHandle, fxData, fxName, fxAttrs                     byte = 101, 102, 103, 104, 105
)

const fileSize = 100_000

// scripted is an SFTP server that says what a test wants, of which a good server says nothing.
type scripted struct {
	raw     func(x *exchange)         // instead of SSH
	login   func(c *ssh.ServerConfig) // changes how users are let in
	opens   func(x *exchange) bool    // called for a new channel, and whether to take it
	starts  func(x *exchange) bool    // called for the subsystem
	answers map[byte]func(r *request) // by the type of the packet
	signer  ssh.Signer
}

// exchange is one connection of it.
type exchange struct {
	net.Conn
	*scripted
	ctx context.Context
	ssh *ssh.ServerConn
	n   int // READDIRs that were answered
}

// request is one packet.
type request struct {
	*exchange
	w    io.Writer
	id   uint32
	body []byte
}

func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func text(s string) []byte { return append(u32(len(s)), s...) }

// reply answers with the parts after the id.
func (r *request) reply(kind byte, parts ...[]byte) {
	p := append([]byte{kind}, u32(int(r.id))...)
	for _, part := range parts {
		p = append(p, part...)
	}
	r.w.Write(append(u32(len(p)), p...)) //nolint:errcheck // the client may leave
}

func (r *request) status(code int) { r.reply(fxStatus, u32(code), text("so"), text("")) }

// regular are the attributes of the file.
func regular() []byte {
	p := append(u32(0x1|0x4|0x8), 0, 0, 0, 0)
	p = append(append(p, u32(fileSize)...), u32(0o100644)...)
	return append(append(p, u32(1719835200)...), u32(1719835200)...)
}

// never answers nothing.
func never(*request) {}

// mute says nothing, and takes nothing.
func mute(x *exchange) { <-x.ctx.Done() }

// drip sends text again and again, byte by byte, fewer than the least bytes a second.
func drip(ctx context.Context, w io.Writer, text string) {
	for i := 0; ctx.Err() == nil; i = (i + 1) % len(text) {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *scripted) start(t testing.TB) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err == nil {
		s.signer, err = ssh.NewSignerFromKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
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
			x := &exchange{Conn: c, scripted: s, ctx: ctx}
			go x.serve()
		}
	}()
	return ln.Addr().String()
}

func (x *exchange) serve() {
	defer x.Close()                                             //nolint:errcheck // the test is over
	defer context.AfterFunc(x.ctx, func() { x.Conn.Close() })() //nolint:errcheck // it ends what waits
	if x.raw != nil {
		x.raw(x)
		return
	}
	cfg := &ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }}
	if x.login != nil {
		x.login(cfg)
	}
	cfg.AddHostKey(x.signer)
	conn, chans, reqs, err := ssh.NewServerConn(x.Conn, cfg)
	if err != nil {
		return
	}
	x.ssh = conn
	go ssh.DiscardRequests(reqs)
	for ch := range chans {
		if x.opens != nil && !x.opens(x) {
			continue
		}
		c, requests, err := ch.Accept()
		if err != nil {
			return
		}
		go x.channel(c, requests)
	}
}

func (x *exchange) channel(c ssh.Channel, reqs <-chan *ssh.Request) {
	for r := range reqs {
		if x.starts != nil && !x.starts(x) {
			continue
		}
		r.Reply(true, nil) //nolint:errcheck // the client may leave
		go x.packets(c)
	}
}

func (x *exchange) packets(c io.ReadWriter) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, max(int(binary.BigEndian.Uint32(head))-1, 4))
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		r := &request{exchange: x, w: c, id: binary.BigEndian.Uint32(body), body: body[4:]}
		if f := x.answers[head[4]]; f != nil {
			f(r)
			continue
		}
		r.answer(head[4])
	}
}

func (r *request) answer(kind byte) {
	switch kind {
	case fxInit:
		r.w.Write(append(u32(5), fxVersion, 0, 0, 0, 3)) //nolint:errcheck // the client may leave
	case fxOpen, fxOpendir:
		r.n = 0
		r.reply(fxHandle, text("h"))
	case fxRead:
		off := int64(binary.BigEndian.Uint64(r.body[5:])) // after the handle
		n := min(int64(binary.BigEndian.Uint32(r.body[13:])), fileSize-off)
		if n <= 0 {
			r.status(1) // the end
			return
		}
		r.reply(fxData, u32(int(n)), make([]byte, n))
	case fxReaddir:
		if r.n++; r.n > 1 {
			r.status(1)
			return
		}
		r.reply(fxName, u32(1), text("a.csv"), text("a.csv"), regular())
	case fxRealpath:
		r.reply(fxName, u32(1), text("/"), text("/"), u32(0))
	case fxStat, fxLstat, fxFstat:
		r.reply(fxAttrs, regular())
	default:
		r.status(0)
	}
}

// connect returns a connection to s.
func (s *scripted) connect(t testing.TB, timeout time.Duration) *Connection {
	t.Helper()
	c := &Connection{User: "weir", Password: spec.NewSecret(password), Timeout: timeout, Sessions: 2}
	addr := s.start(t)
	if err := c.StandIn(addr, []string{ssh.FingerprintSHA256(s.signer.PublicKey())}); err != nil {
		t.Fatal(err)
	}
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
	r, err := f.Open(ctx, "/a.csv", 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return f.Remove(ctx, "/a.csv")
}
