package ftp

import (
	"context"

	"weir/engine/plugin"
)

var _ plugin.Prober = (*Source)(nil)

// Probe implements plugin.Prober: it logs in and lists the folder of path.
func (s *Source) Probe(ctx context.Context, h plugin.Host) error {
	return plugin.ProbeFiles(ctx, s, h)
}
