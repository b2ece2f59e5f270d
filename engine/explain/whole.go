package explain

import (
	"fmt"
	"strings"

	"weir/engine/plan"
	"weir/engine/step"
)

// whole says which groups are refused because of rows that were refused before them.
func whole(p *plan.Pipeline) (out []string) {
	for _, n := range p.Nodes {
		g, ok := n.Config.(*step.Group)
		if !ok || g.OnReject != "group" {
			continue
		}
		unknown := "all rows of its file"
		if g.Within == "adjacent" {
			unknown = "the groups before and after it"
		}
		by := make([]string, len(g.By))
		for i, t := range g.By {
			by[i] = t.S
		}
		out = append(out, fmt.Sprintf("%s takes a group whole or not at all: when a row is refused before it, the other rows of its group are refused too, and weir rejects replay takes them together. "+
			"Where a row's %s cannot be told, %s are refused.", n.Address, strings.Join(by, ", "), unknown))
	}
	return out
}
