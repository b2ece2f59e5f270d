package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"weir/engine/explain"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "explain [FOLDER|FILE] [PIPELINE]", Short: "Say in words what pipelines do", Args: cobra.MaximumNArgs(2),
		Long: "Says step by step what a pipeline does, which of its expressions run as kernels over whole columns and which\n" +
			"row by row and why, what a receiver gets from each sink, and which lines the ledger can have. It touches no system.",
		RunE: func(c *cobra.Command, args []string) error {
			in, err := a.inputs()
			if err != nil {
				return err
			}
			in.AllowMissing = true
			_, l, err := a.loadWith(c.Context(), pathArg(args), in)
			if err != nil {
				return err
			}
			chosen, err := choose(l.Plan, args[min(1, len(args)):])
			if err != nil {
				return err
			}
			for _, p := range l.Plan.Open {
				if len(args) < 2 {
					_, _ = fmt.Fprintf(a.stderr, "weir: %s\n", openPipeline(p))
				}
			}
			out := []explain.Pipeline{}
			for _, p := range chosen {
				out = append(out, explain.Of(p))
			}
			if asJSON {
				return printJSON(a.stdout, map[string]any{"pipelines": out})
			}
			for i, p := range out {
				if i > 0 {
					_, _ = fmt.Fprintln(a.stdout)
				}
				if err := explain.Text(a.stdout, p); err != nil {
					return err
				}
			}
			return nil
		},
	}
	a.inputFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}
