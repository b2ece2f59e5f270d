package stall

import (
	"context"
	"errors"
	"io"
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

// feed reads until c fails or the peer has sent bytes pieces times, 9 seconds apart.
func feed(t *testing.T, g *Guard, wrap func(net.Conn) *Conn, bytes, pieces int) error {
	t.Helper()
	a, b := net.Pipe()
	c, done := wrap(a), make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		defer b.Close() //nolint:errcheck // the reader checks
		for range pieces {
			time.Sleep(9 * time.Second)
			if _, err := b.Write(make([]byte, bytes)); err != nil {
				return
			}
		}
	}()
	defer g.Begin(t.Context())()
	buf := make([]byte, bytes)
	for range pieces {
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return nil
}

func TestSlowTransferMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(10 * time.Second)
		if err := feed(t, g, g.WrapData, 10*Least, 5); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // between operations silence is no fault
		if g.Cause() != nil {
			t.Error(g.Cause())
		}
	})
}

// Single bytes are no progress, and on other connections nothing is.
func TestTrickleStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(10 * time.Second)
		if err := feed(t, g, g.WrapData, 1, 100); !errors.Is(err, ErrStalled) {
			t.Errorf("byte by byte: %v", err)
		}
		g = New(10 * time.Second)
		if err := feed(t, g, g.Wrap, 10*Least, 100); !errors.Is(err, ErrStalled) {
			t.Errorf("a flood: %v", err)
		}
	})
}

// The time of a step goes on where it was after a pause of the caller.
func TestPauseDoesNotRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(10 * time.Second)
		g.Begin(t.Context())()
		for range 3 {
			g.Resume()
			time.Sleep(3 * time.Second)
			g.Pause()
			time.Sleep(time.Hour)
		}
		if g.Cause() != nil {
			t.Fatal(g.Cause())
		}
		g.Step()
		for range 4 {
			g.Resume()
			time.Sleep(3 * time.Second)
			g.Pause()
		}
		if !errors.Is(g.Cause(), ErrStalled) {
			t.Errorf("after 12 s of waiting: %v", g.Cause())
		}
	})
}

// A listing has few steps that bring nothing.
func TestEmptyStepsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(10 * time.Second)
		defer g.Begin(t.Context())()
		defer g.Allow(1<<30, errors.New("too much"))()
		steps := 0
		for ; g.Cause() == nil && steps < 1000; steps++ {
			time.Sleep(5 * time.Second)
			g.Step()
		}
		if !errors.Is(g.Cause(), ErrStalled) || steps < freeSteps {
			t.Errorf("%d steps, %v", steps, g.Cause())
		}
	})
}

// Nor is one without end that brings nothing, however fast.
func TestFastEmptySteps(t *testing.T) {
	g, cause := New(time.Hour), errors.New("no end")
	defer g.Begin(t.Context())()
	end := g.Allow(1<<30, cause)
	for range 1000 {
		g.Moved(nothing)
		g.Step()
	}
	if g.Cause() != nil {
		t.Fatal(g.Cause())
	}
	for range 1000 {
		g.Moved(nothing / 2)
		g.Step()
	}
	end()
	if !errors.Is(g.Cause(), cause) {
		t.Error(g.Cause())
	}
}

func TestFarewellIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(time.Hour)
		defer g.Farewell()()
		time.Sleep(2 * time.Second)
		if !errors.Is(g.Cause(), ErrStalled) {
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
	if n := testing.AllocsPerRun(100, func() { g.Resume(); g.Moved(1 << 20); g.received(1); g.Step(); g.Pause() }); n != 0 {
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
