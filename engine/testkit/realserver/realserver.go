// Package realserver starts real FTP and SFTP servers for tests: vsftpd,
// proftpd and OpenSSH, from Debian's packages, on free ports of the loopback
// interface, each with its own configuration in a temporary folder. They show
// what a server inside the process cannot: what servers really say.
//
// The programs are looked for in $WEIR_SERVERS, in .servers of the module
// (testdata/servers/get puts them there) and in PATH. A test whose server
// cannot run here is skipped, or fails when WEIR_REQUIRE_SERVERS is 1.
package realserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/engine/testkit/testca"
)

// Password is the password of every server's user.
const Password = "weir-secret-1"

// Options configure an FTP server.
type Options struct {
	TLS string // "none" (also ""), "explicit" or "implicit"; with TLS nothing is allowed in clear
	// Reuse demands that data connections resume the control connection's TLS session.
	Reuse  bool
	TLSMax string // "1.2" or "" for the newest
	Extra  string // lines added to the configuration
}

// Server is a running server.
type Server struct {
	Addr string // "host:port"
	User string
	CA   string // PEM of the authority of its certificate, "" without TLS
	Root string // the folder, as clients name it, in which tests may do as they like

	dir  string // the same folder in this machine's file system
	uid  int    // of files made by Put; -1 to leave
	cmd  *exec.Cmd
	out  *output
	once sync.Once
	done chan struct{}
}

// Put makes a file and its folders, as seen by clients.
func (s *Server) Put(t testing.TB, path string, data []byte, mtime time.Time) {
	t.Helper()
	rel, err := filepath.Rel(s.Root, path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(s.dir, rel)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if !mtime.IsZero() {
		if err := os.Chtimes(name, mtime, mtime); err != nil {
			t.Fatal(err)
		}
	}
	for p := name; s.uid >= 0 && p != s.dir; p = filepath.Dir(p) {
		if err := os.Lchown(p, s.uid, s.uid); err != nil {
			t.Fatal(err)
		}
	}
}

// Link makes a symbolic link at path that leads to target, which may be relative.
func (s *Server) Link(t testing.TB, path, target string) {
	t.Helper()
	rel, err := filepath.Rel(s.Root, path)
	if err == nil {
		err = os.Symlink(target, filepath.Join(s.dir, rel))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Get returns a file's content; ok is false when there is none.
func (s *Server) Get(path string) (data []byte, ok bool) {
	rel, err := filepath.Rel(s.Root, path)
	if err != nil {
		return nil, false
	}
	b, err := os.ReadFile(filepath.Join(s.dir, rel))
	return b, err == nil
}

// Kill ends the server and its sessions at once, as a crash does.
func (s *Server) Kill() {
	s.once.Do(func() {
		// Sessions are processes of their own, some in groups of their own.
		pids := append(descendants(s.cmd.Process.Pid), s.cmd.Process.Pid)
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
		<-s.done
	})
}

// descendants returns the processes that pid started, and those that they started.
func descendants(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // it has ended
		}
		// "123 (name) S 45 ...": the name may hold anything, so count from its end.
		_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 2 {
			continue
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], id)
	}
	var out []int
	for next := children[pid]; len(next) > 0; {
		out = append(out, next...)
		var more []int
		for _, c := range next {
			more = append(more, children[c]...)
		}
		next = more
	}
	return out
}

// Output returns what the server printed.
func (s *Server) Output() string { return s.out.String() }

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// unavailable skips the test, or fails it where servers are required.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("WEIR_REQUIRE_SERVERS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// program finds a server program and the folder it was unpacked into, which is "/" when installed.
func program(t testing.TB, name string) (path, root string) {
	t.Helper()
	var roots []string
	if d := os.Getenv("WEIR_SERVERS"); d != "" {
		roots = append(roots, d, filepath.Join(d, "root"))
	}
	for d, err := os.Getwd(); err == nil && d != "/"; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			roots = append(roots, filepath.Join(d, ".servers", "root"))
			break
		}
	}
	for _, r := range roots {
		for _, sub := range []string{"usr/sbin", "usr/bin", "sbin", "."} {
			p := filepath.Join(r, sub, name)
			if in, err := os.Stat(p); err == nil && !in.IsDir() && in.Mode()&0o111 != 0 {
				return p, r
			}
		}
	}
	for _, d := range []string{"", "/usr/sbin", "/usr/local/sbin"} {
		if p, err := exec.LookPath(filepath.Join(d, name)); err == nil {
			return p, "/"
		}
	}
	unavailable(t, "%s is not on this machine; testdata/servers/get fetches it", name)
	return "", ""
}

// freePort returns a TCP port that was free a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // only its number is wanted
	return ln.Addr().(*net.TCPAddr).Port
}

// certificate writes a server certificate and its key, and remembers the authority.
func (s *Server) certificate(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	ca, err := testca.New()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(testca.Leaf{})
	if err != nil {
		t.Fatal(err)
	}
	s.CA = string(ca.PEM())
	return write(t, dir, "cert.pem", string(leaf.CertPEM), 0o600), write(t, dir, "key.pem", string(leaf.KeyPEM), 0o600)
}

func write(t testing.TB, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return p
}

// tempDir is t.TempDir, but passable for the server's user at every level.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir-server-") //nolint:usetesting // the folders above those of t.TempDir admit their owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // a temporary folder
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs the program until the test ends and waits until it takes connections.
func (s *Server) start(t testing.TB, port int, root, path string, args ...string) {
	t.Helper()
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.out, s.done = &output{}, make(chan struct{})
	s.cmd = exec.Command(path, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	if root != "/" {
		libs, _ := filepath.Glob(filepath.Join(root, "usr/lib/*-linux-gnu*"))
		for _, l := range libs {
			s.cmd.Env = append(s.cmd.Env, "LD_LIBRARY_PATH="+l)
		}
	}
	if err := s.cmd.Start(); err != nil {
		unavailable(t, "%s does not start: %v", path, err)
	}
	go func() {
		s.cmd.Wait() //nolint:errcheck // it is killed in the end
		close(s.done)
	}()
	t.Cleanup(s.Kill)
	if err := s.ready(); err != nil {
		s.Kill()
		unavailable(t, "%s: %v\n%s", path, err, s.Output())
	}
}

func (s *Server) ready() error {
	for range 200 {
		select {
		case <-s.done:
			return fmt.Errorf("the server ended at once")
		default:
		}
		if c, err := net.Dial("tcp", s.Addr); err == nil {
			return c.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("the server takes no connections")
}
