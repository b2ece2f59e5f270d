package ftp

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/engine/plugin/plugintest"
	"weir/engine/testkit/ftpserver"
)

// TestNothingIsLeft: sessions end with their goroutines, timers and places,
// also those whose login failed and those whose transfer was left.
func TestNothingIsLeft(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := startServer(t, ftpserver.Options{TLS: "explicit"})
	s.Put("/a.bin", make([]byte, 1<<20), time.Time{})
	h := plugintest.NewHost(t, nil)
	for range 5 {
		c := connTo(t, s, "explicit")
		c.Keepalive = time.Minute
		f, err := Open(t.Context(), c, h)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Open(t.Context(), "/a.bin", 0)
		if err != nil {
			t.Fatal(err)
		}
		r.Close() //nolint:errcheck // left on purpose
		f.Close() //nolint:errcheck // tested elsewhere
		c.CA = ""
		if _, err := Open(t.Context(), c, h); err == nil {
			t.Error("a certificate that nobody signed was accepted")
		}
	}
	s.Close() //nolint:errcheck // so that its goroutines end before they are counted
}
