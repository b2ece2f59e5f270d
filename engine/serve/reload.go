package serve

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
)

// settleReads is how often a folder that changes while it is read is read anew.
const settleReads = 5

// Reload reads the folder and takes what changed. It returns when every action is
// done, has failed, has left a hanging run behind, or waits for an operation that takes
// longer than the drain time; other reloads may go on meanwhile. The error is
// that of ctx: the reload then goes on, and its verdict is in the history.
func (s *Server) Reload(ctx context.Context, r Request) (*Verdict, error) {
	s.reading(1)
	v, _, settled := s.reload(r)
	select {
	case <-settled:
		return v, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Take is Reload for those who do not ask for the verdict: it returns when the folder
// is read and everything that follows from it is under way, so that a pipeline that takes
// its time does not hold up what changes next. The verdict is in the history.
func (s *Server) Take(ctx context.Context, r Request) error {
	s.reading(1)
	_, decided, _ := s.reload(r)
	select {
	case <-decided:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reload begins a reload that is counted as going on; its verdict is complete when
// settled is closed.
func (s *Server) reload(r Request) (v *Verdict, decided, settled chan struct{}) {
	v, decided, settled = s.newVerdict(r), make(chan struct{}), make(chan struct{})
	s.wg.Go(func() {
		defer close(settled)
		s.loading.Lock()
		l, ds := s.whole(s.ctx)
		done := s.decide(s.ctx, l, ds, v, r)
		s.loading.Unlock()
		s.reading(-1)
		close(decided)
		s.settle(v, done)
	})
	return v, decided, settled
}

// read loads the folder as it is at one moment: files that change while they are
// read are read anew.
func (s *Server) read(ctx context.Context) (*engine.Loaded, diag.List) {
	for n := 1; ; n++ {
		l, ds := s.load(ctx)
		s.seenNow(l)
		name, changed := l.Changed()
		if !changed || n == settleReads {
			return l, ds
		}
		s.log.Debug("a file changed while the folder was read; it is read again", zap.String("file", name))
	}
}

// load reads and plans the folder, using again what did not change since the last time.
func (s *Server) load(ctx context.Context) (*engine.Loaded, diag.List) {
	in := s.o.Inputs
	in.Cache, in.Had = s.cache, s.written.had
	l, ds := s.e.LoadAfter(ctx, s.o.Folder, in, s.planned)
	if l.Plan != nil && ctx.Err() == nil {
		s.planned = l.Plan
		var linked diag.List
		l.Plan, linked = s.e.Linked(l.Plan)
		ds = append(ds, linked...)
	}
	return l, ds
}

// seenNow notes what was read last.
func (s *Server) seenNow(l *engine.Loaded) {
	s.mu.Lock()
	s.sources = l.Sources
	if l.Plan != nil {
		s.seen = l.Plan.Revision
	}
	s.mu.Unlock()
	s.o.Changed(l.Paths())
}

// target is what a pipeline is to become.
type target struct {
	plan       *plan.Pipeline
	desc       *plan.PipelineDescription
	revision   string
	generation uint64
	sources    map[string][]byte
}

// decide compares a configuration with what is in effect and begins what follows
// from it. Nothing that runs is touched before everything is planned (I8). The
// actions under way write to the verdict until the group is done.
func (s *Server) decide(ctx context.Context, l *engine.Loaded, ds diag.List, v *Verdict, r Request) *sync.WaitGroup {
	v.diags, v.sources = ds, l.Sources
	wg := &sync.WaitGroup{}
	if l.Plan == nil {
		v.reject(nil)
		return wg
	}
	v.Revision = l.Plan.Revision
	if err := s.owned(); err != nil {
		v.reject(ownerDiagnostics(err))
		return wg
	}
	if all := unattributed(ds, l.Plan); len(all) > 0 {
		v.reject(nil)
		s.holdAll(all)
		return wg
	}
	next := s.describe(l.Plan)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		v.reject(diag.List{diag.Errorf("serve.stopping", nil, "The server is stopping", "The configuration is read when it starts again.")})
		return wg
	}
	actions, held := s.compare(l.Plan, next)
	if r.Plan != nil {
		if d := s.contradicts(r.Plan, l.Plan.Revision, actions); d != nil {
			v.reject(diag.List{*d})
			return wg
		}
	}
	for a, ds := range held {
		s.pipes[a].config = ds.Bounded(toldProblems, toldBytes)
	}
	v.Kept = len(held)
	if l.Config.Root.Engine != nil || !ds.HasErrors() { // else the file that has the block may be the one that is wrong
		s.takeLogLevel(&l.Plan.Engine)
		s.engineChanged(l.Plan, v)
	}
	s.gather(func() { s.begun(ctx, l, next, actions, v, r, wg) })
	return wg
}

// begun starts the actions. The caller holds mu.
func (s *Server) begun(ctx context.Context, l *engine.Loaded, next *described, actions []plan.Action, v *Verdict, r Request, wg *sync.WaitGroup) {
	generation := s.allotted + 1
	planned := make(map[string]*plan.Pipeline, len(l.Plan.Pipelines))
	for _, p := range l.Plan.Pipelines {
		planned[p.Address] = p
	}
	to := func(address string) *target {
		pl := planned[address]
		if pl == nil {
			return nil
		}
		return &target{plan: pl, desc: next.of(pl), revision: l.Plan.Revision, generation: generation, sources: l.Sources}
	}
	s.retry = false
	targets := s.judge(actions, to, r.State, s.orphans(l.Plan, v.diags.HasErrors()), v)
	for _, a := range actions {
		if p := s.pipes[a.Pipeline]; a.Kind == plan.Keep && p != nil {
			p.config = nil // a break that was mended leaves nothing behind
		}
	}
	for i := range v.Actions {
		d, t := &v.Actions[i], targets[i]
		if d.Outcome == ActionRefused {
			s.held(v.Actions, d)
			continue
		}
		s.allotted = generation
		renamed := partner(v.Actions, d)
		if d.Kind != plan.Restart && renamed == nil { // these may fail yet
			s.effective(generation, l.Plan.Revision)
		}
		switch {
		case renamed == nil:
			s.change(ctx, v, d, t, r.State, wg)
		case d.Kind == plan.Add:
			s.rename(ctx, v, renamed, d, t, r.State, wg)
		}
	}
}

// judge makes the actions of a verdict, those refused that would break stored state,
// and returns what each is to lead to, nil for a removal. The caller holds mu.
func (s *Server) judge(actions []plan.Action, to func(address string) *target, answer string, orphans func() []plan.PipelineDescription, v *Verdict) []*target {
	v.Actions = make([]Done, 0, len(actions)) // the elements are written to while actions go on: it must not move
	var targets []*target
	for _, a := range actions {
		if a.Kind == plan.Keep {
			v.Kept++
			continue
		}
		v.Actions, targets = append(v.Actions, Done{Action: a}), append(targets, to(a.Pipeline))
		s.refused(&v.Actions[len(v.Actions)-1], targets[len(targets)-1], answer, orphans)
	}
	for i := range v.Actions { // what is to be renamed and may not is not removed either
		if old := partner(v.Actions, &v.Actions[i]); old != nil && old.Kind == plan.Remove && v.Actions[i].Outcome == ActionRefused {
			old.Outcome = ActionRefused
		}
	}
	return targets
}

// held notes on a pipeline why an action that was refused is not in effect. The caller holds mu.
func (s *Server) held(all []Done, d *Done) {
	p := s.pipes[d.Pipeline]
	if p == nil {
		return
	}
	p.config = d.diags
	if as := partner(all, d); as != nil && d.Kind == plan.Remove {
		p.config = as.diags
	}
}

// effective notes that something of a generation is in effect. The caller holds mu.
func (s *Server) effective(generation uint64, revision string) {
	if generation >= s.generation {
		s.generation, s.revision = generation, revision
	}
}

// holdAll notes on every pipeline why the newest configuration is not in effect.
func (s *Server) holdAll(ds diag.List) {
	ds = ds.Bounded(toldProblems, toldBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pipes {
		p.config = ds
	}
}

// unattributed returns the errors of ds that concern no pipeline in particular.
func unattributed(ds diag.List, p *plan.Plan) diag.List {
	type place struct {
		code    diag.Code
		summary string
		subject string
	}
	at := func(d diag.Diagnostic) place {
		x := place{code: d.Code, summary: d.Summary}
		if d.Subject != nil {
			x.subject = d.Subject.String()
		}
		return x
	}
	known := map[place]bool{}
	for _, f := range p.Failed {
		for _, d := range f.Diags {
			known[at(d)] = true
		}
	}
	for _, d := range p.Narrow() {
		known[at(d)] = true
	}
	var out diag.List
	for _, d := range ds {
		if d.Severity == diag.Error && !known[at(d)] {
			out = append(out, d)
		}
	}
	return out
}

// settle waits for the actions of a verdict and keeps it.
func (s *Server) settle(v *Verdict, wg *sync.WaitGroup) {
	wg.Wait()
	v.end(s.clock.Now())
	s.keep(v)
}
