package serve

import (
	"maps"
	"slices"
	"strings"

	"weir/engine/diag"
	"weir/engine/plan"
)

// described is what is known of the pipelines of a plan. Most descriptions are made
// when somebody asks, and not kept: they take far more memory than the pipelines.
type described struct {
	*plan.Describer
	made map[*plan.Pipeline]*plan.PipelineDescription // of those that may have changed
}

func (s *Server) newDescriber() *plan.Describer { return plan.NewDescriber(s.key) }

// describe describes the pipelines of a plan that are served and are not those that are in effect.
func (s *Server) describe(p *plan.Plan) *described {
	s.mu.Lock()
	known, served := make(map[*plan.Pipeline]bool, len(s.pipes)), make(map[string]bool, len(s.pipes))
	for a, q := range s.pipes {
		known[q.planned()], served[a] = true, true
	}
	s.mu.Unlock()
	x := &described{s.newDescriber(), map[*plan.Pipeline]*plan.PipelineDescription{}}
	for _, q := range p.Pipelines {
		if served[q.Address] && !known[q] {
			x.made[q] = x.of(q)
		}
	}
	return x
}

// of describes a pipeline.
func (x *described) of(p *plan.Pipeline) *plan.PipelineDescription {
	if is := x.made[p]; is != nil {
		return is
	}
	is := x.Pipeline(p)
	return &is
}

// compare returns the actions that lead from what is in effect, or about to be, to
// the plan, and why some pipelines are left out and keep what they have: they, or
// what they were read from, have errors. The caller holds mu.
func (s *Server) compare(p *plan.Plan, x *described) (actions []plan.Action, held map[string]diag.List) {
	held = map[string]diag.List{}
	s.meaning = x.Meaning()
	now, next := plan.Description{Meaning: s.meaning}, plan.Description{Meaning: s.meaning}
	there := make(map[string]*plan.Pipeline, len(p.Pipelines))
	for _, q := range p.Pipelines {
		there[q.Address] = q
	}
	gone := false
	for _, a := range slices.Sorted(maps.Keys(s.pipes)) {
		q := s.pipes[a]
		if q.removed {
			continue
		}
		r := there[a]
		if r == nil {
			if ds := p.Fault(a, q.plan.Files); len(ds) > 0 {
				held[a] = ds
				continue
			}
			gone = true
		}
		was, is := q.against(r, x)
		now.Pipelines = append(now.Pipelines, was)
		if r != nil {
			next.Pipelines = append(next.Pipelines, is)
			delete(there, a)
		}
	}
	for _, q := range there { // new; one that has another name now is known by what it does
		is := plan.Outline(q)
		if gone {
			is = *x.of(q)
		}
		next.Pipelines = append(next.Pipelines, is)
	}
	slices.SortFunc(next.Pipelines, func(a, b plan.PipelineDescription) int { return strings.Compare(a.Address, b.Address) })
	return plan.Difference(now, next), held
}

// against describes p as it is, or as a change under way makes it, and r, which is to
// take its place; in outline where they are the same. r is nil when p is to go.
func (p *pipeline) against(r *plan.Pipeline, x *described) (was, is plan.PipelineDescription) {
	if r != nil {
		is = plan.Outline(r)
		if is.Fingerprint = p.wanted(); r != p.planned() {
			is = *x.of(r)
		}
		if is.Fingerprint == p.wanted() {
			was = plan.Outline(r)
			was.Fingerprint = is.Fingerprint
			return was, is
		}
	}
	if p.stored != nil {
		return *p.stored, is
	}
	return *x.of(p.planned()), is
}

// planned is what p is, or what a change under way makes of it.
func (p *pipeline) planned() *plan.Pipeline {
	if p.want != nil {
		return p.want.plan
	}
	return p.plan
}

// wanted is the fingerprint of what p is, or of what a change under way makes of it.
func (p *pipeline) wanted() plan.Digest {
	if p.want != nil {
		return p.want.desc.Fingerprint
	}
	return p.is
}
