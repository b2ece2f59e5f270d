package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/scenario"
)

func (a *app) validateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "validate [FOLDER|FILE]", Short: "Report every problem of a configuration", Args: cobra.MaximumNArgs(1),
		Long: "Reads and plans the configuration, without touching any system, and reports every problem found.\n" +
			"Variables and secrets without a value are taken as unknown. A folder that holds no configuration\n" +
			"itself stands for the folders directly in it. Test files (*.test.hcl) are read too, but not run.",
		RunE: func(c *cobra.Command, args []string) error {
			return a.validate(c.Context(), pathArg(args), asJSON)
		},
	}
	a.inputFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as JSON")
	return c
}

func (a *app) validate(ctx context.Context, path string, asJSON bool) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	in.AllowMissing = true
	e, err := a.engine()
	if err != nil {
		return err
	}
	roots, ds := config.Roots(path)
	sources := map[string][]byte{}
	var pipelines []*plan.Pipeline
	for _, root := range roots {
		l, found := e.Load(ctx, root, in)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ds = append(ds, found...)
		maps.Copy(sources, l.Sources)
		if l.Plan != nil {
			pipelines = append(append(pipelines, l.Plan.Pipelines...), l.Plan.Open...)
		}
	}
	tests, found := testsOf(ctx, path)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ds = append(ds, found...)
	maps.Copy(sources, tests)
	if asJSON {
		err = diag.JSON(forJSON(a.stdout), ds)
	} else {
		err = a.printDiagnostics(a.stdout, ds, sources)
	}
	if err != nil {
		return err
	}
	if ds.HasErrors() {
		return reported(exitConfig)
	}
	if asJSON {
		return nil
	}
	return printValid(a.stdout, pipelines)
}

// printValid says that all is well, and what a receiver gets from each sink.
func printValid(w io.Writer, pipelines []*plan.Pipeline) error {
	if _, err := fmt.Fprintf(w, "The configuration is valid: %s.\n", count(int64(len(pipelines)), "pipeline")); err != nil {
		return err
	}
	for _, p := range pipelines {
		for _, u := range p.Unchecked {
			if _, err := fmt.Fprintf(w, "  %s, %s: not checked, as it depends on variables without a value: %s\n", p.Address, u.Step, strings.Join(u.Options, ", ")); err != nil {
				return err
			}
		}
		for _, n := range p.Nodes {
			if n.Sink == nil || n.In == nil || slices.ContainsFunc(p.Unchecked, func(u plan.Unchecked) bool { return u.Step == n.Address }) {
				continue
			}
			if _, err := fmt.Fprintf(w, "  %s, %s: %s\n", p.Address, n.Address, n.Sink.Guarantee()); err != nil {
				return err
			}
			more, ok := n.Sink.(plugin.Describer)
			if !ok {
				continue
			}
			for _, line := range more.Describe() {
				if _, err := fmt.Fprintf(w, "    %s\n", line); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// testsOf reads the test files in a folder and those below it, and reports what is wrong in them.
func testsOf(ctx context.Context, path string) (sources map[string][]byte, ds diag.List) {
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		return nil, nil
	}
	names, ds := scenario.Find(path)
	sources = map[string][]byte{}
	for _, name := range names {
		if ctx.Err() != nil {
			return sources, ds
		}
		suite, found := scenario.Load([]string{name})
		maps.Copy(sources, suite.Sources)
		ds = append(ds, found...)
	}
	return sources, ds
}
