package share

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestPool(t *testing.T) {
	var p Pool
	var opened, closed atomic.Int32
	open := func() (any, func(), error) {
		return int(opened.Add(1)), func() { closed.Add(1) }, nil
	}
	var wg sync.WaitGroup
	hold := make(chan struct{})
	for range 20 {
		wg.Go(func() {
			v, release, err := p.Get("k", open)
			if err != nil || v != 1 {
				t.Errorf("%v, %v", v, err)
			}
			<-hold
			release()
			release() // releasing twice is releasing once
		})
	}
	// All twenty hold the value before any lets go, so it is opened once.
	for {
		p.mu.Lock()
		e := p.m["k"]
		n := 0
		if e != nil {
			n = e.users
		}
		p.mu.Unlock()
		if n == 20 {
			break
		}
	}
	close(hold)
	wg.Wait()
	if p.Len() != 0 || closed.Load() != opened.Load() {
		t.Errorf("%d held, %d opened, %d closed", p.Len(), opened.Load(), closed.Load())
	}
	v, release, err := p.Get("k", open)
	if err != nil || v == 1 {
		t.Errorf("after the last release the value is made anew: %v, %v", v, err)
	}
	release()
}

func TestPoolOpenFails(t *testing.T) {
	var p Pool
	fail := errors.New("down")
	for range 2 {
		if _, _, err := p.Get("k", func() (any, func(), error) { return nil, nil, fail }); !errors.Is(err, fail) {
			t.Error(err)
		}
		if p.Len() != 0 {
			t.Error("a failed open leaves nothing behind")
		}
	}
	v, release, err := p.Get("k", func() (any, func(), error) { return "up", nil, nil })
	if v != "up" || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	release()
}

// TestPoolClose: a value that holds itself, until it is closed, is closed with the pool.
func TestPoolClose(t *testing.T) {
	var p Pool
	var self func()
	closed := 0
	_, release, err := p.Get("k", func() (any, func(), error) {
		return "up", func() { closed++; self() }, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, self, err = p.Get("k", nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if p.Len() != 1 || closed != 0 {
		t.Errorf("%d held, closed %d times", p.Len(), closed)
	}
	p.Close()
	p.Close()
	if p.Len() != 0 || closed != 1 {
		t.Errorf("after Close: %d held, closed %d times", p.Len(), closed)
	}
}
