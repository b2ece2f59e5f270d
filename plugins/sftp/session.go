package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"weir/engine/plugin"
	"weir/engine/plugin/remote"
	"weir/engine/plugin/stall"
	"weir/engine/spec"
)

// readBuffer is how much is read from the network at a time.
const readBuffer = 256 << 10

// session is one SSH connection with an SFTP channel. One that failed is not
// used again.
type session struct {
	cfg   *Connection
	guard *stall.Guard
	ssh   *ssh.Client
	lib   *sftp.Client
	home  string
	dead  atomic.Bool // the connection has ended
	wrote bool        // the operation under way may have changed something
	chunk int64       // bytes asked for at a time
	free  []*chunk    // parts to be used again
}

func (c *Connection) peer() remote.Peer {
	return remote.Peer{Kind: "SFTP", Addr: c.Addr(), Host: c.Host, Timeout: c.Timeout, Secrets: []spec.Secret{c.Password, c.Passphrase, c.PrivateKey}}
}

// dial connects and logs in, within the guard's time.
func dial(ctx context.Context, cfg *Connection, m plugin.Machine) (*session, error) {
	keys, err := newHostKeys(cfg, m.Disk())
	if err != nil {
		return nil, err
	}
	// A server may have several host keys and show another one than the
	// fingerprint is of; then it is asked for the others.
	var refusal error
	for _, algorithms := range keys.attempts() {
		s, err := dialOnce(ctx, cfg, m, keys, algorithms)
		var f *plugin.Failure
		switch {
		case err == nil:
			return s, nil
		case keys.refusal != nil:
			refusal = keys.refusal
		case refusal != nil && errors.As(err, &f) && f.Code == "env.no_common_algorithm":
			// It has no key of that kind.
		default:
			return nil, err
		}
	}
	return nil, refusal
}

func dialOnce(ctx context.Context, cfg *Connection, m plugin.Machine, keys *hostKeys, algorithms []string) (*session, error) {
	keys.refusal = nil
	s := &session{cfg: cfg, guard: stall.New(cfg.Timeout)}
	raw, err := cfg.peer().Dial(ctx, m, cfg.Addr())
	if err != nil {
		return nil, cfg.peer().ConnectFailure(err)
	}
	defer s.guard.Begin(ctx)()
	in := false
	defer func() {
		if !in { // also when the library panics
			s.guard.Trip(net.ErrClosed)
		}
	}()
	if err := s.start(remote.NewBuffered(s.guard.Wrap(raw), readBuffer), keys, algorithms); err != nil {
		if cause := s.guard.Cause(); cause != nil {
			err = cfg.peer().Lost("logging in", cause)
		}
		return nil, err
	}
	in = true
	return s, nil
}

func (s *session) start(conn net.Conn, keys *hostKeys, algorithms []string) error {
	cc, err := s.clientConfig()
	if err != nil {
		return err
	}
	cc.HostKeyAlgorithms = algorithms
	cc.HostKeyCallback = func(host string, addr net.Addr, key ssh.PublicKey) error {
		s.guard.Step()
		return keys.check(host, addr, key)
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, s.cfg.Addr(), cc)
	if err != nil {
		return s.cfg.sshFailure(err)
	}
	s.guard.Step()
	s.ssh = ssh.NewClient(c, chans, reqs)
	go func() {
		s.ssh.Wait() //nolint:errcheck // any end will do
		s.dead.Store(true)
	}()
	if err := s.startSFTP(); err != nil {
		if s.guard.Cause() != nil || s.dead.Load() {
			return s.cfg.peer().Lost("starting SFTP", err)
		}
		return s.cfg.peer().Fail(plugin.Environment, "env.no_sftp", "Ask its owner to enable the sftp subsystem for this user",
			"lets user %q in but offers no SFTP: %s", s.cfg.User, s.cfg.peer().Safe(err.Error()))
	}
	s.chunk = smallChunk
	if _, ok := s.lib.HasExtension("limits@openssh.com"); ok {
		s.chunk = bigChunk
	}
	home, err := s.lib.RealPath(".")
	if err != nil || !strings.HasPrefix(home, "/") {
		home = "/"
	}
	s.home = path.Clean(home)
	return nil
}

// startSFTP begins the subsystem. A request is a step, and answers bring bytes; what
// else goes over the connection is neither, however much of it there is.
func (s *session) startSFTP() error {
	ch, err := s.ssh.NewSession()
	if err != nil {
		return err
	}
	s.guard.Step()
	if err := ch.RequestSubsystem("sftp"); err != nil {
		return err
	}
	in, err := ch.StdinPipe()
	if err != nil {
		return err
	}
	out, err := ch.StdoutPipe()
	if err != nil {
		return err
	}
	// The library takes the bound for reads of other files than ours too, and for
	// writes, which servers need not take in pieces bigger than smallChunk.
	s.lib, err = sftp.NewClientPipe(answers{out, s.guard}, requests{in, s.guard}, sftp.MaxPacketUnchecked(bigChunk))
	return err
}

// requests is what is sent to the subsystem.
type requests struct {
	io.WriteCloser
	guard *stall.Guard
}

// Write implements io.Writer.
func (r requests) Write(p []byte) (int, error) {
	r.guard.Step()
	return r.WriteCloser.Write(p)
}

// answers is what the subsystem sends.
type answers struct {
	io.Reader
	guard *stall.Guard
}

// Read implements io.Reader.
func (a answers) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	a.guard.Moved(n)
	return n, err
}

func (s *session) clientConfig() (*ssh.ClientConfig, error) {
	c := s.cfg
	cc := &ssh.ClientConfig{User: c.User, ClientVersion: "SSH-2.0-Weir"}
	if c.Legacy {
		good, bad := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
		cc.KeyExchanges = append(good.KeyExchanges, bad.KeyExchanges...)
		cc.Ciphers = append(good.Ciphers, bad.Ciphers...)
		cc.MACs = append(good.MACs, bad.MACs...)
	}
	if c.PrivateKey.IsSet() {
		key, err := c.signer()
		if err != nil {
			summary, detail := keyProblem(err)
			return nil, plugin.Fail(plugin.Environment, "env.private_key", fmt.Errorf("%s", summary), detail)
		}
		cc.Auth = append(cc.Auth, ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			s.guard.Step()
			return []ssh.Signer{key}, nil
		}))
	}
	if c.Password.IsSet() {
		asked := 0
		cc.Auth = append(cc.Auth, ssh.PasswordCallback(func() (string, error) {
			s.guard.Step()
			return c.Password.Reveal(), nil
		}), ssh.KeyboardInteractive(func(name, instruction string, questions []string, echos []bool) ([]string, error) {
			s.guard.Step()
			if asked++; asked > maxAsked {
				return nil, errAsked
			}
			return c.answer(name, instruction, questions, echos)
		}))
	}
	return cc, nil
}

// maxAsked bounds how often a server may ask for answers in one login.
const maxAsked = 5

var errAsked = errors.New("it asks for the password again and again")

// answer replies to a server that asks questions: the password to the first
// that wants something hidden. Nobody is there to answer others.
func (c *Connection) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	out := make([]string, len(questions))
	for i, q := range questions {
		if echos[i] || i > 0 {
			return nil, fmt.Errorf("the server asks %q, and only a password can be given", c.peer().Safe(q))
		}
		out[i] = c.Password.Reveal()
	}
	return out, nil
}

// sshFailure describes a login that failed.
func (c *Connection) sshFailure(err error) error {
	p, text := c.peer(), c.peer().Safe(strings.TrimPrefix(err.Error(), "ssh: handshake failed: "))
	switch {
	case strings.Contains(text, "unable to authenticate"):
		how := "password"
		if c.PrivateKey.IsSet() {
			how = "private_key"
			if c.Password.IsSet() {
				how = "private_key and password"
			}
		}
		return p.Fail(plugin.Environment, "env.login_refused", "Check user and "+how+" in the connection block", "refused user %q: %s", c.User, strings.TrimPrefix(text, "ssh: "))
	case strings.Contains(text, errAsked.Error()): // the library does not wrap it
		return p.Fail(plugin.Environment, "env.login_refused", "Check user and password in the connection block", "refused user %q: %w", c.User, errAsked)
	case strings.Contains(text, "no common algorithm"):
		return p.Fail(plugin.Environment, "env.no_common_algorithm", "If the server cannot be updated, set legacy_algorithms = true", "and this side know no common method: %s", text)
	case strings.Contains(text, "version string"), strings.Contains(text, "invalid packet length"):
		return p.Fail(plugin.Environment, "env.not_ssh", "Check port in the connection block", "does not speak SSH")
	}
	return p.Lost("logging in", err)
}

// Guard implements remote.Session.
func (s *session) Guard() *stall.Guard { return s.guard }

// Home implements remote.Session.
func (s *session) Home() string { return s.home }

// Begin implements remote.Session.
func (s *session) Begin(context.Context) { s.wrote = false }

// Over implements remote.Session.
func (s *session) Over() bool { return s.dead.Load() || s.guard.Cause() != nil }

// Judge implements remote.Session.
func (s *session) Judge(err error) remote.Verdict {
	return remote.Verdict{Over: s.over(err), Untouched: !s.wrote}
}

// over reports whether err means that the session cannot be used any more.
func (s *session) over(err error) bool {
	var status *sftp.StatusError
	var f *plugin.Failure
	switch {
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.EOF):
		return true
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission), errors.As(err, &f):
		return false
	}
	return !errors.As(err, &status)
}

// Failure implements remote.Session.
func (s *session) Failure(doing, p string, err error) error {
	var status *sftp.StatusError
	var f *plugin.Failure
	peer, what := s.cfg.peer(), doing+" "+p
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return err
	case s.guard.Cause() != nil:
		return peer.Lost(what, s.guard.Cause())
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), errors.Is(err, io.EOF):
		return peer.Lost(what, io.EOF)
	case errors.Is(err, fs.ErrPermission):
		return plugin.Confine(peer.Fail(plugin.Environment, "env.permission", fmt.Sprintf("Check what user %q may do there", s.cfg.User), "refused %s: permission denied", what))
	case errors.As(err, &status):
		return plugin.Confine(peer.Fail(plugin.Environment, "env.refused", "", "refused %s: %s", what, peer.Safe(status.Error())))
	}
	return peer.Lost(what, err)
}

// Close implements remote.Session.
func (s *session) Close() { s.guard.Trip(net.ErrClosed) }

// Alive implements remote.Session.
func (s *session) Alive() bool {
	_, _, err := s.ssh.SendRequest("keepalive@openssh.com", true, nil)
	return err == nil
}

// modTime is what a file's time is when the server tells none.
func modTime(t time.Time) time.Time {
	if t.Unix() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
