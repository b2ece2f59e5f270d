package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/serve"
)

// reload changes the configuration, has the server take it, and lets what follows
// from it come to its end.
func (v *served) reload(ctx context.Context, out *outcome) error {
	spec := out.spec
	var rest []string
	if !v.known(spec) {
		return nil
	}
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
		v.addOrder(p)
	}
	later := spec.crashAt == afterReload
	if spec.crashAt != "" && !later {
		v.crash.set(spec.crashAt)
	}
	answered := make(chan *serve.Verdict, 1)
	go func() {
		if verdict, err := v.server.Reload(ctx, serve.Request{Trigger: "notify", State: spec.state}); err == nil {
			answered <- verdict
		}
		v.nudge()
	}()
	err := v.settle(ctx, time.Time{}, func(a serve.Activity) bool {
		if out.verdict != nil {
			return false
		}
		select {
		case out.verdict = <-answered:
			if later {
				v.crash.shut()
			}
			v.hold.open() // where the change had nothing to do with the run
			v.nudge()
		default:
			if a.Working == 0 && a.Asked > 0 {
				v.hold.open()
			}
		}
		return true
	})
	if err != nil || v.crash.stopped() || later {
		return err
	}
	_, err = v.runAll(ctx, rest)
	return err
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
