package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"weir/engine/diag"
	"weir/engine/function"
	"weir/engine/plugin"
	"weir/engine/reference"
	"weir/engine/scenario"
	"weir/engine/spec"
	"weir/plugins/all"
)

func (a *app) builtins() []plugin.Plugin { return all.Plugins(a.stdout) }

func (a *app) schemaCommand() *cobra.Command {
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use: "schema [BLOCK]", Short: "Print JSON Schemas of the configuration", Args: cobra.MaximumNArgs(1),
		Long: "Prints the JSON Schema of a block, such as source.ftp, sink.rest, map or pipeline; without a name, the names.\n" +
			"--out writes all of them to a folder.",
		RunE: func(_ *cobra.Command, args []string) error {
			schemas := reference.Schemas(a.builtins())
			if out != "" {
				return writeAll(out, schemas)
			}
			if len(args) > 0 {
				return a.printNamed(schemas, args[0]+".json", ".json")
			}
			names := []string{}
			for _, n := range slices.Sorted(maps.Keys(schemas)) {
				names = append(names, strings.TrimSuffix(n, ".json"))
			}
			if asJSON {
				return printJSON(a.stdout, map[string]any{"blocks": names})
			}
			_, err := fmt.Fprintln(a.stdout, strings.Join(names, "\n"))
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write a file for each block to")
	c.Flags().BoolVar(&asJSON, "json", false, "print the names as JSON")
	return c
}

func (a *app) docsCommand() *cobra.Command {
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use: "docs [PAGE]", Short: "Print the reference: blocks, plugins, steps, functions, codes", Args: cobra.MaximumNArgs(1),
		Long: "Prints a page of the reference as Markdown, such as ftp, plugins, function or diag; without a name, the names.\n" +
			"--out writes all pages below a folder, where the project keeps them. --json prints every block with its options,\n" +
			"functions and codes as one object.",
		RunE: func(_ *cobra.Command, args []string) error {
			pages := pages(a.builtins())
			switch {
			case out != "":
				return writeAll(out, pages)
			case asJSON:
				return a.docsJSON()
			case len(args) > 0:
				byName := map[string][]byte{}
				for p, text := range pages {
					byName[filepath.Base(filepath.Dir(p))] = text
				}
				return a.printNamed(byName, args[0], "")
			}
			for _, p := range slices.Sorted(maps.Keys(pages)) {
				if _, err := fmt.Fprintf(a.stdout, "%-10s %s\n", filepath.Base(filepath.Dir(p)), p); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder to write all pages below")
	c.Flags().BoolVar(&asJSON, "json", false, "print everything as JSON")
	return c
}

type jsonOption struct {
	Name      string       `json:"name"`
	Type      string       `json:"type"`
	Required  bool         `json:"required"`
	Default   string       `json:"default,omitempty"` // as it would be written
	Choices   []string     `json:"choices,omitempty"`
	Doc       string       `json:"doc"`
	Sensitive bool         `json:"sensitive"`
	Block     bool         `json:"block"`
	Repeated  bool         `json:"repeated"`
	Options   []jsonOption `json:"options,omitempty"` // of a block
}

func optionsJSON(list []spec.Option) []jsonOption {
	out := make([]jsonOption, len(list))
	for i, o := range list {
		out[i] = jsonOption{o.Name, o.Type, o.Required, o.Default, o.Choices, o.Doc, o.Sensitive, o.Block, o.Repeated, optionsJSON(o.Body)}
	}
	return out
}

// pages returns the whole reference as Markdown files, by their path in the project.
func pages(plugins []plugin.Plugin) map[string][]byte {
	out := reference.Pages(plugins)
	tests := scenario.Blocks()
	out["engine/scenario/README.md"] = reference.Page("Tests", scenario.Guide(), []reference.Block{
		{Kind: "test", Doc: "test \"NAME\" is a test: servers, and steps between them.", Options: tests["test"]},
		{Kind: "defaults", Doc: "What all tests of the file have, unless they say otherwise. locals and functions are as in a configuration; csv(separator, columns, rows) writes a file.", Options: tests["defaults"]},
	})
	return out
}

func (a *app) docsJSON() error {
	blocks := []map[string]any{}
	for _, b := range reference.Blocks(a.builtins()) {
		blocks = append(blocks, map[string]any{"name": b.Name(), "header": b.Header(), "doc": b.Doc, "options": optionsJSON(b.All())})
	}
	functions := []map[string]any{}
	for _, f := range function.Documented() {
		examples := []map[string]any{}
		for _, x := range f.Examples {
			examples = append(examples, map[string]any{"expression": x.Expr, "result": x.Result})
		}
		functions = append(functions, map[string]any{"name": f.Name, "usage": f.Usage, "summary": f.Summary, "examples": examples})
	}
	codes := []map[string]any{}
	for _, c := range diag.Codes() {
		codes = append(codes, map[string]any{"code": c.Code, "meaning": c.Meaning})
	}
	return printJSON(a.stdout, map[string]any{"blocks": blocks, "functions": functions, "codes": codes})
}

// printNamed prints the text of a name; for one that is not there it says which are near.
func (a *app) printNamed(texts map[string][]byte, name, suffix string) error {
	text, ok := texts[name]
	if ok {
		_, err := a.stdout.Write(text)
		return err
	}
	known := slices.Sorted(maps.Keys(texts))
	for i := range known {
		known[i] = strings.TrimSuffix(known[i], suffix)
	}
	msg := fmt.Sprintf("there is no %q", strings.TrimSuffix(name, suffix))
	if s := diag.Suggest(strings.TrimSuffix(name, suffix), known); s != "" {
		msg += fmt.Sprintf("; did you mean %q?", s)
	} else {
		msg += "; there is " + strings.Join(known, ", ")
	}
	return withCode(exitConfig, fmt.Errorf("%s", msg))
}

// writeAll writes texts below dir, by name.
func writeAll(dir string, texts map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil { //nolint:gosec // pages for everybody
			return err
		}
		if err := renameio.WriteFile(p, texts[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
