package step

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"weir/engine/plugin"
	"weir/engine/record"
)

// codeExpression is the code of a reject whose expression failed.
const codeExpression = "row.expression"

type groupRunner struct {
	*groupStep
	want  []bool
	by    []evaluator
	cols  []*record.Column
	evals []plugin.Eval
	own   []record.Column // results of evaluators that take one group at a time

	rows  *rowBuffer // held back
	spare *rowBuffer // with adjacent: takes the rows of the group that goes on
	group []uint32   // group of each row held
	count []uint32   // rows of each group
	keys  index      // within the object: key of each group
	last  []byte     // adjacent: key of the group that goes on
	cut   bool       // adjacent: the next row begins a group, whatever its key
	key   []byte
	whole *wholeness // with on_reject = "group"

	saved, savedGroups int // how many of the rows and groups held were saved; see Save

	set    record.Batch // the rows of the groups being made, group by group
	offs   []uint32
	order  []int32
	heads  []int32
	sel    []int32 // the group being evaluated, where they are taken one at a time
	out    record.Batch
	text   []byte                 // of the groups in out
	joined func(first, row int64) // see Env
	ends   []int32                // the rows that Join takes
}

// Apply implements Runner.
func (r *groupRunner) Apply(_ context.Context, in *record.Batch, t *Tally) (*record.Batch, error) {
	r.evaluateKeys(in)
	from := len(in.Rejects)
	for k := range in.Live() {
		i := in.Row(k)
		if r.whole != nil && r.admit(in, i) || r.whole == nil && r.encode(in, i) {
			r.add(in, i)
		}
	}
	in.Drop(from)
	return r.complete(t)
}

// evaluateKeys computes what the rows of in are grouped by.
func (r *groupRunner) evaluateKeys(in *record.Batch) {
	from := len(in.Rejects)
	r.cols = r.cols[:0]
	for k := range r.by {
		r.cols = append(r.cols, r.by[k].rows(in, r.address, r.byNames[k]))
	}
	in.Drop(from)
	if r.whole != nil {
		r.unplaced(in, from)
	}
}

// complete makes rows of the groups that no later row can belong to.
func (r *groupRunner) complete(t *Tally) (*record.Batch, error) {
	if !r.adjacent {
		return nil, r.bounded()
	}
	done := len(r.count) - 1
	if done <= 0 {
		return nil, r.bounded()
	}
	r.arrange()
	out, count, order := &r.out, r.count[:done], r.order
	if r.whole.lacks(done) {
		if count, order = r.divide(done); len(count) == 0 {
			out = nil
		}
		r.dissolve(r.whole.gone)
	}
	if out != nil {
		r.build(&r.rows.b, count, order, t)
	}
	r.carry(done)
	return out, r.bounded()
}

func (r *groupRunner) bounded() error {
	if w := r.whole; w != nil && len(w.lack) > r.most.rows {
		return tooManyRows(r.address, r.most.rows, &r.rows.b, fmt.Sprintf(r.advice(), "max_rows"))
	}
	return r.rows.bounded(r.address, r.most, r.keys.size()+r.whole.size(), r.advice())
}

func (r *groupRunner) advice() string {
	if r.adjacent {
		return "Raise %s, or group by something that changes more often"
	}
	return "Sort the file by the key and use within = \"adjacent\", or raise %s"
}

// encode makes r.key of row i. When there is nothing in it, the row is rejected.
func (r *groupRunner) encode(in *record.Batch, i int) bool {
	r.key = r.key[:0]
	some := false
	for _, c := range r.cols {
		some = some || !isEmpty(c, i)
		r.key = appendKey(r.key, c, i)
	}
	r.key = shortKey(r.key, 0)
	if !some {
		from := len(in.Rejects)
		in.Reject(i, r.address, r.byNames[0], "row.no_key", "the row belongs to no group: "+strings.Join(r.byNames, ", ")+
			" is empty. Filter such rows out before, or group by something every row has")
		if r.whole != nil {
			r.unplaced(in, from)
		}
	}
	return some
}

// add holds row i back in its group, whose key is r.key.
func (r *groupRunner) add(in *record.Batch, i int) {
	g := r.place()
	if w := r.whole; w != nil {
		w.came(g, in.RowNo(i))
	}
	r.count[g]++
	r.group = append(r.group, uint32(g))
	r.rows.append(in, i)
}

// place returns the group whose key is r.key, making it when there is none.
func (r *groupRunner) place() (g int) {
	var added bool
	if r.adjacent {
		added = len(r.count) == 0 || r.cut || !bytes.Equal(r.key, r.last)
		r.cut = false
		if g = len(r.count); !added {
			g--
		} else {
			r.last = append(r.last[:0], r.key...)
		}
	} else {
		g, added = r.keys.add(r.key)
	}
	if added {
		r.count = append(r.count, 0)
		if w := r.whole; w != nil {
			w.lack, w.spans = append(w.lack, nil), append(w.spans, span{})
		}
	}
	return g
}

// arrange makes r.order the rows held, group by group, each in the order they came.
func (r *groupRunner) arrange() {
	next := r.offs[:0]
	var sum uint32
	for _, n := range r.count {
		next = append(next, sum)
		sum += n
	}
	if cap(r.order) < len(r.group) {
		r.order = make([]int32, len(r.group))
	}
	r.order = r.order[:len(r.group)]
	for i, g := range r.group {
		r.order[next[g]] = int32(i)
		next[g]++
	}
	r.offs = next
}

// build makes r.out of groups with count rows each, the first rows of src in order.
func (r *groupRunner) build(src *record.Batch, count []uint32, order []int32, t *Tally) {
	r.offs, r.heads = append(r.offs[:0], 0), r.heads[:0]
	for _, n := range count {
		at := r.offs[len(r.offs)-1]
		r.heads = append(r.heads, order[at])
		r.offs = append(r.offs, at+n)
	}
	rows := r.offs[len(r.offs)-1]
	take(&r.set, src, r.rows.slots, order[:rows])
	groups := len(count)
	r.provenance(groups)
	r.tellJoined(groups)
	for f := range r.fields {
		if !r.want[f] {
			absent(&r.out.Cols[f], groups)
			continue
		}
		r.evaluate(f)
	}
	for h, slot := range r.hidden {
		o := len(r.fields) + h
		if !r.want[o] {
			absent(&r.out.Cols[o], groups)
			continue
		}
		gather(&r.out.Cols[o], &src.Cols[slot], r.heads)
	}
	t.GroupedRows += int64(rows)
	t.Grouped += int64(rows) - int64(groups)
	r.out.Drop(0)
}

// provenance gives r.out its rows: those of the groups' first rows, with the text of all.
func (r *groupRunner) provenance(groups int) {
	out, set := &r.out, &r.set
	shape(out, r.groupStep.out, groups)
	out.Origin = set.Origin
	out.RowNos, out.Lines, out.Raw = out.RowNos[:0], out.Lines[:0], out.Raw[:0]
	for g := range groups {
		a := int(r.offs[g])
		out.RowNos, out.Lines = append(out.RowNos, set.RowNos[a]), append(out.Lines, set.Lines[a])
	}
	if r.sharedText(groups) {
		out.RawData = set.RawData
		return
	}
	out.Raw, r.text = out.Raw[:0], r.text[:0]
	for g := range groups {
		start := len(r.text)
		for i := r.offs[g]; i < r.offs[g+1]; i++ {
			raw := set.RawText(int(i))
			if n := len(r.text); n > start && len(raw) > 0 && r.text[n-1] != '\n' {
				r.text = append(r.text, '\n')
			}
			r.text = append(r.text, raw...)
		}
		out.Raw = append(out.Raw, record.View{Off: uint32(start), Len: uint32(len(r.text) - start)})
	}
	out.RawData = r.text
}

// tellJoined tells which rows of the source the groups stand for.
func (r *groupRunner) tellJoined(groups int) {
	if r.joined == nil {
		return
	}
	for g := range groups {
		for i := r.offs[g] + 1; i < r.offs[g+1]; i++ {
			r.joined(r.set.RowNos[r.offs[g]], r.set.RowNos[i])
		}
	}
}

// sharedText makes r.out.Raw views into the text of r.set, which is possible
// when the rows of every group follow one another there, line by line.
func (r *groupRunner) sharedText(groups int) bool {
	out, set := &r.out, &r.set
	for g := range groups {
		v := set.Raw[r.offs[g]]
		for i := r.offs[g] + 1; i < r.offs[g+1]; i++ {
			next, end := set.Raw[i], v.Off+v.Len
			if next.Off != end+1 || set.RawData[end] != '\n' {
				return false
			}
			v.Len += 1 + next.Len
		}
		out.Raw = append(out.Raw, v)
	}
	return true
}

// evaluate computes field f for the groups in r.set. Groups for which it fails are rejected in r.out.
func (r *groupRunner) evaluate(f int) {
	name := r.groupStep.out.Fields()[f].Name
	dst := &r.out.Cols[f]
	if many, ok := r.evals[f].(plugin.SetEval); ok {
		col, failed := many.Segments(&r.set, r.offs, r.address, name)
		for _, e := range failed {
			r.out.Reject(e.Group, r.address, name, codeExpression, e.Reason)
		}
		dst.Alias(col)
		return
	}
	r.evaluateEach(f, name)
	dst.Alias(&r.own[f])
}

// evaluateEach is evaluate for an evaluator that takes one group at a time.
func (r *groupRunner) evaluateEach(f int, name string) {
	col := &r.own[f]
	col.Resize(r.groupStep.out.Fields()[f].Type, 0)
	for g := range len(r.offs) - 1 {
		r.sel = r.sel[:0]
		for i := r.offs[g]; i < r.offs[g+1]; i++ {
			r.sel = append(r.sel, int32(i))
		}
		r.set.Sel = r.sel
		one, err := r.evals[f].Set(&r.set, nil)
		if err != nil {
			r.out.Reject(g, r.address, name, codeExpression, err.Error())
			col.AppendNull()
			continue
		}
		col.AppendFrom(one, 0)
	}
	r.set.Sel = nil
}

// carry keeps only the rows of group g, the last. What r.out shares with the
// buffer stays as it is until the next call.
func (r *groupRunner) carry(g int) {
	start := r.rows.len() - int(r.count[g])
	r.spare.reset()
	for i := start; i < r.rows.len(); i++ {
		r.spare.append(&r.rows.b, i)
	}
	r.rows, r.spare = r.spare, r.rows
	r.saved, r.savedGroups = 0, 0
	r.whole.carry(g)
	r.count = append(r.count[:0], r.count[g])
	r.group = r.group[:0]
	for range r.count[0] {
		r.group = append(r.group, 0)
	}
}

// EndObject implements Runner.
func (r *groupRunner) EndObject(_ context.Context, t *Tally, emit func(*record.Batch) error) error {
	if r.whole != nil {
		r.settle(math.MaxInt64)
	}
	if len(r.count) > 0 {
		r.arrange()
	}
	counts, order := r.count, r.order
	if r.whole.lacks(len(r.count)) {
		counts, order = r.divide(len(r.count))
		for gone := range slices.Chunk(r.whole.gone, sliceRows) {
			r.dissolve(gone)
			if err := emit(r.Refused()); err != nil {
				return err
			}
		}
	}
	for count := range r.slices(counts) {
		r.build(&r.rows.b, count, order, t)
		order = order[r.offs[len(count)]:]
		if err := emit(&r.out); err != nil {
			return err
		}
	}
	if r.forget(); r.whole != nil {
		r.ended()
		return nil
	}
	r.keys.reset()
	r.count = r.count[:0]
	return nil
}

// sliceBytes is about how many bytes of rows held are made into groups at once.
const sliceBytes = 8 << 20

// slices cuts groups of so many rows each into what is made and emitted at once.
func (r *groupRunner) slices(counts []uint32) iter.Seq[[]uint32] {
	most := max(1, sliceBytes*r.rows.len()/max(1, r.rows.size()))
	return func(yield func([]uint32) bool) {
		from, rows := 0, 0
		for g, n := range counts {
			if g > from && (g-from == sliceRows || rows+int(n) > most) {
				if !yield(counts[from:g]) {
					return
				}
				from, rows = g, 0
			}
			rows += int(n)
		}
		if from < len(counts) {
			yield(counts[from:])
		}
	}
}

// forget drops the rows held.
func (r *groupRunner) forget() {
	r.rows.reset()
	r.group, r.last, r.cut = r.group[:0], r.last[:0], false
	r.saved, r.savedGroups = 0, 0
}
