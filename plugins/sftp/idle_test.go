package sftp

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/share"
	"weir/engine/testkit/sftpserver"
)

// lasting is the host of a process that goes on after a run.
type lasting struct{ pool share.Pool }

func (*lasting) Log() *zap.Logger        { return zap.NewNop() }
func (*lasting) Clock() plugin.Clock     { return plugin.SystemClock{} }
func (*lasting) Lasting() bool           { return true }
func (*lasting) Machine() plugin.Machine { return plugin.SystemMachine{} }

func (l *lasting) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	return l.pool.Get(key, open)
}

// TestSessionsStayOpen: what the pool of sessions does is tested with FTP; here
// that SFTP's can be kept, dropped and ended.
func TestSessionsStayOpen(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := startServer(t, sftpserver.Options{})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	h := &lasting{}
	c := connTo(t, s)
	c.Idle, c.Keepalive = time.Minute, 10*time.Millisecond
	for run := range 4 {
		if run == 3 {
			s.DropAll()
		}
		again := *c // each plan makes its connections anew
		f, err := Open(t.Context(), &again, h)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := readAll(t, f, "/a.csv"); n != 3 || err != nil {
			t.Errorf("run %d: %d bytes, %v", run, n, err)
		}
		f.Close()                         //nolint:errcheck // tested elsewhere
		time.Sleep(30 * time.Millisecond) // signs of life are asked for meanwhile
	}
	if s.Logins() != 2 {
		t.Errorf("%d logins, want one, and one after the server dropped it", s.Logins())
	}
	h.pool.Close()
	if n := h.pool.Len(); n != 0 {
		t.Errorf("%d values are still shared", n)
	}
	s.Close() //nolint:errcheck // so that its goroutines end before they are counted
}
