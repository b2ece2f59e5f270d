package pipelines_test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/engine/testkit/activate"
	"weir/engine/testkit/realserver"
)

// TestRealServers runs the connector against servers that nobody here wrote, and
// checks what arrives at the API.
func TestRealServers(t *testing.T) {
	for name, start := range map[string]func(testing.TB) (*realserver.Server, string){
		"vsftpd plain": func(t testing.TB) (*realserver.Server, string) {
			return realserver.VSFTPD(t, realserver.Options{}), "none"
		},
		"vsftpd explicit, reuse required": func(t testing.TB) (*realserver.Server, string) {
			return realserver.VSFTPD(t, realserver.Options{TLS: "explicit", Reuse: true}), "explicit"
		},
		"vsftpd implicit": func(t testing.TB) (*realserver.Server, string) {
			return realserver.VSFTPD(t, realserver.Options{TLS: "implicit", Reuse: true}), "implicit"
		},
		"proftpd plain": func(t testing.TB) (*realserver.Server, string) {
			return realserver.ProFTPD(t, realserver.Options{}), "none"
		},
		"proftpd explicit": func(t testing.TB) (*realserver.Server, string) {
			return realserver.ProFTPD(t, realserver.Options{TLS: "explicit", Reuse: true}), "explicit"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, tls := start(t)
			r := newRig(t, activate.Options{HonourKeys: true})
			ca := filepath.Join(t.TempDir(), "ca.pem") // as a file here, as text in the other tests
			if err := os.WriteFile(ca, []byte(s.CA), 0o600); err != nil {
				t.Fatal(err)
			}
			host, port, err := net.SplitHostPort(s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(r.vars, set{
				"ftp_host": host, "ftp_port": port, "ftp_username": s.User, "ftp_password": realserver.Password,
				"ftp_tls": tls, "ftp_ca": ca, "ftp_path": s.Root, "ready": "stable 1s", "after": "move " + s.Root + "/processed",
			})
			connectorRun(t, r, s)
		})
	}
}

// TestOpenSSH runs the connector with its source changed to SFTP.
func TestOpenSSH(t *testing.T) {
	s := realserver.SSHD(t)
	r := newRig(t, activate.Options{HonourKeys: true})
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	r.folder = sftpVariant(t, s)
	maps.Copy(r.vars, set{"ftp_host": host, "ftp_port": port, "ftp_username": s.User, "ftp_path": s.Root, "ready": "stable 1s"})
	connectorRun(t, r, &s.Server)
}

// sftpVariant is the connector with "sftp" where it says "ftp".
func sftpVariant(t *testing.T, s *realserver.SSHServer) string {
	dir := t.TempDir()
	files, err := filepath.Glob("srs-activate/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(`source "ftp"`, `source "sftp"`, "connection.ftp.", "connection.sftp.", `connection "ftp"`, `connection "sftp"`,
			"  password = var.ftp_password\n  tls      = var.ftp_tls\n  ca       = local.ftp_ca\n",
			fmt.Sprintf("  private_key = <<-KEY\n%sKEY\n  host_key = %q\n", s.PrivateKey, s.Fingerprints[0])).Replace(string(data))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func connectorRun(t *testing.T, r *rig, s *realserver.Server) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	put := func(name, text string) {
		s.Put(t, s.Root+"/"+name, []byte(text), old)
	}
	put("klanten_1.csv", customersHeader+customer("0001", "jan@example.nl", set{"voornaam": "Jan"})+"\r\n"+customer("0002", "", nil)+"\r\n")
	put("verkopen_1.csv", purchasesHeader+sale(set{"klantnummer": "0001"})+"\r\n"+sale(set{"klantnummer": "0001", "regel": "2", "artikelnummer": "DEF"})+"\r\n")
	c, p := r.run()
	expect(t, "customers delivered", c.Delivered, 2)
	expect(t, "purchases", fmt.Sprint(p.Read, p.Grouped, p.Delivered), "2 1 1")
	expect(t, "address of the order", r.sent("00123-012-20240701140300")["email"], "jan@example.nl")
	c, p = r.run()
	expect(t, "read again", c.Read+p.Read, 0)
}
