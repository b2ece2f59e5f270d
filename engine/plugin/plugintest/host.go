// Package plugintest checks that plugins keep the contracts of package plugin.
// A plugin's own test is about fifteen lines: it builds what is to be tested
// and hands it to the suite of its kind.
package plugintest

import (
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"weir/engine/plugin"
)

// Host is a plugin.Host for tests. It is safe for use by several goroutines.
type Host struct {
	clock plugin.Clock
	log   *zap.Logger
	logs  *observer.ObservedLogs

	mu     sync.Mutex
	shared map[string]*share
}

type share struct {
	v     any
	close func()
	users int
}

// NewHost returns a host whose log is kept (see Logs). A nil clock is the
// machine's. When the test ends, everything shared must have been released.
func NewHost(t testing.TB, clock plugin.Clock) *Host {
	if clock == nil {
		clock = plugin.SystemClock{}
	}
	core, logs := observer.New(zapcore.DebugLevel)
	h := &Host{clock: clock, log: zap.New(core), logs: logs, shared: map[string]*share{}}
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for k := range h.shared {
			t.Errorf("%q is still shared at the end of the test", k)
		}
	})
	return h
}

// Log implements plugin.Host.
func (h *Host) Log() *zap.Logger { return h.log }

// Clock implements plugin.Host.
func (h *Host) Clock() plugin.Clock { return h.clock }

// Machine implements plugin.Host.
func (h *Host) Machine() plugin.Machine { return plugin.SystemMachine{} }

// Logs returns what was logged so far.
func (h *Host) Logs() []observer.LoggedEntry { return h.logs.All() }

// Share implements plugin.Host.
func (h *Host) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shared[key]
	if s == nil {
		v, closeIt, err := open()
		if err != nil {
			return nil, nil, err
		}
		s = &share{v: v, close: closeIt}
		h.shared[key] = s
	}
	s.users++
	var once sync.Once
	return s.v, func() { once.Do(func() { h.release(key, s) }) }, nil
}

func (h *Host) release(key string, s *share) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(h.shared, key)
		s.close()
	}
}
