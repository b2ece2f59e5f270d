package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"weir/engine/diag"
	"weir/engine/scenario"
)

type testFlags struct {
	match    string
	parallel int
	verbose  bool
	cover    bool
	asJSON   bool
	junit    string
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use: "test [FOLDER|FILE]", Short: "Run the tests of pipelines", Args: cobra.MaximumNArgs(1),
		Long: "Runs the test blocks of *.test.hcl files in a folder and those below it: offline, against servers inside\n" +
			"this process that take the place of connections, in virtual time. Each file tests the configuration of\n" +
			"its own folder.\n\n" +
			"Exit codes: 0 all tests passed, 1 a test failed, 2 a test file or a configuration is wrong.",
		RunE: func(c *cobra.Command, args []string) error { return a.test(c.Context(), pathArg(args), f) },
	}
	c.Flags().StringVar(&f.match, "run", "", "run only tests whose name matches this regular expression")
	c.Flags().IntVar(&f.parallel, "parallel", 0, "how many tests run at the same time (default: one a processor)")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "name the tests that pass too")
	c.Flags().BoolVar(&f.cover, "cover", false, "name the mapping lines, filters and branches that no test reaches")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the results as JSON")
	c.Flags().StringVar(&f.junit, "junit", "", "write the results to this file in JUnit's form")
	return c
}

func (a *app) test(ctx context.Context, path string, f testFlags) error {
	o := scenario.Options{Plugins: a.plugins, Parallel: f.parallel, Cover: f.cover}
	if f.match != "" {
		var err error
		if o.Match, err = regexp.Compile(f.match); err != nil {
			return withCode(exitConfig, fmt.Errorf("--run must be a regular expression: %w", err))
		}
	}
	suite, err := a.loadTests(path, f.asJSON)
	if err != nil {
		return err
	}
	var report scenario.Report
	var printErr error
	style, out := diag.TextOptions{Color: a.color(a.stdout)}, a.stdout
	if style.Color {
		out = inColor(out)
	}
	cover := scenario.Run(ctx, suite, o, func(r *scenario.Result) {
		report.Add(r)
		if !f.asJSON {
			printErr = errors.Join(printErr, report.Text(out, r, f.verbose, style))
		}
	})
	if err := errors.Join(printErr, a.testOutcome(&report, cover, f)); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case report.Broken():
		return reported(exitConfig)
	case report.Failed():
		return reported(exitFailed)
	}
	return nil
}

// loadTests reads the test files at path and prints every problem in them.
func (a *app) loadTests(path string, asJSON bool) (*scenario.Suite, error) {
	names, ds := scenario.Find(path)
	suite, found := scenario.Load(names)
	ds = append(ds, found...)
	if len(names) == 0 && len(ds) == 0 {
		ds = append(ds, diag.Errorf("test.no_tests", nil, "No tests in "+path, "Neither the folder nor those below it hold a file whose name ends in .test.hcl."))
	}
	if !ds.HasErrors() {
		return suite, a.printDiagnostics(a.stderr, ds, suite.Sources)
	}
	var err error
	if asJSON {
		err = diag.JSON(forJSON(a.stdout), ds)
	} else {
		err = a.printDiagnostics(a.stderr, ds, suite.Sources)
	}
	return nil, errors.Join(err, reported(exitConfig))
}

// testOutcome prints what is said after all tests.
func (a *app) testOutcome(report *scenario.Report, cover *scenario.Cover, f testFlags) error {
	var err error
	if f.asJSON {
		err = report.JSON(forJSON(a.stdout), cover)
	} else {
		err = report.Summary(a.stdout)
		if cover != nil {
			err = errors.Join(err, cover.Text(a.stdout))
		}
	}
	if f.junit != "" {
		err = errors.Join(err, writeFile(f.junit, report.JUnit))
	}
	return err
}

// writeFile makes the file called name and lets write fill it.
func writeFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name) //nolint:gosec // the user names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}
