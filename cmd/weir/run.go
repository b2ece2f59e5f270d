package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plugin"
)

type runFlags struct {
	asJSON    bool
	state     string
	pipelines []string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run [FOLDER|FILE]", Short: "Run pipelines once, to the end of what their sources have", Args: cobra.MaximumNArgs(1),
		Long: "Runs every pipeline once, to the end of what its source has, and prints the ledger: what became of\n" +
			"each row that was read. What was committed stays when a run is interrupted or fails; the next run\n" +
			"goes on from there.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.run(c.Context(), pathArg(args), f)
		},
	}
	a.inputFlags(c)
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the ledgers as JSON")
	c.Flags().StringVar(&f.state, "state", "", "folder of the state store (default: what the engine block says, else .weir)")
	c.Flags().StringArrayVar(&f.pipelines, "pipeline", nil, "run only this pipeline; may be repeated")
	return c
}

func (a *app) run(ctx context.Context, path string, f runFlags) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	e, l, err := a.loadWith(ctx, path, in)
	if err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	if _, err := choose(l.Plan, f.pipelines); err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	o := engine.RunOptions{StateDir: f.state, Pipelines: f.pipelines}
	clearProgress := func() {}
	if !f.asJSON && a.color(a.stderr) {
		o.Progress, clearProgress = progressLine(a.stderr)
	}
	report, err := e.Run(ctx, l, o)
	clearProgress()
	if report != nil {
		if perr := a.printReport(report, l, f.asJSON, err); perr != nil {
			return perr
		}
	} else if err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	return outcome(report, err)
}

// progressLine returns a function that shows how far a run has come on one
// line of a terminal, and one that removes it.
func progressLine(w io.Writer) (show func(engine.Progress), remove func()) {
	show = func(p engine.Progress) {
		share := ""
		if p.Size > 0 && p.Offset >= 0 {
			share = fmt.Sprintf(" %d%%", min(100, 100*p.Offset/p.Size))
		}
		_, _ = fmt.Fprintf(w, "\r\x1b[K%s: %s%s, %d rows read", p.Pipeline, p.Object, share, p.Rows)
	}
	return show, func() { _, _ = io.WriteString(w, "\r\x1b[K") }
}

// printReport prints what the run did: problems to standard error, ledgers to standard output.
func (a *app) printReport(r *engine.RunReport, l *engine.Loaded, asJSON bool, runErr error) error {
	var ds diag.List
	for _, p := range r.Pipelines {
		ds = append(ds, p.Notices...)
		if p.Err != nil {
			ds = append(ds, failureDiagnostics("Pipeline "+p.Name+" stopped", p.Err)...)
		}
	}
	if err := a.printDiagnostics(a.stderr, ds, l.Sources); err != nil {
		return err
	}
	if asJSON {
		return reportJSON(a.stdout, r, runErr)
	}
	return reportText(a.stdout, r)
}

// failureDiagnostics returns what err carries as diagnostics.
func failureDiagnostics(summary string, err error) diag.List {
	if ds := diag.FromError("run.failed", err); len(ds) != 1 || ds[0].Summary != err.Error() {
		return ds
	}
	if errors.Is(err, context.Canceled) {
		return diag.List{diag.Errorf("run.interrupted", nil, summary, "It was interrupted. What was committed stays; the next run goes on from there.")}
	}
	code := diag.Code("run.failed")
	if codeOf(err) == exitEnvironment {
		code = "env.failed"
	}
	var pf *plugin.Failure
	if errors.As(err, &pf) && pf.Code != "" {
		code = pf.Code
	}
	return diag.List{{Code: code, Summary: summary, Detail: err.Error()}}
}

// jsonFailure prints a report without pipelines when a run asked for JSON
// could not begin, so that a script always finds an object to read.
func (a *app) jsonFailure(asJSON bool, err error) error {
	if !asJSON {
		return err
	}
	if perr := reportJSON(a.stdout, &engine.RunReport{}, err); perr != nil {
		return perr
	}
	return err
}

// outcome returns how the command ends.
func outcome(r *engine.RunReport, err error) error {
	if err != nil {
		return err
	}
	code := exitOK
	for _, p := range r.Pipelines {
		if c := pipelineCode(p); c != exitOK && code != exitFailed {
			code = c
		}
	}
	if code == exitOK && !r.OK {
		code = exitFailed
	}
	if code == exitOK {
		return nil
	}
	return reported(code)
}

// pipelineCode is the exit code that one pipeline asks for. A ledger that does
// not add up is a failure whatever else happened (I3).
func pipelineCode(p engine.PipelineReport) int {
	if !p.Ledger.Balanced() {
		return exitFailed
	}
	return codeOf(p.Err)
}
