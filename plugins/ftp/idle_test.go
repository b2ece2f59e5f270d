package ftp

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"weir/engine/plugin"
	"weir/engine/share"
	"weir/engine/spec"
	"weir/engine/testkit/ftpserver"
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

// poll is what one run does: it opens, lists, reads and closes.
func poll(ctx context.Context, c *Connection, h plugin.Host) error {
	f, err := Open(ctx, c, h)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // tested elsewhere
	if _, err := f.List(ctx, "/"); err != nil {
		return err
	}
	_, err = readAll(ctx, f, "/a.csv")
	return err
}

// idleRig is a server with one file, a host that goes on, and a connection that stays open.
func idleRig(t *testing.T, mode string) (*ftpserver.Server, *lasting, *Connection) {
	t.Helper()
	h := &lasting{}
	s := startServer(t, ftpserver.Options{TLS: mode, RequireReuse: mode != "none"})
	s.Put("/a.csv", []byte("abc"), time.Time{})
	c := connTo(t, s, mode)
	c.Idle, c.Keepalive = time.Minute, time.Minute
	t.Cleanup(func() {
		h.pool.Close()
		if n := h.pool.Len(); n != 0 {
			t.Errorf("%d values are still shared", n)
		}
	})
	return s, h, c
}

func TestSessionsStayOpen(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, mode := range []string{"none", "explicit"} {
		t.Run(mode, func(t *testing.T) {
			s, h, c := idleRig(t, mode)
			for range 3 {
				again := *c // each plan makes its connections anew
				if err := poll(t.Context(), &again, h); err != nil {
					t.Fatal(err)
				}
			}
			if s.Logins() != 1 {
				t.Errorf("%d logins for three runs", s.Logins())
			}
			s.DropAll()
			if err := poll(t.Context(), c, h); err != nil {
				t.Errorf("after the connection was dropped: %v", err)
			}
			if s.Logins() != 2 {
				t.Errorf("%d logins, want one more", s.Logins())
			}
			h.pool.Close()
			if log := s.Log(); !slices.Contains(log, "QUIT") && !eventually(func() bool { return slices.Contains(s.Log(), "QUIT") }) {
				t.Error("the session that was left open did not end with QUIT")
			}
			s.Close() //nolint:errcheck // so that its goroutines end before they are counted
		})
	}
}

// eventually waits for what another goroutine does soon.
func eventually(ok func() bool) bool {
	for range 500 {
		if ok() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestIdleSessionsEnd(t *testing.T) {
	s, h, c := idleRig(t, "none")
	c.Idle, c.Keepalive = 60*time.Millisecond, 20*time.Millisecond
	if err := poll(t.Context(), c, h); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return h.pool.Len() == 0 }) {
		t.Fatal("a session stays open beyond its time")
	}
	if !eventually(func() bool { return slices.Contains(s.Log(), "QUIT") }) || !slices.Contains(s.Log(), "NOOP") {
		t.Errorf("commands: %v", s.Log())
	}
	if err := poll(t.Context(), c, h); err != nil || s.Logins() != 2 {
		t.Errorf("%v, %d logins", err, s.Logins())
	}
}

// TestIdleOfOtherSettings: a session is not used again by who would log in in
// another way, and makes room for it when the server allows no more.
func TestIdleOfOtherSettings(t *testing.T) {
	s, h, c := idleRig(t, "none")
	c.Sessions = 1
	if err := poll(t.Context(), c, h); err != nil {
		t.Fatal(err)
	}
	other := *c
	other.Password = spec.NewSecret("wrong-pw")
	if err := poll(t.Context(), &other, h); err == nil || !strings.Contains(err.Error(), "refused user") {
		t.Errorf("another password: %v", err)
	}
	if err := poll(t.Context(), c, h); err != nil {
		t.Error(err)
	}
	if s.Logins() != 2 {
		t.Errorf("%d logins", s.Logins())
	}
}

// TestSessionsLimitHoldsIdle: sessions left open count, over all steps.
func TestSessionsLimitHoldsIdle(t *testing.T) {
	s, h, c := idleRig(t, "none")
	c.Sessions = 2
	errs := make(chan error)
	for range 6 {
		go func() {
			own := *c
			errs <- poll(context.WithoutCancel(t.Context()), &own, h)
		}()
	}
	for range 6 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if s.Peak() > 2 || s.Logins() > 2 {
		t.Errorf("%d sessions at the same time, %d logins", s.Peak(), s.Logins())
	}
}

// TestLeftTransferIsNotKept: a session in the middle of a transfer cannot be used again.
func TestLeftTransferIsNotKept(t *testing.T) {
	s, h, c := idleRig(t, "none")
	s.Put("/big.bin", make([]byte, 8<<20), time.Time{})
	f, err := Open(t.Context(), c, h)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Open(t.Context(), "/big.bin", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	f.Close() //nolint:errcheck // tested elsewhere
	if h.pool.Len() != 0 {
		t.Error("the session was left open")
	}
	if err := poll(t.Context(), c, h); err != nil || s.Logins() != 2 {
		t.Errorf("%v, %d logins", err, s.Logins())
	}
}
