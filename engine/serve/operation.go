package serve

import (
	"context"
	"fmt"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// UnknownError tells that no such pipeline is served.
type UnknownError struct {
	Pipeline string
	Did      string // what may have been meant; "" for nothing
}

// Error implements error.
func (e *UnknownError) Error() string {
	if e.Did != "" {
		return fmt.Sprintf("there is no pipeline %q; did you mean %q?", e.Pipeline, e.Did)
	}
	return fmt.Sprintf("there is no pipeline %q", e.Pipeline)
}

// find returns the pipeline at address. The caller holds mu.
func (s *Server) find(address string) (*pipeline, error) {
	if p := s.pipes[address]; p != nil && !p.removed {
		return p, nil
	}
	names := make([]string, 0, len(s.pipes))
	for a := range s.pipes {
		names = append(names, a)
	}
	return nil, &UnknownError{Pipeline: address, Did: diag.Suggest(address, names)}
}

// RunNow makes a pipeline run as soon as there is room for it, whatever its
// schedule says; one that runs runs once more after that.
func (s *Server) RunNow(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.find(address)
	if err != nil {
		return err
	}
	if p.run != nil || p.busy > 0 {
		p.again = true
		return nil
	}
	s.dueAt(p, s.clock.Now())
	return nil
}

// Exclusively calls f while no run of the pipeline is active, with the plan that is
// in effect. A run under way is asked to stop at its next commit; when it has not
// ended before ctx is done, f is not called and the error is that of ctx. Operations
// and changes of one pipeline come one after the other.
func (s *Server) Exclusively(ctx context.Context, address string, f func(p *plan.Pipeline, generation uint64, revision string) error) error {
	s.mu.Lock()
	p, err := s.find(address)
	s.mu.Unlock()
	if err == nil {
		err = s.owned()
	}
	if err != nil {
		return err
	}
	select {
	case p.changes <- struct{}{}:
		defer func() { <-p.changes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	if p.removed || s.pipes[address] != p { // a change came first
		s.mu.Unlock()
		return &UnknownError{Pipeline: address}
	}
	p.busy++
	r := p.run
	if r != nil {
		p.again = true // what it left goes on afterwards
		r.control.Stop()
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free(p)
	}()
	if r != nil {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	p.session = nil // f may take one of its own
	pl, gen, rev := p.plan, p.generation, p.revision
	s.mu.Unlock()
	return f(pl, gen, rev)
}

// Store returns the state store, for reading. It is closed with the server.
func (s *Server) Store() *state.Store { return s.store }

// StateDir returns the folder of the state store.
func (s *Server) StateDir() string { return s.dir }

// Plan says what a reload would do now, and changes nothing. The verdict has the
// outcome that the reload would have as far as that is known now; of its actions
// only those that would be refused have one.
func (s *Server) Plan(ctx context.Context, answer string) (*Planned, *Verdict) {
	s.loading.Lock()
	defer s.loading.Unlock()
	v := s.newVerdict(Request{Trigger: "plan", State: answer})
	l, ds := s.load(ctx)
	v.diags, v.sources = ds, l.Sources
	out := &Planned{Actions: []plan.Action{}}
	if l.Plan == nil || len(unattributed(ds, l.Plan)) > 0 {
		v.reject(nil)
		v.end(s.clock.Now())
		return out, v
	}
	next := s.describe(l.Plan)
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Revision, v.Generation = l.Plan.Revision, s.generation
	out.Base, out.Revision, out.Generation = s.base(), l.Plan.Revision, s.generation
	actions, held := s.compare(l.Plan, next)
	v.Kept = len(held)
	orphans := s.orphans(l.Plan, ds.HasErrors())
	out.Actions = append(out.Actions, actions...)
	s.judge(actions, func(address string) *target {
		pl := l.Plan.Pipeline(address)
		if pl == nil {
			return nil
		}
		return &target{plan: pl, desc: next.of(pl)}
	}, answer, orphans, v)
	for i := range v.Actions {
		s.countEffects(&v.Actions[i].Action)
	}
	s.engineChanged(l.Plan, v)
	v.would()
	v.end(s.clock.Now())
	return out, v
}

// Engine returns the engine block that is in effect.
func (s *Server) Engine() plan.EngineOptions { return s.engine }
