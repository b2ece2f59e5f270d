package sftp

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/engine/plugin/plugintest"
	"weir/engine/spec"
	"weir/engine/testkit/sftpserver"
)

// TestNothingIsLeft: sessions end with their goroutines, timers and places,
// also those whose login failed and those whose transfer was left.
func TestNothingIsLeft(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := startServer(t, sftpserver.Options{})
	s.Put("/a.bin", make([]byte, 4<<20), time.Time{})
	h := plugintest.NewHost(t, nil)
	for range 5 {
		c := connTo(t, s)
		c.Keepalive = time.Minute
		f, err := Open(t.Context(), c, h)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Open(t.Context(), "/a.bin", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		r.Close() //nolint:errcheck // left on purpose
		f.Close() //nolint:errcheck // tested elsewhere
		c.Password = spec.NewSecret("wrong-pw")
		if _, err := Open(t.Context(), c, h); err == nil {
			t.Error("a wrong password was accepted")
		}
	}
	s.Close() //nolint:errcheck // so that its goroutines end before they are counted
}
