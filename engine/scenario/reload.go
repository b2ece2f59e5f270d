package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/serve"
)

// reload changes the configuration, has the server take it, and lets what follows
// from it come to its end.
func (v *served) reload(ctx context.Context, out *outcome) error {
	spec := out.spec
	if !v.known(spec) {
		return nil
	}
	var rest []string
	if spec.at != "" {
		v.hold.set(spec.at)
		var err error
		if rest, err = v.runAll(ctx, v.chosen(spec)); err != nil {
			return err
		}
		if !v.hold.holds() {
			v.r.problem(diag.Errorf("test.no_point", v.r.t.ranges.Of(&spec.at), fmt.Sprintf("%s did not come to %s", spec.title(), spec.at),
				"The runs ended without reaching the point where the configuration was to change."))
			return nil
		}
	}
	if !v.r.reconfigure(ctx, spec) {
		v.hold.open()
		return v.settle(ctx, time.Time{}, nil)
	}
	if _, p := v.r.plan(ctx, v.clock, &buffer{}, &buffer{}); p.Config != nil {
		v.r.addSecrets(p, out)
		for _, d := range v.r.undisked(p.Plan, nil) {
			v.r.problem(d)
		}
		v.addOrder(p)
	}
	if spec.crashAt != "" && spec.crashAt != afterReload {
		v.crash.set(spec.crashAt)
	}
	v.hangs = spec.hangs
	err := v.settle(ctx, time.Time{}, v.ask(ctx, out))
	if err == nil && v.hangs {
		v.hangs = false
		v.hold.open()
		err = v.settle(ctx, time.Time{}, func(serve.Activity) bool { return v.left() })
	}
	if err != nil || v.crash.stopped() || spec.crashAt == afterReload {
		return err
	}
	_, err = v.runAll(ctx, rest)
	return err
}

// ask asks the server to reload. It returns what waits for the verdict, see settle: a
// run that stands at the gate goes on once it is asked to take the change, or when the
// change has nothing to do with it.
func (v *served) ask(ctx context.Context, out *outcome) (look func(serve.Activity) bool) {
	answered := make(chan *serve.Verdict, 1)
	go func() {
		if verdict, err := v.server.Reload(ctx, serve.Request{Trigger: "notify", State: out.spec.state}); err == nil {
			answered <- verdict
		}
		v.nudge()
	}()
	return func(a serve.Activity) bool {
		if out.verdict != nil {
			return false
		}
		select {
		case out.verdict = <-answered:
			if out.spec.crashAt == afterReload {
				v.crash.shut()
			}
			if !v.left() {
				v.hold.open()
			}
			v.nudge() // a is from before
		default:
			if a.Working == 0 && a.Asked > 0 && !out.spec.hangs {
				v.hold.open()
			}
		}
		return true
	}
}

// left reports whether a run that was left behind has not ended.
func (v *served) left() bool {
	return slices.ContainsFunc(v.server.Status().Pipelines, func(p serve.PipelineStatus) bool { return len(p.Left) > 0 })
}

// drain takes over what the server told.
func (v *served) drain() {
	for {
		select {
		case e := <-v.events:
			v.seen = append(v.seen, e)
		default:
			return
		}
	}
}

// collect adds to out what happened since the last step.
func (v *served) collect(out *outcome) {
	v.drain()
	for i := range v.seen {
		e := &v.seen[i]
		if e.Kind != serve.RunEnded && e.Kind != serve.RunFailed || e.Summary == nil {
			continue
		}
		s := e.Summary
		v.r.account(out, e.Pipeline, engine.LedgerOf(s.Counts))
		out.runs = append(out.runs, map[string]any{
			"pipeline": e.Pipeline, "started": stamp(s.Started), "ended": stamp(s.Ended), "generation": int(s.Generation), //nolint:gosec // generations are few
			"outcome": s.Outcome, "error": s.Error, "read": int(s.Counts.Read), "delivered": int(s.Counts.Delivered),
		})
		if e.Kind == serve.RunFailed {
			out.errs = append(out.errs, failure{e.Pipeline, errors.New(s.Error)})
		}
	}
	v.seen = nil
	v.mu.Lock()
	out.deliveries, v.deliveries = v.deliveries, nil
	v.mu.Unlock()
	out.output, out.log = v.stdout.next(), v.log.next()
}
