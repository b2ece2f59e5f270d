package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"weir/engine/config"
	"weir/engine/diag"
)

// formatter formats files and remembers how it went.
type formatter struct {
	app         *app
	check, diff bool
	asJSON      bool
	changed     int
	names       []string // of files that changed
	diags       diag.List
	sources     map[string][]byte
}

func (a *app) fmtCommand() *cobra.Command {
	f := formatter{app: a, sources: map[string][]byte{}}
	c := &cobra.Command{
		Use: "fmt [FOLDER|FILE|-]...", Short: "Lay out configuration files in the one common way",
		Long: "Rewrites the .hcl files named, and those in folders named, in the common layout, and prints the names\n" +
			"of files that changed. - formats standard input to standard output. Files with errors of syntax are\n" +
			"reported and left alone.",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"."}
			}
			if f.asJSON && (f.diff || slices.Contains(args, "-")) {
				return withCode(exitConfig, errors.New("--json prints the names of files: leave out --diff, and name files instead of -"))
			}
			return f.run(args)
		},
	}
	c.Flags().BoolVar(&f.check, "check", false, "write nothing; print the names of files that would change, and exit 1 when there are any")
	c.Flags().BoolVar(&f.diff, "diff", false, "write nothing; print what would change")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the names of files, and what is wrong in them, as JSON")
	return c
}

func (f *formatter) run(args []string) error {
	for _, arg := range args {
		var err error
		if arg == "-" {
			err = f.stdin()
		} else {
			err = f.path(arg)
		}
		if err != nil {
			return err
		}
	}
	if err := f.report(); err != nil {
		return err
	}
	if f.diags.HasErrors() {
		return reported(exitConfig)
	}
	if f.check && f.changed > 0 {
		return reported(exitFailed)
	}
	return nil
}

// report tells what there is to tell besides the names of files.
func (f *formatter) report() error {
	if f.asJSON {
		return printJSON(f.app.stdout, map[string]any{"changed": append([]string{}, f.names...), "diagnostics": diag.ToJSON(f.diags)})
	}
	return f.app.printDiagnostics(f.app.stderr, f.diags, f.sources)
}

// path formats a file, whatever its name, or the .hcl files of a folder and its folders.
func (f *formatter) path(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return withCode(exitConfig, fmt.Errorf("no such file or folder: %s", path))
		}
		return err
	}
	if !st.IsDir() {
		return f.file(path, st.Mode())
	}
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && p != path
		switch {
		case d.IsDir() && (hidden || d.Name() == "testdata" && p != path):
			return filepath.SkipDir
		case d.IsDir(), hidden, !strings.HasSuffix(d.Name(), ".hcl"):
			return nil
		}
		info, err := os.Stat(p) // of the file, where p is a link to it
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		return f.file(p, info.Mode())
	})
}

func (f *formatter) file(name string, mode fs.FileMode) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	out, ok := f.format(name, src)
	if !ok || bytes.Equal(src, out) {
		return nil
	}
	f.changed++
	if f.diff {
		_, err := f.app.stdout.Write(diff.Diff(name, src, name+" (formatted)", out))
		return err
	}
	f.names = append(f.names, name)
	if !f.asJSON {
		if _, err := fmt.Fprintln(f.app.stdout, name); err != nil {
			return err
		}
	}
	if f.check {
		return nil
	}
	// A link stays one: what it points at is replaced.
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	return renameio.WriteFile(target, out, mode.Perm())
}

func (f *formatter) stdin() error {
	src, err := io.ReadAll(f.app.stdin)
	if err != nil {
		return err
	}
	const name = "<stdin>"
	out, ok := f.format(name, src)
	if !ok {
		return nil
	}
	changed := !bytes.Equal(src, out)
	if changed {
		f.changed++
	}
	switch {
	case f.diff:
		out = diff.Diff(name, src, name+" (formatted)", out)
	case f.check && changed:
		out = []byte(name + "\n")
	case f.check:
		out = nil
	}
	_, err = f.app.stdout.Write(out)
	return err
}

// format returns src in the common layout, or false when it cannot be parsed:
// what is broken is reported, never rearranged.
func (f *formatter) format(name string, src []byte) ([]byte, bool) {
	if ds := config.CheckSyntax(name, src); ds.HasErrors() {
		f.diags = append(f.diags, ds...)
		f.sources[name] = src
		return nil, false
	}
	return hclwrite.Format(src), true
}
