package stall

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		g := New(10 * time.Second)
		c := g.Wrap(a)
		end := g.Begin(t.Context())
		defer end()
		_, err := c.Read(make([]byte, 1))
		if !errors.Is(err, ErrStalled) || err.Error() != "no progress for 10s" {
			t.Errorf("Read = %v", err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, ErrStalled) {
			t.Errorf("Write after the trip = %v", err)
		}
	})
}

func TestSlowPeerIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		g := New(10 * time.Second)
		c := g.Wrap(a)
		go func() {
			for range 5 {
				time.Sleep(9 * time.Second)
				b.Write([]byte("x")) //nolint:errcheck // the reader checks
			}
			b.Close()
		}()
		end := g.Begin(t.Context())
		buf := make([]byte, 1)
		for range 5 {
			if _, err := c.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		end()
		time.Sleep(time.Hour) // between operations silence is no fault
		if g.Cause() != nil {
			t.Error(g.Cause())
		}
	})
}

func TestCancelCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		g := New(time.Hour)
		c := g.Wrap(a)
		ctx, cancel := context.WithCancel(t.Context())
		end := g.Begin(ctx)
		defer end()
		go func() { time.Sleep(time.Second); cancel() }()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Read = %v", err)
		}
	})
}

func TestPauseCostsNoAllocation(t *testing.T) {
	g := New(time.Hour)
	g.Resume()
	if n := testing.AllocsPerRun(100, func() { g.Resume(); g.progress(1); g.Pause() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAllowBoundsWhatIsReceived(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	g := New(time.Hour)
	c := g.Wrap(a)
	go func() {
		for {
			if _, err := b.Write(make([]byte, 100)); err != nil {
				return
			}
		}
	}()
	tooMuch := errors.New("too much")
	buf := make([]byte, 100)
	end := g.Allow(150, tooMuch)
	if _, err := c.Read(buf); err != nil || g.Cause() != nil {
		t.Fatal(err, g.Cause())
	}
	end()
	for range 3 {
		if _, err := c.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	g.Allow(150, tooMuch)
	for range 3 {
		_, _ = c.Read(buf)
	}
	if _, err := c.Read(buf); !errors.Is(err, tooMuch) {
		t.Errorf("Read = %v", err)
	}
}
