package step

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"weir/engine/plugin"
	"weir/engine/record"
)

// rowBuffer holds rows back, copied, in the order they came: the columns that
// are needed, and where each row came from.
type rowBuffer struct {
	b     record.Batch
	slots []record.Slot
	loose []record.Slot // of slots, those whose values may be elsewhere than in the column
	outer int           // bytes of these
	open  bool
}

func newRowBuffer(s *record.Schema, slots []record.Slot) *rowBuffer {
	x := &rowBuffer{slots: slots}
	for _, slot := range slots {
		if isLoose(s.Fields()[slot].Type) {
			x.loose = append(x.loose, slot)
		}
	}
	x.b.Schema, x.b.Cols = s, make([]record.Column, s.Len())
	return x
}

func (x *rowBuffer) len() int { return x.b.N }

// size returns about how many bytes the rows held take.
func (x *rowBuffer) size() int {
	n := len(x.b.RawData) + 24*x.b.N + x.outer
	for _, s := range x.slots {
		n += x.b.Cols[s].Size()
	}
	return n
}

// isLoose reports whether values of type t may be outside of their column.
func isLoose(t record.Type) bool {
	switch t.Kind {
	case record.Any:
		return true
	case record.List:
		return isLoose(*t.Elem)
	case record.Object:
		return slices.ContainsFunc(t.Fields, func(f record.Field) bool { return isLoose(f.Type) })
	default:
		return false
	}
}

// first returns the row number of the first row held, 0 when there is none.
func (x *rowBuffer) first() int64 {
	if x.b.N == 0 {
		return 0
	}
	return x.b.RowNos[0]
}

// largeBuffer is the number of rows, and largeBytes that of bytes, above which reset lets memory go.
const (
	largeBuffer = 1 << 17
	largeBytes  = 16 << 20
)

// reset empties x, keeping memory unless much of it was used.
func (x *rowBuffer) reset() {
	if x.b.N > largeBuffer || x.size() > largeBytes {
		x.b = record.Batch{Schema: x.b.Schema, Cols: make([]record.Column, len(x.b.Cols))}
	}
	for _, s := range x.slots {
		x.b.Cols[s].Resize(x.b.Schema.Fields()[s].Type, 0)
	}
	b := &x.b
	b.N, b.Origin, b.RowNos, b.Lines, b.Raw, b.RawData = 0, nil, b.RowNos[:0], b.Lines[:0], b.Raw[:0], b.RawData[:0]
	x.open, x.outer = true, 0
}

// append copies row i of src.
func (x *rowBuffer) append(src *record.Batch, i int) {
	if !x.open {
		x.reset()
	}
	for _, s := range x.slots {
		x.b.Cols[s].AppendFrom(&src.Cols[s], i)
	}
	for _, s := range x.loose {
		x.outer += src.Cols[s].ValueSize(i)
	}
	b := &x.b
	b.RowNos = append(b.RowNos, src.RowNo(i))
	b.Lines = append(b.Lines, lineNo(src, i))
	b.AppendRaw(src.RawText(i))
	b.Origin = src.Origin
	b.N++
}

// bound is how much a step may hold in memory.
type bound struct {
	rows  int
	bytes int64
}

// bounded returns an error when more than is allowed is held, of which the step has more
// bytes besides x, or more text than one column can. advice has a %s for the limit's name.
func (x *rowBuffer) bounded(address string, most bound, more int, advice string) error {
	size := len(x.b.RawData)
	for _, s := range x.slots {
		size = max(size, len(x.b.Cols[s].Data))
	}
	switch {
	case x.b.N > most.rows:
		return tooManyRows(address, most.rows, &x.b, fmt.Sprintf(advice, "max_rows"))
	case int64(x.size()+more) > most.bytes:
		return plugin.Fail(plugin.Data, "run.too_many_rows",
			fmt.Errorf("%s would have to hold more than max_bytes = %s of %s in memory", address, sizeText(most.bytes), objectName(&x.b)), fmt.Sprintf(advice, "max_bytes"))
	case size > math.MaxUint32/2:
		return plugin.Fail(plugin.Data, "run.too_many_rows",
			fmt.Errorf("%s would have to hold more than 2 GiB of %s in memory", address, objectName(&x.b)), "Split the file")
	}
	return nil
}

// defaultBytes is how much a step holds in memory when nobody says how much it may.
const defaultBytes = 160 << 20

func checkBytes(n int64) error {
	if n < 1<<10 {
		return errors.New("must be 1KiB or more")
	}
	return nil
}

// sizeText writes a number of bytes as it is written in a configuration.
func sizeText(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return fmt.Sprint(n)
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
