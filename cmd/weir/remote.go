package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/engine"
	"weir/engine/api"
	"weir/engine/diag"
	"weir/engine/state"
)

// Verbs that change what is stored go through the server while one runs: it stops
// the pipeline at a commit, does it, and lets it go on.

func remoteFile(f api.File) jsonFile {
	return jsonFile{f.Pipeline, f.Source, f.Path, f.State, f.Rows, f.Size, f.Modified, f.Seen, f.Changed, f.Target, f.Reason, f.Run, f.Revision}
}

func (a *app) remoteRetry(ctx context.Context, c *api.Client, f *storeFlags, pipeline, path string, again bool) error {
	list, err := c.Retry(ctx, pipeline, api.RetryRequest{Path: path, Again: again})
	var e *api.Error
	if errors.As(err, &e) && e.Code == "rows_committed" {
		text, _, _ := strings.Cut(err.Error(), ". If ") // how requests ask for it
		return withCode(exitFailed, fmt.Errorf("%s. If that is meant, add --again", text))
	}
	if err != nil {
		return refusal(err)
	}
	out := []jsonFile{}
	for _, x := range list {
		out = append(out, remoteFile(x))
	}
	return a.printRetried(f, out)
}

// printRetried says which files are read again.
func (a *app) printRetried(f *storeFlags, list []jsonFile) error {
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"retried": list})
	}
	for _, e := range list {
		note := ""
		if e.State == string(state.FileArchived) && e.Target != "" {
			note = "; it was moved to " + e.Target + ": put it back"
		}
		if _, err := fmt.Fprintln(a.stdout, printable(e.Path+" is read by the next run, from its beginning"+note)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) remoteSkip(ctx context.Context, c *api.Client, f *storeFlags, pipeline, path, reason string) error {
	e, err := c.Skip(ctx, pipeline, api.SkipRequest{Path: path, Reason: reason})
	if err != nil {
		return refusal(err)
	}
	return a.printSkipped(f, remoteFile(*e))
}

func (a *app) printSkipped(f *storeFlags, e jsonFile) error {
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"skipped": e})
	}
	_, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf("%s is not read any more; %s of it stay committed", e.Path, count(e.Rows, "row"))))
	return err
}

func remoteLedger(l api.Ledger) engine.Ledger {
	return engine.Ledger{
		Read: l.Read, Delivered: l.Delivered, Filtered: l.Filtered, Deduplicated: l.Deduplicated, Grouped: l.Grouped,
		Expanded: l.Expanded, Rejected: l.Rejected, Held: l.Held,
	}
}

// remoteReplay makes the server replay rows, and prints the ledger of that.
func (a *app) remoteReplay(ctx context.Context, c *api.Client, f *storeFlags, pipeline string, which api.RejectChoice) error {
	r, err := c.Replay(ctx, pipeline, which)
	if err != nil {
		return refusal(err)
	}
	if err := a.printFound(a.stderr, r.Notices); err != nil {
		return err
	}
	p := engine.PipelineReport{Name: r.Pipeline, Ledger: remoteLedger(r.Ledger)}
	if r.Error != "" {
		p.Err = errors.New(r.Error)
	}
	rep := &engine.RunReport{Pipelines: []engine.PipelineReport{p}, OK: p.Err == nil}
	if f.asJSON {
		err = reportJSON(a.stdout, rep, nil)
	} else {
		err = reportText(a.stdout, rep)
	}
	switch {
	case err != nil:
		return err
	case p.Err != nil:
		return withCode(exitFailed, p.Err)
	case p.Ledger.Rejected > 0 || !p.Ledger.Balanced() || slices.ContainsFunc(r.Notices, func(d diag.JSONDiagnostic) bool { return d.Code == "run.overtaken" }):
		return reported(exitFailed)
	}
	return nil
}
