package scenario

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/diag"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/spec"
)

// Cover collects which expressions the rows of tests reach. It watches the
// compiler of each step, so the engine runs as it always does; only the
// conditions of ternaries are evaluated once more, beside it. Several tests may
// use it at the same time.
type Cover struct {
	mu    sync.Mutex
	lines map[lineKey]*line
}

// lineKey is an expression at its place: computed ones share the place.
type lineKey struct {
	file string
	at   int
	text string
}

// line is one expression of a step.
type line struct {
	text      spec.Text
	step      string       // address
	condition bool         // true and false are both to be reached
	rows      atomic.Int64 // evaluated for
	yes, no   atomic.Int64 // of a condition
	branches  []*branch
}

// branch is one side of a ternary.
type branch struct {
	rng  hcl.Range
	text string
	cond string // when it is taken
	rows atomic.Int64
}

func newCover() *Cover { return &Cover{lines: map[lineKey]*line{}} }

// Coverage is what tests reached.
type Coverage struct {
	Lines    Share    `json:"lines"`
	Filters  Share    `json:"filters"`
	Branches Share    `json:"branches"`
	Missed   []Missed `json:"missed"` // by place
}

// Share is a part of a whole.
type Share struct {
	Reached int `json:"reached"`
	Total   int `json:"total"`
}

func (s *Share) add(reached bool) bool {
	s.Total++
	if reached {
		s.Reached++
	}
	return reached
}

// Missed is something that no test reaches.
type Missed struct {
	Range hcl.Range `json:"-"`
	File  string    `json:"file"`
	Line  int       `json:"line"`
	Step  string    `json:"step"`
	Kind  string    `json:"kind"` // "line", "filter", "branch"
	What  string    `json:"what"` // in words
	Text  string    `json:"text"` // of the expression, or of the branch
}

// Result returns what was reached so far.
func (c *Cover) Result() Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Coverage{Missed: []Missed{}}
	for _, l := range c.lines {
		kind, _, _ := strings.Cut(l.step, ".")
		if strings.HasSuffix(l.text.Range.Filename, suffix) {
			continue // written in a test
		}
		miss := func(rng hcl.Range, kind, what, text string) {
			out.Missed = append(out.Missed, Missed{rng, rng.Filename, rng.Start.Line, l.step, kind, what, oneLine(text)})
		}
		reached := l.rows.Load() > 0
		switch {
		case kind == "filter" && l.condition:
			what := "the condition is never evaluated"
			if l.rows.Load() > 0 {
				what = "the condition is never " + neverOf(l)
			}
			if !out.Filters.add(l.yes.Load() > 0 && l.no.Load() > 0) {
				miss(l.text.Range, "filter", what, l.text.S)
			}
		case l.condition:
			for _, side := range []struct {
				name string
				rows *atomic.Int64
			}{{"true", &l.yes}, {"false", &l.no}} {
				if !out.Branches.add(side.rows.Load() > 0) {
					miss(l.text.Range, "branch", "the condition is never "+side.name, l.text.S)
				}
			}
		case kind == "map" || kind == "group" || kind == "expand":
			if !out.Lines.add(reached) {
				miss(l.text.Range, "line", "the line is never evaluated", l.text.S)
			}
		default:
			continue
		}
		for _, b := range l.branches {
			if !out.Branches.add(b.rows.Load() > 0) && reached {
				miss(b.rng, "branch", "the branch is never taken", b.text)
			}
		}
	}
	slices.SortFunc(out.Missed, func(a, b Missed) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Range.Start.Byte-b.Range.Start.Byte, strings.Compare(a.What, b.What))
	})
	return out
}

func neverOf(l *line) string {
	if l.yes.Load() == 0 {
		return "true"
	}
	return "false"
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

// Text writes what was not reached, for people.
func (c *Cover) Text(w io.Writer) error {
	r := c.Result()
	_, err := fmt.Fprintf(w, "coverage: %d of %d mapping lines, %d of %d filters, %d of %d branches\n",
		r.Lines.Reached, r.Lines.Total, r.Filters.Reached, r.Filters.Total, r.Branches.Reached, r.Branches.Total)
	for _, m := range r.Missed {
		if err == nil {
			_, err = fmt.Fprintf(w, "  %s:%d: %s: %s: %s\n", m.File, m.Line, m.Step, m.What, m.Text)
		}
	}
	return err
}

// coverCompiler watches the expressions of one step.
type coverCompiler struct {
	plugin.Compiler
	cover  *Cover
	step   string
	placed func(spec.Text) (at int, ok bool)
}

// Row implements plugin.Compiler.
func (c *coverCompiler) Row(t spec.Text, want record.Kind) (plugin.Expr, diag.List) {
	e, ds := c.Compiler.Row(t, want)
	if e == nil {
		return e, ds
	}
	return c.watch(e, t, want == record.Bool, func(t spec.Text) (plugin.Expr, diag.List) { return c.Compiler.Row(t, record.Bool) }), ds
}

// Rows implements plugin.Compiler.
func (c *coverCompiler) Rows(t spec.Text, extra []record.Field, want record.Kind) (plugin.Expr, diag.List) {
	e, ds := c.Compiler.Rows(t, extra, want)
	if e == nil {
		return e, ds
	}
	return c.watch(e, t, false, func(t spec.Text) (plugin.Expr, diag.List) { return c.Compiler.Rows(t, extra, record.Bool) }), ds
}

// watch returns e, observed, with the conditions of its branches compiled by cond.
func (c *coverCompiler) watch(e plugin.Expr, t spec.Text, condition bool, cond func(spec.Text) (plugin.Expr, diag.List)) plugin.Expr {
	l := c.lineOf(t, condition)
	if l == nil {
		return e
	}
	x := &coverExpr{Expr: e, line: l}
	for _, b := range x.line.branches {
		// Such as a branch that is taken when a name of let is true: it cannot be watched, and counts as taken.
		if be, ds := cond(spec.Text{S: b.cond, Range: b.rng}); be != nil && !ds.HasErrors() {
			x.branches = append(x.branches, watched{b, be})
		} else {
			b.rows.Add(1)
		}
	}
	return x
}

type watched struct {
	branch *branch
	cond   plugin.Expr
}

type coverExpr struct {
	plugin.Expr
	line     *line
	branches []watched
}

// Reads implements plugin.Expr. Steps pass on a field that is only named
// without evaluating anything; naming its slot twice makes them evaluate it.
func (x *coverExpr) Reads() []record.Slot {
	r := x.Expr.Reads()
	if len(r) == 1 {
		return []record.Slot{r[0], r[0]}
	}
	return r
}

// New implements plugin.Expr.
func (x *coverExpr) New() plugin.Eval {
	e := &coverEval{Eval: x.Expr.New(), line: x.line}
	for _, b := range x.branches {
		e.branches = append(e.branches, watchedEval{b.branch, b.cond.New()})
	}
	if many, ok := e.Eval.(plugin.SetEval); ok {
		return &coverSetEval{coverEval: e, many: many}
	}
	return e
}

type watchedEval struct {
	branch *branch
	cond   plugin.Eval
}

// coverEval counts what it evaluates. One goroutine at a time uses it; the counters are shared.
type coverEval struct {
	plugin.Eval
	line     *line
	branches []watchedEval
}

// Rows implements plugin.Eval.
func (e *coverEval) Rows(b *record.Batch, step, column string) *record.Column {
	// The conditions come first: evaluating may reject rows, and those rejects are the expression's own.
	rejects := len(b.Rejects)
	for _, w := range e.branches {
		col := w.cond.Rows(b, step, column)
		w.branch.rows.Add(countTrue(col, b))
		b.Rejects = b.Rejects[:rejects]
	}
	col := e.Eval.Rows(b, step, column)
	live := int64(b.Live())
	e.line.rows.Add(live)
	if e.line.condition {
		yes := countTrue(col, b)
		e.line.yes.Add(yes)
		e.line.no.Add(live - yes)
	}
	return col
}

func countTrue(col *record.Column, b *record.Batch) int64 {
	if col.Type.Kind != record.Bool {
		return 0
	}
	n := int64(0)
	for k := range b.Live() {
		if i := b.Row(k); !col.IsNull(i) && col.Bools[i] {
			n++
		}
	}
	return n
}

// Set implements plugin.Eval.
func (e *coverEval) Set(b *record.Batch, extra []record.Column) (*record.Column, error) {
	for _, w := range e.branches {
		if col, err := w.cond.Set(b, extra); err == nil && col.Type.Kind == record.Bool && !col.IsNull(0) && col.Bools[0] {
			w.branch.rows.Add(1)
		}
	}
	e.line.rows.Add(1)
	return e.Eval.Set(b, extra)
}

type coverSetEval struct {
	*coverEval
	many plugin.SetEval
}

// Segments implements plugin.SetEval.
func (e *coverSetEval) Segments(b *record.Batch, offs []uint32, step, column string) (*record.Column, []plugin.SegmentError) {
	groups := len(offs) - 1
	rejects := len(b.Rejects)
	for _, w := range e.branches {
		many, ok := w.cond.(plugin.SetEval)
		if !ok {
			w.branch.rows.Add(1)
			continue
		}
		col, _ := many.Segments(b, offs, step, column)
		for g := range groups {
			if col.Type.Kind == record.Bool && !col.IsNull(g) && col.Bools[g] {
				w.branch.rows.Add(1)
			}
		}
		b.Rejects = b.Rejects[:rejects]
	}
	e.line.rows.Add(int64(groups))
	return e.many.Segments(b, offs, step, column)
}
