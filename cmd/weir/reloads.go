package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine/plan"
	"weir/engine/serve"
	"weir/engine/state"
)

func (a *app) reloadsCommand() *cobra.Command {
	var f serverFlags
	var limit int
	c := &cobra.Command{
		Use: "reloads", Short: "List what reloads did, and show one", Args: cobra.NoArgs,
		Long: "Lists the last reloads with their verdicts, the latest first: those of the server that runs, or those that the\n" +
			"state folder keeps. Reloads that found nothing to change are kept only while the server runs.",
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > maxReloads {
				return withCode(exitConfig, fmt.Errorf("--limit must be between 1 and %d", maxReloads))
			}
			list, err := a.verdicts(c.Context(), &f, limit)
			if err != nil {
				return err
			}
			if f.asJSON {
				return printJSON(a.stdout, map[string]any{"reloads": list})
			}
			return a.verdictTable(list)
		},
	}
	a.serverFlags(c, &f)
	c.Flags().IntVar(&limit, "limit", 20, "how many to list")
	c.AddCommand(a.reloadsShow())
	return c
}

// maxReloads is how many reloads a state folder keeps.
const maxReloads = 500

func (a *app) reloadsShow() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "show ID", Short: "Show all that is known of a reload", Args: cobra.ExactArgs(1),
		Long: "Shows the verdict of a reload: each action with its reasons, what it meant for stored state, what came of it\n" +
			"and how long it took, and the diagnostics. weir reloads lists the numbers.",
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return withCode(exitConfig, fmt.Errorf("a reload has a number, unlike %q; weir reloads lists them", args[0]))
			}
			list, err := a.verdicts(c.Context(), &f, maxReloads)
			if err != nil {
				return err
			}
			for _, v := range list {
				if v.ID != id {
					continue
				}
				if f.asJSON {
					return printJSON(a.stdout, v)
				}
				if _, err := fmt.Fprintln(a.stdout, stamp(v.At)); err != nil {
					return err
				}
				return a.printVerdict(v, true)
			}
			return withCode(exitConfig, fmt.Errorf("there is no reload %d, or it is not kept any more; weir reloads lists those that are", id))
		},
	}
	a.serverFlags(c, &f)
	return c
}

// verdicts returns the last reloads, of the server or, without one, of the state folder.
func (a *app) verdicts(ctx context.Context, f *serverFlags, n int) ([]*serve.Verdict, error) {
	c, err := a.client(ctx, f)
	var none *noServerError
	if errors.As(err, &none) {
		var list []*serve.Verdict
		err := a.withStore(ctx, &f.storeFlags, true, func(s *state.Store) (err error) {
			list, err = serve.History(s, n)
			return err
		})
		return list, err
	}
	if err != nil {
		return nil, err
	}
	list, err := c.Reloads(ctx, n)
	if list == nil {
		list = []*serve.Verdict{}
	}
	return list, refusal(err)
}

func (a *app) verdictTable(list []*serve.Verdict) error {
	rows := [][]string{{"#id", "when", "trigger", "outcome", "#generation", "revision", "#seconds", "actions"}}
	for _, v := range list {
		rows = append(rows, []string{
			strconv.FormatUint(v.ID, 10), stamp(v.At), v.Trigger, v.Outcome, strconv.FormatUint(v.Generation, 10), v.Revision,
			fmt.Sprintf("%.3f", v.Seconds), short(actionsText(v), 80),
		})
	}
	return table(a.stdout, rows)
}

// actionsText counts the actions of a verdict by kind; a single one is named.
func actionsText(v *serve.Verdict) string {
	var parts []string
	other := map[string]int{}
	for _, k := range []plan.ActionKind{plan.Add, plan.Swap, plan.Restart, plan.Remove} {
		n, name := 0, ""
		for i := range v.Actions {
			d := &v.Actions[i]
			switch {
			case d.Kind != k:
			case d.Outcome == serve.ActionDone:
				n, name = n+1, d.Pipeline
			default:
				other[d.Outcome]++
			}
		}
		switch {
		case n == 1:
			parts = append(parts, string(k)+" "+name)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%s %d", k, n))
		}
	}
	for _, o := range []string{serve.ActionRefused, serve.ActionFailed, serve.ActionFenced} {
		if other[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", other[o], o))
		}
	}
	return strings.Join(parts, ", ")
}
