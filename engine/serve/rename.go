package serve

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"weir/engine/plan"
)

// partner returns the other half of a change of a name: the removal of the former
// one, the addition of the present one. It is nil when d is no such half, or the
// former pipeline is not served.
func partner(all []Done, d *Done) *Done {
	if d.From == "" && d.To == "" {
		return nil
	}
	for i := range all {
		o := &all[i]
		switch {
		case d.Kind == plan.Add && d.From != "" && o.Kind == plan.Remove && o.Pipeline == d.From && o.To == d.Pipeline,
			d.Kind == plan.Remove && d.To != "" && o.Kind == plan.Add && o.Pipeline == d.To && o.From == d.Pipeline:
			return o
		}
	}
	return nil
}

// rename ends a pipeline and begins it under its present name, once what is stored is
// that of the present one, or is out of its way: two names never run on the same rows. When
// that fails, the former one runs on. gone and d are its removal and its addition.
// The caller holds mu.
func (s *Server) rename(ctx context.Context, v *Verdict, gone, d *Done, t *target, answer string, wg *sync.WaitGroup) {
	old, p := s.pipes[gone.Pipeline], newPipeline(d.Pipeline)
	p.plan, p.is, p.revision, p.generation, p.sources, p.want = t.plan, t.desc.Fingerprint, t.revision, t.generation, t.sources, t
	p.busy++
	s.succeed(p)
	old.want, old.config, old.removed = nil, nil, true
	s.unqueue(old)
	s.inTurn(ctx, v, wg, []*pipeline{p, old}, []*Done{gone, d}, func(ds []*Done) { // always the younger first
		gone, d := ds[0], ds[1]
		s.finish(ctx, old, gone)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.renamed(old, p, gone, d, t, answer)
	})
}

// renamed makes p what old was, whose run has ended. The caller holds mu.
func (s *Server) renamed(old, p *pipeline, gone, d *Done, t *target, answer string) {
	old.session = nil
	if err := s.answer(d, t, answer); err != nil {
		s.unrename(old, p, gone, d, err)
		return
	}
	if err := s.book.Forget(old.address); err != nil { // nothing is stored there any more
		s.log.Error("that a pipeline has another name could not be recorded", zap.String("pipeline", old.address), zap.Error(err))
	}
	if next := s.vacate(old); next != nil { // it came back meanwhile, as another one
		is := s.newDescriber().Pipeline(next.plan)
		if err := s.record(next, &is); err != nil {
			s.log.Error("what is in effect could not be recorded", zap.String("pipeline", next.address), zap.Error(err))
		}
	}
	gone.done()
	s.adopt(p, t)
	s.free(p)
	d.done()
}

// unrename lets old run on, as p cannot take its place. The caller holds mu.
func (s *Server) unrename(old, p *pipeline, gone, d *Done, err error) {
	s.fail(p, d, err)
	gone.Outcome = d.Outcome
	p.removed, p.want = true, nil
	s.vacate(p)
	if old.successor != nil {
		s.vacate(old)
		return
	}
	old.removed, old.config = false, d.diags
	s.reschedule(old)
}

// succeed puts p into the place of its address, where a removal may still be under way.
// The caller holds mu.
func (s *Server) succeed(p *pipeline) {
	if old := s.pipes[p.address]; old != nil {
		old.successor = p
		p.busy++
	}
	s.pipes[p.address] = p
}

// vacate takes p, which has ended, from its address, and lets the pipeline begin that
// waits for it, which it returns; nil when none does. The caller holds mu.
func (s *Server) vacate(p *pipeline) *pipeline {
	next := p.successor
	if next == nil {
		delete(s.pipes, p.address)
		return nil
	}
	s.free(next)
	return next
}
