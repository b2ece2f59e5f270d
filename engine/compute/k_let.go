package compute

import (
	"weir/engine/record"
)

// letCell holds the present values of a let's variable.
type letCell struct{ col *record.Column }

// letK evaluates its value for all rows, used or not, as the VM does, and then its body.
type letK struct {
	value, body kernel
	cell        *letCell
}

func (k *letK) eval(f *frame, sel []int32) *record.Column {
	k.cell.col = k.value.eval(f, sel)
	return k.body.eval(f, sel)
}

// letRefK gives the variable of a let in the same frame.
type letRefK struct{ cell *letCell }

func (k letRefK) eval(_ *frame, _ []int32) *record.Column { return k.cell.col }

// sequenceK evaluates all its parts, for their failures, and gives the last.
type sequenceK struct{ kids []kernel }

func (k *sequenceK) eval(f *frame, sel []int32) *record.Column {
	var last *record.Column
	for _, kid := range k.kids {
		last = kid.eval(f, sel)
	}
	return last
}
