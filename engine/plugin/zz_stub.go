package plugin

import "context"

type Prober interface {
	Probe(ctx context.Context, h Host) error
}
