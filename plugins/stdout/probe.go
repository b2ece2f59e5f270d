package stdout

import (
	"context"

	"weir/engine/plugin"
)

var _ plugin.Prober = (*Sink)(nil)

// Probe implements plugin.Prober: there is nothing to reach.
func (s *Sink) Probe(context.Context, plugin.Host) error { return nil }
