package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine"
	"weir/engine/state"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Print a script that completes commands, flags and pipelines in a shell",
		Long: "Prints the script for a shell. For bash: source <(weir completion bash). For zsh: weir completion zsh into a file\n" +
			"_weir in $fpath. For fish: weir completion fish | source.",
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "zsh":
				return c.Root().GenZshCompletion(a.stdout)
			case "fish":
				return c.Root().GenFishCompletion(a.stdout, true)
			}
			return c.Root().GenBashCompletionV2(a.stdout, true)
		},
	}
}

// complete makes the verbs complete what their arguments and flags may be.
func (a *app) complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		a.complete(c)
		if c.Flags().Lookup("pipeline") != nil {
			_ = c.RegisterFlagCompletionFunc("pipeline", func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				return a.pipelineNames(c, pathArg(args)), cobra.ShellCompDirectiveNoFileComp
			}) // the flag is there
		}
		if c.Flags().Lookup("config") != nil && strings.Contains(c.Use, "PIPELINE") {
			c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				switch {
				case len(args) == 0:
					return a.pipelineNames(c, c.Flag("config").Value.String()), cobra.ShellCompDirectiveNoFileComp
				case len(args) == 1 && c.Parent().Name() == "files":
					return a.filePaths(c, args[0]), cobra.ShellCompDirectiveNoFileComp
				}
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		}
		if c.Name() == "explain" {
			c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				if len(args) == 1 {
					return a.pipelineNames(c, args[0]), cobra.ShellCompDirectiveNoFileComp
				}
				return nil, cobra.ShellCompDirectiveDefault
			}
		}
	}
}

// pipelineNames lists the pipelines of a configuration. Completion is silent about problems.
func (a *app) pipelineNames(c *cobra.Command, path string) []string {
	e, err := a.engine()
	if err != nil {
		return nil
	}
	l, _ := e.Load(c.Context(), path, engine.Inputs{AllowMissing: true})
	if l == nil || l.Plan == nil {
		return nil
	}
	var out []string
	for _, p := range slices.Concat(l.Plan.Pipelines, l.Plan.Open) {
		out = append(out, cobra.CompletionWithDesc(p.Address, p.Description))
	}
	return out
}

// filePaths lists the files that the ledger of a pipeline knows.
func (a *app) filePaths(c *cobra.Command, pipeline string) []string {
	f := storeFlags{dir: c.Flag("state").Value.String(), config: c.Flag("config").Value.String()}
	var out []string
	_ = a.withStore(c.Context(), &f, true, func(s *state.Store) error { // completion is silent about problems
		list, err := s.Files(pipeline, false)
		for _, e := range list {
			out = append(out, e.Path)
		}
		return err
	})
	return out
}
