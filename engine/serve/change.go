package serve

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/schedule"
)

// change begins an action: at once where no run is concerned, else in a goroutine
// of its own, so that a pipeline that hangs holds up no other. The caller holds mu.
func (s *Server) change(ctx context.Context, v *Verdict, d *Done, t *target, answer string, wg *sync.WaitGroup) {
	if d.Kind == plan.Add {
		s.add(d, t, answer)
		return
	}
	p := s.pipes[d.Pipeline]
	p.want, p.config = t, nil
	if d.Kind == plan.Remove {
		p.removed = true
		s.unqueue(p)
	}
	s.inTurn(ctx, v, wg, []*pipeline{p}, []*Done{d}, func(ds []*Done) {
		d := ds[0]
		switch {
		case d.Kind == plan.Swap && !d.Breaks(): // what is stored may only change while nothing runs
			s.swap(ctx, p, d, t)
		case d.Kind == plan.Remove:
			s.remove(ctx, p, d)
		default:
			s.restart(ctx, p, d, t, answer)
		}
	})
}

// add begins to serve a pipeline. The caller holds mu.
func (s *Server) add(d *Done, t *target, answer string) {
	p := newPipeline(d.Pipeline)
	if err := s.answer(d, t, answer); err != nil {
		s.fail(p, d, err)
		return
	}
	s.succeed(p)
	s.adopt(p, t)
	s.first(p)
	d.Outcome = ActionDone
}

// adopt makes t what p is. The caller holds mu.
func (s *Server) adopt(p *pipeline, t *target) {
	p.plan, p.is, p.revision, p.generation, p.sources = t.plan, t.desc.Fingerprint, t.revision, t.generation, t.sources
	p.hosts = hostsOf(t.plan)
	sch, err := schedule.Parse(t.plan.Schedule, t.plan.Timezone)
	if err != nil { // the plan has checked it
		s.log.Error("a schedule cannot be read", zap.String("pipeline", p.address), zap.Error(err))
	}
	p.schedule = sch
	if p.want == t {
		p.want = nil
	}
	s.effective(t.generation, t.revision)
	if err := s.record(p, t.desc); err != nil {
		s.log.Error("what is in effect could not be recorded", zap.String("pipeline", p.address), zap.Error(err))
	}
}

// startPause is between the first runs of two pipelines when many begin together.
const startPause = 10 * time.Millisecond

// first queues a pipeline that has not run yet in this process. One that is overdue
// runs at once; where there are many, their first runs are spread. The caller holds mu.
func (s *Server) first(p *pipeline) {
	now := s.clock.Now()
	var last time.Time
	if runs, err := s.store.Runs(p.address, 1); err == nil && len(runs) > 0 { // without it, it counts as overdue
		last = runs[0].Started
	}
	t, ok := p.schedule.First(now, last)
	if !ok {
		return
	}
	if !t.After(now) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(p.address)) // never fails
		t = now.Add(time.Duration(h.Sum64()%uint64(max(1, len(s.pipes)))) * startPause)
	}
	s.dueAt(p, t)
}

// reschedule queues p as its present schedule says. The caller holds mu.
func (s *Server) reschedule(p *pipeline) {
	if p.run != nil || p.removed {
		return // the end of the run does
	}
	if p.began.IsZero() {
		s.unqueue(p)
		s.first(p)
		return
	}
	if t, ok := p.schedule.Next(s.clock.Now(), p.began); ok {
		s.dueAt(p, t)
	} else {
		s.unqueue(p)
	}
}

// hostsOf names the remote hosts that a run of a pipeline talks to.
func hostsOf(p *plan.Pipeline) []string {
	var out []string
	add := func(x any) {
		l, ok := x.(plugin.Located)
		if !ok {
			return
		}
		if f, ok := x.(plugin.FolderReader); ok && f.Folder().Place == "" {
			return
		}
		loc := l.Location()
		for _, o := range out {
			if o == loc {
				return
			}
		}
		out = append(out, loc)
	}
	for _, n := range p.Nodes {
		switch {
		case n.Source != nil:
			add(n.Source)
		case n.Sink != nil:
			add(n.Sink)
		}
	}
	return out
}

// swap gives p new stateless steps and settings; a run takes them between two batches.
func (s *Server) swap(ctx context.Context, p *pipeline, d *Done, t *target) {
	s.mu.Lock()
	if p.want != t { // a later change came first and includes this one
		s.mu.Unlock()
		d.Outcome = ActionDone
		return
	}
	r := p.run
	timing := p.plan.Schedule != t.plan.Schedule || p.plan.Timezone != t.plan.Timezone
	s.adopt(p, t)
	if r == nil {
		if timing || p.failures > 0 {
			s.reschedule(p)
		}
		s.mu.Unlock()
		d.Outcome = ActionDone
		return
	}
	p.busy++
	s.mu.Unlock()
	taken := r.control.Swap(exec.Change{
		Pipeline: t.plan, Revision: t.revision, Generation: t.generation,
		Lend: func(id string) (*zap.Logger, func(string) plugin.Host) {
			log := s.e.RunLog(p.address, t.revision, t.generation, id)
			return log, s.e.Hosts(p.address, s.store.Identity(), log)
		},
	})
	err, late := s.await(ctx, r, taken)
	switch {
	case late:
		s.halt(ctx, p, r, d)
	case err != nil && !errors.Is(err, exec.ErrOver):
		s.log.Warn("a run could not take the new plan; the next one does", zap.String("pipeline", p.address), zap.Error(err))
	}
	s.mu.Lock()
	s.free(p)
	s.mu.Unlock()
	d.done()
}

// await waits for an answer, for the drain time at most.
func (s *Server) await(ctx context.Context, r *run, answer <-chan error) (err error, late bool) { //nolint:revive // the answer is an error as a value
	over, stop := s.waitFor(ctx, r.control.Pending, s.o.Drain)
	defer stop()
	select {
	case err = <-answer:
		return err, false
	case <-over:
		return nil, true
	}
}

// after returns a channel that is closed after d, or when ctx is done.
func (s *Server) after(ctx context.Context, d time.Duration) (<-chan struct{}, func()) {
	return s.at(ctx, s.clock.Now().Add(d))
}

// at is after with the time itself.
func (s *Server) at(ctx context.Context, until time.Time) (<-chan struct{}, func()) {
	ctx, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = s.sleepUntil(ctx, until) // either way it is over
	}()
	return over, stop
}

// done sets the outcome of an action that is in effect.
func (d *Done) done() {
	if d.Outcome == "" {
		d.Outcome = ActionDone
	}
}

// free ends a change or an operation of p and lets it run again. The caller holds mu.
func (s *Server) free(p *pipeline) {
	p.busy--
	if p.busy > 0 || p.removed || p.run != nil || s.stopping {
		return
	}
	switch {
	case p.again:
		p.again = false
		s.dueAt(p, s.clock.Now())
	case p.index < 0 && !p.due.IsZero():
		s.dueAt(p, p.due)
	case p.index < 0:
		s.reschedule(p)
	}
}

// restart stops p at a commit and begins it anew as t, which goes on from there.
// When what is new in it cannot be opened, p runs on as it is.
func (s *Server) restart(ctx context.Context, p *pipeline, d *Done, t *target, answer string) {
	if err := s.probe(ctx, t.plan, d); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(p, d, err)
		if p.want == t {
			p.want = nil
		}
		return
	}
	s.mu.Lock()
	if p.want != t {
		s.mu.Unlock()
		d.done()
		return
	}
	p.busy++
	s.mu.Unlock()
	ran := s.finish(ctx, p, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.session = nil
	if err := s.answer(d, t, answer); err != nil {
		s.fail(p, d, err)
		p.want = nil
		s.free(p)
		return
	}
	s.adopt(p, t)
	if p.failures > 0 { // what was wrong may be right now: it does not wait any longer
		s.unqueue(p)
		p.again = true
	}
	p.recovered()
	if p.due.IsZero() && p.index < 0 && !p.again {
		p.again = ran
	}
	s.free(p)
	d.done()
}

// late waits for the end of r, for the drain time at most.
func (s *Server) late(ctx context.Context, r *run) bool {
	over, stop := s.waitFor(ctx, r.active, s.o.Drain)
	defer stop()
	select {
	case <-r.done:
		return false
	case <-over:
		return true
	}
}

// halt cancels a run that did not stop, and leaves it behind when that does not
// end it either: whatever it still asks of the store is refused, since the next
// session of the pipeline has a later epoch.
func (s *Server) halt(ctx context.Context, p *pipeline, r *run, d *Done) {
	r.cancel()
	over, stop := s.waitFor(ctx, r.active, s.o.Grace)
	defer stop()
	select {
	case <-r.done:
		return
	case <-over:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-r.done:
		return
	default:
	}
	r.left = true
	p.run = nil
	p.fenced = append(p.fenced, r)
	p.session = nil
	p.again = true
	s.running--
	s.leave(r.hosts)
	if err := s.fence(context.WithoutCancel(ctx), p); err != nil {
		s.log.Error("a hanging run could not be fenced off", zap.String("pipeline", p.address), zap.Error(err))
	}
	d.Outcome, d.Left = ActionFenced, r.where()
	d.diags = append(d.diags, diag.Warnf("serve.fenced", nil, "A run of "+p.address+" did not stop and was left behind",
		"It hangs at %s since %s. It can commit nothing any more; what it did not commit is done again, with the same keys.", d.Left, r.began.UTC().Format(time.RFC3339)))
	s.log.Warn("a run did not stop and was left behind", zap.String("pipeline", p.address), zap.String("run", r.id), zap.String("hangs_at", d.Left), zap.Uint64("generation", r.generation))
	s.poke()
}

// fence has whatever the present run of p still asks of the store refused, and its
// record say that it did not end by itself. s.mu is held.
func (s *Server) fence(ctx context.Context, p *pipeline) error {
	ses, err := s.store.Pipeline(ctx, p.address, s.generation, p.revision)
	if err != nil {
		return err
	}
	return ses.EndEarlier()
}

// finish ends the run of p, leaving it behind when it does not end, and reports whether there was one.
func (s *Server) finish(ctx context.Context, p *pipeline, d *Done) bool {
	s.mu.Lock()
	r := p.run
	s.mu.Unlock()
	if r == nil {
		return false
	}
	r.control.Stop()
	if s.late(ctx, r) {
		s.halt(ctx, p, r, d)
	}
	return true
}

// remove ends a pipeline. Its state is kept.
func (s *Server) remove(ctx context.Context, p *pipeline, d *Done) {
	s.finish(ctx, p, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vacate(p) == nil {
		if err := s.forget(p); err != nil {
			s.log.Error("that a pipeline was removed could not be recorded", zap.String("pipeline", p.address), zap.Error(err))
		}
	}
	d.done()
}

// fail ends an action that could not be done; the pipeline stays what it is, and
// the next rescan tries again. What is stored only since the action was judged
// refuses it as it would have then: trying again would not help. The caller holds mu.
func (s *Server) fail(p *pipeline, d *Done, err error) {
	d.diags = append(d.diags, failure(p.address, err)...)
	if errors.Is(err, lineage.ErrUnanswered) {
		d.Outcome, p.config = ActionRefused, d.diags
		return
	}
	d.Outcome = ActionFailed
	for i := range d.diags {
		if d.diags[i].Subject == nil && len(d.Reasons) > 0 {
			d.diags[i].Subject = d.Reasons[0].Range
		}
		d.diags[i].Summary = d.failed()
	}
	p.config = d.diags
	s.retry = true
}

// failed says that an action could not be done, and what goes on.
func (d *Done) failed() string {
	switch {
	case d.Kind != plan.Add:
		return d.Pipeline + " cannot be opened as it is configured now; it runs on as it was"
	case d.From != "":
		return d.Pipeline + " cannot take the place of " + d.From + " yet"
	}
	return d.Pipeline + " cannot begin yet"
}
