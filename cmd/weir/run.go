package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/lineage"
	"weir/engine/plan"
	"weir/engine/plugin"
)

type runFlags struct {
	asJSON    bool
	state     string
	pipelines []string
	answer    string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run [FOLDER|FILE]", Short: "Run pipelines once, to the end of what their sources have", Args: cobra.MaximumNArgs(1),
		Long: "Runs every pipeline once, to the end of what its source has, and prints the ledger: what became of\n" +
			"each row that was read. What was committed stays when a run is interrupted or fails; the next run\n" +
			"goes on from there. Asked to stop by Ctrl-C or SIGTERM, it finishes and commits what is under way, within\n" +
			"the drain time of the engine block, leaves out the pipelines that have not begun, and exits with 1; asked\n" +
			"again, it breaks off.\n\n" +
			"A pipeline whose stored state would not fit its configuration any more is not run until it, or --stored-state,\n" +
			"says what becomes of that state: keep uses it on, rebuild drops it, fork lays it aside.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.run(c.Context(), pathArg(args), f)
		},
	}
	a.inputFlags(c)
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the ledgers as JSON")
	c.Flags().StringVar(&f.state, "state", "", "folder of the state store (default: what the engine block says, else .weir)")
	c.Flags().StringArrayVar(&f.pipelines, "pipeline", nil, "run only this pipeline; may be repeated")
	c.Flags().StringVar(&f.answer, "stored-state", "", "what becomes of stored state that a change of the configuration would break: keep, rebuild or fork (default: what each pipeline says)")
	return c
}

func (a *app) run(ctx context.Context, folder string, f runFlags) error {
	if !lineage.ValidAnswer(f.answer) {
		return withCode(exitConfig, fmt.Errorf("--stored-state is keep, rebuild or fork, not %q", f.answer))
	}
	in, err := a.inputs()
	if err != nil {
		return err
	}
	e, l, err := a.loadWith(ctx, folder, in)
	if err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	if _, err := choose(l.Plan, f.pipelines); err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	o := engine.RunOptions{StateDir: f.state, Pipelines: f.pipelines, StateAnswer: f.answer, Stop: ctx.Done(), Hung: a.endHung}
	if o.Point, err = crashPoint(a.getenv(crashVariable)); err != nil {
		return err
	}
	clearProgress := func() {}
	if !f.asJSON && a.color(a.stderr) {
		o.Progress, clearProgress = progressLine(fileOf(a.stderr), plugin.SystemClock{})
	}
	defer a.tellStopping(ctx, clearProgress)()
	report, err := e.Run(context.WithoutCancel(ctx), l, o)
	clearProgress()
	err = heldBy(ctx, err, "It runs these pipelines on their schedules: weir status shows how they stand, and POST /api/v1/pipelines/NAME/run there runs one now. To run them here instead, end that process first")
	if err == nil && ctx.Err() != nil && !report.OK {
		err = errStopped
	}
	if report != nil {
		if perr := a.printReport(report, l, f.asJSON, err); perr != nil {
			return perr
		}
	} else if err != nil {
		return a.jsonFailure(f.asJSON, err)
	}
	return outcome(report, err)
}

// tellStopping says, once ctx is done, that what is under way is finished first. The
// function that it returns ends that.
func (a *app) tellStopping(ctx context.Context, clearLine func()) (end func()) {
	over, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-over:
		case <-ctx.Done():
			clearLine()
			_, _ = fmt.Fprintln(a.stderr, "weir: stopping: what is under way is finished and committed first; asked again, it is broken off")
		}
	}()
	return func() {
		close(over)
		<-told
	}
}

// endHung ends the process when a run does not end that was asked to, as a second signal does.
func (a *app) endHung(where string) {
	if where == "" {
		where = "a step that computes, such as an expression over long texts"
	}
	_, _ = fmt.Fprintf(a.stderr, "weir: the run did not end after it was broken off: it hangs at %s. What it did not commit is read again by the next run\n", where)
	os.Exit(exitFailed)
}

// progressPause is the least time between two changes of the progress line.
const progressPause = 100 * time.Millisecond

// progressLine returns a function that shows how far a run has come on one
// line of a terminal, and one that removes it.
func progressLine(w io.Writer, clock plugin.Clock) (show func(engine.Progress), remove func()) {
	var last time.Time
	show = func(p engine.Progress) {
		now := clock.Now()
		if now.Sub(last) < progressPause {
			return
		}
		last = now
		text := p.Pipeline + ": " + count(p.Rows, "row")
		if p.Object != "" {
			text += ", in " + path.Base(p.Object)
		}
		if p.Size > 0 && p.Offset >= 0 {
			text += fmt.Sprintf(" (%d%%)", min(100, p.Offset*100/p.Size))
		}
		_, _ = fmt.Fprint(w, "\r\x1b[K"+printable(text))
	}
	remove = func() {
		if !last.IsZero() {
			_, _ = io.WriteString(w, "\r\x1b[K")
		}
	}
	return show, remove
}

// printable replaces control characters: names of files come from elsewhere
// and must not steer the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// printReport prints what the run did: problems to standard error, ledgers to standard output.
func (a *app) printReport(r *engine.RunReport, l *engine.Loaded, asJSON bool, runErr error) error {
	var ds diag.List
	for i := range r.Pipelines {
		p := &r.Pipelines[i]
		p.Ledger.Filtered = everyFilter(p.Ledger.Filtered, l.Plan.Pipeline(p.Name))
		ds = append(ds, p.Notices...)
		if p.Err != nil {
			ds = append(ds, engine.FailureDiagnostics("Pipeline "+p.Name+" stopped", p.Err)...)
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

// everyFilter returns counts with an entry for every filter of p, so that one
// that dropped nothing is seen to have dropped nothing.
func everyFilter(counts map[string]int64, p *plan.Pipeline) map[string]int64 {
	out := maps.Clone(counts)
	if out == nil {
		out = map[string]int64{}
	}
	if p == nil {
		return out
	}
	for _, n := range p.Nodes {
		if name, ok := strings.CutPrefix(n.Address, "filter."); ok && n.Kind == "filter" {
			out[name] += 0
		}
	}
	return out
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
