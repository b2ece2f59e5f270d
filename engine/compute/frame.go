package compute

import (
	"time"

	"weir/engine/record"
)

// frame is what kernels evaluate over: n rows of columns or, inside a loop, n
// elements of a list and the frame around it.
type frame struct {
	n     int
	cols  []*record.Column // the scope's fields
	elem  *record.Column   // the elements of the loop's list
	owner []int32          // the row of outer that each element belongs to
	outer *frame
	now   time.Time

	batch  *record.Batch // whose rows these are, nil for none
	groups []uint32      // where they are groups of rows: the first row of each
	set    bool          // all rows of the batch are one value

	bad  []int32 // 1 + index in errs of the rows that failed; nil when none did
	errs []failure
	own  []int32 // the memory of bad
}

type failure struct {
	row    int32
	reason string
}

// fail records that row i has no value; the first reason counts.
func (f *frame) fail(i int32, reason string) {
	if f.bad == nil {
		f.own = resize(f.own, f.n)
		clear(f.own)
		f.bad = f.own
	}
	if f.bad[i] == 0 {
		f.errs = append(f.errs, failure{i, reason})
		f.bad[i] = int32(len(f.errs))
	}
}

func (f *frame) failed(i int32) bool { return f.bad != nil && f.bad[i] > 0 }

// reset prepares f for n rows.
func (f *frame) reset(n int) { f.n, f.bad, f.errs = n, nil, f.errs[:0] }

// reason returns why row i failed.
func (f *frame) reason(i int32) string { return f.errs[f.bad[i]-1].reason }

// kernel evaluates one node of a tree. Each has buffers of its own; the column
// is valid at the rows of sel, until the next call.
type kernel interface {
	eval(f *frame, sel []int32) *record.Column
}
