package engine_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/testkit/ftpserver"
	"weir/plugins/csv"
	"weir/plugins/ftp"
	"weir/plugins/stdout"
)

const twoPollers = `
connection "ftp" "erp" {
  host     = "ftp.example.com"
  user     = "weir"
  password = "s3cret-pw"
}
pipeline "orders" {
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "/orders/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
pipeline "stock" {
  source "ftp" "files" {
    connection = connection.ftp.erp
    path       = "/stock/*.csv"
    ready      = "now"
  }
  decode "csv" {
    columns = { id = "text" }
  }
  sink "stdout" "out" {}
}
`

// TestConnectionsStayOpen: where the process goes on, runs of all pipelines that
// use a connection share its session, also when the configuration was loaded
// anew in between; elsewhere each run logs in and out.
func TestConnectionsStayOpen(t *testing.T) {
	for _, keep := range []bool{true, false} {
		s, err := ftpserver.New(ftpserver.Options{User: "weir", Password: "s3cret-pw"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a server of this test
		s.Put("/orders/a.csv", []byte("id\n1\n"), time.Time{})
		s.Put("/stock/a.csv", []byte("id\n1\n"), time.Time{})
		dir := t.TempDir()
		file := filepath.Join(dir, "poll.hcl")
		if err := os.WriteFile(file, []byte(twoPollers), 0o600); err != nil {
			t.Fatal(err)
		}
		e, ds := engine.New(engine.Options{
			Plugins: []plugin.Plugin{ftp.Plugin(), csv.Plugin(), stdout.Plugin(io.Discard)}, KeepOpen: keep,
			Endpoints: map[string]plugin.Endpoint{"ftp.erp": {Addr: s.Addr(), TLS: "none"}},
		})
		if ds.HasErrors() {
			t.Fatal(ds.Err())
		}
		defer e.Close()
		for range 3 {
			l, ds := e.Load(t.Context(), file, engine.Inputs{})
			if ds.HasErrors() {
				t.Fatal(ds.Err())
			}
			if _, err := e.Run(t.Context(), l, engine.RunOptions{StateDir: filepath.Join(dir, "state")}); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.Logins(); keep && n > 2 || !keep && n != 6 {
			t.Errorf("KeepOpen %v: %d logins for three runs of two pipelines", keep, n)
		}
	}
}
