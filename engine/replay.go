package engine

import (
	"context"
	"fmt"
	"slices"

	"weir/engine/diag"
	"weir/engine/exec"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/step"
)

// ReplayOptions say which refused rows are processed again.
type ReplayOptions struct {
	StateDir string // "" is what the engine block says
	Pipeline string // its address
	IDs      []uint64
	// StateAnswer is that of RunOptions, without fork: there would be no rows to replay.
	StateAnswer string
	Stale       bool               // also rows that a later row of their entity has overtaken
	Stop        <-chan struct{}    // see RunOptions
	Hung        func(where string) // see RunOptions
	Progress    func(Progress)
	Point       func(name string) // see RunOptions
}

// Replay runs refused rows through the pipeline as it is now, from its decoder
// on. Its ledger counts the rows replayed as read; in the totals of the pipeline
// they leave those rejected. A crash leaves each row either refused still or
// accounted for. Numbers that are not there are left out, and so are, with a notice, rows that
// a later row of their entity has overtaken. A pipeline that would break stored
// state as it is configured now replays nothing: the error in the report is a *StateError.
// The error returned is about the state store; why the replay stopped is in the report.
func (e *Engine) Replay(ctx context.Context, l *Loaded, o ReplayOptions) (*PipelineReport, error) {
	p := l.Plan.Pipeline(o.Pipeline)
	if p == nil {
		return nil, unknown(o.Pipeline, l.Plan)
	}
	dir := StateDir(l, o.StateDir)
	store, err := e.open(dir, l.Plan.Engine)
	if err != nil {
		return nil, err
	}
	protected, err := e.protect(store, l.Plan, o.StateAnswer)
	if err != nil {
		return nil, closed(store, err)
	}
	if err := protected.readyToReplay(p); err != nil {
		return &PipelineReport{Name: p.Address, Ledger: ledgerOf(state.Counts{}, p), Err: err}, closed(store, nil)
	}
	s := e.stopper(ctx, o.Stop, o.Hung, l.Plan)
	defer s.end()
	pr, err := e.ReplayRows(s.ctx, PipelineRun{ //nolint:contextcheck // it is made of ctx
		Store: store, StateDir: dir, Pipeline: p, Revision: l.Plan.Revision, Generation: 1, Progress: o.Progress, Point: o.Point, Stale: o.Stale, Control: s.control(),
	}, o.IDs)
	pr.Err = s.explain(pr.Err)
	return pr, closed(store, err)
}

// ReplayRows is Replay in a store that is open, whose state fits the pipeline. No run of the
// pipeline may be active.
func (e *Engine) ReplayRows(ctx context.Context, r PipelineRun, ids []uint64) (*PipelineReport, error) {
	p := r.Pipeline
	pr := &PipelineReport{Name: p.Address, Ledger: Ledger{Filtered: map[string]int64{}}}
	if len(ids) == 0 {
		return pr, nil
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	chosen := len(ids)
	ids, err := together(r.Store, p, ids)
	if err != nil {
		return pr, err
	}
	letters, err := r.Store.RejectReader(p.Address)
	if err != nil {
		return pr, err
	}
	pieces, of := 0, ofPieces(p)
	each := func(f func(state.Reject) bool) error {
		left := ids
		return r.Store.Rejects(p.Address, ids[0], func(x state.Reject) bool {
			for len(left) > 0 && left[0] < x.ID { // it is gone, or named twice
				left = left[1:]
			}
			return len(left) > 0 && (left[0] > x.ID || f(x))
		})
	}
	for _, id := range ids {
		if x, ok, err := letters.Get(id); err == nil && ok && of[x.Step] {
			pieces++
		}
	}
	r.kind = state.Replay
	r.do = func(ctx context.Context, x exec.Options) (*exec.Report, error) {
		return exec.Replay(ctx, x, exec.Letters{Each: each, Get: letters.Get, Stale: r.Stale})
	}
	*pr = e.RunPipeline(ctx, r)
	if n := len(ids) - chosen; n > 0 {
		pr.Notices = append(pr.Notices, diag.Warnf("run.replayed_together", nil, fmt.Sprintf("Refused rows replayed as well, as they belong to the same groups: %d", n),
			"A group that is taken whole or not at all is made of all its rows. To let the others go without a row that cannot be mended, discard that one first."))
	}
	if pieces > 0 && pr.Err == nil {
		pr.Notices = append(pr.Notices, diag.Warnf("run.replayed_pieces", nil, fmt.Sprintf("Replayed as whole rows, though they are pieces of rows that were expanded: %d", pieces),
			"A refused row keeps the text of the row of the file, so that all that expand makes of it goes out again: pieces that were taken before a second time, under other keys. "+
				"Where the receiver does not take that, discard such rows, or send what is missing in a file of its own."))
	}
	for _, n := range p.Nodes {
		if n.Kind == "group" && !isWhole(n) && pr.Err == nil {
			pr.Notices = append(pr.Notices, diag.Warnf("run.replayed_group", n.Header.Ptr(), "Replayed rows are grouped by themselves",
				"%s makes groups of the replayed rows alone; rows of the same groups that went through before are not among them. Where that matters, read the whole file again with weir files retry.", n.Address))
		}
	}
	return pr, nil
}

// ofPieces returns the addresses of the steps that refuse what expand steps of p make: those
// that get it, and the expand steps themselves, which refuse elements one by one.
func ofPieces(p *plan.Pipeline) map[string]bool {
	out := map[string]bool{}
	for _, n := range p.Nodes {
		out[n.Address] = n.Kind == "expand" || n.Expanded()
	}
	return out
}

// isWhole reports whether n takes groups whole or not at all.
func isWhole(n *plan.Node) bool {
	w, ok := n.Step.(step.Wholer)
	return ok && w.Whole()
}

// together adds to refused rows of p those that are of use only with them.
func together(s *state.Store, p *plan.Pipeline, ids []uint64) ([]uint64, error) {
	if !slices.ContainsFunc(p.Nodes, isWhole) {
		return ids, nil
	}
	t, err := allTogether(s, p.Address)
	return t.With(ids), err
}

// RefusedWith returns the refused rows that a replay of id takes with it, as they belong to
// groups that are taken whole or not at all.
func RefusedWith(s *state.Store, pipeline string, id uint64) ([]uint64, error) {
	t, err := allTogether(s, pipeline)
	return slices.DeleteFunc(t.With([]uint64{id}), func(x uint64) bool { return x == id }), err
}

func allTogether(s *state.Store, pipeline string) (*exec.Together, error) {
	t := exec.NewTogether()
	err := s.Rejects(pipeline, 1, func(x state.Reject) bool {
		t.Add(&x)
		return true
	})
	t.Settle()
	return t, err
}
