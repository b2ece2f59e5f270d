package step

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"weir/engine/record"
)

// codeNotWhole is the code of a row whose group lacks another one.
const codeNotWhole = "row.group_refused"

// Refusal is a row that was refused on its way to a step.
type Refusal struct {
	Row    int64
	Keys   [][]byte // of the groups that it would have belonged to; none when that cannot be told
	Reason string   // who refused it, and why
}

// Wholer is implemented by steps that can refuse rows because another one, which
// belongs to them, was refused before it reached the step.
type Wholer interface {
	Step
	// Whole reports whether the step, as it is configured, does so.
	Whole() bool
	// KeyReads lists the slots of In that tell which rows belong together.
	KeyReads() []record.Slot
	// NewKeys returns a function for one goroutine that computes, from these slots
	// alone, the keys of the selected rows of a batch. It reports false when one cannot be told.
	NewKeys() func(b *record.Batch) ([][]byte, bool)
	// GroupOf returns what a row with a key, or with nil when that is not known, is refused with.
	GroupOf(row int64, key []byte) record.Group
}

// WholeRunner is implemented by the runners of a Wholer.
type WholeRunner interface {
	Runner
	// BeginObject is called before the first row of an object, and before Restore.
	// Until then rows may still come of the object before, also after EndObject: those that
	// are judged again by a step before. Their groups may have gone out by then.
	BeginObject()
	// Refuse tells of a refused row of the present object. It is called before rows
	// that come after that one are applied.
	Refuse(x Refusal)
	// Refused returns, as the rejects of a batch without selected rows, the rows that
	// were kept back and that the last Apply or Join refused; nil when there are none.
	Refused() *record.Batch
}

// Whole implements Wholer.
func (s *groupStep) Whole() bool { return s.whole }

// KeyReads implements Wholer.
func (s *groupStep) KeyReads() []record.Slot {
	var sets [][]record.Slot
	for _, f := range s.by {
		sets = append(sets, f.expr.Reads())
	}
	return union(s.in.Len(), sets...)
}

// NewKeys implements Wholer.
func (s *groupStep) NewKeys() func(b *record.Batch) ([][]byte, bool) {
	r := &groupRunner{groupStep: s, by: evaluators(s.by)}
	return func(b *record.Batch) (keys [][]byte, ok bool) {
		r.evaluateKeys(b)
		for k := range b.Live() {
			if r.encode(b, b.Row(k)) {
				keys = append(keys, slices.Clone(r.key))
			}
		}
		return keys, len(b.Rejects) == 0
	}
}

// GroupOf implements Wholer.
func (s *groupStep) GroupOf(row int64, key []byte) record.Group {
	switch {
	case s.adjacent:
		return record.Group{Step: s.address, From: row, To: row}
	case key == nil:
		return record.Group{Step: s.address}
	}
	return record.Group{Step: s.address, Key: max(1, xxhash.Sum64(key))}
}

// wholeness is what a group step knows of rows that were refused before they
// reached it. What is known of a group is beside groupRunner.count.
type wholeness struct {
	adjacent bool
	pending  []Refusal // adjacent: those after the last row that came, by row
	lack     []*lacking
	spans    []span   // adjacent
	lost     *lacking // a row of which the group is not known: adjacent, maybe the next one; else any
	first    int64    // the first row refused in the object, 0 when there is none
	top      int64    // the last row that came, refused ones included

	changed []int32 // groups that began to lack a row, in that order
	dirty   bool    // there is something to save
	saved   int     // of changed

	out  *lacking // stands for what a group lacks that has gone on
	gone []int32  // rows held that are refused, group by group
	set  record.Batch
	some bool // set is not yet collected
}

// lacking is a refused row of a group.
type lacking struct {
	row    int64
	reason string
	beside bool // it is not known whether it belongs to the group
}

// span are the rows among which an adjacent group is, refused ones included.
type span struct{ from, to int64 }

func (s *span) include(row int64) {
	if s.from == 0 || row < s.from {
		s.from = row
	}
	s.to = max(s.to, row)
}

// Refuse implements WholeRunner.
func (r *groupRunner) Refuse(x Refusal) {
	w := r.whole
	w.dirty = true
	if w.first == 0 || x.Row < w.first {
		w.first = x.Row
	}
	if !w.adjacent {
		r.refuse(&x)
		return
	}
	at, _ := slices.BinarySearchFunc(w.pending, x.Row+1, func(y Refusal, row int64) int { return cmp.Compare(y.Row, row) })
	w.pending = slices.Insert(w.pending, at, x)
}

// settle puts the refused rows before a row, or of the same number, where they belong.
func (r *groupRunner) settle(row int64) {
	w, n := r.whole, 0
	for n < len(w.pending) && w.pending[n].Row <= row {
		r.refuse(&w.pending[n])
		n++
	}
	if n > 0 {
		w.pending = slices.Delete(w.pending, 0, n)
	}
}

func (r *groupRunner) refuse(x *Refusal) {
	w := r.whole
	l := &lacking{x.Row, x.Reason, len(x.Keys) == 0}
	g := len(r.count) - 1
	within := w.adjacent && g >= 0 && x.Row >= w.spans[g].from
	late := w.adjacent && x.Row < w.top // it concerns no group to come
	if len(x.Keys) == 0 {
		if within || w.adjacent && g >= 0 && !late {
			w.mark(g, l)
			w.spans[g].include(x.Row)
		}
		if w.lost == nil && !late {
			w.lost = l
		}
		w.top = max(w.top, x.Row)
		return
	}
	for _, key := range x.Keys {
		r.key = append(r.key[:0], key...)
		if late && !(within && bytes.Equal(r.key, r.last)) {
			continue
		}
		g := r.place()
		w.mark(g, l)
		w.came(g, x.Row)
	}
}

// admit puts the refused rows before row i of in where they belong, and makes r.key the
// key of the row. When it has none, or comes after its group, it is rejected.
func (r *groupRunner) admit(in *record.Batch, i int) bool {
	row := in.RowNo(i)
	r.settle(row)
	if !r.encode(in, i) {
		return false
	}
	g := len(r.count) - 1
	if w := r.whole; !w.adjacent || row >= w.top || g >= 0 && row >= w.spans[g].from && bytes.Equal(r.key, r.last) {
		return true
	}
	in.Reject(i, r.address, "", codeNotWhole, tooLate)
	in.Rejects[len(in.Rejects)-1].Group = new(r.GroupOf(row, r.key))
	return false
}

// tooLate is why a row is refused that a step before judged again.
const tooLate = "the row was taken for a repeat until the row that it repeats was refused, and by then the rest of its group had gone on. Replay both, or read the file again with weir files retry"

// size returns about how many bytes w takes.
func (w *wholeness) size() int {
	if w == nil {
		return 0
	}
	return 40*len(w.lack) + 200*len(w.changed) + 100*len(w.pending)
}

// mark notes that group g lacks a row; the first is the one that is told.
func (w *wholeness) mark(g int, l *lacking) {
	if w.lack[g] == nil {
		w.lack[g] = l
		w.changed = append(w.changed, int32(g)) //nolint:gosec // bounded by max_rows
	}
}

// came notes that a row belongs to group g.
func (w *wholeness) came(g int, row int64) {
	w.top = max(w.top, row)
	if !w.adjacent {
		return
	}
	if w.lost != nil {
		w.mark(g, w.lost)
		w.spans[g].include(w.lost.row)
		w.lost = nil
	}
	w.spans[g].include(row)
}

// lacks reports whether one of the first n groups is not whole.
func (w *wholeness) lacks(n int) bool {
	if w == nil {
		return false
	}
	return !w.adjacent && w.lost != nil || slices.ContainsFunc(w.lack[:n], func(l *lacking) bool { return l != nil })
}

// divide returns the whole ones of the first n groups, and makes whole.gone the
// rows of the others. The rows held are arranged.
func (r *groupRunner) divide(n int) (count []uint32, order []int32) {
	w := r.whole
	w.gone = w.gone[:0]
	at := 0
	for g, c := range r.count[:n] {
		rows := r.order[at : at+int(c)]
		at += int(c)
		switch {
		case r.lacking(g) != nil:
			w.gone = append(w.gone, rows...)
		case c > 0:
			count, order = append(count, c), append(order, rows...)
		}
	}
	return count, order
}

func (r *groupRunner) lacking(g int) *lacking {
	if l := r.whole.lack[g]; l != nil || r.whole.adjacent {
		return l
	}
	return r.whole.lost
}

// dissolve refuses held rows of groups that are not whole. They are valid until the next call.
func (r *groupRunner) dissolve(rows []int32) {
	w := r.whole
	if len(rows) == 0 {
		return
	}
	take(&w.set, &r.rows.b, nil, rows)
	last := -1
	var reason string
	var group *record.Group
	for k, i := range rows {
		if g := int(r.group[i]); g != last {
			last, reason = g, r.reasonOf(g)
			group = new(r.groupAt(g))
		}
		w.set.Rejects = append(w.set.Rejects, record.Reject{Row: k, Step: r.address, Code: codeNotWhole, Reason: reason, Group: group})
	}
	w.set.Sel = emptySelection(w.set.Sel, 0)
	w.some = true
}

func (r *groupRunner) groupAt(g int) record.Group {
	if r.adjacent {
		return record.Group{Step: r.address, From: r.whole.spans[g].from, To: r.whole.spans[g].to}
	}
	return r.GroupOf(0, r.keys.key(g))
}

func (r *groupRunner) reasonOf(g int) string {
	by := strings.Join(r.byNames, ", ")
	switch l := r.whole.lack[g]; {
	case l == r.whole.out:
		return tooLate
	case l == nil:
		l = r.whole.lost
		return fmt.Sprintf("row %d was refused (%s), and it cannot be told to which group by %s it belongs, so that this one may not be whole", l.row, l.reason, by)
	case l.beside:
		return fmt.Sprintf("row %d beside it was refused (%s), and it cannot be told whether it belongs to the same group by %s, so that this one may not be whole", l.row, l.reason, by)
	default:
		return fmt.Sprintf("row %d of the same group by %s was refused (%s), and the group is taken whole or not at all", l.row, by, l.reason)
	}
}

// Refused implements WholeRunner.
func (r *groupRunner) Refused() *record.Batch {
	w := r.whole
	if w == nil || !w.some {
		return nil
	}
	w.some = false
	return &w.set
}

// unplaced takes rejects of rows that have no key: they may belong to any group near them.
func (r *groupRunner) unplaced(in *record.Batch, from int) {
	for k := from; k < len(in.Rejects); k++ {
		x := &in.Rejects[k]
		row := in.RowNo(x.Row)
		x.Group = new(r.GroupOf(row, nil))
		r.Refuse(Refusal{Row: row, Reason: r.address + ": " + x.Reason})
	}
}

// carry keeps only what is known of group g, the last.
func (w *wholeness) carry(g int) {
	if w == nil {
		return
	}
	w.lack, w.spans = append(w.lack[:0], w.lack[g]), append(w.spans[:0], w.spans[g])
	w.changed, w.saved, w.dirty = w.changed[:0], 0, true
	if w.lack[0] != nil {
		w.changed = append(w.changed, 0)
	}
}

// BeginObject implements WholeRunner.
func (r *groupRunner) BeginObject() {
	w := r.whole
	if w == nil {
		return
	}
	r.forget()
	r.keys.reset()
	r.count = r.count[:0]
	clear(w.lack)
	*w = wholeness{adjacent: w.adjacent, pending: w.pending[:0], lack: w.lack[:0], spans: w.spans[:0], changed: w.changed[:0], gone: w.gone, set: w.set, out: w.out}
}

// ended notes that the groups made so far have gone on. What is known of the object's
// groups stays, as rows may yet come.
func (r *groupRunner) ended() {
	w := r.whole
	if w.adjacent {
		clear(w.lack)
		w.lack, w.spans, w.lost, w.changed, w.saved = w.lack[:0], w.spans[:0], nil, w.changed[:0], 0
		r.count = r.count[:0]
		return
	}
	for g, n := range r.count {
		if n > 0 && w.lack[g] == nil {
			w.lack[g] = w.out
		}
		r.count[g] = 0
	}
}
