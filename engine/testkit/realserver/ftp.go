package realserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// passwordHash is Password as crypt(3) hashes it (SHA-512).
const passwordHash = "$6$weirtest$L536IX.84NKHSXWPI6oI5YeEGeE1iwlYZXfHuF1avG/62YNtJKduHREr/TCNenEgDk.zXg9IGADKiJ.1X7kAr0"

// VSFTPD starts vsftpd. It needs root, because it changes to its user: a user
// of this machine that is made for the test and removed after it.
func VSFTPD(t testing.TB, o Options) *Server {
	t.Helper()
	path, root := program(t, "vsftpd")
	needRoot(t, "vsftpd")
	dir, port := tempDir(t), freePort(t)
	s := &Server{Root: "/data"}
	s.User, s.uid = localUser(t, dir)
	s.dir = ownedDir(t, dir, "data", s.uid)
	empty := ownedDir(t, dir, "empty", 0)
	conf := fmt.Sprintf(`listen=YES
listen_address=127.0.0.1
listen_port=%d
background=NO
local_enable=YES
write_enable=YES
anonymous_enable=NO
local_root=%s
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir=%s
pam_service_name=weir-test
seccomp_sandbox=NO
connect_from_port_20=NO
utf8_filesystem=YES
xferlog_enable=NO
delay_failed_login=0
`, port, dir, empty)
	if o.TLS == "explicit" || o.TLS == "implicit" {
		cert, key := s.certificate(t, dir)
		conf += fmt.Sprintf("ssl_enable=YES\nallow_anon_ssl=NO\nforce_local_data_ssl=YES\nforce_local_logins_ssl=YES\nssl_ciphers=HIGH\nrsa_cert_file=%s\nrsa_private_key_file=%s\nrequire_ssl_reuse=%s\nimplicit_ssl=%s\n",
			cert, key, yes(o.Reuse), yes(o.TLS == "implicit"))
	}
	conf += o.Extra
	s.start(t, port, root, path, write(t, dir, "vsftpd.conf", conf, 0o600))
	if o.TLS == "" && o.Extra == "" {
		s.insist(t)
	}
	return s
}

// insist sees to it that the user can log in: what checks passwords on a machine reads the
// user's entry by ways of its own, and now and then does not find one that was just made.
func (s *Server) insist(t testing.TB) {
	t.Helper()
	for range 5 {
		if s.letsIn() {
			return
		}
		t.Logf("the server does not know the user %s yet", s.User)
		unlock := lockUsers(t)
		_ = exec.Command("usermod", "--password", passwordHash, s.User).Run() // the next look tells
		unlock()
		time.Sleep(200 * time.Millisecond)
	}
}

// letsIn reports whether the user can log in, without TLS.
func (s *Server) letsIn() bool {
	c, err := net.DialTimeout("tcp", s.Addr, 5*time.Second)
	if err != nil {
		return false
	}
	defer c.Close()                                    //nolint:errcheck // of a look
	_ = c.SetDeadline(time.Now().Add(5 * time.Second)) // a socket takes deadlines
	r := bufio.NewReader(c)
	for _, say := range []string{"", "USER " + s.User, "PASS " + Password, "QUIT"} {
		if say != "" {
			_, err = io.WriteString(c, say+"\r\n")
		}
		line, rerr := r.ReadString('\n')
		if err != nil || rerr != nil || line[0] != '2' && line[0] != '3' {
			return false
		}
	}
	return true
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func needRoot(t testing.TB, name string) {
	t.Helper()
	if os.Getuid() != 0 {
		unavailable(t, "%s needs root to change to the user that logs in", name)
	}
}

// localUser makes a user with the known password, whose home is dir, for the length of the test.
func localUser(t testing.TB, dir string) (name string, uid int) {
	t.Helper()
	unlock := lockUsers(t)
	name = fmt.Sprintf("weirt%d%03d", os.Getpid()%100000, time.Now().UnixNano()/1000%1000)
	var out []byte
	err := fmt.Errorf("useradd was not run")
	for range 20 { // the password files are locked while another test changes them
		out, err = exec.Command("useradd", "--no-create-home", "--no-log-init", "--home-dir", dir, "--shell", "/bin/sh", "--password", passwordHash, name).CombinedOutput()
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	unlock()
	if err != nil {
		unavailable(t, "a user for the test cannot be made: %v: %s", err, out)
	}
	t.Cleanup(func() {
		defer lockUsers(t)()
		for range 20 {
			if exec.Command("userdel", "--force", name).Run() == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("the user %s could not be removed", name)
	})
	id, err := exec.Command("id", "-u", name).Output()
	if err == nil {
		uid, err = strconv.Atoi(strings.TrimSpace(string(id)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return name, uid
}

// lockUsers lets one test at a time, of whatever process, change the users of this machine.
func lockUsers(t testing.TB) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "weir-test-users.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() } // which gives the lock back
}

func ownedDir(t testing.TB, dir, name string, uid int) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(p, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(p, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// ProFTPD starts proftpd with a virtual user; it needs no rights of its own.
// With TLS, its default options demand session reuse; Options.Reuse false turns that off.
func ProFTPD(t testing.TB, o Options) *Server {
	t.Helper()
	path, root := program(t, "proftpd")
	dir, port := tempDir(t), freePort(t)
	s := &Server{User: "weir", uid: os.Getuid()}
	gid := os.Getgid()
	if s.uid == 0 {
		s.uid, gid = 65534, 65534 // proftpd lets nobody in as root
	}
	account, group := names(t, s.uid, gid)
	s.dir = ownedDir(t, dir, "data", s.uid)
	s.Root = s.dir
	passwd := write(t, dir, "passwd", fmt.Sprintf("weir:%s:%d:%d::%s:/bin/false\n", passwordHash, s.uid, gid, s.dir), 0o400)
	modules := filepath.Join(root, "usr/lib/proftpd")
	conf := fmt.Sprintf(`ModulePath %s
ServerType standalone
ServerName weir
DefaultAddress 127.0.0.1
Port %d
UseIPv6 off
User %s
Group %s
PidFile %s/pid
ScoreboardFile %s/scoreboard
DelayTable none
SystemLog %s/log
WtmpLog off
TransferLog none
UseReverseDNS off
AuthUserFile %s
AuthOrder mod_auth_file.c
AuthPAM off
RequireValidShell off
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
`, modules, port, account, group, dir, dir, dir, passwd)
	if o.TLS == "explicit" || o.TLS == "implicit" {
		cert, key := s.certificate(t, dir)
		conf += "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\nTLSLog " + dir + "/tlslog\nTLSECCertificateFile " + cert + "\nTLSECCertificateKeyFile " + key + "\n"
		if options := tlsOptions(o); options != "" {
			conf += "TLSOptions" + options + "\n"
		}
		if o.TLSMax == "1.2" {
			conf += "TLSProtocol TLSv1.2\n"
		}
	}
	conf += o.Extra
	s.start(t, port, root, path, "-n", "-c", write(t, dir, "proftpd.conf", conf, 0o600))
	return s
}

// names returns the names of a user and a group by number.
func names(t testing.TB, uid, gid int) (account, group string) {
	t.Helper()
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		unavailable(t, "user %d has no name: %v", uid, err)
	}
	g, err := user.LookupGroupId(strconv.Itoa(gid))
	if err != nil {
		unavailable(t, "group %d has no name: %v", gid, err)
	}
	return u.Username, g.Name
}

func tlsOptions(o Options) (out string) {
	if !o.Reuse {
		out += " NoSessionReuseRequired"
	}
	if o.TLS == "implicit" {
		out += " UseImplicitSSL"
	}
	return out
}
