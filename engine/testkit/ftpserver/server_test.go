package ftpserver

import (
	"strings"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
)

// TestUploads covers what a file source never does: storing, resuming, appending.
func TestUploads(t *testing.T) {
	s, err := New(Options{User: "weir", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test is over
	c, err := ftp.Dial(s.Addr(), ftp.DialWithTimeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"login", func() error { return c.Login("weir", "secret") }},
		{"mkd", func() error { return c.MakeDir("/out") }},
		{"stor", func() error { return c.Stor("/out/a.part", strings.NewReader("hello wxyz")) }},
		{"rest stor", func() error { return c.StorFrom("/out/a.part", strings.NewReader("world"), 6) }},
		{"appe", func() error { return c.Append("/out/a.part", strings.NewReader("!")) }},
		{"rename", func() error { return c.Rename("/out/a.part", "/out/a.txt") }},
		{"quit", c.Quit},
	}
	for _, st := range steps {
		if err := st.do(); err != nil {
			t.Fatalf("%s: %v", st.name, err)
		}
	}
	if b, err := s.Get("/out/a.txt"); err != nil || string(b) != "hello world!" {
		t.Errorf("Get = %q, %v", b, err)
	}
	log := strings.Join(s.Log(), "\n")
	if strings.Contains(log, "secret") || !strings.Contains(log, "PASS ***") {
		t.Errorf("log:\n%s", log)
	}
	if s.Logins() != 1 {
		t.Errorf("%d logins", s.Logins())
	}
}

func TestBadOptions(t *testing.T) {
	if _, err := New(Options{TLS: "starttls"}); err == nil {
		t.Error("an unknown TLS mode was accepted")
	}
}
