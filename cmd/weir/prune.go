package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"weir/engine/api"
	"weir/engine/lineage"
	"weir/engine/state"
)

// Why nothing runs on what is stored under a name.
const (
	laidAside = "laid_aside"
	removed   = "removed"
)

// asideOf returns laidAside for the name of what was laid aside, else "".
func asideOf(name string) string {
	if _, _, ok := state.Aside(name); ok {
		return laidAside
	}
	return ""
}

// unused says why nothing runs on the state of a pipeline, as far as the store knows.
func unused(s *state.Store, pipeline string) (string, error) {
	if why := asideOf(pipeline); why != "" {
		return why, nil
	}
	r, err := lineage.Open(s, zap.NewNop()).Record(pipeline)
	if r != nil && r.Removed {
		return removed, err
	}
	return "", err
}

func unusedNote(why string) string {
	switch why {
	case laidAside:
		return "laid aside"
	case removed:
		return "removed from the configuration"
	}
	return ""
}

func (a *app) statePrune() *cobra.Command {
	var f storeFlags
	var yes bool
	c := &cobra.Command{
		Use: "prune", Short: "Drop what was laid aside, and the state of removed pipelines", Args: cobra.NoArgs,
		Long: "Drops what state = \"fork\" laid aside (NAME~1), and the state of pipelines that were taken out of a folder that was\n" +
			"served. Without --yes it says what that would be. A removed pipeline that is put back then begins anew.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.changeServed(c.Context(), &f, func(s *state.Store, server *api.Client) error { return a.prune(c.Context(), s, server, &f, yes) })
		},
	}
	a.storeFlags(c, &f)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

func (a *app) prune(ctx context.Context, s *state.Store, server *api.Client, f *storeFlags, yes bool) error {
	names, err := prunable(s)
	if err != nil {
		return err
	}
	for _, n := range names {
		what, drop, err := toReset(ctx, s, server, n)
		if err != nil {
			return err
		}
		verb := "Would drop: "
		if yes {
			verb, err = "Dropped: ", drop()
		}
		if err != nil {
			return err
		}
		if !f.asJSON {
			if _, err := fmt.Fprintln(a.stdout, printable(verb+what)); err != nil {
				return err
			}
		}
	}
	if f.asJSON {
		return printJSON(a.stdout, map[string]any{"prunable": names, "dropped": yes})
	}
	switch {
	case len(names) == 0:
		_, err = fmt.Fprintln(a.stdout, "There is nothing to drop.")
	case !yes:
		return withCode(exitFailed, fmt.Errorf("nothing was dropped. If that is meant, add --yes"))
	}
	return err
}

// prunable lists the pipelines and spaces that nothing uses.
func prunable(s *state.Store) ([]string, error) {
	out := []string{}
	pipelines, err := s.Pipelines()
	if err != nil {
		return nil, err
	}
	for _, p := range pipelines {
		why, err := unused(s, p.Address)
		if err != nil {
			return nil, err
		}
		if why != "" {
			out = append(out, p.Address)
		}
	}
	spaces, err := s.Spaces()
	for _, sp := range spaces {
		if strings.HasPrefix(sp, "entity.") && asideOf(sp) != "" {
			out = append(out, sp)
		}
	}
	return out, err
}
