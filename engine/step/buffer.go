package step

import (
	"fmt"
	"math"

	"weir/engine/plugin"
	"weir/engine/record"
)

// rowBuffer holds rows back, copied, in the order they came: the columns that
// are needed, and where each row came from.
type rowBuffer struct {
	b     record.Batch
	slots []record.Slot
	open  bool
}

func newRowBuffer(s *record.Schema, slots []record.Slot) *rowBuffer {
	x := &rowBuffer{slots: slots}
	x.b.Schema, x.b.Cols = s, make([]record.Column, s.Len())
	return x
}

func (x *rowBuffer) len() int { return x.b.N }

// size returns about how many bytes the rows held take.
func (x *rowBuffer) size() int {
	n := len(x.b.RawData) + 32*x.b.N
	for _, s := range x.slots {
		n += len(x.b.Cols[s].Data) + 8*x.b.N
	}
	return n
}

// first returns the row number of the first row held, 0 when there is none.
func (x *rowBuffer) first() int64 {
	if x.b.N == 0 {
		return 0
	}
	return x.b.RowNos[0]
}

// largeBuffer is the number of rows above which reset lets memory go.
const largeBuffer = 1 << 17

// reset empties x, keeping memory unless much of it was used.
func (x *rowBuffer) reset() {
	if x.b.N > largeBuffer {
		x.b = record.Batch{Schema: x.b.Schema, Cols: make([]record.Column, len(x.b.Cols))}
	}
	for _, s := range x.slots {
		x.b.Cols[s].Resize(x.b.Schema.Fields()[s].Type, 0)
	}
	b := &x.b
	b.N, b.Origin, b.RowNos, b.Lines, b.Raw, b.RawData = 0, nil, b.RowNos[:0], b.Lines[:0], b.Raw[:0], b.RawData[:0]
	x.open = true
}

// append copies row i of src.
func (x *rowBuffer) append(src *record.Batch, i int) {
	if !x.open {
		x.reset()
	}
	for _, s := range x.slots {
		x.b.Cols[s].AppendFrom(&src.Cols[s], i)
	}
	b := &x.b
	b.RowNos = append(b.RowNos, src.RowNo(i))
	b.Lines = append(b.Lines, lineNo(src, i))
	raw := src.RawText(i)
	b.Raw = append(b.Raw, record.View{Off: uint32(len(b.RawData)), Len: uint32(len(raw))})
	b.RawData = append(b.RawData, raw...)
	b.Origin = src.Origin
	b.N++
}

// bounded returns an error when more than maxRows rows are held, or more text than one column can.
func (x *rowBuffer) bounded(address string, maxRows int, advice string) error {
	size := len(x.b.RawData)
	for _, s := range x.slots {
		size = max(size, len(x.b.Cols[s].Data))
	}
	switch {
	case x.b.N > maxRows:
		return tooManyRows(address, maxRows, &x.b, advice)
	case size > math.MaxUint32/2:
		return plugin.Fail(plugin.Data, "run.too_many_rows",
			fmt.Errorf("%s would have to hold more than 2 GiB of %s in memory", address, objectName(&x.b)), advice)
	}
	return nil
}

func tooManyRows(address string, maxRows int, b *record.Batch, advice string) error {
	return plugin.Fail(plugin.Data, "run.too_many_rows",
		fmt.Errorf("%s would have to hold more than max_rows = %d rows of %s in memory", address, maxRows, objectName(b)), advice)
}

func objectName(b *record.Batch) string {
	if b.Origin != nil && b.Origin.Name != "" {
		return b.Origin.Name
	}
	return "the object"
}

// take makes out the rows of src at the given places: the columns of slots; the
// others are absent. They share memory with src.
func take(out, src *record.Batch, slots []record.Slot, at []int32) {
	shape(out, src.Schema, len(at))
	next, run := 0, isRun(at)
	for s := range out.Cols {
		if next == len(slots) || int(slots[next]) != s {
			absent(&out.Cols[s], len(at))
			continue
		}
		next++
		if k := src.Cols[s].Type.Kind; run && k != record.List && k != record.Object {
			out.Cols[s].Window(&src.Cols[s], int(at[0]), int(at[0])+len(at))
			continue
		}
		gather(&out.Cols[s], &src.Cols[s], at)
	}
	out.Origin, out.RawData = src.Origin, src.RawData
	out.RowNos, out.Lines, out.Raw = out.RowNos[:0], out.Lines[:0], out.Raw[:0]
	if run && src.RowNos == nil && src.Lines != nil && src.Raw != nil {
		a, b := int(at[0]), int(at[0])+len(at)
		for i := a; i < b; i++ {
			out.RowNos = append(out.RowNos, src.FirstRow+int64(i))
		}
		out.Lines, out.Raw = append(out.Lines, src.Lines[a:b]...), append(out.Raw, src.Raw[a:b]...)
		return
	}
	for _, i := range at {
		out.RowNos = append(out.RowNos, src.RowNo(int(i)))
		out.Lines = append(out.Lines, lineNo(src, int(i)))
		raw := record.View{}
		if src.Raw != nil {
			raw = src.Raw[i]
		}
		out.Raw = append(out.Raw, raw)
	}
}

// isRun reports whether places follow one another without a gap; there is at least one.
func isRun(at []int32) bool {
	for k, i := range at {
		if i != at[0]+int32(k) { //nolint:gosec // rows of a batch
			return false
		}
	}
	return len(at) > 0
}
