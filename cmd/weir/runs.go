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
	Started  *time.Time `json:"started,omitempty"`
	Ended    *time.Time `json:"ended,omitempty"`
	Outcome  string     `json:"outcome"`
	Revision string     `json:"revision"`
	Ledger   jsonLedger `json:"ledger"`
	Error    string     `json:"error,omitempty"`
}

// runJSON shows a run. live says that a process has the store open: in a store that
// nobody works on, a run that is recorded as under way was ended by a crash.
func runJSON(p string, r state.Run, live bool) jsonRun {
	if r.Outcome == state.Running && !live {
		r.Outcome = state.Interrupted
	}
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
				out = append(out, runJSON(p, r, f.live))
			}
		}
		slices.SortStableFunc(out, func(a, b jsonRun) int { return timeOf(b.Started).Compare(timeOf(a.Started)) })
		if f.asJSON {
			return printJSON(a.stdout, map[string]any{"runs": out})
		}
		return table(a.stdout, runTable(out))
	})
}

// runTable is a table of runs. What few runs have gets a column when one of them has it.
func runTable(list []jsonRun) [][]string {
	expanded := slices.ContainsFunc(list, func(r jsonRun) bool { return r.Ledger.Expanded != 0 })
	held := slices.ContainsFunc(list, func(r jsonRun) bool { return r.Ledger.Held != 0 })
	some := func(cells []string, more bool, cell string) []string {
		if more {
			return append(cells, cell)
		}
		return cells
	}
	head := some([]string{"pipeline", "#run", "kind", "started", "took", "outcome", "#read"}, expanded, "#expanded")
	head = some(append(head, "#delivered", "#filtered", "#deduplicated", "#grouped", "#rejected"), held, "#held")
	rows := [][]string{append(head, "error")}
	for _, r := range list {
		l := r.Ledger
		filtered := int64(0)
		for _, n := range l.Filtered {
			filtered += n
		}
		row := []string{r.Pipeline, fmt.Sprint(r.Number), r.Kind, stamp(timeOf(r.Started)), took(r), r.Outcome, fmt.Sprint(l.Read)}
		row = some(row, expanded, fmt.Sprint(l.Expanded))
		for _, n := range []int64{l.Delivered, filtered, l.Deduplicated, l.Grouped, l.Rejected} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, append(some(row, held, fmt.Sprint(l.Held)), short(r.Error, 80)))
	}
	return rows
}

// took is how long a run took, "" when that is not known.
func took(r jsonRun) string {
	if r.Ended == nil || r.Started == nil {
		return ""
	}
	if r.Ended.Before(*r.Started) {
		return "(clock set back)"
	}
	return r.Ended.Sub(*r.Started).Round(time.Millisecond).String()
}

// timeOf is the time that t points to, the zero time when there is none.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
