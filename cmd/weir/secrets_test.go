package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/restserver"
	"weir/engine/testkit/sftpserver"
)

// Secrets with characters that change when they are encoded.
const (
	secretPassword   = "p w/ä+hidden&1"
	secretPassphrase = "ph/rase+hidden 2"
	secretKey        = "key+/hidden=3?"
)

// secretForms are the ways in which a secret may come back.
func secretForms(s string) []string {
	return []string{s, base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s)}
}

// everyVerb runs all verbs that tell of a configuration or its state, and returns
// all they print and keep.
func everyVerb(t *testing.T, dir string) string {
	t.Helper()
	t.Chdir(dir)
	t.Setenv("TMPDIR", dir) // what is left there is looked at too
	var out bytes.Buffer
	run := func(args ...string) {
		fmt.Fprintf(&out, "\n$ weir %s\n", strings.Join(args, " "))
		a := newApp(strings.NewReader(""), &out, &out)
		fmt.Fprintf(&out, "exit %d\n", a.main(t.Context(), args))
	}
	for _, verb := range []string{
		"validate", "validate --json", "explain", "explain --json", "graph", "graph --format dot", "graph --format svg", "preview p", "preview p --json",
		"run --log-level debug", "run --json --log-level debug --log-format json", "runs", "runs --json", "files", "files --json", "rejects", "rejects --json",
		"trace number 1", "trace number 1 --json", "state", "state --json", "fmt --check", "schema", "validate --var x=1", "run --pipeline nosuch",
	} {
		run(strings.Fields(verb)...)
	}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "main.hcl" {
			return err
		}
		b, err := os.ReadFile(p)
		fmt.Fprintf(&out, "\n%s:\n%s", p, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const secretPipeline = `
entity "person" {
  keys = { number = "value" }
}
pipeline "p" {
  source %q "in" {
    connection = connection.%s.x
    path       = "/in/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = {
      id = "text"
      n  = "int"
    }
  }
  dedupe "d" {
    entity = entity.person
    keys   = { number = "id" }
    trace  = true
  }
  sink "rest" "out" {
    connection = connection.rest.api
    reply {
      reject = "body?.errors ?? []"
    }
  }
}
connection "rest" "api" {
  url     = %q
  headers = { X-Key = secret("SECRET_KEY") }
  auth {
    user     = "weir"
    password = secret("SECRET_PASSWORD")
  }
}
`

// secretRig are the servers behind one configuration.
type secretRig struct {
	ftp  *ftpserver.Server
	sftp *sftpserver.Server
	api  *restserver.Server
	kind string
	conn string // of the source, besides host and port
}

// privateKey returns a key in PEM form, encrypted when there is a passphrase.
func privateKey(t *testing.T, passphrase string) (text string, public ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), signer.PublicKey()
}

func newSecretRig(t *testing.T, public ssh.PublicKey) *secretRig {
	t.Helper()
	r := &secretRig{kind: "ftp", conn: "user = \"weir\"\npassword = secret(\"SECRET_PASSWORD\")\ntls = \"none\""}
	var err error
	if r.ftp, err = ftpserver.New(ftpserver.Options{User: "weir", Password: secretPassword}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.ftp.Close() })
	if r.sftp, err = sftpserver.New(sftpserver.Options{User: "weir", Password: secretPassword, AuthorizedKey: public}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.sftp.Close() })
	if r.api, err = restserver.New(restserver.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.api.Close() })
	at := time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC)
	r.ftp.Put("/in/a.csv", []byte("id,n\n1,1\n2,x\n3,3\n"), at)
	r.sftp.Put("/in/a.csv", []byte("id,n\n1,1\n2,x\n3,3\n"), at)
	r.echo(200)
	return r
}

// echo makes the API answer with all that it was sent, in several encodings.
func (r *secretRig) echo(status int) {
	r.api.On("POST", "/", func(q *restserver.Request) restserver.Reply {
		all := []string{fmt.Sprint(q.Header)}
		for _, h := range []string{q.Header.Get("X-Key"), secretPassword} {
			all = append(all, secretForms(h)...)
		}
		out := restserver.Reply{Status: status, Header: map[string]string{"X-Echo": q.Header.Get("X-Key")}}
		out.JSON = map[string]any{"errors": []any{map[string]any{"index": 0, "message": strings.Join(all, " | ")}}}
		return out
	})
}

func (r *secretRig) sftpWith(auth string) {
	r.kind = "sftp"
	r.conn = fmt.Sprintf("user = \"weir\"\nhost_key = [%q]\n%s", r.sftp.Fingerprints()[0], auth)
}

func (r *secretRig) write(t *testing.T) string {
	t.Helper()
	addr := r.ftp.Addr()
	if r.kind == "sftp" {
		addr = r.sftp.Addr()
	}
	host, port, _ := strings.Cut(addr, ":")
	text := fmt.Sprintf(secretPipeline, r.kind, r.kind, r.api.URL()) + fmt.Sprintf("connection %q \"x\" {\nhost = %q\nport = %s\n%s\n}\n", r.kind, host, port, r.conn)
	dir, err := os.MkdirTemp("/dev/shm", "weir-test-") //nolint:usetesting // in memory: every verb opens the state, and commits wait for the disk
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestVerbsShowNoSecret (I9) looks for known credentials in all that the verbs
// print and keep, whatever goes wrong.
func TestVerbsShowNoSecret(t *testing.T) {
	locked, public := privateKey(t, secretPassphrase)
	open, _ := privateKey(t, "")
	key := "private_key = secret(\"SECRET_FILE\")\npassphrase = secret(\"SECRET_PASSPHRASE\")"
	for name, tc := range map[string]struct {
		prepare func(r *secretRig)
		file    string // what SECRET_FILE is
		want    string
	}{
		"all is well, refused rows echo": {func(*secretRig) {}, "", `"rejected":2`},
		"FTP echoes the password": {func(r *secretRig) {
			r.ftp.SetFaults(ftpserver.Faults{RefuseLogin: "530 no " + strings.Join(secretForms(secretPassword), " ")})
		}, "", "refused user"},
		"FTP echoes it in lines": {func(r *secretRig) {
			r.ftp.SetFaults(ftpserver.Faults{RefuseLogin: "530-no " + secretPassword + "\r\n530 " + secretPassword})
		}, "", "refused user"},
		"FTP greets and closes":         {func(r *secretRig) { r.ftp.SetFaults(ftpserver.Faults{DropOn: []string{"PASS"}}) }, "", "while logging in"},
		"FTP lists it":                  {func(r *secretRig) { r.ftp.SetFaults(ftpserver.Faults{ExtraLines: []string{"odd " + secretPassword}}) }, "", "entries of a listing"},
		"the password is refused":       {func(r *secretRig) { r.sftpWith("password = secret(\"SECRET_PASSPHRASE\")") }, "", "refused user"},
		"the key is refused":            {func(r *secretRig) { r.sftpWith(key) }, open, "refused user"},
		"the key with passphrase works": {func(r *secretRig) { r.sftpWith(key) }, locked, `"rejected":2`},
		"the passphrase is wrong": {func(r *secretRig) {
			r.sftpWith("private_key = secret(\"SECRET_FILE\")\npassphrase = secret(\"SECRET_KEY\")")
		}, locked, "The passphrase does not fit"},
		"no passphrase":      {func(r *secretRig) { r.sftpWith("private_key = secret(\"SECRET_FILE\")") }, locked, "needs a passphrase"},
		"no key at all":      {func(r *secretRig) { r.sftpWith("private_key = secret(\"SECRET_PASSPHRASE\")") }, "", "No private key found"},
		"a damaged key":      {func(r *secretRig) { r.sftpWith(key) }, strings.Replace(locked, "b3Bl", "b3B!", 1), "private key"},
		"401 echoes":         {func(r *secretRig) { r.echo(401) }, "", "401 Unauthorized"},
		"500 echoes":         {func(r *secretRig) { r.echo(501) }, "", "sink.refused"},
		"a secret as a name": {func(r *secretRig) { r.conn += "\nserver_name = secret(\"SECRET_KEY\")" }, "", "Secrets are allowed only"},
		"a secret in a path": {func(r *secretRig) { r.conn = strings.Replace(r.conn, `"weir"`, `secret("SECRET_KEY")`, 1) }, "", "Secrets are allowed only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SECRET_PASSWORD", secretPassword)
			t.Setenv("SECRET_PASSPHRASE", secretPassphrase)
			t.Setenv("SECRET_KEY", secretKey)
			t.Setenv("SECRET_FILE", tc.file)
			r := newSecretRig(t, public)
			tc.prepare(r)
			dir := r.write(t)
			out := everyVerb(t, dir)
			if !strings.Contains(out, tc.want) {
				t.Errorf("it does not say %q: %.3000s", tc.want, out)
			}
			hidden := []string{secretPassword, secretPassphrase, secretKey}
			if lines := strings.Split(tc.file, "\n"); len(lines) > 3 {
				hidden = append(hidden, lines[1], lines[2])
			}
			for _, secret := range hidden {
				for _, s := range secretForms(secret) {
					if i := strings.Index(out, s); i >= 0 {
						t.Errorf("%q is shown: %q", s, out[max(0, i-300):min(len(out), i+100)])
					}
				}
			}
		})
	}
}
