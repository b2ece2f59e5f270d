package plan

import (
	"crypto/sha256"
	"fmt"
	"github.com/hashicorp/hcl/v2"
	"weir/engine/spec"
)

func Meaning() int { return 1 }

func Describe(p *Plan, key []byte) Description {
	var d Description
	for _, pl := range p.Pipelines {
		pd := PipelineDescription{Address: pl.Address}
		h := sha256.New()
		fmt.Fprint(h, pl.Schedule)
		for _, n := range pl.Nodes {
			nh := sha256.New()
			for _, e := range n.Exprs {
				fmt.Fprint(nh, e.Text.S)
			}
			var dg Digest
			copy(dg[:], nh.Sum(nil))
			h.Write(dg[:])
			pd.Nodes = append(pd.Nodes, NodeDescription{Address: n.Address, Kind: n.Kind, Fingerprint: dg})
		}
		copy(pd.Fingerprint[:], h.Sum(nil))
		d.Pipelines = append(d.Pipelines, pd)
	}
	return d
}

func Difference(old, new Description) []Action {
	var out []Action
	for _, n := range new.Pipelines {
		o := old.Pipeline(n.Address)
		switch {
		case o == nil:
			out = append(out, Action{Pipeline: n.Address, Kind: Add, Reasons: []Reason{{Text: "new"}}})
		case o.Fingerprint == n.Fingerprint:
			out = append(out, Action{Pipeline: n.Address, Kind: Keep})
		default:
			k := Swap
			for i := range n.Nodes {
				if i >= len(o.Nodes) || n.Nodes[i].Fingerprint != o.Nodes[i].Fingerprint && n.Nodes[i].Kind != "map" {
					k = Restart
				}
			}
			out = append(out, Action{Pipeline: n.Address, Kind: k, Reasons: []Reason{{Text: "changed"}}})
		}
	}
	for _, o := range old.Pipelines {
		if new.Pipeline(o.Address) == nil {
			out = append(out, Action{Pipeline: o.Address, Kind: Remove, Reasons: []Reason{{Text: "gone"}}})
		}
	}
	return out
}

var _ = spec.Body{}
var _ hcl.Range

type EngineDifference struct {
	Name, Old string
	Range     *hcl.Range
}

func (e EngineOptions) Differences(old EngineOptions) []EngineDifference { return nil }
