package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// previewer is an engine that can look at the first rows of a source.
type previewer interface {
	Preview(ctx context.Context, l *engine.Loaded, o engine.PreviewOptions) (*engine.Preview, error)
}

func (a *app) previewCommand() *cobra.Command {
	var f storeFlags
	var rows int
	c := &cobra.Command{
		Use: "preview PIPELINE", Short: "Show the first rows after each step, changing nothing", Args: cobra.ExactArgs(1),
		Long: "Reads the first rows of the first file that the next run would read, from the real source, and shows them after\n" +
			"each step, and the first requests that a rest sink would make for them, without secrets. Nothing is sent or written:\n" +
			"no sink is opened, the file stays, and what steps remember is only read. When no file is new, one that was read\n" +
			"before is shown. ready is not waited for.",
		RunE: func(c *cobra.Command, args []string) error { return a.preview(c.Context(), args[0], &f, rows) },
	}
	a.storeFlags(c, &f)
	c.Flags().IntVar(&rows, "rows", 5, "rows to decode")
	return c
}

func (a *app) preview(ctx context.Context, pipeline string, f *storeFlags, rows int) error {
	if rows < 1 || rows > 10_000 {
		return withCode(exitConfig, errors.New("--rows must be between 1 and 10000"))
	}
	in, err := a.inputs()
	if err != nil {
		return err
	}
	r, l, err := a.loadWith(ctx, f.config, in)
	if err != nil {
		return err
	}
	shown, err := planned(l.Plan, pipeline)
	if err != nil {
		return err
	}
	e, ok := r.(previewer)
	if !ok {
		return errors.New("this engine cannot preview")
	}
	o := engine.PreviewOptions{StateDir: f.dir, Pipeline: pipeline, Rows: rows}
	p, err := e.Preview(ctx, l, o)
	var locked *state.Locked
	if errors.As(err, &locked) && a.checkpointOf != nil {
		copied, remove, cerr := a.checkpointOf(ctx, engine.StateDir(l, f.dir), locked)
		if cerr != nil {
			return cerr
		}
		defer remove()
		o.StateDir = copied
		p, err = e.Preview(ctx, l, o)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return a.previewJSON(pipeline, p)
	}
	if err := a.printDiagnostics(a.stderr, p.Notices, l.Sources); err != nil {
		return err
	}
	return a.previewText(shown, p)
}

func (a *app) previewJSON(pipeline string, p *engine.Preview) error {
	type jsonStep struct {
		Address string            `json:"address"`
		Rows    []json.RawMessage `json:"rows"`
		Count   int               `json:"count"`
		*jsonMessages
	}
	steps := []jsonStep{}
	for _, s := range p.Steps {
		if s.Rows == nil {
			s.Rows = []json.RawMessage{}
		}
		steps = append(steps, jsonStep{s.Address, s.Rows, s.Count, messagesJSON(&s)})
	}
	rejects := []jsonReject{}
	for _, r := range p.Rejects {
		rejects = append(rejects, rejectJSON(letter{pipeline, r}))
	}
	return printJSON(a.stdout, map[string]any{"pipeline": pipeline, "object": p.Object, "again": p.Again, "whole": p.Whole,
		"steps": steps, "rejects": rejects, "notices": diag.ToJSON(p.Notices)})
}

func (a *app) previewText(pl *plan.Pipeline, p *engine.Preview) error {
	if p.Object == "" {
		_, err := fmt.Fprintln(a.stdout, "No source of "+pl.Address+" has a file.")
		return err
	}
	head := p.Object
	if p.Again {
		head += " (read before; no file is new)"
	}
	if _, err := fmt.Fprintln(a.stdout, printable(head)); err != nil {
		return err
	}
	for _, s := range p.Steps {
		if _, err := fmt.Fprintf(a.stdout, "\n%s: %s\n", s.Address, count(int64(s.Count), "row")); err != nil {
			return err
		}
		if len(s.Rows) == 0 {
			continue
		}
		rows := [][]string{s.Fields}
		for _, raw := range s.Rows {
			var m map[string]json.RawMessage
			if err := json.Unmarshal(raw, &m); err != nil {
				return err
			}
			row := make([]string, len(s.Fields))
			for i, f := range s.Fields {
				row[i] = short(shown(m[f]), 40)
			}
			rows = append(rows, row)
		}
		if err := table(indented{a.stdout}, rows); err != nil {
			return err
		}
	}
	for i := range p.Steps {
		if err := a.printMessages(&p.Steps[i]); err != nil {
			return err
		}
	}
	for i, r := range p.Rejects {
		if i == 0 {
			_, _ = fmt.Fprintln(a.stdout, "\nRejected")
		}
		at := strings.TrimSuffix(r.Step+", "+r.Column, ", ")
		if _, err := fmt.Fprintln(a.stdout, printable(fmt.Sprintf("  row %d by %s: %s", r.Row, at, r.Reason))); err != nil {
			return err
		}
	}
	return nil
}

// shown is a JSON value for a table: text without quotes, nothing as a dash.
func shown(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		if s == "" {
			return "''"
		}
		return s
	}
	if len(raw) == 0 || string(raw) == "null" {
		return "-"
	}
	return string(raw)
}

// indented writes lines two spaces in. Each Write is one line.
type indented struct {
	w interface{ Write([]byte) (int, error) }
}

// Write implements io.Writer.
func (i indented) Write(b []byte) (int, error) {
	if _, err := i.w.Write([]byte("  ")); err != nil {
		return 0, err
	}
	return i.w.Write(b)
}
