package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/api"
	"weir/engine/plugin"
	"weir/engine/state"
)

// editFlags say what a refused row is to be.
type editFlags struct {
	raw, file  string
	set        []string
	by, reason string
	replay     bool
}

func (a *app) rejectsEdit() *cobra.Command {
	var f storeFlags
	var e editFlags
	c := &cobra.Command{
		Use: "edit PIPELINE ID", Short: "Change a copy of a refused row, which a replay then takes", Args: cobra.ExactArgs(2),
		Long: "Changes a copy of the text of a refused row: with --set by other values in some columns, with --raw or --file (- is\n" +
			"standard input) by a text of its own, and without any of these in the editor that VISUAL or EDITOR names. The\n" +
			"decoder must take the new text for what the old one was, one row (or the rows of a group), and without a fault.\n\n" +
			"The row stays refused, under its number, until it is replayed, and the text that it came with is kept. Who edited\n" +
			"it, when and why is shown by weir rejects show, and also after the row was replayed or discarded by weir rejects\n" +
			"ls --edited, until it is pruned. When someone else edited, replayed or discarded the row meanwhile, nothing is changed.",
		RunE: func(c *cobra.Command, args []string) error { return a.edit(c, args, &f, &e) },
	}
	a.storeFlags(c, &f)
	c.Flags().StringVar(&e.raw, "raw", "", "the whole text of the row")
	c.Flags().StringVar(&e.file, "file", "", "file with the whole text of the row; - is standard input")
	c.Flags().StringArrayVar(&e.set, "set", nil, "COLUMN=VALUE: another value for a column, as the file would have it; can be given several times")
	c.Flags().StringVar(&e.by, "by", "", "who edits it (default: who is logged in here)")
	c.Flags().StringVar(&e.reason, "reason", "", "why it is edited; must be given")
	c.Flags().BoolVar(&e.replay, "replay", false, "replay the row at once")
	c.MarkFlagsMutuallyExclusive("raw", "file", "set")
	return c
}

func (a *app) edit(c *cobra.Command, args []string, f *storeFlags, e *editFlags) error {
	ctx := c.Context()
	ids, err := rejectIDs(args[1:])
	if err != nil {
		return err
	}
	if strings.TrimSpace(e.reason) == "" {
		return withCode(exitConfig, errors.New("say why the row is edited: --reason TEXT"))
	}
	o := engine.EditOptions{ID: ids[0], By: e.by, Reason: e.reason}
	if o.By == "" {
		o.By = a.login()
	}
	if o.Set, err = cells(e.set); err != nil {
		return err
	}
	var x state.Reject
	err = a.withStore(ctx, f, true, func(s *state.Store) error {
		list, err := byID(s, args[0], ids)
		if err == nil {
			x = list[0].Reject
		}
		return err
	})
	if err != nil {
		return err
	}
	o.Seen = len(x.Edits)
	written := ""
	if len(o.Set) == 0 {
		if o.Text, written, err = a.newText(ctx, c, e, &x); err != nil {
			return err
		}
	}
	if x, err = a.changeRow(ctx, f, args[0], &x, o); err != nil {
		if written != "" {
			err = fmt.Errorf("%w. What you wrote is in %s; --file takes it from there", err, written)
		}
		return err
	}
	if written != "" {
		_ = os.Remove(written) // what it holds is stored
	}
	if f.asJSON && !e.replay {
		return printJSON(a.stdout, map[string]any{"edited": rejectJSON(letter{args[0], x})})
	}
	if !e.replay {
		_, err = fmt.Fprintf(a.stdout, "refused row %d is edited; weir rejects replay %s %d takes it as it is now\n", x.ID, args[0], x.ID)
		return err
	}
	return a.replay(ctx, args, f, &rejectFilter{}, false, engine.ReplayOptions{})
}

// changeRow edits the row x by o, in the store or by the server that has it.
func (a *app) changeRow(ctx context.Context, f *storeFlags, pipeline string, x *state.Reject, o engine.EditOptions) (state.Reject, error) {
	server, err := a.servedBy(ctx, f)
	if err != nil {
		return *x, err
	}
	if server != nil {
		return remoteEdit(ctx, server, pipeline, x, o)
	}
	in, err := a.inputs()
	if err != nil {
		return *x, err
	}
	_, l, err := a.loadWith(ctx, f.config, in)
	if err != nil {
		return *x, err
	}
	p, err := planned(l.Plan, pipeline)
	if err != nil {
		return *x, err
	}
	out := *x
	err = a.changeStore(ctx, f, func(s *state.Store) error {
		var err error
		out, err = engine.EditReject(ctx, s, p, o)
		return err
	})
	var no *engine.EditError
	var changed *state.ChangedError
	if errors.As(err, &no) || errors.As(err, &changed) {
		err = withCode(exitFailed, err)
	}
	return out, err
}

// remoteEdit has a server edit a row; what it answers are the edits of x.
func remoteEdit(ctx context.Context, server *api.Client, pipeline string, x *state.Reject, o engine.EditOptions) (state.Reject, error) {
	q := api.EditRequest{ID: o.ID, By: o.By, Reason: o.Reason, Edits: o.Seen}
	if o.Text != nil {
		if s := string(o.Text); utf8.ValidString(s) {
			q.Text = &s
		} else {
			q.TextBase64 = o.Text
		}
	}
	if len(o.Set) > 0 {
		q.Set = map[string]string{}
		for _, c := range o.Set {
			q.Set[c.Column] = c.Value
		}
	}
	y, err := server.EditReject(ctx, pipeline, q)
	if err != nil {
		return *x, refusal(err)
	}
	out := *x
	out.Edits = nil
	for _, e := range y.Edits {
		text := e.TextBase64
		if text == nil {
			text = []byte(e.Text)
		}
		out.Edits = append(out.Edits, state.Edit{Text: text, By: e.By, Reason: e.Reason, At: e.At})
	}
	return out, nil
}

// cells reads COLUMN=VALUE.
func cells(set []string) (out []plugin.Cell, err error) {
	seen := map[string]bool{}
	for _, s := range set {
		column, value, ok := strings.Cut(s, "=")
		if !ok || column == "" {
			return nil, withCode(exitConfig, fmt.Errorf("--set takes COLUMN=VALUE, not %q", s))
		}
		if !utf8.ValidString(s) { // JSON would have it as other characters
			return nil, withCode(exitConfig, fmt.Errorf("--set for column %s is not valid UTF-8: give the whole row with --file", column))
		}
		if seen[column] {
			return nil, withCode(exitConfig, fmt.Errorf("--set names the column %s twice", column))
		}
		seen[column] = true
		out = append(out, plugin.Cell{Column: column, Value: value})
	}
	return out, nil
}

// login returns who is logged in, "" when that is not known.
func (a *app) login() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return a.getenv("USER")
}

// newText returns the text that flags, a file or a person at an editor give; the last
// is also in the file named, in case it is not taken.
func (a *app) newText(ctx context.Context, c *cobra.Command, e *editFlags, x *state.Reject) (text []byte, written string, err error) {
	switch {
	case c.Flags().Changed("raw"):
		return []byte(e.raw), "", nil
	case e.file == "-":
		text, err = io.ReadAll(a.stdin)
		return text, "", err
	case e.file != "":
		if text, err = os.ReadFile(e.file); err != nil {
			err = withCode(exitEnvironment, err)
		}
		return text, "", err
	}
	editor := a.getenv("VISUAL")
	if editor == "" {
		editor = a.getenv("EDITOR")
	}
	if editor == "" {
		return nil, "", withCode(exitConfig, errors.New("say what the row is to be with --set, --raw or --file, or name an editor in VISUAL or EDITOR"))
	}
	return a.inEditor(ctx, editor, x)
}

// inEditor lets a person change the text of x.
func (a *app) inEditor(ctx context.Context, editor string, x *state.Reject) (text []byte, written string, err error) {
	file, err := os.CreateTemp("", "weir-row-*.txt") // only its owner can read it
	if err != nil {
		return nil, "", withCode(exitEnvironment, err)
	}
	written = file.Name()
	was := x.Text()
	if !bytes.HasSuffix(was, []byte("\n")) {
		was = append(bytes.Clone(was), '\n') // as editors leave it
	}
	_, err = file.Write(was)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, written, withCode(exitEnvironment, err)
	}
	_, _ = fmt.Fprint(a.stderr, printableLines(fmt.Sprintf("#%d: %s\n", x.ID, x.Reason)))
	if len(x.Header) > 0 {
		_, _ = fmt.Fprint(a.stderr, printableLines(fmt.Sprintf("header: %s\n", x.Header)))
	}
	words := strings.Fields(editor) // "code --wait" has an argument

	cmd := exec.CommandContext(ctx, words[0], append(words[1:], written)...) //nolint:gosec // the editor is the one that its user names
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, direct(a.stdout), direct(a.stderr)
	if err := cmd.Run(); err != nil {
		return nil, written, withCode(exitEnvironment, fmt.Errorf("the editor %s: %w; nothing was changed", words[0], err))
	}
	if text, err = os.ReadFile(written); err != nil {
		err = withCode(exitEnvironment, err)
	}
	return text, written, err
}
