package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/lineage"
	"weir/engine/state"
)

// replayer is an engine that can process refused rows again.
type replayer interface {
	Replay(ctx context.Context, l *engine.Loaded, o engine.ReplayOptions) (*engine.PipelineReport, error)
}

func (a *app) rejectsReplay() *cobra.Command {
	var f storeFlags
	var x rejectFilter
	var all bool
	var answer string
	c := &cobra.Command{
		Use: "replay PIPELINE [ID...]", Short: "Run refused rows through the pipeline as it is now", Args: cobra.MinimumNArgs(1),
		Long: "Decodes the kept text of refused rows and runs it through the present pipeline from its start: those numbered,\n" +
			"those that --step, --code and --object choose, or all of them. A row that goes through leaves the refused ones\n" +
			"and is counted as what became of it; one that fails again is refused anew. A dedupe step lets a row pass that\n" +
			"it had let pass before, and where the pipeline branches a row only takes the branch that refused it.\n\n" +
			"A row of which a later one of the same entity went through meanwhile is not sent, as it would put old values in\n" +
			"the place of newer ones: what overtook it is shown, and --stale sends it nevertheless.\n\n" +
			"Rows of a pipeline whose stored state would not fit its configuration any more are not replayed until it, or\n" +
			"--stored-state, says what becomes of that state: keep uses it on, rebuild drops all but the refused rows.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := validReplayAnswer(answer); err != nil {
				return err
			}
			return a.replay(c.Context(), args, &f, &x, all, engine.ReplayOptions{StateAnswer: answer, Stale: x.Stale})
		},
	}
	a.storeFlags(c, &f)
	x.flags(c)
	c.Flags().BoolVar(&all, "all", false, "all refused rows of the pipeline")
	c.Flags().BoolVar(&x.Stale, "stale", false, "also rows that a later row of the same entity has overtaken")
	c.Flags().StringVar(&answer, "stored-state", "", "what becomes of stored state that a change of the configuration would break: keep or rebuild (default: what the pipeline says)")
	return c
}

func validReplayAnswer(answer string) error {
	switch answer {
	case "", lineage.Keep, lineage.Rebuild:
		return nil
	case lineage.Fork:
		return withCode(exitConfig, errors.New("--stored-state fork would lay the refused rows aside with everything else, and nothing would be left to replay; it is keep or rebuild here"))
	}
	return withCode(exitConfig, fmt.Errorf("--stored-state is keep or rebuild, not %q", answer))
}

func (a *app) replay(ctx context.Context, args []string, f *storeFlags, x *rejectFilter, all bool, o engine.ReplayOptions) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	r, l, err := a.loadWith(ctx, f.config, in)
	if err != nil {
		return err
	}
	if _, err := planned(l.Plan, args[0]); err != nil {
		return err
	}
	point, err := crashPoint(a.getenv(crashVariable))
	if err != nil {
		return err
	}
	e, ok := r.(replayer)
	if !ok {
		return errors.New("this engine cannot replay rows")
	}
	var ids []uint64
	err = a.withStore(ctx, f, true, func(s *state.Store) error {
		var err error
		ids, err = chosen(s, args, x, all)
		return err
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return a.nothingToReplay(f.asJSON)
	}
	server, err := a.servedBy(ctx, f)
	if err != nil {
		return err
	}
	if server != nil && o.StateAnswer != "" {
		return withCode(exitConfig, errors.New("a server replays rows with the configuration that is in effect in it, which its state fits; --stored-state belongs to weir reload there"))
	}
	if server != nil {
		return a.remoteReplay(ctx, server, f, args[0], x.choice(args, ids))
	}
	o.StateDir, o.Pipeline, o.IDs, o.Point, o.Stop, o.Hung = f.dir, args[0], ids, point, ctx.Done(), a.endHung
	defer a.tellStopping(ctx, func() {})()
	p, err := e.Replay(context.WithoutCancel(ctx), l, o)
	if err != nil {
		return err
	}
	rep := &engine.RunReport{Pipelines: []engine.PipelineReport{*p}, OK: p.Err == nil}
	if err := a.printReport(rep, l, f.asJSON, nil); err != nil {
		return err
	}
	if p.Err == nil && someLeft(p) {
		return reported(exitFailed)
	}
	return outcome(rep, nil)
}

// someLeft reports whether rows were refused again, or not replayed as later ones overtook them.
func someLeft(p *engine.PipelineReport) bool {
	return p.Ledger.Rejected > 0 || slices.ContainsFunc(p.Notices, func(d diag.Diagnostic) bool { return d.Code == "run.overtaken" })
}

func (a *app) nothingToReplay(asJSON bool) error {
	if asJSON {
		return reportJSON(a.stdout, &engine.RunReport{OK: true}, nil)
	}
	_, err := fmt.Fprintln(a.stdout, "There is no refused row to replay.")
	return err
}
