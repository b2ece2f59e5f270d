package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine/api"
	"weir/engine/plan"
	"weir/engine/serve"
)

type reloadFlags struct {
	serverFlags
	wait   bool
	stored string
	plan   string
}

// storedStates returns what may become of stored state that a change would break.
func storedStates() []string { return []string{"keep", "rebuild", "fork"} }

func (a *app) reloadCommand() *cobra.Command {
	var f reloadFlags
	c := &cobra.Command{
		Use: "reload", Short: "Make the server read its folder and take what changed", Args: cobra.NoArgs,
		Long: "Asks the server to read its folder now, waits until every action is done, and prints the verdict. The server is\n" +
			"the one that has the state folder open, or the one at --server.\n\n" +
			"Exit codes: 0 applied or nothing to change, 2 rejected, or applied in part: the diagnostics say why and where,\n" +
			"3 the server cannot be reached.",
		RunE: func(c *cobra.Command, _ []string) error { return a.reload(c.Context(), &f) },
	}
	a.serverFlags(c, &f.serverFlags)
	c.Flags().BoolVar(&f.wait, "wait", true, "wait for the verdict; without, weir reloads has it later")
	storedFlag(c, &f.stored)
	c.Flags().StringVar(&f.plan, "plan", "", "apply exactly what this file of weir plan --out says, and else nothing")
	return c
}

func storedFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "stored-state", "", "what becomes of stored state that a change would break, for every pipeline that says nothing itself: "+strings.Join(storedStates(), ", "))
	_ = c.RegisterFlagCompletionFunc("stored-state", cobra.FixedCompletions(storedStates(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func checkStored(s string) error {
	if s == "" || slices.Contains(storedStates(), s) {
		return nil
	}
	return withCode(exitConfig, fmt.Errorf("--stored-state must be keep, rebuild or fork, not %q", s))
}

func (a *app) reload(ctx context.Context, f *reloadFlags) error {
	if err := checkStored(f.stored); err != nil {
		return err
	}
	r := api.ReloadRequest{State: f.stored}
	var err error
	if f.plan != "" {
		if r.Plan, err = readPlan(f.plan); err != nil {
			return err
		}
	}
	c, err := a.client(ctx, &f.serverFlags)
	if err != nil {
		return err
	}
	if !f.wait {
		if err := c.ReloadLater(ctx, r); err != nil {
			return refusal(err)
		}
		if f.asJSON {
			return printJSON(a.stdout, api.Accepted{Accepted: true})
		}
		_, err := fmt.Fprintln(a.stdout, "The server reads its folder; weir reloads has the verdict.")
		return err
	}
	v, err := c.Reload(ctx, r)
	if err != nil {
		return refusal(err)
	}
	if f.asJSON {
		err = printJSON(a.stdout, v)
	} else {
		err = a.printVerdict(v, false)
	}
	if err == nil && !v.OK() {
		err = reported(exitConfig)
	}
	return err
}

// readPlan reads what weir plan --out wrote.
func readPlan(name string) (*serve.Planned, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, withCode(exitConfig, fmt.Errorf("the plan cannot be read: %w", err))
	}
	p := &serve.Planned{}
	if err := json.Unmarshal(b, p); err != nil || p.Base == "" || p.Revision == "" {
		return nil, withCode(exitConfig, errors.Join(fmt.Errorf("%s is no plan that weir plan --out wrote", name), err))
	}
	return p, nil
}

// printVerdict prints what a reload of a server did; whole adds what else is known of it.
func (a *app) printVerdict(v *serve.Verdict, whole bool) error {
	if _, err := fmt.Fprintln(a.stdout, verdictLine(v)); err != nil {
		return err
	}
	for i := range v.Actions {
		d := &v.Actions[i]
		if !whole {
			if _, err := fmt.Fprintln(a.stdout, "  "+actionLine(d)); err != nil {
				return err
			}
			continue
		}
		if err := a.printAction(a.stdout, d); err != nil {
			return err
		}
	}
	if v.Kept > 0 && whole {
		if _, err := fmt.Fprintf(a.stdout, "  %s unchanged\n", count(int64(v.Kept), "pipeline")); err != nil {
			return err
		}
	}
	problems := api.Problems(v)
	if len(problems) == 0 {
		return nil
	}
	if _, err := io.WriteString(a.stdout, "\n"); err != nil {
		return err
	}
	return a.printFound(a.stdout, problems)
}

// verdictLine is a verdict in a line.
func verdictLine(v *serve.Verdict) string {
	what := v.Outcome
	switch v.Outcome {
	case serve.Partial:
		what = "applied in part"
	case serve.Unchanged:
		what = "nothing to change"
	}
	line := fmt.Sprintf("reload %d (%s): %s", v.ID, v.Trigger, what)
	if v.Revision != "" {
		line += ", revision " + v.Revision
	}
	return printable(fmt.Sprintf("%s, generation %d, %.0f ms", line, v.Generation, v.Seconds*1e3))
}

// actionLine is an action with what came of it in a line.
func actionLine(d *serve.Done) string {
	line := fmt.Sprintf("%-7s  %s", d.Kind, d.Pipeline)
	if d.Outcome != serve.ActionDone && d.Outcome != "" {
		line += ": " + outcomeText(d)
	}
	if why := d.Why(); why != "" {
		line += "  (" + why + ")"
	}
	if d.Stored != "" {
		line += "; " + d.Stored
	}
	return printable(line)
}

// outcomeText says in words what came of an action.
func outcomeText(d *serve.Done) string {
	added := d.Kind == plan.Add
	switch d.Outcome {
	case serve.ActionRefused:
		if added {
			return "refused, it does not run"
		}
		return "refused, it stays as it was"
	case serve.ActionFailed:
		if added {
			return "could not begin"
		}
		return "could not be opened, it runs on as it was"
	case serve.ActionFenced:
		return "done; a run that hangs was left behind"
	case serve.ActionLater:
		return "waits for an operation on it to end"
	}
	return d.Outcome
}
