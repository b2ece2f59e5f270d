package serve

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/lineage"
	"weir/engine/plan"
)

// remember reads what earlier processes left: the key of digests, which is made
// when there is none, the generation, and the last verdicts.
func (s *Server) remember() (err error) {
	s.book = lineage.Open(s.store, s.log)
	if s.key, err = s.book.Key(); err != nil {
		return err
	}
	if s.generation, err = s.book.Generation(); err != nil {
		return err
	}
	s.allotted = s.generation
	return s.rememberVerdicts()
}

// record keeps what p is now, which is describes, and the generation. The caller holds mu.
func (s *Server) record(p *pipeline, is *plan.PipelineDescription) error {
	return s.write(p, is, false)
}

// forget keeps that p was removed; what its state was made by stays known.
func (s *Server) forget(p *pipeline) error {
	is := s.newDescriber().Pipeline(p.plan)
	return s.write(p, &is, true)
}

func (s *Server) write(p *pipeline, is *plan.PipelineDescription, removed bool) error {
	return s.book.Write(&lineage.Record{Description: *is, Meaning: s.meaning, Generation: p.generation, Revision: p.revision, Removed: removed}, s.generation)
}

// gather calls f and keeps what it has recorded in few writes: thousands of pipelines
// that are added together need not wait for the disk one after the other. The caller
// holds mu, so that none of them runs before.
func (s *Server) gather(f func()) {
	if err := s.book.Together(f, func() uint64 { return s.generation }); err != nil {
		s.log.Error("what is in effect could not be recorded", zap.Error(err))
	}
}

// base is a digest of what is in effect, for plans that are applied later.
// The caller holds mu.
func (s *Server) base() string {
	h := sha256.New()
	var list []string
	for a, p := range s.pipes {
		if !p.removed {
			list = append(list, a+"="+p.wanted().String())
		}
	}
	slices.Sort(list)
	for _, x := range list {
		h.Write([]byte(x + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// contradicts reports that a reload would not do what was planned. The caller holds mu.
func (s *Server) contradicts(p *Planned, revision string, actions []plan.Action) *diag.Diagnostic {
	stale := func(detail string, args ...any) *diag.Diagnostic {
		d := diag.Errorf("serve.plan_stale", nil, "The plan does not fit any more", detail+" Nothing was changed. Make a new plan with weir plan.", args...)
		return &d
	}
	if b := s.base(); b != p.Base {
		return stale("It was made for what was in effect in generation %d (%s); now it is generation %d (%s).", p.Generation, p.Base, s.generation, b)
	}
	if revision != p.Revision {
		return stale("It was made for revision %s of the folder, which is at revision %s now.", p.Revision, revision)
	}
	have, want := summary(actions), summary(p.Actions)
	if have != want {
		return stale("It says %s; a reload would now do %s.", want, have)
	}
	return nil
}

func summary(actions []plan.Action) string {
	var out []string
	for i := range actions {
		if a := &actions[i]; a.Kind != plan.Keep {
			out = append(out, string(a.Kind)+" "+a.Pipeline)
		}
	}
	slices.Sort(out)
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

// refused reports that an action would orphan or re-key stored state, and that
// nobody said what is to become of it. The caller holds mu.
func (s *Server) refused(d *Done, t *target, answer string, orphans func() []plan.PipelineDescription) bool {
	if t != nil {
		var gone []plan.PipelineDescription
		if d.Kind == plan.Add && d.From == "" {
			gone = orphans()
		}
		if err := s.book.Since(&d.Action, t.desc, s.meaning, gone); err != nil {
			s.log.Error("how the state of a pipeline came about cannot be read", zap.String("pipeline", d.Pipeline), zap.Error(err))
		}
		answer = cmp.Or(answer, t.plan.State)
	} else {
		answer = ""
	}
	goesOn := "runs on as it was"
	if s.offline {
		goesOn = "stays as it was" // nothing runs
	}
	until := "the pipeline " + goesOn
	if d.Kind == plan.Add {
		until = "it does not run"
		if old := s.pipes[d.From]; old != nil && !old.removed {
			until += ", and " + d.From + " " + goesOn
		}
	}
	ds := s.book.Judge(&d.Action, answer, until)
	if len(ds) == 0 {
		return false
	}
	d.Outcome = ActionRefused
	d.diags = append(d.diags, ds...)
	return true
}

// orphans returns a function that finds, once, the pipelines that have state and are
// neither served nor in p. Where p is incomplete it finds none: what is not in p may be
// what has errors. The caller holds mu when it calls that.
func (s *Server) orphans(p *plan.Plan, incomplete bool) func() []plan.PipelineDescription {
	return sync.OnceValue(func() []plan.PipelineDescription {
		if incomplete {
			return nil
		}
		out, err := s.book.Orphans(func(a string) bool {
			q := s.pipes[a]
			return q != nil && !q.removed || p.Pipeline(a) != nil
		})
		if err != nil {
			s.log.Error("how the state of pipelines came about cannot be read", zap.Error(err))
		}
		return out
	})
}

// answer does with stored state what the pipeline, or who asked for the reload,
// says is to become of it. No run of the pipeline is active. The caller holds mu.
func (s *Server) answer(d *Done, t *target, answer string) (err error) {
	d.Stored, err = s.book.Answer(&d.Action, t.desc, cmp.Or(answer, t.plan.State))
	return err
}
