package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"weir/engine"
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
	c := &cobra.Command{
		Use: "replay PIPELINE [ID...]", Short: "Run refused rows through the pipeline as it is now", Args: cobra.MinimumNArgs(1),
		Long: "Decodes the kept text of refused rows and runs it through the present pipeline from its start: those numbered,\n" +
			"those that --step, --code and --object choose, or all of them. A row that goes through leaves the refused ones\n" +
			"and is counted as what became of it; one that fails again is refused anew. A dedupe step lets a row pass that\n" +
			"it had let pass before, and where the pipeline branches a row only takes the branch that refused it.",
		RunE: func(c *cobra.Command, args []string) error { return a.replay(c.Context(), args, &f, &x, all) },
	}
	a.storeFlags(c, &f)
	x.flags(c)
	c.Flags().BoolVar(&all, "all", false, "all refused rows of the pipeline")
	return c
}

func (a *app) replay(ctx context.Context, args []string, f *storeFlags, x *rejectFilter, all bool) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	r, l, err := a.loadWith(ctx, f.config, in)
	if err != nil {
		return err
	}
	if _, err := choose(l.Plan, args[:1]); err != nil {
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
	var list []letter
	err = a.withStore(ctx, f, true, func(s *state.Store) error {
		var err error
		list, err = chooseLetters(s, args, x, all)
		return err
	})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if f.asJSON {
			return reportJSON(a.stdout, &engine.RunReport{OK: true}, nil)
		}
		_, err := fmt.Fprintln(a.stdout, "There is no refused row to replay.")
		return err
	}
	server, err := a.servedBy(ctx, f)
	if err != nil {
		return err
	}
	if server != nil {
		return a.remoteReplay(ctx, server, f, args[0], numbersOf(list))
	}
	p, err := e.Replay(ctx, l, engine.ReplayOptions{StateDir: f.dir, Pipeline: args[0], IDs: numbersOf(list), Point: point})
	if err != nil {
		return err
	}
	rep := &engine.RunReport{Pipelines: []engine.PipelineReport{*p}, OK: p.Err == nil}
	if err := a.printReport(rep, l, f.asJSON, nil); err != nil {
		return err
	}
	if p.Err == nil && p.Ledger.Rejected > 0 {
		return reported(exitFailed)
	}
	return outcome(rep, nil)
}
