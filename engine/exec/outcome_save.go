package exec

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"weir/engine/diag"
	"weir/engine/identity"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/step"
)

// outcomesPart is the name under which a commit in the middle of an object keeps what rows
// did that steps keep back: whether they are refused is known later, perhaps by another run.
const outcomesPart = "outcomes"

// maxOutcomes is how many bytes of it are kept; steps that would need more hold the commit
// until the object ends, see maxHeld.
const maxOutcomes = 8 << 20

// saveOutcomes adds to h what rows did whose outcome is not known, and reports whether
// that is possible.
func (r *run) saveOutcomes(h *state.Held) bool {
	o := &r.outcomes
	if !slices.ContainsFunc(slices.Collect(maps.Values(o.journals)), (*identity.Journal).Kept) {
		return true
	}
	var b []byte
	for _, space := range slices.Sorted(maps.Keys(o.journals)) {
		b = appendSection(b, 'j', space, o.journals[space].Save(nil))
	}
	for _, x := range r.order {
		if c, ok := x.runner.(step.Reconsiderer); ok {
			rows, err := c.SaveDropped(nil)
			if err != nil {
				return false
			}
			b = appendSection(b, 'd', x.Address, rows)
		}
		if all := o.joins[x.Node]; all != nil && len(all.list) > 0 {
			var pairs []byte
			for _, p := range all.list {
				pairs = binary.AppendVarint(binary.AppendVarint(pairs, p.first), p.row)
			}
			b = appendSection(b, 'g', x.Address, pairs)
		}
	}
	if len(b) > maxOutcomes || h.Size()+int64(len(b)) > maxHeld {
		return false
	}
	h.Steps = append(h.Steps, state.HeldStep{Step: outcomesPart, Parts: 1, Size: int64(len(b))})
	r.Session.AddHeld(*h, state.HeldPart{Step: outcomesPart, Data: b})
	return true
}

func appendSection(b []byte, kind byte, name string, data []byte) []byte {
	b = append(binary.AppendUvarint(append(b, kind), uint64(len(name))), name...)
	return append(binary.AppendUvarint(b, uint64(len(data))), data...)
}

func cutSection(b []byte) (kind byte, name string, data, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, "", nil, nil, false
	}
	kind, b = b[0], b[1:]
	var parts [2][]byte
	for i := range parts {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return 0, "", nil, nil, false
		}
		parts[i], b = b[w:w+int(n)], b[w+int(n):] //nolint:gosec // bounded by the length
	}
	return kind, string(parts[0]), parts[1], b, true
}

// restoreOutcomes takes up what saveOutcomes kept. Where steps were changed since, what rows
// did before stays as it is.
func (r *run) restoreOutcomes(part []byte) {
	for len(part) > 0 {
		kind, name, data, rest, ok := cutSection(part)
		err := errors.New("it is damaged")
		if ok {
			err = r.restoreSection(kind, name, data)
		}
		if err != nil {
			r.outcomes.forget()
			r.report.Notices = append(r.report.Notices, diag.Warnf("run.configuration_changed", nil, "What rows did is not taken back when they are refused",
				"Steps were changed in the middle of %s. Of the rows that were held back then, those that are refused count as seen.", r.source.origin.Name))
			return
		}
		part = rest
	}
}

func (r *run) restoreSection(kind byte, name string, data []byte) error {
	n := r.nodeAt(name)
	switch kind {
	case 'j':
		if j := r.outcomes.journals[name]; j != nil {
			return j.Restore(data)
		}
	case 'd':
		if x := r.serial[n]; n != nil && x != nil {
			if c, ok := x.runner.(step.Reconsiderer); ok {
				return c.RestoreDropped(data, r.source.origin)
			}
		}
	case 'g':
		return r.restoreJoins(n, data)
	}
	return errors.New("there is no such step")
}

func (r *run) restoreJoins(n *plan.Node, data []byte) error {
	x := r.outcomes.joins[n]
	if x == nil {
		return errors.New("there is no such step")
	}
	for len(data) > 0 {
		first, a := binary.Varint(data)
		row, b := binary.Varint(data[max(a, 0):])
		if a <= 0 || b <= 0 {
			return errors.New("it is damaged")
		}
		x.list = append(x.list, join{first, row})
		data = data[a+b:]
	}
	return nil
}

// forget drops what is remembered of rows.
func (o *outcomes) forget() {
	for _, j := range o.journals {
		_ = j.Settle(0, nil) // which changes no state
	}
	for _, x := range o.joins {
		x.keep(0)
	}
}
