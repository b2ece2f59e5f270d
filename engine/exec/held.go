package exec

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/state"
	"weir/engine/step"
)

// maxHeld is how many bytes of one object commits in its middle keep of what steps
// hold. Steps that would need more hold the commit until the object ends, as
// writing much of a large object a second time costs more than reading it again.
const maxHeld int64 = 64 << 20

// givenUp is the name under which rows are counted that steps held when their
// file was set aside, or is to be read from its beginning again.
const givenUp = "given_up"

// saveHeld puts what steps hold of the present object into the pending commit,
// with the cursor of row, and reports whether a commit is possible here (I1, I3).
func (r *run) saveHeld(o *plugin.FeedObject, row int64) (bool, error) {
	if r.holds {
		return false, nil
	}
	var keepers []*node
	for _, x := range r.order {
		if h, ok := x.runner.(step.Holder); ok && h.Oldest() > 0 {
			if _, ok := h.(step.Keeper); !ok {
				return false, nil
			}
			keepers = append(keepers, x)
		}
	}
	before, some := r.Session.Held(o.ID)
	if len(keepers) == 0 && !some {
		return true, nil
	}
	h := state.Held{Object: o.ID, Source: r.source.node.Address, Path: o.Name, Row: row}
	most := min(maxHeld, r.Stuck)
	var parts []state.HeldPart
	for _, x := range keepers {
		k, _ := x.runner.(step.Keeper)
		if s, ok := k.(step.HeldSizer); ok && int64(s.HeldSize()) > 2*most { // what is saved of it is less, and too much
			r.holds = true
			return false, nil
		}
		part, anew, err := k.Save(nil)
		if err != nil {
			r.holds = true
			r.Log.Warn("no commit is possible before the end of the file", zap.String("step", x.Address), zap.Error(err))
			return false, nil
		}
		s := before.Of(x.Address)
		if anew {
			s.Parts, s.Size = 0, 0
		}
		if len(part) > 0 {
			parts = append(parts, state.HeldPart{Step: x.Address, N: s.Parts, Data: part})
			s.Parts, s.Size = s.Parts+1, s.Size+int64(len(part))
		}
		s.Rows = k.Held()
		h.Steps = append(h.Steps, s)
	}
	if h.Size() > most {
		r.holds = true // what was saved now is not written, so later parts would not follow on
		return false, nil
	}
	r.Session.PutHeld(h, parts)
	r.countHeld(h.Rows())
	return true, nil
}

// countHeld makes n the rows of the present object that the ledger counts as held.
func (r *run) countHeld(n int64) {
	r.pending.Held += n - r.held
	r.held = n
}

// dropHeld ends what commits kept of an object.
func (r *run) dropHeld(object string) {
	if _, some := r.Session.Held(object); some {
		r.Session.PutHeld(state.Held{Object: object}, nil)
	}
}

// takeUpHeld makes runners go on with what the last commit in the middle of o
// kept of it. What was kept of a file that is read from its beginning is given up.
func (r *run) takeUpHeld(o *plugin.FeedObject, start position) error {
	r.held, r.window, r.holds = 0, 0, false
	r.giveUpStale()
	r.beginObject()
	for _, h := range r.Session.HeldObjects() {
		switch {
		case h.Source != r.source.node.Address || h.Object != o.ID && h.Path != o.Name:
		case h.Object != o.ID || start.row == 0 || h.Row != start.row:
			r.giveUp(h)
		default:
			if err := r.restoreHeld(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveUpStale accounts for held rows that nothing can take up any more: what was kept
// was dropped, or the pipeline has no such source now (I3).
func (r *run) giveUpStale() {
	for _, h := range r.Session.HeldObjects() {
		if h.Dropped() || r.nodeAt(h.Source) == nil {
			r.giveUp(h)
		}
	}
}

// giveUp accounts for held rows of an object that is not read on.
func (r *run) giveUp(h state.Held) {
	r.pending.Held -= h.Rows()
	r.filtered(givenUp, h.Rows())
	r.dropHeld(h.Object)
}

func (r *run) restoreHeld(h state.Held) error {
	r.held = h.Rows()
	if r.held > 0 {
		r.window = h.Row
	}
	for _, s := range h.Steps {
		if s.Step == outcomesPart {
			err := r.Session.HeldParts(h.Object, s.Step, func(part []byte) error {
				r.restoreOutcomes(part)
				return nil
			})
			if err != nil {
				return err
			}
			continue
		}
		k := r.keeper(s.Step)
		taken := false
		err := r.Session.HeldParts(h.Object, s.Step, func(part []byte) error {
			if k == nil {
				return step.ErrOtherConfig
			}
			err := k.Restore(part, r.source.origin)
			taken = taken || err == nil
			return err
		})
		if errors.Is(err, step.ErrOtherConfig) && !taken {
			err = r.refuseHeld(h.Object, s)
		}
		if err != nil {
			return fmt.Errorf("%s: rows that a run before kept back: %w", s.Step, err)
		}
	}
	return nil
}

func (r *run) keeper(address string) step.Keeper {
	for _, x := range r.order {
		if x.Address == address {
			k, _ := x.runner.(step.Keeper)
			return k
		}
	}
	return nil
}

// refuseHeld makes dead letters of rows that no step of the present configuration
// takes up: replayed, they go through the pipeline as it is now (I3).
func (r *run) refuseHeld(object string, s state.HeldStep) error {
	n := int64(0)
	err := r.Session.HeldParts(object, s.Step, func(part []byte) error {
		var rows []step.KeptRow
		header, err := step.KeptRows(part, func(k step.KeptRow) { rows = append(rows, k) })
		for _, k := range rows {
			n++
			r.addReject(state.Reject{
				Object: r.source.origin.Name, ObjectID: r.source.origin.ID, Row: k.Row, Line: k.Line, Raw: k.Raw, Header: header,
				Step: s.Step, Code: "row.configuration_changed", Reason: "the step kept the row back, and its configuration was changed before the file ended. Replay the row",
			})
		}
		return err
	})
	r.countHeld(r.held - n)
	why := "The rows it kept back are among the refused ones: replay them."
	if n == 0 {
		why = "What it remembers of the file begins at the row where this run goes on."
	}
	r.report.Notices = append(r.report.Notices, diag.Warnf("run.configuration_changed", nil, s.Step+" was changed in the middle of "+r.source.origin.Name, "%s", why))
	return err
}
