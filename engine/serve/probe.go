package serve

import (
	"context"

	"go.uber.org/zap"

	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/plugin"
)

// probe opens the sources and sinks that changed, and closes them again.
func (s *Server) probe(ctx context.Context, p *plan.Pipeline, d *Done) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over, stop := s.after(ctx, s.o.Drain)
	defer stop()
	go func() {
		<-over
		cancel()
	}()
	host := s.e.Hosts(p.Address, s.log.With(zap.String("pipeline", p.Address)))
	for _, n := range p.Nodes {
		changed := false
		for i := range d.Reasons {
			changed = changed || d.Reasons[i].Step == n.Address || d.Reasons[i].Step == ""
		}
		var x any = n.Source
		if n.Sink != nil {
			x = n.Sink
		}
		if pr, ok := x.(plugin.Prober); ok && changed {
			if err := pr.Probe(ctx, host(n.Address)); err != nil {
				return &exec.StepError{Step: n.Address, Err: err}
			}
		}
	}
	return nil
}
