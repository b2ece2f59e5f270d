package exec

import (
	"slices"
	"time"

	"weir/engine/plan"
	"weir/engine/record"
)

// metaFiller fills the hidden column meta of a decoder's batches, when it is read.
type metaFiller struct {
	slot     record.Slot
	wanted   bool
	received int64
	address  string // of the step that makes the rows
}

func newMetaFiller(d *plan.Node, now time.Time) *metaFiller {
	slot, _ := d.Out.Slot("meta")
	return &metaFiller{slot: slot, wanted: slices.Contains(d.Want, slot), received: now.UnixMicro(), address: d.Address}
}

// fill makes wide the batch b with the column meta, as the node's schema out has
// it. wide shares the columns of b; own is the memory of meta.
func (m *metaFiller) fill(wide, b *record.Batch, own *record.Column, out *record.Schema) {
	cols := append(wide.Cols[:0], b.Cols...)
	*wide = *b
	wide.Schema, wide.Cols = out, append(cols, record.Column{})
	meta := &wide.Cols[m.slot]
	if !m.wanted {
		meta.Resize(record.Of(record.Null), b.N) // nulls without memory: some steps copy whole rows
		return
	}
	own.Resize(out.Fields()[m.slot].Type, b.N)
	object, row, line, received := &own.Fields[0], &own.Fields[1], &own.Fields[2], &own.Fields[3]
	object.Data = append(object.Data, b.Origin.Name...)
	for i := range b.N {
		object.Views[i] = record.View{Off: 0, Len: uint32(len(b.Origin.Name))}
		row.Ints[i] = b.RowNo(i)
		line.Ints[i] = b.LineNo(i)
		received.Ints[i] = m.received
	}
	meta.Alias(own)
}
