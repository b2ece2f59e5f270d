package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"weir/engine/api"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

type planFlags struct {
	serverFlags
	stored  string
	out     string
	code    bool
	offline bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "plan [FOLDER]", Short: "Say what a reload would do, why, and what it means for stored state", Args: cobra.MaximumNArgs(1),
		Long: "Says what a reload would do with each pipeline, with the place of every difference and how much stored state it\n" +
			"concerns. Nothing is changed. A running server plans its own folder, against what is in effect in it; it is the\n" +
			"one that has the state folder open, or the one at --server. Without one, or with --offline, FOLDER is planned\n" +
			"here, against what the state folder says was served last.\n\n" +
			"--out writes the plan for weir reload --plan, which applies exactly that or nothing.\n\n" +
			"Exit codes: 0 the plan can be applied, or changes nothing; 1 with --exit-code: there is something to change;\n" +
			"2 the configuration is wrong, or an action would be refused; 3 the server cannot be reached.",
		RunE: func(c *cobra.Command, args []string) error {
			f.config = pathArg(args)
			return a.plan(c.Context(), &f)
		},
	}
	a.serverFlags(c, &f.serverFlags)
	_ = c.Flags().MarkHidden("config") // the folder is an argument here; the flag is there
	storedFlag(c, &f.stored)
	c.Flags().StringVar(&f.out, "out", "", "file to write the plan to, for weir reload --plan")
	c.Flags().BoolVar(&f.code, "exit-code", false, "exit with 1 when there is something to change")
	c.Flags().BoolVar(&f.offline, "offline", false, "plan FOLDER here, also when a server runs")
	return c
}

func (a *app) plan(ctx context.Context, f *planFlags) error {
	if err := checkStored(f.stored); err != nil {
		return err
	}
	p, who, err := a.planned(ctx, f)
	if err != nil {
		return err
	}
	if f.out != "" && p.Plan.Revision != "" {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := errors.Join(enc.Encode(p.Plan), renameio.WriteFile(f.out, b.Bytes(), 0o600)); err != nil {
			return fmt.Errorf("the plan cannot be written: %w", err)
		}
	}
	if f.asJSON {
		err = printJSON(a.stdout, p)
	} else {
		err = a.printPlan(a.stdout, p, who)
	}
	switch {
	case err != nil:
		return err
	case notApplicable(p.Verdict):
		return reported(exitConfig)
	case f.code && len(p.Verdict.Actions) > 0:
		return reported(exitFailed)
	}
	return nil
}

// notApplicable reports that a reload would not do all that the folder asks for.
func notApplicable(v *serve.Verdict) bool {
	bad := v.Outcome == serve.Rejected && len(v.Actions) == 0
	for _, d := range v.Diagnostics {
		bad = bad || d.Severity == diag.Error.String()
	}
	for i := range v.Actions {
		bad = bad || v.Actions[i].Outcome == serve.ActionRefused
	}
	return bad
}

// planned asks the server for a plan, or makes it here, and says who made it.
func (a *app) planned(ctx context.Context, f *planFlags) (*api.Planned, string, error) {
	if !f.offline {
		c, err := a.client(ctx, &f.serverFlags)
		var none *noServerError
		if err != nil && !errors.As(err, &none) {
			return nil, "", err
		}
		if err == nil {
			p, err := c.Plan(ctx, f.stored)
			if err != nil {
				return nil, "", refusal(err)
			}
			return p, "against what the server at " + c.URL + " runs", nil
		}
	}
	in, err := a.inputs()
	if err != nil {
		return nil, "", err
	}
	log, err := a.logger()
	if err != nil {
		return nil, "", err
	}
	e, ds := a.newServing(log)
	if ds.HasErrors() {
		return nil, "", ds.Err()
	}
	defer e.Close()
	dir, err := a.stateDir(ctx, &f.storeFlags)
	if err != nil {
		return nil, "", err
	}
	o := serve.Options{Engine: e, Folder: f.config, Inputs: in, StateDir: dir}
	p, v, err := serve.PlanOffline(ctx, o, f.stored)
	var locked *state.Locked
	if errors.As(err, &locked) && a.checkpointOf != nil {
		copied, remove, cerr := a.checkpointOf(ctx, dir, locked)
		if cerr != nil {
			return nil, "", cerr
		}
		defer remove()
		o.StateDir = copied
		p, v, err = serve.PlanOffline(ctx, o, f.stored)
	}
	if err != nil {
		return nil, "", err
	}
	return &api.Planned{Plan: p, Verdict: v}, "against what the state folder " + dir + " says was served last", nil
}

// printPlan prints a plan for a reviewer.
func (a *app) printPlan(w io.Writer, p *api.Planned, who string) error {
	v := p.Verdict
	if p.Plan.Revision != "" {
		if _, err := fmt.Fprintf(w, "Revision %s of the folder, %s (generation %d)\n", p.Plan.Revision, printable(who), p.Plan.Generation); err != nil {
			return err
		}
	}
	for i := range v.Actions {
		if err := a.printAction(w, &v.Actions[i]); err != nil {
			return err
		}
	}
	problems := api.Problems(v)
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	if len(problems) > 0 {
		if err := a.printFound(w, problems); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, planSummary(v))
	return err
}

// actionMark returns the sign and the colour of an action in a plan.
func actionMark(k plan.ActionKind) (mark, ansi string) {
	switch k {
	case plan.Add:
		return "+", "32"
	case plan.Remove:
		return "-", "31"
	case plan.Restart:
		return "-/+", "33"
	}
	return "~", "36"
}

// printAction prints an action with its reasons and its effects.
func (a *app) printAction(w io.Writer, d *serve.Done) error {
	mark, ansi := actionMark(d.Kind)
	var sb strings.Builder
	head := fmt.Sprintf("%3s %-7s  %s", mark, d.Kind, printable(d.Pipeline))
	if a.color(w) {
		w = inColor(w)
		head = "\x1b[" + ansi + "m" + head + "\x1b[0m"
	}
	sb.WriteString("  " + head)
	switch {
	case d.Outcome == serve.ActionRefused:
		sb.WriteString(": refused until it is said what becomes of stored state")
	case d.Outcome != serve.ActionDone && d.Outcome != "":
		sb.WriteString(": " + outcomeText(d))
	}
	if d.Seconds > 0 {
		fmt.Fprintf(&sb, "  %.0f ms", d.Seconds*1e3)
	}
	sb.WriteByte('\n')
	for _, r := range d.Reasons {
		sb.WriteString("      " + printable(r.Text) + placed(r.At, diag.RangeJSON(r.Range)) + "\n")
	}
	for _, e := range d.Effects {
		sb.WriteString("      " + effectLine(&e) + "\n")
	}
	if d.Stored != "" {
		sb.WriteString("      state: " + printable(d.Stored) + "\n")
	}
	if d.Left != "" {
		sb.WriteString("      a run was left behind that hangs at " + printable(d.Left) + "\n")
	}
	_, err := io.WriteString(w, sb.String())
	return err
}

// placed is where something is written, set off from what stands before it.
func placed(at ...*diag.JSONRange) string {
	for _, r := range at {
		if r != nil {
			return printable(fmt.Sprintf("  %s:%d:%d", r.File, r.Start.Line, r.Start.Column))
		}
	}
	return ""
}

// effectLine says what happens to a piece of stored state.
func effectLine(e *plan.Effect) string {
	line := "state: " + printable(e.Text)
	switch {
	case e.Space != "":
		line += " (" + count(int64(e.Count), "key") + " stored)"
	case e.Source != "":
		line += " (" + count(int64(e.Count), "file") + " in the ledger)"
	}
	if e.Breaks {
		line = "! " + line
	}
	return line + placed(e.At, diag.RangeJSON(e.Range))
}

// planSummary is the last line of a plan.
func planSummary(v *serve.Verdict) string {
	n := map[plan.ActionKind]int{}
	refused := 0
	for i := range v.Actions {
		if v.Actions[i].Outcome == serve.ActionRefused {
			refused++
		} else {
			n[v.Actions[i].Kind]++
		}
	}
	if v.Outcome == serve.Rejected && len(v.Actions) == 0 {
		return "Plan: a reload would change nothing and be rejected."
	}
	var parts []string
	for _, k := range []plan.ActionKind{plan.Add, plan.Swap, plan.Restart, plan.Remove} {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n[k], k))
		}
	}
	if refused > 0 {
		parts = append(parts, fmt.Sprintf("%d would be refused", refused))
	}
	if len(parts) == 0 {
		parts = []string{"nothing to change"}
	}
	text := "Plan: " + strings.Join(parts, ", ")
	if v.Kept > 0 {
		text += fmt.Sprintf("; %d unchanged", v.Kept)
	}
	return text + "."
}
