// Package sftpserver is an SFTP server inside the process, for tests, over a
// file tree in memory. It can be told to misbehave (see Faults).
package sftpserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"weir/engine/plugin"
	"weir/engine/testkit/memfs"
)

// Options configure a server. The zero value lets any user in with any password.
type Options struct {
	User          string        // "" lets every user in
	Password      string        // "" with an AuthorizedKey: no password login
	AuthorizedKey ssh.PublicKey // may log in besides the password
	Interactive   bool          // the password is asked for by keyboard-interactive only

	ECDSAKey bool         // offers an ECDSA host key besides the Ed25519 one
	Clock    plugin.Clock // times of changed files; the machine's clock when nil
	FS       *memfs.FS    // the files; a new tree when nil
}

// Faults are ways to misbehave. The zero value is a good server.
type Faults struct {
	Silent     bool     // accepts connections and never says a word
	CutAfter   int64    // closes the connection after that many bytes of files were read
	StallAfter int64    // stops answering reads after that many bytes
	ShortReads bool     // answers reads with fewer bytes than asked for
	ExtraNames []string // names added to every listing as they are
	SizeAs     int64    // the size told for every file, when not 0

	Mute        []string // methods (as in Log) that are never answered
	EndlessList bool     // listings go on and on
	// Break is asked for every download at which offset the connection is to
	// be closed, negative for never; n counts the downloads of the path before it.
	Break func(path string, n int) int64
	// Before is called before every request takes effect, After when a
	// download was closed.
	Before, After func(method, path string)
}

// Server is a running server. Its methods may be called by any goroutine.
type Server struct {
	o    Options
	fs   *memfs.FS
	cfg  *ssh.ServerConfig
	keys []ssh.Signer
	ln   net.Listener
	wg   sync.WaitGroup
	done chan struct{}

	mu     sync.Mutex
	faults Faults
	sent   int64          // bytes of files, since SetFaults
	told   int64          // names of listings
	began  map[string]int // downloads, by path
	log    []string
	logins int
	conns  map[net.Conn]struct{}
	closed bool
}

// New starts a server on a free port of the loopback interface.
func New(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = plugin.SystemClock{}
	}
	s := &Server{o: o, fs: o.FS, conns: map[net.Conn]struct{}{}, done: make(chan struct{}), began: map[string]int{}}
	if s.fs == nil {
		s.fs = memfs.New(o.Clock.Now)
	}
	if err := s.configure(); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.ln = ln
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func (s *Server) configure() error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return err
	}
	s.keys = []ssh.Signer{signer}
	if s.o.ECDSAKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, signer)
	}
	s.cfg = &ssh.ServerConfig{MaxAuthTries: 6}
	refused := errors.New("refused")
	check := func(user, password string) (*ssh.Permissions, error) {
		if s.o.User != "" && (user != s.o.User || password != s.o.Password || password == "") {
			return nil, refused
		}
		return nil, nil
	}
	if s.o.Interactive {
		s.cfg.KeyboardInteractiveCallback = func(c ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			a, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(a) != 1 {
				return nil, refused
			}
			return check(c.User(), a[0])
		}
	} else {
		s.cfg.PasswordCallback = func(c ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) { return check(c.User(), string(p)) }
	}
	if want := s.o.AuthorizedKey; want != nil {
		s.cfg.PublicKeyCallback = func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if c.User() != s.o.User || !bytes.Equal(k.Marshal(), want.Marshal()) {
				return nil, refused
			}
			return nil, nil
		}
	}
	for _, k := range s.keys {
		s.cfg.AddHostKey(k)
	}
	return nil
}

// Addr returns "host:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Fingerprints returns the host keys' fingerprints, such as "SHA256:...".
func (s *Server) Fingerprints() []string {
	var out []string
	for _, k := range s.keys {
		out = append(out, ssh.FingerprintSHA256(k.PublicKey()))
	}
	return out
}

// KnownHosts returns the line of a known_hosts file for the i-th host key.
func (s *Server) KnownHosts(i int) string {
	return knownhosts.Line([]string{knownhosts.Normalize(s.Addr())}, s.keys[i].PublicKey()) + "\n"
}

// FS returns the file tree.
func (s *Server) FS() *memfs.FS { return s.fs }

// Put makes or replaces a file and its folders; a zero mtime is now.
func (s *Server) Put(path string, data []byte, mtime time.Time) { s.fs.Put(path, data, mtime) }

// Get returns a file's content.
func (s *Server) Get(path string) ([]byte, error) { return s.fs.Get(path) }

// List returns a folder's entries by name.
func (s *Server) List(dir string) ([]memfs.Info, error) { return s.fs.List(dir) }

// Remove deletes a file or an empty folder.
func (s *Server) Remove(path string) error { return s.fs.Remove(path) }

// SetFaults replaces the server's faults, also for connections already open.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	s.faults, s.sent = f, 0
	s.mu.Unlock()
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Log returns the requests received, in order, as "Method path".
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Logins returns how many logins succeeded.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// note records a request. It does not return for one that is never answered.
func (s *Server) note(method, path string) {
	s.mu.Lock()
	s.log = append(s.log, method+" "+path)
	f := s.faults
	s.mu.Unlock()
	if slices.Contains(f.Mute, method) {
		<-s.done
	}
	if f.Before != nil {
		f.Before(method, path)
	}
}

// breaking returns the offset at which the download of path that begins now breaks.
func (s *Server) breaking(path string) int64 {
	s.mu.Lock()
	n, f := s.began[path], s.faults.Break
	s.began[path]++
	s.mu.Unlock()
	if f == nil {
		return -1
	}
	return f(path, n)
}

// Told returns how many names were sent in listings.
func (s *Server) Told() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// DropAll closes every connection at once, as a restart of the server does.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close() //nolint:errcheck // it is meant to break
	}
}

// Close stops the server and waits for its connections to end.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.done)
	s.mu.Unlock()
	err := s.ln.Close()
	s.DropAll()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		closed := s.closed
		s.mu.Unlock()
		if closed {
			c.Close() //nolint:errcheck // never used
			return
		}
		s.wg.Go(func() {
			s.serve(c)
			c.Close() //nolint:errcheck // done with it
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

func (s *Server) serve(c net.Conn) {
	if s.fault().Silent {
		buf := make([]byte, 512)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
		}
	}
	conn, chans, reqs, err := ssh.NewServerConn(c, s.cfg)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
	s.wg.Go(func() {
		ssh.DiscardRequests(reqs)
	})
	for ch := range chans {
		if ch.ChannelType() != "session" {
			ch.Reject(ssh.UnknownChannelType, "only sessions") //nolint:errcheck // the client notices
			continue
		}
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() {
			s.session(conn, channel, requests)
		})
	}
}

func (s *Server) session(conn *ssh.ServerConn, ch ssh.Channel, reqs <-chan *ssh.Request) {
	for r := range reqs {
		ok := r.Type == "subsystem" && len(r.Payload) > 4 && string(r.Payload[4:]) == "sftp"
		if r.WantReply {
			r.Reply(ok, nil) //nolint:errcheck // the client notices
		}
		if !ok {
			continue
		}
		h := &handler{s: s, conn: conn}
		srv := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
		srv.Serve() //nolint:errcheck // it ends with the connection
		srv.Close() //nolint:errcheck // done with it
		ch.Close()  //nolint:errcheck // done with it
	}
}
