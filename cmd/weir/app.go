package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/term"

	"weir/engine"
	"weir/engine/diag"
	"weir/engine/plugin"
)

// runner is what the verbs need of an engine.
type runner interface {
	Load(ctx context.Context, path string, in engine.Inputs) (*engine.Loaded, diag.List)
	Run(ctx context.Context, l *engine.Loaded, o engine.RunOptions) (*engine.RunReport, error)
}

// app holds what the verbs share: where they read and write, and common flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	version        string
	newEngine      func(log *zap.Logger) (runner, diag.List)
	newServing     func(log *zap.Logger) (*engine.Engine, diag.List) // of a process that goes on: connections stay open between runs
	plugins        func(out io.Writer) []plugin.Plugin
	checkpointOf   checkpointer // nil when no process can be asked

	vars      []string
	varFiles  []string
	noColor   bool
	logLevel  string
	logFormat string
	tokenFile string
}

// main runs the command line and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	if err != nil && !errors.Is(err, errReported) {
		_, _ = fmt.Fprintf(a.stderr, "weir: %v\n", err)
	}
	return codeOf(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "weir",
		Short: "Runs integration pipelines written in HCL",
		Long: "Weir moves business data between systems. Pipelines are HCL files; weir checks them, runs them,\n" +
			"and accounts for every row.\n\n" +
			"Exit codes: 0 ok, 1 failed, 2 configuration wrong, 3 environment (network, disk, credentials).",
		SilenceErrors: true, SilenceUsage: true,
		Args: knownVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	f := root.PersistentFlags()
	f.BoolVar(&a.noColor, "no-color", false, "print without colour; NO_COLOR in the environment does the same")
	f.StringVar(&a.logLevel, "log-level", "", "least level to log: debug, info, warn or error (default warn; info for serve where nobody watches)")
	f.StringVar(&a.logFormat, "log-format", "text", "form of log lines on standard error: text or json")
	root.AddCommand(a.validateCommand(), a.runCommand(), a.fmtCommand(), a.graphCommand(), a.testCommand(), a.demoCommand(), a.versionCommand())
	root.AddCommand(a.filesCommand(), a.rejectsCommand(), a.runsCommand(), a.stateCommand(), a.explainCommand(), a.previewCommand(), a.schemaCommand(), a.docsCommand(), a.columnsCommand(), a.completionCommand(), a.traceCommand())
	root.AddCommand(a.serveCommand(), a.reloadCommand(), a.planCommand(), a.reloadsCommand(), a.statusCommand(), a.topCommand())
	a.complete(root)
	addresses(root)
	usageErrors(root)
	return root
}

// knownVerb reports what stands in the place of a verb and is none.
func knownVerb(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var verbs []string
	for _, c := range root.Commands() {
		verbs = append(verbs, c.Name())
	}
	if s := diag.Suggest(args[0], verbs); s != "" {
		return fmt.Errorf("unknown command %q; did you mean %q?", args[0], s)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// usageErrors makes wrong flags and arguments exit with the code for them,
// and point at the help.
func usageErrors(c *cobra.Command) {
	wrap := func(c *cobra.Command, err error) error {
		return withCode(exitConfig, fmt.Errorf("%w\nSee: %s --help", err, c.CommandPath()))
	}
	c.SetFlagErrorFunc(wrap)
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return wrap(c, err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
}

// inputFlags adds the flags that give variables their values.
func (a *app) inputFlags(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.vars, "var", nil, "value of a variable, as name=value; may be repeated")
	c.Flags().StringArrayVar(&a.varFiles, "var-file", nil, "file of variable values (*.vars.hcl); may be repeated")
}

// inputs returns what the flags and the environment say about variables.
func (a *app) inputs() (engine.Inputs, error) {
	in := engine.Inputs{VarFiles: a.varFiles}
	for _, v := range a.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			// The text itself may be a credential with its name forgotten (I9).
			return in, withCode(exitConfig, errors.New("--var must be name=value"))
		}
		if !utf8.ValidString(v) {
			return in, withCode(exitConfig, fmt.Errorf("the value of --var %s is not valid UTF-8", strings.ToValidUTF8(name, "?")))
		}
		in.Vars = append(in.Vars, engine.VarFlag{Name: name, Value: value})
	}
	return in, nil
}

// color reports whether w takes colour.
func (a *app) color(w io.Writer) bool {
	return !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f := fileOf(w)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// printDiagnostics writes l to w for people.
func (a *app) printDiagnostics(w io.Writer, l diag.List, sources map[string][]byte) error {
	o := diag.TextOptions{Color: a.color(w)}
	if f := fileOf(w); f != nil && isTerminal(w) {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = min(width, 120)
		}
	}
	if o.Color {
		w = inColor(w)
	}
	return diag.Text(w, l, sources, o)
}

// loadWith makes an engine and loads path. Problems are printed to standard
// error; errors among them end the command.
func (a *app) loadWith(ctx context.Context, path string, in engine.Inputs) (runner, *engine.Loaded, error) {
	e, err := a.engine()
	if err != nil {
		return nil, nil, err
	}
	l, ds := e.Load(ctx, path, in)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err := a.printDiagnostics(a.stderr, ds, l.Sources); err != nil {
		return nil, nil, err
	}
	if ds.HasErrors() {
		return nil, nil, withCode(exitConfig, &diagnosed{ds})
	}
	return e, l, nil
}

// diagnosed is the end of a command whose diagnostics have been printed for people.
type diagnosed struct{ list diag.List }

// Error implements error.
func (d *diagnosed) Error() string { return diag.Counts(d.list) }

// Is makes a diagnosed error one that was reported.
func (d *diagnosed) Is(target error) bool { return target == errReported }

// engine makes an engine with a logger as the flags say.
func (a *app) engine() (runner, error) {
	log, err := a.logger()
	if err != nil {
		return nil, err
	}
	e, ds := a.newEngine(log)
	if ds.HasErrors() {
		return nil, ds.Err()
	}
	return e, nil
}

// pathArg is the folder or file a verb works on; the current folder when none is named.
func pathArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
