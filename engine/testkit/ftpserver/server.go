// Package ftpserver is an FTP server inside the process, for tests: plain,
// explicit TLS and implicit TLS, over a file tree in memory. It can be told to
// misbehave in the ways real servers and networks do (see Faults).
package ftpserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/engine/plugin"
	"weir/engine/testkit/memfs"
	"weir/engine/testkit/testca"
)

// Options configure a server. The zero value is a plain server that lets
// anybody in with any password.
type Options struct {
	User     string // "" lets every user in
	Password string
	TLS      string // "none" (also ""), "explicit" or "implicit"

	RequireTLS   bool        // explicit: no login before AUTH TLS
	RequireReuse bool        // data connections must resume the control connection's TLS session
	MaxTLS       uint16      // such as tls.VersionTLS12; 0 is the newest
	Cert         testca.Leaf // what the server's certificate says

	// NoReuse13 refuses data connections with TLS 1.3 as if they resumed no session.
	NoReuse13 bool

	NoMLSD bool // neither MLSD nor MLST
	NoEPSV bool
	NoSIZE bool
	NoMDTM bool
	NoREST bool

	Zone     *time.Location // of the times in LIST; UTC when nil
	MDTMZone bool           // MDTM answers in Zone too, against the standard
	Clock    plugin.Clock   // times of changed files; the machine's clock when nil
	FS       *memfs.FS      // the files; a new tree when nil
	Host     string         // IP address to listen on; 127.0.0.1 when ""
}

// Faults are ways to misbehave. The zero value is a good server.
type Faults struct {
	RefuseLogin string   // reply to PASS, such as "530 Login incorrect."
	PASVAddress string   // IP address told in PASV replies
	ExtraLines  []string // lines added to every listing as they are
	Silent      bool     // accepts connections and never says a word
	Mute        []string // commands that are never answered
	DropOn      []string // commands on which the control connection is closed

	// CutAfter closes the data connection of downloads after that many bytes.
	CutAfter int64
	// CutReply is the reply after a cut; "" is a truthful 426. A lying server says 226.
	CutReply string
	// StallAfter stops sending after that many bytes and keeps the connection open.
	StallAfter int64

	Begin   []string // commands that get the beginning of a reply of several lines, and no more
	Endless []string // commands that get a reply that never ends
	// EndlessList makes listings go on and on.
	EndlessList bool
	// Break is asked for every download how it is to break; n counts the
	// downloads of the path before it. nil, or a nil answer, breaks nothing.
	Break func(path string, n int) *Break
	// Before and After are called around every command, by the connection's
	// goroutine: before it takes effect, and before the next is read.
	Before, After func(cmd, arg string)
}

// Break is how one download ends too early.
type Break struct {
	At    int64  // bytes sent of what was asked for
	Reply string // on the control connection; "" is a truthful 426
	Reset bool   // the data connection is reset, not closed
	Stall bool   // nothing is closed and nothing more is said
	Gone  bool   // the control connection is closed too, without a reply
}

// Server is a running server. Its methods may be called by any goroutine.
type Server struct {
	o   Options
	fs  *memfs.FS
	ca  *testca.Authority
	tls *tls.Config
	ln  net.Listener
	wg  sync.WaitGroup

	mu     sync.Mutex
	faults Faults
	log    []string
	conns  map[io.Closer]struct{}
	closed bool
	logins int
	peak   int
	began  map[string]int // downloads, by path
	told   int64          // bytes of listings
}

// New starts a server on a free port of the loopback interface.
func New(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = plugin.SystemClock{}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	s := &Server{o: o, fs: o.FS, conns: map[io.Closer]struct{}{}, began: map[string]int{}}
	if s.fs == nil {
		s.fs = memfs.New(o.Clock.Now)
	}
	switch o.TLS {
	case "", "none":
	case "explicit", "implicit":
		if err := s.makeTLS(); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("tls must be none, explicit or implicit, not %q", o.TLS)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(o.Host, "0"))
	if err != nil {
		return nil, err
	}
	s.ln = ln
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func (s *Server) makeTLS() error {
	ca, err := testca.New()
	if err != nil {
		return err
	}
	leaf, err := ca.Issue(s.o.Cert)
	if err != nil {
		return err
	}
	s.ca = ca
	s.tls = &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, MinVersion: tls.VersionTLS12, MaxVersion: s.o.MaxTLS}
	if s.o.MaxTLS != 0 && s.o.MaxTLS < tls.VersionTLS12 {
		s.tls.MinVersion = tls.VersionTLS10 //nolint:gosec // a server that is too old is what is wanted
	}
	return nil
}

// Addr returns "host:port".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Port returns the port.
func (s *Server) Port() int { return s.ln.Addr().(*net.TCPAddr).Port }

// CAPEM returns the certificate of the authority that signed the server's, "" without TLS.
func (s *Server) CAPEM() string {
	if s.ca == nil {
		return ""
	}
	return string(s.ca.PEM())
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
	s.faults = f
	s.mu.Unlock()
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Log returns the commands received, in order; passwords are shown as ***.
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

// Told returns how many bytes of listings were sent.
func (s *Server) Told() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// Peak returns the most control connections that were open at the same time.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}

// Listens reports whether address is one at which the server takes connections: its
// own, or that of a transfer it has announced.
func (s *Server) Listens(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln.Addr().String() == address {
		return true
	}
	for c := range s.conns {
		if ln, ok := c.(net.Listener); ok && ln.Addr().String() == address {
			return true
		}
	}
	return false
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
	s.mu.Unlock()
	err := s.ln.Close()
	s.DropAll()
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	defer s.wg.Done()
	sessions := 0
	var mu sync.Mutex
	for {
		c, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !s.track(c) {
			continue
		}
		mu.Lock()
		sessions++
		s.notePeak(sessions)
		mu.Unlock()
		s.wg.Go(func() {
			newSession(s, c).serve()
			mu.Lock()
			sessions--
			mu.Unlock()
		})
	}
}

func (s *Server) notePeak(n int) {
	s.mu.Lock()
	s.peak = max(s.peak, n)
	s.mu.Unlock()
}

// track remembers c so that Close ends it; it is false when the server has closed.
func (s *Server) track(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close() //nolint:errcheck // never used
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) untrack(c io.Closer) {
	c.Close() //nolint:errcheck // done with it
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// breaking returns how the download of path that begins now is to break.
func (s *Server) breaking(path string) *Break {
	s.mu.Lock()
	n, f := s.began[path], s.faults.Break
	s.began[path]++
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(path, n)
}

func (s *Server) note(cmd, arg string) {
	if cmd == "PASS" {
		arg = "***"
	}
	s.mu.Lock()
	s.log = append(s.log, strings.TrimSpace(cmd+" "+arg))
	s.mu.Unlock()
}
