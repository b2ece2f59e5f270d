package compute

import (
	"errors"
	"fmt"
	"slices"

	"weir/engine/plugin"
	"weir/engine/record"
)

var _ plugin.SetEval = (*Eval)(nil)

// Eval evaluates a compiled expression; it implements plugin.SetEval. One
// goroutine at a time uses it.
type Eval struct {
	e    *Expr
	k    kernel
	f    frame
	all  []int32 // 0, 1, 2, ...
	out  record.Column
	nil  vec // the result when it is the literal nil
	set  rowSet
	none []record.Column // nulls for extra fields that are not given
	lost []bool          // nulls of a result with rows that failed
}

// New implements plugin.Expr.
func (e *Expr) New() plugin.Eval { return e.newEval(e.slow == "") }

// newEval makes an evaluator, with kernels or with the VM.
func (e *Expr) newEval(kernels bool) *Eval {
	v := &Eval{e: e}
	v.f.cols = make([]*record.Column, len(e.ck.sc.fields))
	if kernels {
		v.k = (&lowerer{e: e}).whole()
	} else {
		v.k = newMachine(e, e.program)
	}
	return v
}

func (v *Eval) upTo(n int) []int32 {
	for len(v.all) < n {
		v.all = append(v.all, int32(len(v.all)))
	}
	return v.all[:n]
}

// start begins an evaluation of n values over the rows of b, nil for none.
func (v *Eval) start(n int, b *record.Batch) {
	v.f.reset(n)
	v.f.batch, v.f.groups, v.f.set = b, nil, false
	var of *record.Origin
	if b != nil {
		of = b.Origin
	}
	switch {
	case of != nil && !of.Now.IsZero():
		v.f.now = of.Now // repeated rows are what they were (I7)
	case v.e.c.o.Now != nil:
		v.f.now = v.e.c.o.Now().UTC()
	}
}

// finish returns the result under its own type; failed rows are null.
func (v *Eval) finish(c *record.Column) *record.Column {
	if c.Type.Kind == record.Null && v.e.typ.Kind != record.Null {
		c = v.nil.reset(v.e.typ, v.f.n)
		for i := range v.f.n {
			v.nil.null(int32(i))
		}
	}
	v.out.Alias(c)
	v.out.Type = v.e.typ
	if len(v.f.errs) == 0 {
		return &v.out
	}
	nulls := resize(v.lost, v.f.n)
	clear(nulls)
	copy(nulls, c.Nulls)
	v.lost = nulls
	for _, e := range v.f.errs {
		nulls[e.row] = true
	}
	v.out.Nulls = nulls
	return &v.out
}

// failures lists the rows that failed, ascending.
func (v *Eval) failures() []failure {
	slices.SortFunc(v.f.errs, func(a, b failure) int { return int(a.row - b.row) })
	return v.f.errs
}

// Rows implements plugin.Eval.
func (v *Eval) Rows(b *record.Batch, step, column string) *record.Column {
	v.start(b.N, b)
	for _, r := range v.e.program.refs {
		v.f.cols[r] = &b.Cols[r]
	}
	if v.e.program.whole {
		for i := range b.Cols {
			v.f.cols[i] = &b.Cols[i]
		}
	}
	sel := b.Sel
	if sel == nil {
		sel = v.upTo(b.N)
	}
	c := v.k.eval(&v.f, sel)
	for _, e := range v.failures() {
		b.Reject(int(e.row), step, column, "row.expression", e.reason)
	}
	return v.finish(c)
}

// Value implements plugin.Eval.
func (v *Eval) Value(env []record.Column) (*record.Column, error) {
	if len(env) != len(v.f.cols) {
		return nil, fmt.Errorf("the expression needs %d fields, not %d", len(v.f.cols), len(env))
	}
	for i := range env {
		v.f.cols[i] = &env[i]
	}
	return v.one(nil)
}

func (v *Eval) one(b *record.Batch) (*record.Column, error) {
	v.start(1, b)
	v.f.set = b != nil
	c := v.k.eval(&v.f, v.upTo(1))
	if len(v.f.errs) > 0 {
		return nil, errors.New(v.f.errs[0].reason)
	}
	return v.finish(c), nil
}

// Set implements plugin.Eval.
func (v *Eval) Set(b *record.Batch, extra []record.Column) (*record.Column, error) {
	if len(extra) != len(v.f.cols)-1 {
		return nil, fmt.Errorf("the expression needs %d fields besides rows, not %d", len(v.f.cols)-1, len(extra))
	}
	for i := range extra {
		v.f.cols[1+i] = &extra[i]
	}
	v.f.cols[0] = v.set.selected(b, v.e.reads)
	return v.one(b)
}

// Segments implements plugin.SetEval. Extra fields of the expression are null: expressions that need them are evaluated with Set.
func (v *Eval) Segments(b *record.Batch, offs []uint32, step, column string) (*record.Column, []plugin.SegmentError) {
	groups := len(offs) - 1
	v.start(groups, b)
	v.f.groups = offs
	v.f.cols[0] = v.set.grouped(b, offs, v.e.reads)
	if v.none == nil {
		v.none = make([]record.Column, len(v.f.cols)-1)
	}
	for i := range v.none {
		fill(&v.none[i], nullable(v.e.ck.sc.fields[1+i].Type), make([]any, groups))
		v.f.cols[1+i] = &v.none[i]
	}
	c := v.k.eval(&v.f, v.upTo(groups))
	var failed []plugin.SegmentError
	for _, e := range v.failures() {
		failed = append(failed, plugin.SegmentError{Group: int(e.row), Reason: e.reason})
		for i := offs[e.row]; i < offs[e.row+1]; i++ {
			b.Reject(int(i), step, column, "row.expression", e.reason)
		}
	}
	return v.finish(c), failed
}
