// Command profile runs the benchmark jobs inside itself and writes down where
// their time goes, in the form that the compiler takes (go help build, -pgo).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"

	"weir/engine"
	"weir/plugins/all"
)

func main() {
	pipelines := flag.String("pipelines", ".", "folder of a.hcl, b.hcl and c.hcl")
	work := flag.String("work", ".", "folder of the input, and for the state of the runs")
	out := flag.String("out", ".", "folder for output")
	rows := flag.Int("rows", 5_000_000, "rows of input")
	to := flag.String("profile", "cpu.pprof", "the file to write")
	flag.Parse()
	if err := profile(*to, func() error {
		for _, job := range []string{"a", "b", "c"} {
			input := fmt.Sprintf("customers-%d.csv", *rows)
			if job == "c" {
				input = fmt.Sprintf("receipts-%d.csv", *rows)
			}
			if err := run(filepath.Join(*pipelines, job+".hcl"), filepath.Join(*work, input), *work, *out); err != nil {
				return fmt.Errorf("job %s: %w", job, err)
			}
		}
		return nil
	}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// profile writes to the file to where the time of do goes.
func profile(to string, do func() error) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// run runs the pipeline of a file once, with a state of its own.
func run(pipeline, input, work, out string) (err error) {
	dir, err := os.MkdirTemp(work, "profile-")
	if err != nil {
		return err
	}
	output := filepath.Join(out, filepath.Base(dir)+".ndjson")
	defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(output)) }()
	e, ds := engine.New(engine.Options{Plugins: all.Plugins(io.Discard)})
	if ds.HasErrors() {
		return ds.Err()
	}
	defer e.Close()
	ctx := context.Background()
	vars := []engine.VarFlag{{Name: "input", Value: input}, {Name: "output", Value: output}}
	l, ds := e.Load(ctx, pipeline, engine.Inputs{Vars: vars})
	if ds.HasErrors() {
		return ds.Err()
	}
	report, err := e.Run(ctx, l, engine.RunOptions{StateDir: dir})
	if err != nil {
		return err
	}
	var failed []string
	for _, p := range report.Pipelines {
		if p.Err != nil {
			failed = append(failed, p.Err.Error())
		}
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "; "))
	}
	return nil
}
