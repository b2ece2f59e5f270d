package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/engine/diag"
	"weir/engine/state"
)

func (a *app) stateRepair() *cobra.Command {
	var f storeFlags
	var yes bool
	c := &cobra.Command{
		Use: "repair", Short: "Say what is wrong with a state folder, and go on with what can still be read", Args: cobra.NoArgs,
		Long: "Reads everything in the state folder and says what is damaged, what can still be read, and which pipelines would read\n" +
			"or deliver something again. With --yes it makes a sound store of what can be read. The files as they were found are kept\n" +
			"in the folder, as damaged-<n>. No process may have the folder open. Restore a backup rather than repair, if there is one.",
		RunE: func(c *cobra.Command, _ []string) error { return a.repair(c.Context(), &f, yes) },
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (a *app) repair(ctx context.Context, f *storeFlags, yes bool) (err error) {
	dir, log, err := a.storeFolder(ctx, f)
	if err != nil {
		return err
	}
	r, err := state.Examine(dir, state.Options{Memory: 32 << 20, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	kept := ""
	if sound := len(r.Damages) == 0; yes && !sound {
		if kept, err = r.Write(); err != nil {
			return err
		}
	}
	if err := a.printRepair(&r.Findings, f, kept); err != nil {
		return err
	}
	if len(r.Damages) > 0 && kept == "" {
		return withCode(exitFailed, errors.New("nothing was changed. Restore the folder from a backup if there is one; to repair it, add --yes"))
	}
	return nil
}

type jsonRepair struct {
	State       string         `json:"state"`
	Bytes       int64          `json:"bytes"`
	Damages     []string       `json:"damages"`
	Keys        int64          `json:"keys"`
	OnlyRejects bool           `json:"only_rejects"`
	Pipelines   []jsonRepaired `json:"pipelines"`
	Spaces      []string       `json:"incomplete_spaces"`
	Nameless    int64          `json:"nameless_keys"`
	Notes       bool           `json:"history_incomplete"`
	Kept        string         `json:"kept,omitempty"` // folder of the damaged files, once repaired
}

type jsonRepaired struct {
	Pipeline string     `json:"pipeline"`
	Last     *time.Time `json:"last_commit_kept,omitempty"`
	Rejects  int64      `json:"rejects_kept"`
	Dropped  int        `json:"dropped_commits"`
	Repeats  bool       `json:"delivers_again"`
	Rereads  bool       `json:"reads_again"`
	Letters  bool       `json:"rejects_incomplete"`
	Ledger   bool       `json:"ledger_incomplete"`
}

func (a *app) printRepair(r *state.Findings, f *storeFlags, kept string) error {
	if f.asJSON {
		out := jsonRepair{r.Dir, r.Bytes, orEmpty(r.Damages), r.Keys, r.OnlyRejects, []jsonRepaired{}, orEmpty(r.Spaces), r.Nameless, r.Notes, kept}
		for _, p := range r.Pipelines {
			out.Pipelines = append(out.Pipelines, jsonRepaired{p.Address, jsonTime(p.Last), p.Rejects, p.Dropped, p.Repeats, p.Rereads, p.Letters, p.Ledger})
		}
		return printJSON(a.stdout, out)
	}
	if len(r.Damages) == 0 {
		_, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf("Nothing is wrong with state folder %s: %s of %s were read.", r.Dir, count(r.Keys, "key"), diag.Bytes(r.Bytes))))
		return err
	}
	lines := append([]string{fmt.Sprintf("State folder %s is damaged:", r.Dir)}, bulleted(r.Damages)...)
	lines = append(lines, "", fmt.Sprintf("What can be read and is kept: %s of %s.", count(r.Keys-r.Nameless, "key"), diag.Bytes(r.Bytes)))
	for _, l := range lines {
		if _, err := fmt.Fprintln(a.stdout, printable(l)); err != nil {
			return err
		}
	}
	if len(r.Pipelines) > 0 {
		if err := table(a.stdout, repairedRows(r)); err != nil {
			return err
		}
	}
	for _, l := range meaning(r, kept) {
		if _, err := fmt.Fprintln(a.stdout, printable(l)); err != nil {
			return err
		}
	}
	return nil
}

func repairedRows(r *state.Findings) [][]string {
	rows := [][]string{{"PIPELINE", "LAST COMMIT KEPT", "#DROPPED COMMITS", "#REJECTS KEPT", "THEN"}}
	for _, p := range r.Pipelines {
		then := "goes on where it was"
		switch {
		case p.Repeats && !p.Rereads:
			then = "goes on from that commit"
		case p.Rereads:
			then = "reads all that is at its sources again"
		}
		if p.Letters {
			then += "; some rejects may be lost"
		}
		if p.Ledger {
			then += "; counts and runs are incomplete"
		}
		rows = append(rows, []string{p.Address, stamp(p.Last), fmt.Sprint(p.Dropped), fmt.Sprint(p.Rejects), then})
	}
	return rows
}

// meaning says what a repair drops and what follows from it.
func meaning(r *state.Findings, kept string) []string {
	out := []string{
		"",
	}
	if slices.ContainsFunc(r.Pipelines, func(p state.RepairedPipeline) bool { return p.Repeats }) {
		out = append(out,
			"- What a pipeline delivered after its last commit that is kept is delivered again, under new idempotency keys: receivers",
			"  take it as new. Their records end as they should; what only ever adds, such as events, is there twice.",
			"- Rows that were refused after it are refused again while their files are at the source. Files that were moved or deleted",
			"  there are not read again: their rows were delivered, and those of them that were refused are lost.")
	}
	if r.OnlyRejects {
		out = append(out, "- Nobody knows which of the files count, so only the refused rows are kept, also such as were replayed or discarded lately.",
			"  Every pipeline begins anew, without dedupe keys and identities.")
	}
	if len(r.Spaces) > 0 && !r.OnlyRejects {
		out = append(out, "- Keys are missing in "+strings.Join(r.Spaces, ", ")+": what has them counts as new and is delivered again;",
			"  identities may have come apart. 'weir state reset NAME' forgets such a space as a whole.")
	}
	if r.Nameless > 0 {
		out = append(out, fmt.Sprintf("- %s of pipelines or spaces whose names are lost are dropped; such a pipeline begins anew.", count(r.Nameless, "key")))
	}
	if r.Notes {
		out = append(out, "- The history of reloads and what was answered to them is incomplete.")
	}
	if kept == "" {
		return append(out, "- The files as they are now would be kept beside the repaired store.", "")
	}
	return append(out, "", fmt.Sprintf("Repaired. The files as they were found are in %s/%s; delete them when they are not needed any more.", r.Dir, kept))
}

func bulleted(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
