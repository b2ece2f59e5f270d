package ftp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"path"
	"strings"
	"time"

	"github.com/jlaffaye/ftp"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/plugin/stall"
)

// readBuffer is how much of an encrypted transfer is read from the network at a
// time; TLS by itself asks for one record after the other.
const readBuffer = 128 << 10

// session is one control connection that is logged in, with the data
// connection of the transfer under way. A session that failed is not used again.
type session struct {
	cfg     *Connection
	machine plugin.Machine
	guard   *stall.Guard
	tls     *tls.Config // nil when plain
	ctl     *control
	lib     *ftp.ServerConn
	home    string
	dataOK  bool // a data connection has worked: its encryption suits the server

	log   *zap.Logger
	older bool // TLS 1.3 does not do for this server

	ctx    context.Context // of the operation under way
	before int             // replies when it began
	tee    *bytes.Buffer   // of a listing: what the data connection brought

	mdtm      bool
	mdtmZone  *time.Location // nil while unknown; see exactTime
	zone      *time.Location
	noSize    bool
	exactSeen map[string]exact
}

// dial connects and logs in, within the guard's time.
// before is the session that the new one replaces; it may be nil.
func dial(ctx context.Context, cfg *Connection, m plugin.Machine, before *session, log *zap.Logger) (*session, error) {
	s := &session{
		cfg: cfg, machine: m, guard: stall.New(cfg.Timeout), log: log, ctx: ctx, older: before != nil && before.older,
		zone: cfg.zone(), exactSeen: map[string]exact{},
	}
	if s.zone == time.UTC {
		s.mdtmZone = time.UTC
	}
	var newest uint16
	if s.older {
		newest = tls.VersionTLS12
	}
	s.tls = cfg.tlsConfig(newest)
	end := s.guard.Begin(ctx)
	defer end()
	in := false
	defer func() {
		if !in { // also when the library panics
			s.guard.Trip(net.ErrClosed)
		}
	}()
	err := s.open(ctx)
	if err == nil {
		err = s.login()
	}
	if err != nil {
		return nil, err
	}
	in = true
	return s, nil
}

// open makes the control connection, encrypted where configured.
func (s *session) open(ctx context.Context) error {
	c, err := s.dialTCP(ctx, s.cfg.Addr())
	if err != nil {
		return s.cfg.peer().ConnectFailure(err)
	}
	raw := s.guard.Wrap(c)
	s.ctl = &control{Conn: raw, guard: s.guard}
	switch s.cfg.TLS {
	case "implicit":
		err = s.handshake(ctx, raw, nil)
	case "explicit":
		err = s.authTLS(ctx, raw)
	}
	if err != nil {
		return err
	}
	opts := []ftp.DialOption{
		ftp.DialWithDialFunc(s.dialFunc()),
		ftp.DialWithLocation(time.UTC), // listings are moved to the server's zone later; MLSD is always UTC
		ftp.DialWithDisabledMLSD(!s.cfg.MLSD),
		ftp.DialWithDisabledEPSV(!s.cfg.EPSV),
	}
	if s.tls != nil {
		opts = append(opts, ftp.DialWithTLS(s.tls)) // only makes the library send PBSZ and PROT
	}
	s.lib, err = ftp.Dial(s.cfg.Addr(), opts...)
	if err != nil {
		return s.cfg.greetingFailure(s, err)
	}
	return nil
}

// dialTCP connects, which has a time of its own.
func (s *session) dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	s.guard.Pause()
	defer s.guard.Resume()
	defer s.guard.Step()
	return s.cfg.peer().Dial(ctx, s.machine, addr)
}

// dialFunc returns the library's way to connect: the control connection first,
// then data connections, which the library leaves for us to encrypt.
func (s *session) dialFunc() func(network, addr string) (net.Conn, error) {
	first := true
	return func(_, addr string) (net.Conn, error) {
		if first {
			first = false
			return s.ctl, nil
		}
		c, err := s.dialTCP(s.ctx, addr)
		if err != nil {
			return nil, fmt.Errorf("the data connection to %s failed: %w", addr, err)
		}
		raw := s.guard.WrapData(c)
		d := &dataConn{Conn: raw, guard: s.guard, tee: s.tee}
		if s.tls != nil {
			// The handshake waits for the first read: servers begin it only after they answered the command.
			d.Conn = tls.Client(remote.NewBuffered(raw, readBuffer), s.tls)
		}
		return d, nil
	}
}

// authTLS asks for encryption before the library sees the connection. The
// reply is read byte by byte: nothing sent in clear may count as encrypted.
func (s *session) authTLS(ctx context.Context, raw net.Conn) error {
	code, greeting, err := readReply(raw)
	for err == nil && code == 120 {
		code, greeting, err = readReply(raw)
	}
	if err != nil {
		return s.cfg.lost("waiting for its greeting", err)
	}
	if code/100 != 2 {
		return s.cfg.refusedGreeting(code, greeting)
	}
	s.guard.Step()
	if _, err = io.WriteString(raw, "AUTH TLS\r\n"); err == nil {
		code, text, err2 := readReply(raw)
		if err2 == nil && code != 234 && code != 334 {
			return s.cfg.noTLS(text)
		}
		err = err2
	}
	if err != nil {
		return s.cfg.lost("answering AUTH TLS", err)
	}
	return s.handshake(ctx, raw, []byte("220 "+greeting[min(4, len(greeting)):]+"\r\n"))
}

func (s *session) handshake(ctx context.Context, raw net.Conn, greeting []byte) error {
	s.guard.Step()
	t := tls.Client(raw, s.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		if cause := s.guard.Cause(); cause != nil {
			err = cause
		}
		return s.cfg.tlsFailure(err)
	}
	s.guard.Step()
	s.ctl = &control{Conn: t, guard: s.guard, greeting: greeting}
	return nil
}

// readReply reads one reply; text is its last line.
func readReply(r io.Reader) (code int, text string, err error) {
	c := &control{}
	var b [1]byte
	for n := 0; c.replies == 0; n++ {
		if n > 64<<10 {
			return 0, "", errReplyTooLong
		}
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, "", err
		}
		c.note(b[:])
	}
	return c.code, c.text, nil
}

func (s *session) login() error {
	if err := s.lib.Login(s.cfg.User, s.cfg.Password.Reveal()); err != nil {
		return s.cfg.loginFailure(s, err)
	}
	s.mdtm = s.lib.IsGetTimeSupported()
	home, err := s.lib.CurrentDir()
	if err != nil || !strings.HasPrefix(home, "/") {
		home = "/"
	}
	if cause := s.guard.Cause(); cause != nil {
		return s.cfg.lost("logging in", cause)
	}
	s.home = path.Clean(home)
	return nil
}

// Guard implements remote.Session.
func (s *session) Guard() *stall.Guard { return s.guard }

// Home implements remote.Session.
func (s *session) Home() string { return s.home }

// Begin implements remote.Session.
func (s *session) Begin(ctx context.Context) { s.ctx, s.before = ctx, s.ctl.replies }

// Over implements remote.Session.
func (s *session) Over() bool { return s.guard.Cause() != nil }

// Judge implements remote.Session. A session that was dropped while it was idle
// shows so on the first command: nothing has happened at the server by then.
func (s *session) Judge(err error) remote.Verdict {
	v := remote.Verdict{Untouched: s.ctl.replies == s.before || s.ctl.replies == s.before+1 && s.ctl.code == 421}
	var reply *textproto.Error
	switch {
	case !errors.As(err, &reply):
		v.Over = !isAnswer(err)
	case s.tls != nil && wantsReuse(reply) && s.tls13() && !s.older && s.cfg.TLSMax == "":
		s.log.Warn("the server does not resume TLS 1.3 sessions on data connections; going on with TLS 1.2", zap.String("server", s.cfg.Addr()))
		s.older, v.Over, v.Anew = true, true, true
	default:
		v.Over = reply.Code == 421
	}
	return v
}

// Alive implements remote.Session.
func (s *session) Alive() bool {
	err := s.lib.NoOp()
	var reply *textproto.Error
	return err == nil || errors.As(err, &reply) && reply.Code != 421
}

// Close implements remote.Session.
func (s *session) Close() {
	end := s.guard.Farewell() // a server that takes no more bytes must not hold us
	s.lib.Quit()              //nolint:errcheck // the session is over either way
	end()
	s.guard.Trip(net.ErrClosed)
}

// tls13 reports whether the control connection uses TLS 1.3.
func (s *session) tls13() bool {
	t, ok := s.ctl.Conn.(*tls.Conn)
	return ok && t.ConnectionState().Version == tls.VersionTLS13
}

// dataConn is a data connection. It counts and keeps what listings bring, and
// notes an end without TLS's own end mark, which many servers leave out: the
// reply on the control connection and the size decide then.
type dataConn struct {
	net.Conn
	guard *stall.Guard
	tee   *bytes.Buffer
}

// Read implements net.Conn.
func (d *dataConn) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if d.tee != nil {
		d.tee.Write(p[:n])
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Close implements net.Conn. By then everything was read, or is given up: only
// the reply on the control connection tells how the transfer ended, not what
// becomes of TLS's farewell.
func (d *dataConn) Close() error {
	d.Conn.Close() //nolint:errcheck // see above
	d.guard.Step() // which is waited for next
	return nil
}
