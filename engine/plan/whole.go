package plan

import (
	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/step"
)

// whole reports groups that are to be refused because of rows that never reached
// them, where it cannot be told to which group such a row belonged.
func (b *pipelineBuilder) whole() {
	for _, n := range b.nodes {
		g, ok := n.conf.(*step.Group)
		if !ok || g.OnReject != "group" || n.failed {
			continue
		}
		at := n.at.Of(&g.OnReject)
		seen := map[*Node]bool{}
		several := func(m *Node) {
			if len(m.Inputs) > 1 && g.Within == "adjacent" {
				b.add(diag.Errorf("config.conflict", at, n.Address+" cannot be refused because of rows before "+m.Address,
					"Rows come to %s by several ways, so that a refused one has no one place among adjacent rows. Use within = \"object\", or leave on_reject out.", m.Address))
			}
		}
		several(n.Node)
		var look func(m *Node)
		look = func(m *Node) {
			for _, in := range m.Inputs {
				if seen[in] {
					continue
				}
				seen[in] = true
				several(in)
				_, raw := in.Decoder.(plugin.RawDecoder)
				switch {
				case in.Kind == "group":
					b.add(diag.Errorf("config.conflict", at, n.Address+" cannot be refused because of rows before "+in.Address,
						"A row refused before %s has no place yet in the groups of %s. Write on_reject = \"group\" in %s, and leave it out here: a group that is refused there is not delivered in part.", in.Address, n.Address, in.Address))
				case in.Kind == "expand" && g.Within == "adjacent":
					b.add(diag.Errorf("config.conflict", at, n.Address+" cannot be refused because of rows before "+in.Address,
						"A refused row of which %s would have made several has no one place among adjacent rows. Use within = \"object\", or leave on_reject out.", in.Address))
				case in.Decoder != nil && !raw:
					b.add(diag.Errorf("config.conflict", at, n.Address+" cannot be refused because of rows that "+in.Address+" refuses",
						"This decoder keeps no text of a row from which its group could be told. Leave on_reject out."))
				}
				look(in)
			}
		}
		look(n.Node)
	}
}
