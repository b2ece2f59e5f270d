package scenario

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/serve"
)

// served is a folder that is served: one process of weir serve.
type served struct {
	r      *runner
	engine *engine.Engine
	server *serve.Server
	clock  *moment
	order  []string // pipelines in the order of the plan, those that are gone included
	hold   *gate    // where a run waits for a change
	crash  *gate
	hangs  bool          // what stands at hold stays there, and waits for time
	nudges chan struct{} // something may have changed; holds one
	events chan serve.Event
	quiet  func() // ends the events
	stdout buffer
	log    buffer

	seen []serve.Event

	mu         sync.Mutex
	deliveries []any
}

// maxEvents is how many events there may be from one move of the clock to the next.
const maxEvents = 1 << 12

// serve does a step with the folder that is served. It reports false when the
// configuration cannot be served.
func (r *runner) serve(ctx context.Context, out *outcome) bool {
	spec := out.spec
	if spec.kind == stepStart && !r.start(ctx, out) {
		return false
	}
	v := r.served
	if spec.crashAt != "" && spec.kind != stepReload {
		v.crash.set(spec.crashAt)
	}
	var err error
	switch spec.kind {
	case stepStart:
		err = v.settle(ctx, v.firstRuns(), nil)
	case stepAdvance:
		err = v.settle(ctx, v.clock.Now().Add(spec.advance), nil)
	case stepRun:
		if err = v.settle(ctx, v.clock.Now().Add(spec.advance), nil); err == nil && v.known(spec) {
			_, err = v.runAll(ctx, v.chosen(spec))
		}
	case stepReload:
		err = v.reload(ctx, out)
	case stepStop:
		r.served = nil
		err = v.stop(ctx)
	}
	v.collect(out)
	if err != nil {
		r.problem(diag.Errorf("test.failed", &spec.rng, spec.title()+" came to no end", "%s.", err))
		return false
	}
	switch {
	case spec.crashAt == "":
	case v.crash.stopped() || v.crash.all:
		v.die()
		r.crash(out)
	default:
		r.noCrash(out)
	}
	return true
}

// start begins to serve the folder.
func (r *runner) start(ctx context.Context, out *outcome) bool {
	v := &served{r: r, clock: &moment{clock: r.clock}, nudges: make(chan struct{}, 1), events: make(chan serve.Event, maxEvents)}
	v.hold, v.crash = newGate(v.nudge), newGate(v.nudge)
	_, l := r.plan(ctx, v.clock, &buffer{}, &buffer{})
	if !r.usable(l, out) {
		return false
	}
	v.addOrder(l)
	var ds diag.List
	if v.engine, ds = r.engine(v.clock, true, &v.stdout, &v.log); ds.HasErrors() {
		r.problem(ds[0])
		return false
	}
	r.clock.hold(v.nudge)
	var err error
	v.server, out.verdict, err = serve.Start(ctx, serve.Options{
		Engine: v.engine, Folder: r.t.Folder, Inputs: r.inputs(), StateDir: r.state, Parallel: 1, Chunk: int(r.t.chunk),
		Point: v.point, Quiet: v.nudge, Delivered: v.delivered,
	})
	if err != nil {
		v.clock.stop()
		v.engine.Close()
		r.problem(diag.Errorf("test.failed", &out.spec.rng, "The folder cannot be served", "%s.", err))
		return false
	}
	v.quiet = v.server.Listen(v.events)
	r.served = v
	return true
}

// nudge has whoever waits look again.
func (v *served) nudge() {
	select {
	case v.nudges <- struct{}{}:
	default:
	}
}

// point is called by runs. Where one waits for a change it does not crash.
func (v *served) point(name string) {
	if !v.hold.at(name) {
		v.crash.at(name)
	}
}

func (v *served) delivered(pipeline, sink string, generation uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deliveries = append(v.deliveries, map[string]any{"pipeline": pipeline, "sink": sink, "generation": int(generation)}) //nolint:gosec // generations are few
}

// addOrder adds the pipelines of a plan that were not known.
func (v *served) addOrder(p *planned) {
	if p.Plan == nil {
		return
	}
	for _, q := range p.Plan.Pipelines {
		if !slices.Contains(v.order, q.Address) {
			v.order = append(v.order, q.Address)
		}
	}
}

// firstRuns returns when the last of the runs is due that begin with the server,
// which begin a moment after each other.
func (v *served) firstRuns() time.Time {
	now := v.clock.Now()
	last := now
	for _, p := range v.server.Status().Pipelines {
		if p.Next.After(last) && p.Next.Sub(now) < time.Second {
			last = p.Next
		}
	}
	return last
}

// known reports pipelines that a step names and that are not there.
func (v *served) known(spec *stepSpec) bool {
	ds := v.r.unknownPipelines(v.r.pipelines(), spec)
	for _, d := range ds {
		v.r.problem(d)
	}
	return len(ds) == 0
}

// chosen returns the pipelines that a step names, all by default, in the order of the plan.
func (v *served) chosen(spec *stepSpec) []string {
	there := v.r.pipelines()
	return slices.DeleteFunc(slices.Clone(v.order), func(p string) bool {
		return !slices.Contains(there, p) || len(spec.pipelines) > 0 && !slices.Contains(spec.pipelines, p)
	})
}

// runAll runs pipelines one after the other, until one is stopped at a gate. It
// returns those that did not begin.
func (v *served) runAll(ctx context.Context, pipelines []string) (rest []string, err error) {
	for i, p := range pipelines {
		var gone *serve.UnknownError
		if err := v.server.RunNow(p); err != nil && !errors.As(err, &gone) { // a change may have taken it away
			return nil, err
		}
		if err := v.settle(ctx, time.Time{}, nil); err != nil {
			return nil, err
		}
		if v.hold.holds() || v.crash.stopped() {
			return pipelines[i+1:], nil
		}
	}
	return nil, nil
}

// settle lets the server go on until nothing goes on and nothing is due before
// until, or something stands at a gate. The clock moves when all that goes on waits
// for it: to the first moment that anybody waits for. look, when it is not nil, is
// called whenever something may have changed; it reports whether it waits for more.
func (v *served) settle(ctx context.Context, until time.Time, look func(serve.Activity) (waits bool)) error {
	for {
		// Around the server's own, so that both hold at one moment: who fell asleep before it may
		// be cancelled by then, at a deadline that is over, and who does after it was at work.
		at, before := v.clock.next()
		a := v.server.Activity()
		_, after := v.clock.next()
		// A run that hangs waits for no time of its own: what passes is that of the change which
		// asked something of it, once it did.
		sleeping := before && after || v.hangs && v.hold.holds() && !v.left() && a.Asked > 0
		waits := look != nil && look(a)
		v.drain()
		switch {
		case v.crash.stopped(), v.hold.holds() && look == nil:
			return nil
		case a.Working > 0 || a.Due || a.Running > 0 && !sleeping:
		case a.Running > 0:
			v.clock.move(earliest(at, a.Next))
			continue
		case waits:
		case a.Next.IsZero() || a.Next.After(until):
			v.clock.move(until)
			return nil
		default:
			v.clock.move(a.Next)
			continue
		}
		select {
		case <-v.nudges:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// earliest returns the first of two times, of which a zero one is never.
func earliest(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}

// stop ends the server as weir serve ends. Between steps no run goes on.
func (v *served) stop(ctx context.Context) error {
	v.hold.open()
	v.crash.open()
	err := v.server.Stop(ctx)
	v.quiet()
	v.clock.stop()
	v.engine.Close()
	return err
}

// die makes the server one that was killed: nothing wakes it, nothing it does goes on.
func (v *served) die() {
	v.crash.shut()
	v.clock.stop()
	v.r.served = nil
	v.r.dead = append(v.r.dead, v)
}

// bury ends the goroutines of a server that crashed, whose servers are gone.
func (v *served) bury(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	v.hold.open()
	v.crash.open()
	_ = v.server.Stop(ctx) // what it could not do does not matter any more
	v.quiet()
	v.engine.Close()
}
