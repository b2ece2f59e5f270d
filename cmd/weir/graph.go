package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/engine/diag"
	"weir/engine/graph"
	"weir/engine/plan"
)

func (a *app) graphCommand() *cobra.Command {
	var format string
	var pipelines []string
	var asJSON bool
	c := &cobra.Command{
		Use: "graph [FOLDER|FILE]", Short: "Draw the pipelines", Args: cobra.MaximumNArgs(1),
		Long: "Prints a picture of the pipelines' steps: Mermaid for Markdown pages, DOT for Graphviz, or SVG; with --json the\n" +
			"steps and what each reads.",
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(graph.Formats(), format) {
				return withCode(exitConfig, fmt.Errorf("--format must be one of %s, not %q", strings.Join(graph.Formats(), ", "), format))
			}
			return a.graph(c.Context(), pathArg(args), graph.Format(format), pipelines, asJSON)
		},
	}
	a.inputFlags(c)
	c.Flags().StringVar(&format, "format", string(graph.FormatMermaid), "mermaid, dot or svg")
	c.Flags().StringArrayVar(&pipelines, "pipeline", nil, "draw only this pipeline; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print the steps as JSON")
	return c
}

func (a *app) graph(ctx context.Context, path string, f graph.Format, pipelines []string, asJSON bool) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	in.AllowMissing = true // what a variable holds does not change the picture
	_, l, err := a.loadWith(ctx, path, in)
	if err != nil {
		return err
	}
	chosen, err := choose(l.Plan, pipelines)
	if err != nil {
		return err
	}
	if asJSON {
		return a.graphJSON(chosen)
	}
	graphs := make([]*graph.Graph, len(chosen))
	for i, p := range chosen {
		if graphs[i], err = pipelineGraph(p); err != nil {
			return err
		}
	}
	return graph.Render(a.stdout, f, graphs...)
}

func (a *app) graphJSON(list []*plan.Pipeline) error {
	type step struct {
		Address string   `json:"address"`
		Kind    string   `json:"kind"`
		From    []string `json:"from"` // addresses of the steps that it reads
	}
	type pipeline struct {
		Pipeline string `json:"pipeline"`
		Steps    []step `json:"steps"`
	}
	out := []pipeline{}
	for _, p := range list {
		j := pipeline{p.Address, []step{}}
		for _, n := range p.Nodes {
			s := step{n.Address, n.Kind, []string{}}
			for _, in := range n.Inputs {
				s.From = append(s.From, in.Address)
			}
			j.Steps = append(j.Steps, s)
		}
		out = append(out, j)
	}
	return printJSON(a.stdout, map[string]any{"pipelines": out})
}

// choose returns the named pipelines of p, all of them when none is named.
func choose(p *plan.Plan, names []string) ([]*plan.Pipeline, error) {
	if len(names) == 0 {
		return p.Pipelines, nil
	}
	known := make([]string, len(p.Pipelines))
	for i, q := range p.Pipelines {
		known[i] = q.Address
	}
	var out []*plan.Pipeline
	for _, n := range names {
		q := p.Pipeline(n)
		if i := slices.IndexFunc(p.Open, func(o *plan.Pipeline) bool { return o.Address == n }); q == nil && i >= 0 {
			return nil, withCode(exitConfig, errors.New(openPipeline(p.Open[i])))
		}
		if q == nil {
			return nil, withCode(exitConfig, unknownPipeline(n, known))
		}
		out = append(out, q)
	}
	return out, nil
}

// openPipeline says why a pipeline is planned in part only.
func openPipeline(p *plan.Pipeline) string {
	var what []string
	for _, u := range p.Unchecked {
		what = append(what, u.Step+": "+strings.Join(u.Options, ", "))
	}
	return fmt.Sprintf("pipeline %s depends on variables without a value (%s); give them with --var or --var-file", p.Address, strings.Join(what, "; "))
}

func unknownPipeline(name string, known []string) error {
	if s := diag.Suggest(name, known); s != "" {
		return fmt.Errorf("there is no pipeline %q; did you mean %s?", name, quoted(s))
	}
	return fmt.Errorf("there is no pipeline %q; the pipelines are: %s", name, diag.Names(known))
}

// pipelineGraph is the picture of p: its steps, what flows between them, and
// where refused rows go.
func pipelineGraph(p *plan.Pipeline) (*graph.Graph, error) {
	g := &graph.Graph{Title: p.Address}
	for _, n := range p.Nodes {
		g.Add(graphNode(n))
	}
	for _, n := range p.Nodes {
		for _, in := range n.Inputs {
			e := graph.Edge{From: in.Address, To: n.Address, Label: condition(n)}
			if err := g.Connect(e); err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

func graphNode(n *plan.Node) graph.Node {
	_, name, _ := strings.Cut(n.Address, ".")
	out := graph.Node{ID: n.Address, Kind: n.Kind, Label: name}
	if n.Type != "" && n.Type != name {
		out.Label = strings.TrimSpace(n.Type + " " + name)
	}
	if n.Out != nil {
		fields := fieldNames(n)
		out.Note = count(int64(len(fields)), "column")
		out.Tip = strings.Join(fields, ", ")
	}
	return out
}

// fieldNames lists the columns that leave n, those that carry no data of the user left out.
func fieldNames(n *plan.Node) []string {
	var names []string
	for _, f := range n.Out.Fields() {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	return names
}

// condition is what a row must satisfy to enter n.
func condition(n *plan.Node) string {
	if n.Otherwise {
		return "otherwise"
	}
	return n.WhenText.S
}
