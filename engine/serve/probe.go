package serve

import (
	"context"
	"fmt"

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
	host := s.e.Hosts(p.Address, s.store.Identity(), s.log.With(zap.String("pipeline", p.Address)))
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
			if err := probeStep(ctx, pr, host(n.Address)); err != nil {
				return &exec.StepError{Step: n.Address, Err: err}
			}
		}
	}
	return nil
}

// probeStep asks one step. A panic of what it calls ends neither the change nor the server.
func probeStep(ctx context.Context, pr plugin.Prober, h plugin.Host) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b := plugin.Recovered(v, 0)
			h.Log().Error("a defect in the program ended a probe", zap.String("what", b.What), zap.Strings("stack", b.Stack))
			err = plugin.Fail(plugin.Environment, "env.client_defect", fmt.Errorf("a defect in the program came to light over what the other side said: %w", b), "Please report this with the lines that the log has about it")
		}
	}()
	return pr.Probe(ctx, h)
}
