package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/engine/api"
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/serve"
)

func (a *app) statusCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "status", Short: "Show how the server and its pipelines stand", Args: cobra.NoArgs,
		Long: "Shows the pipelines of the server: what each does, when it runs next, what came of its last run, how many rows it\n" +
			"read and refused since the server started, and how long its next run is overdue (lag). Below are the diagnostics\n" +
			"of runs that failed and of configuration that is not in effect; ! marks the pipelines that go on without it.\n\n" +
			"Exit codes: 0 all is well; 1 a pipeline fails or hangs, or configuration is not in effect; 3 the server cannot\n" +
			"be reached.",
		RunE: func(c *cobra.Command, _ []string) error { return a.status(c.Context(), &f) },
	}
	a.serverFlags(c, &f)
	return c
}

func (a *app) status(ctx context.Context, f *serverFlags) error {
	c, err := a.client(ctx, f)
	if err != nil {
		return err
	}
	st, err := c.Status(ctx)
	if err != nil {
		return refusal(err)
	}
	if f.asJSON {
		err = printJSON(a.stdout, st)
	} else {
		err = a.printStatus(a.stdout, st, plugin.SystemClock{}.Now())
	}
	if err == nil && !well(st) {
		err = reported(exitFailed)
	}
	return err
}

// well reports whether nothing fails or hangs and the newest configuration is in effect.
func well(st *api.Status) bool {
	for i := range st.Pipelines {
		p := &st.Pipelines[i]
		if p.Failures > 0 || len(p.Left) > 0 || len(p.Config) > 0 {
			return false
		}
	}
	return st.Reload == nil || st.Reload.OK()
}

func (a *app) printStatus(w io.Writer, st *api.Status, now time.Time) error {
	if _, err := fmt.Fprintln(w, statusHead(st, now)); err != nil {
		return err
	}
	if st.Reload != nil {
		if _, err := fmt.Fprintf(w, "last %s, %s\n", verdictLine(st.Reload), ago(now, st.Reload.At)); err != nil {
			return err
		}
	}
	rows := [][]string{{"", "pipeline", "state", "schedule", "next", "last run", "#rows", "#rejects", "lag", "note"}}
	for i := range st.Pipelines {
		rows = append(rows, statusRow(&st.Pipelines[i], now))
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	if err := table(w, rows); err != nil {
		return err
	}
	problems := statusProblems(st)
	if len(problems) == 0 {
		return nil
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return a.printFound(w, problems)
}

// statusHead is how the server stands in a line.
func statusHead(st *api.Status, now time.Time) string {
	head := fmt.Sprintf("%s: %s, %d running, generation %d, revision %s, up %s",
		st.Folder, count(int64(len(st.Pipelines)), "pipeline"), st.Running, st.Generation, cmp.Or(st.Revision, "none"), span(now.Sub(st.Started)))
	if st.Seen != st.Revision && st.Seen != "" {
		head += fmt.Sprintf("; the folder is at revision %s", st.Seen)
	}
	if st.Stopping {
		head += "; it is stopping"
	}
	return printable(head)
}

func statusRow(p *api.Pipeline, now time.Time) []string {
	mark := ""
	if len(p.Config) > 0 {
		mark = "!"
	}
	return []string{
		mark, p.Pipeline, p.State, p.Schedule, nextRun(p, now), lastRun(p, now), strconv.FormatInt(rowsOf(p), 10),
		strconv.FormatInt(p.Ledger.Rejected, 10), lagOf(p, now), short(statusNote(p, now), 80),
	}
}

// failing says since when a pipeline fails, how often it was tried, and when it is
// next; "" when it does not fail. exact adds the time itself.
func failing(p *api.Pipeline, now time.Time, exact bool) string {
	if p.Failures == 0 {
		return ""
	}
	var parts []string
	switch {
	case p.Since == nil:
	case exact:
		parts = append(parts, "since "+stamp(*p.Since)+" ("+span(now.Sub(*p.Since))+")")
	default:
		parts = append(parts, "for "+span(now.Sub(*p.Since)))
	}
	parts = append(parts, count(int64(p.Failures), "attempt"))
	switch {
	case p.Run != nil:
		parts = append(parts, "tried now")
	case p.Next != nil:
		parts = append(parts, "next "+nextRun(p, now))
	}
	return strings.Join(parts, ", ")
}

// rowsOf counts the rows that a pipeline read since the server started.
func rowsOf(p *api.Pipeline) int64 {
	n := p.Ledger.Read
	if p.Run != nil && p.Run.Progress != nil {
		n += p.Run.Progress.Rows
	}
	return n
}

func nextRun(p *api.Pipeline, now time.Time) string {
	switch {
	case p.Run != nil, p.Next == nil:
		return ""
	case !p.Next.After(now):
		return "now"
	}
	return "in " + span(p.Next.Sub(now))
}

func lastRun(p *api.Pipeline, now time.Time) string {
	if p.Last == nil {
		return ""
	}
	return p.Last.Outcome + " " + ago(now, p.Last.Ended)
}

// lagOf is how long the next run is overdue.
func lagOf(p *api.Pipeline, now time.Time) string {
	if p.Run != nil || p.Next == nil || now.Sub(*p.Next) < time.Second {
		return ""
	}
	return span(now.Sub(*p.Next))
}

// statusNote says what else there is to know about a pipeline.
func statusNote(p *api.Pipeline, now time.Time) string {
	var parts []string
	if p.Failures > 0 {
		parts = append(parts, "failing "+failing(p, now, true))
	}
	if n := len(p.Left); n > 0 {
		parts = append(parts, count(int64(n), "run")+" left behind, the last hangs at "+cmp.Or(p.Left[n-1].At, "an unknown step"))
	}
	if len(p.Config) > 0 {
		parts = append(parts, "its newest configuration is not in effect")
	}
	if r := p.Run; r != nil && r.Progress != nil && r.Progress.Object != "" {
		text := "in " + r.Progress.Object
		if r.Progress.Size > 0 && r.Progress.Offset >= 0 {
			text += fmt.Sprintf(" (%d%%)", min(100, r.Progress.Offset*100/r.Progress.Size))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// statusProblems returns why runs failed and why configuration is not in effect, each once.
func statusProblems(st *api.Status) []diag.JSONDiagnostic {
	var out []diag.JSONDiagnostic
	seen := map[string]bool{}
	add := func(list []diag.JSONDiagnostic) {
		for _, d := range list {
			key, _ := json.Marshal(d) // plain data: it cannot fail
			if !seen[string(key)] {
				seen[string(key)] = true
				out = append(out, d)
			}
		}
	}
	for i := range st.Pipelines {
		p := &st.Pipelines[i]
		if p.Failures > 0 {
			add(p.Problems)
		}
		add(p.Config)
	}
	if v := st.Reload; v != nil && !v.OK() {
		add(api.Problems(v))
	}
	return out
}

// lastReloads maps pipelines to the last reload that did something to them.
func lastReloads(list []*serve.Verdict) map[string]reloaded {
	out := map[string]reloaded{}
	for _, v := range list { // the latest first
		for i := range v.Actions {
			d := &v.Actions[i]
			if _, ok := out[d.Pipeline]; !ok {
				what := string(d.Kind)
				if d.Outcome != serve.ActionDone {
					what += " " + d.Outcome
				}
				out[d.Pipeline] = reloaded{what, v.At}
			}
		}
	}
	return out
}

// reloaded is what a reload did to a pipeline.
type reloaded struct {
	what string
	at   time.Time
}

// span shows a duration for people, in its two largest units.
func span(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// ago shows how long ago t was.
func ago(now, t time.Time) string { return span(now.Sub(t)) + " ago" }
