package stdout

import (
	"io"
	"testing"

	"weir/engine/plugin/plugintest"
)

func TestProbe(t *testing.T) {
	plugintest.Probe(t, plugintest.ProbeCase{Good: &Sink{out: &output{w: io.Discard}}})
}
