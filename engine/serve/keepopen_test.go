package serve_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"weir/engine"
	"weir/engine/serve"
	"weir/engine/testkit/ftpserver"
	"weir/plugins/all"
)

// Polls of one pipeline log in once where connections stay open, and each for
// itself where they do not; no session is left when the engine is closed.
func TestPollsShareASession(t *testing.T) {
	for _, keep := range []bool{true, false} {
		f, err := ftpserver.New(ftpserver.Options{User: "weir", Password: "s3cret-pw"})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // a server of this test
		f.Put("/in/a.csv", []byte("id\n1\n"), time.Time{})
		r := newRig(t, map[string]string{"config/a.hcl": fmt.Sprintf(`
connection "ftp" "erp" {
  host     = "127.0.0.1"
  port     = %d
  tls      = "none"
  user     = "weir"
  password = "s3cret-pw"
}
pipeline "a" {
  schedule = "every 1h"
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "/in/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "trap" "out" {
    trap = "a"
  }
}
`, f.Port())})
		e, ds := engine.New(engine.Options{Plugins: append(all.Plugins(io.Discard), r.traps.plugin()), KeepOpen: keep})
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		defer e.Close()
		r.o.Engine = e
		s, _, err := serve.Start(context.Background(), r.o)
		if err != nil {
			t.Fatal(err)
		}
		r.server = s
		for n := int64(1); n <= 2; n++ {
			r.until("a poll", func() bool { p, _ := s.Pipeline("a"); return p.Runs == n && p.Run == nil })
			if err := s.RunNow("a"); err != nil {
				t.Fatal(err)
			}
		}
		r.until("the last poll", func() bool { p, _ := s.Pipeline("a"); return p.Runs == 3 && p.Run == nil })
		if got, want := f.Logins(), map[bool]int{true: 1, false: 3}[keep]; got != want {
			t.Errorf("KeepOpen %v: %d logins for three polls, want %d", keep, got, want)
		}
		r.stop()
	}
}
