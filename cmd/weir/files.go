package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/plugin"
	"weir/engine/state"
)

func (a *app) filesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "files", Short: "Say what became of files, and read one again or never", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.filesLs(), a.filesWhy(), a.filesRetry(), a.filesSkip())
	return c
}

func (a *app) filesLs() *cobra.Command {
	var f storeFlags
	var history bool
	var only string
	c := &cobra.Command{
		Use: "ls [PIPELINE] [PATH]", Short: "List the files that are known", Args: cobra.MaximumNArgs(2),
		Long: "Lists what the file ledger knows. PATH is a path, a name or a pattern such as '*.csv'. States: reading (part\n" +
			"of it is committed), committed, archived (committed, and moved or deleted), quarantined, skipped, superseded.",
		RunE: func(c *cobra.Command, args []string) error { return a.files(c.Context(), args, &f, history, only) },
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&history, "history", false, "also earlier files of the same names")
	c.Flags().StringVar(&only, "only", "", "only files in this state")
	return c
}

type jsonFile struct {
	Pipeline string     `json:"pipeline"`
	Source   string     `json:"source"`
	Path     string     `json:"path"`
	State    string     `json:"state"`
	Rows     int64      `json:"rows"`
	Size     int64      `json:"size"`
	ModTime  *time.Time `json:"modified,omitempty"`
	Seen     *time.Time `json:"seen,omitempty"`
	Changed  *time.Time `json:"changed,omitempty"`
	Target   string     `json:"target,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Run      string     `json:"run,omitempty"`
	Revision string     `json:"revision,omitempty"`
}

func fileJSON(pipeline string, e state.FileEntry) jsonFile {
	return jsonFile{pipeline, e.Source, e.Path, string(e.State), e.Rows, e.Size, jsonTime(e.ModTime), jsonTime(e.Seen), jsonTime(e.Changed), e.Target, e.Reason, e.Run, e.Revision}
}

// entries returns the file ledger of a pipeline, narrowed to paths that match
// pattern; "" is all of it.
func entries(s *state.Store, pipeline, pattern string, history bool) ([]state.FileEntry, error) {
	list, err := s.Files(pipeline, history)
	if err != nil || pattern == "" {
		return list, err
	}
	return slices.DeleteFunc(list, func(e state.FileEntry) bool {
		whole, werr := path.Match(pattern, e.Path)
		base, berr := path.Match(pattern, path.Base(e.Path))
		return e.Path != pattern && path.Base(e.Path) != pattern && !(werr == nil && whole) && !(berr == nil && base)
	}), nil
}

func (a *app) files(ctx context.Context, args []string, f *storeFlags, history bool, only string) error {
	return a.withStore(ctx, f, true, func(s *state.Store) error {
		names, err := storedPipelines(s, args[:min(1, len(args))])
		if err != nil {
			return err
		}
		out := []jsonFile{}
		for _, p := range names {
			list, err := entries(s, p, strings.Join(args[min(1, len(args)):], ""), history)
			if err != nil {
				return err
			}
			for _, e := range list {
				if only == "" || string(e.State) == only {
					out = append(out, fileJSON(p, e))
				}
			}
		}
		if f.asJSON {
			return printJSON(a.stdout, map[string]any{"files": out})
		}
		rows := [][]string{{"pipeline", "source", "path", "state", "#rows", "#bytes", "changed", "note"}}
		for _, e := range out {
			note := e.Reason
			if e.Target != "" {
				note = "moved to " + e.Target
			}
			changed := ""
			if e.Changed != nil {
				changed = stamp(*e.Changed)
			}
			rows = append(rows, []string{e.Pipeline, e.Source, e.Path, e.State, fmt.Sprint(e.Rows), fmt.Sprint(e.Size), changed, short(note, 100)})
		}
		return table(a.stdout, rows)
	})
}

func (a *app) filesWhy() *cobra.Command {
	var f storeFlags
	c := &cobra.Command{
		Use: "why PIPELINE PATH", Short: "Explain why a file was, or was not, read", Args: cobra.ExactArgs(2),
		Long: "Says what is known of a file, earlier files of its name included, what the next run does with it, and what can\n" +
			"be done about it. PATH is a path, a name or a pattern.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), &f, true, func(s *state.Store) error {
				list, err := a.found(s, args[0], args[1], true)
				if err != nil {
					return err
				}
				if f.asJSON {
					out := []map[string]any{}
					for _, e := range list {
						out = append(out, map[string]any{"file": fileJSON(args[0], e), "next": nextFor(e)})
					}
					return printJSON(a.stdout, map[string]any{"files": out})
				}
				for i, e := range list {
					if i > 0 {
						_, _ = fmt.Fprintln(a.stdout)
					}
					if err := a.why(args[0], e); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	a.storeFlags(c, &f)
	return c
}

// found returns the entries that a path names; none is an error.
func (a *app) found(s *state.Store, pipeline, pattern string, history bool) ([]state.FileEntry, error) {
	if _, err := storedPipelines(s, []string{pipeline}); err != nil {
		return nil, err
	}
	list, err := entries(s, pipeline, pattern, history)
	if err == nil && len(list) == 0 {
		err = withCode(exitFailed, fmt.Errorf("pipeline %s has never claimed a file %s: it was not there when a run listed its folder, did not match path, or was not ready yet. "+
			"weir run says which files it found and did not read, and why", pipeline, pattern))
	}
	return list, err
}

func (a *app) why(pipeline string, e state.FileEntry) error {
	var sb strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&sb, format, args...) }
	p("%s is %s", e.Path, e.State)
	if e.Reason != "" {
		p(": %s", e.Reason)
	}
	p("\n  source    %s of pipeline %s\n  size      %d bytes", e.Source, pipeline, e.Size)
	if !e.ModTime.IsZero() {
		p(", modified %s", stamp(e.ModTime))
	}
	p("\n  rows      %d committed\n", e.Rows)
	if !e.Seen.IsZero() {
		p("  claimed   %s\n", stamp(e.Seen))
	}
	if !e.Changed.IsZero() {
		p("  changed   %s%s\n", stamp(e.Changed), byRun(e.Run))
	}
	if e.Marker != "" {
		p("  marker    %s\n", e.Marker)
	}
	if e.Target != "" {
		p("  moved to  %s\n", e.Target)
	}
	p("  next      %s\n", nextFor(e))
	_, err := fmt.Fprint(a.stdout, printableLines(sb.String()))
	return err
}

// byRun names the run that did something, if one did.
func byRun(id string) string {
	if id == "" {
		return ""
	}
	return " by run " + id
}

// printableLines is printable for text of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// nextFor says what the next run does with a file, and what a person may do.
func nextFor(e state.FileEntry) string {
	switch e.State {
	case state.FileReading:
		return fmt.Sprintf("The next run goes on after row %d. weir files skip leaves the rest of it unread.", e.Rows)
	case state.FileCommitted:
		return "It is not read again unless its content changes. weir files retry --again reads it once more."
	case state.FileArchived:
		return "All of it is committed, and it was put away. A file put back under its name with the same content is not read again; weir files retry --again forgets that it was."
	case state.FileQuarantined:
		return "It is read again when it changes. If the cause was in the configuration, correct that and use weir files retry."
	case state.FileSkipped:
		return "It is read when it changes, or after weir files retry."
	case state.FileSuperseded:
		return "Another file has its name now; this one is history."
	}
	return ""
}

func (a *app) filesRetry() *cobra.Command {
	var f storeFlags
	var again bool
	c := &cobra.Command{
		Use: "retry PIPELINE PATH", Short: "Let the next run read a file from its beginning", Args: cobra.ExactArgs(2),
		Long: "Forgets what the file ledger knows of the file, so that the next run reads it from its beginning. A file of which\n" +
			"rows were committed needs --again: its rows are processed once more, and delivered under new idempotency keys, so\n" +
			"that a receiver does not drop them as known. Without committed rows the keys stay: what was delivered before a\n" +
			"failure is recognised. Dedupe steps remember what they let pass.",
		RunE: func(c *cobra.Command, args []string) error {
			server, err := a.servedBy(c.Context(), &f)
			if err != nil {
				return err
			}
			if server != nil {
				return a.remoteRetry(c.Context(), server, &f, args[0], args[1], again)
			}
			return a.changeStore(c.Context(), &f, func(s *state.Store) error { return a.retryFiles(s, &f, args[0], args[1], again) })
		},
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&again, "again", false, "also when rows of it were committed, which are then processed a second time")
	return c
}

func (a *app) retryFiles(s *state.Store, f *storeFlags, pipeline, pattern string, again bool) error {
	list, err := a.found(s, pipeline, pattern, false)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Rows > 0 && !again {
			return withCode(exitFailed, fmt.Errorf("%d rows of %s are committed, and would be processed a second time. If that is meant, add --again", e.Rows, e.Path))
		}
	}
	out := []jsonFile{}
	for _, e := range list {
		if _, err := s.ForgetFile(pipeline, e.Source, e.Path); err != nil {
			return err
		}
		out = append(out, fileJSON(pipeline, e))
	}
	return a.printRetried(f, out)
}

// fileSkipper is an engine that can look for files of a source.
type fileSkipper interface {
	SkipFile(ctx context.Context, l *engine.Loaded, o engine.SkipOptions) (state.FileEntry, error)
}

func (a *app) filesSkip() *cobra.Command {
	var f storeFlags
	var reason string
	c := &cobra.Command{
		Use: "skip PIPELINE PATH", Short: "Never read a file, or not the rest of it", Args: cobra.ExactArgs(2),
		Long: "Marks a file as skipped: no run reads it, or the rest of it, until it changes. It stays where it is. What was\n" +
			"committed of it stays committed. A file that no run has seen yet is looked for at the source.",
		RunE: func(c *cobra.Command, args []string) error {
			server, err := a.servedBy(c.Context(), &f)
			if err != nil {
				return err
			}
			if server != nil {
				return a.remoteSkip(c.Context(), server, &f, args[0], args[1], reason)
			}
			return a.skipFile(c.Context(), &f, args[0], args[1], reason)
		},
	}
	a.storeFlags(c, &f)
	c.Flags().StringVar(&reason, "reason", "skipped by hand", "why, for whoever asks later")
	return c
}

func (a *app) skipFile(ctx context.Context, f *storeFlags, pipeline, path, reason string) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	r, l, err := a.loadWith(ctx, f.config, in)
	if err != nil {
		return err
	}
	if _, err := planned(l.Plan, pipeline); err != nil {
		return err
	}
	e, ok := r.(fileSkipper)
	if !ok {
		return errors.New("this engine cannot skip files")
	}
	entry, err := e.SkipFile(ctx, l, engine.SkipOptions{StateDir: f.dir, Pipeline: pipeline, Path: path, Reason: reason})
	var nf *plugin.Failure
	if errors.As(err, &nf) && nf.Class == plugin.Data {
		return withCode(exitFailed, err)
	}
	if err != nil {
		return err
	}
	return a.printSkipped(f, fileJSON(pipeline, entry))
}
