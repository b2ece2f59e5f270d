package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/state"
)

func (a *app) runsCommand() *cobra.Command {
	var f storeFlags
	var limit int
	c := &cobra.Command{
		Use: "runs [PIPELINE]", Short: "List runs and what became of their rows", Args: cobra.MaximumNArgs(1),
		Long: "Lists the last runs of every pipeline, or of one, the latest first, with the ledger of each: what was\n" +
			"committed of it. A run that a crash ended is interrupted; the next one went on where it had committed.",
		RunE: func(c *cobra.Command, args []string) error { return a.runs(c.Context(), args, &f, limit) },
	}
	a.storeFlags(c, &f)
	c.Flags().IntVar(&limit, "limit", 20, "runs of each pipeline")
	return c
}

type jsonRun struct {
	Pipeline string     `json:"pipeline"`
	Number   uint64     `json:"number"`
	ID       string     `json:"id"`
	Kind     string     `json:"kind"` // run or replay
	Started  *time.Time `json:"started"`
	Ended    *time.Time `json:"ended,omitempty"`
	Outcome  string     `json:"outcome"`
	Revision string     `json:"revision"`
	Ledger   jsonLedger `json:"ledger"`
	Error    string     `json:"error,omitempty"`
}

func runJSON(p string, r state.Run) jsonRun {
	return jsonRun{p, r.Number, r.ID, cmp.Or(r.Kind, "run"), jsonTime(r.Started), jsonTime(r.Ended), r.Outcome, r.Revision, ledgerJSON(engine.LedgerOf(r.Counts)), r.Error}
}

func (a *app) runs(ctx context.Context, args []string, f *storeFlags, limit int) error {
	return a.withStore(ctx, f, true, func(s *state.Store) error {
		names, err := storedPipelines(s, args)
		if err != nil {
			return err
		}
		out := []jsonRun{}
		for _, p := range names {
			list, err := s.Runs(p, limit)
			if err != nil {
				return err
			}
			for _, r := range list {
				out = append(out, runJSON(p, r))
			}
		}
		slices.SortStableFunc(out, func(a, b jsonRun) int { return b.Started.Compare(*a.Started) })
		if f.asJSON {
			return printJSON(a.stdout, map[string]any{"runs": out})
		}
		rows := [][]string{{"pipeline", "#run", "kind", "started", "took", "outcome", "#read", "#delivered", "#filtered", "#deduplicated", "#grouped", "#rejected", "error"}}
		for _, r := range out {
			took := ""
			if r.Ended != nil {
				took = r.Ended.Sub(*r.Started).Round(time.Millisecond).String()
			}
			filtered := int64(0)
			for _, n := range r.Ledger.Filtered {
				filtered += n
			}
			l := r.Ledger
			row := []string{r.Pipeline, fmt.Sprint(r.Number), r.Kind, stamp(*r.Started), took, r.Outcome}
			for _, n := range []int64{l.Read, l.Delivered, filtered, l.Deduplicated, l.Grouped, l.Rejected} {
				row = append(row, fmt.Sprint(n))
			}
			rows = append(rows, append(row, short(r.Error, 80)))
		}
		return table(a.stdout, rows)
	})
}
