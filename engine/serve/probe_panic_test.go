package serve

import (
	"context"
	"errors"
	"strings"
	"testing"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

type bursting struct{}

// Probe implements plugin.Prober.
func (bursting) Probe(context.Context, plugin.Host) error { panic("hunter2") }

// TestProbesMayPanic: what a library makes of an answer ends the probe, not the server.
func TestProbesMayPanic(t *testing.T) {
	h := plugintest.NewHost(t, nil)
	err := probeStep(t.Context(), bursting{}, h)
	var f *plugin.Failure
	if !errors.As(err, &f) || f.Code != "env.client_defect" || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "bursting") || len(h.Logs()) != 1 {
		t.Errorf("%v, logged %v", err, h.Logs())
	}
}
