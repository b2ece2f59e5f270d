package realserver

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSHServer is a running OpenSSH server.
type SSHServer struct {
	Server
	PrivateKey   string   // of the user, as text
	Fingerprints []string // of the host keys
	HasPassword  bool     // Password lets in too
}

// SSHD starts OpenSSH's server with internal-sftp. As root a user is made for
// the length of the test, who may use the password too; otherwise the one who
// runs the test logs in, by key.
func SSHD(t testing.TB) *SSHServer {
	t.Helper()
	path, root := program(t, "sshd")
	dir, port := tempDir(t), freePort(t)
	s := &SSHServer{}
	if os.Getuid() == 0 {
		s.User, s.uid = localUser(t, dir)
		s.HasPassword = true
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			unavailable(t, "sshd needs the folder /run/sshd: %v", err)
		}
	} else {
		u, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		s.User, s.uid = u.Username, -1
	}
	s.dir = ownedDir(t, dir, "data", max(s.uid, 0))
	s.Root = s.dir
	hostKey, hostPub := newKey(t)
	userKey, userPub := newKey(t)
	s.PrivateKey = hostKeyText(userKey)
	s.Fingerprints = []string{ssh.FingerprintSHA256(hostPub)}
	conf := fmt.Sprintf(`Port %d
ListenAddress 127.0.0.1
HostKey %s
PidFile none
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PasswordAuthentication %s
KbdInteractiveAuthentication no
PermitUserEnvironment no
UseDNS no
LogLevel VERBOSE
Subsystem sftp internal-sftp
`, port, write(t, dir, "host_key", hostKeyText(hostKey), 0o600),
		write(t, dir, "authorized_keys", string(ssh.MarshalAuthorizedKey(userPub)), 0o644), lower(s.HasPassword))
	s.start(t, port, root, path, "-D", "-e", "-f", write(t, dir, "sshd_config", conf, 0o600))
	return s
}

func lower(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func newKey(t testing.TB) (ed25519.PrivateKey, ssh.PublicKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return key, p
}

// hostKeyText returns the key as OpenSSH writes it to a file.
func hostKeyText(key ed25519.PrivateKey) string {
	b, err := ssh.MarshalPrivateKey(key, "weir test")
	if err != nil {
		panic(err) // an Ed25519 key can always be written
	}
	return string(pem.EncodeToMemory(b))
}
