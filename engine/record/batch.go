package record

import (
	"bytes"
	"time"
)

// Origin names the bytes that rows came from: a file, a page, a request.
type Origin struct {
	Name string // as the source names it, such as "/srs/klanten_1.csv"
	ID   string // identity across runs: a digest of source, path, size, time
	// Header is what the decoder needs besides the text of a row to decode the row
	// again, such as a header line; nil when that text alone is enough.
	Header []byte
	// Now is what now() is for its rows: when the object was begun to be read, the
	// same when it is read again because deliveries of it may have been made. Zero is the clock's time.
	Now time.Time
	// Seed is what uuid() makes its values of, besides the number of the row: it names the
	// pipeline, the source and the object, and is the same when rows are read or replayed again.
	Seed string
}

// Reject says why one row of a batch was refused.
type Reject struct {
	Row    int    // index in the batch
	Step   string // address within the pipeline, such as "map.line"
	Column string // the column or field at fault, "" when none is
	Code   string // stable, such as "row.bad_value"
	Reason string // what happened, for people
	Group  *Group // the group it is refused with, nil when it is refused alone
}

// Group names rows that are refused together, because they are of use only
// together: those of one object that have a Key in common or, where groups are of
// adjacent rows, whose places overlap.
type Group struct {
	Step     string // that makes the group
	Key      uint64 // digest of its key
	From, To int64  // the rows among which it is, when they are adjacent; else 0
}

// Any reports that it is not known which group it is: it may be any of the object.
func (g *Group) Any() bool { return g.Key == 0 && g.From == 0 }

// Batch is a set of rows that share a Schema.
type Batch struct {
	Schema  *Schema
	Cols    []Column // one per field, each of N values
	N       int
	Sel     []int32  // rows still alive, ascending; nil means all N
	Rejects []Reject // rows refused so far; a refused row leaves Sel at the next Drop

	Origin    *Origin
	FirstRow  int64   // row number in Origin of row 0 (the first data row is 1), when RowNos is nil
	RowNos    []int64 // explicit row numbers, for batches whose rows are not consecutive
	FirstLine int64   // line number in Origin of row 0's text, 0 when unknown
	Lines     []int64 // explicit line numbers; nil when unknown
	Raw       []View  // the text each row came from, in RawData; nil when there is none
	RawData   []byte
}

// Live returns the number of selected rows.
func (b *Batch) Live() int {
	if b.Sel == nil {
		return b.N
	}
	return len(b.Sel)
}

// Row returns the index of the k-th selected row.
func (b *Batch) Row(k int) int {
	if b.Sel == nil {
		return k
	}
	return int(b.Sel[k])
}

// RowNo returns the row number in Origin of row i; the first data row is 1.
func (b *Batch) RowNo(i int) int64 {
	if b.RowNos != nil {
		return b.RowNos[i]
	}
	return b.FirstRow + int64(i)
}

// LineNo returns the line number in Origin of row i's text, 0 when it is unknown.
func (b *Batch) LineNo(i int) int64 {
	switch {
	case b.Lines != nil:
		return b.Lines[i]
	case b.FirstLine > 0:
		return b.FirstLine + int64(i)
	}
	return 0
}

// RawText returns the text row i came from, nil when there is none.
func (b *Batch) RawText(i int) []byte {
	if b.Raw == nil {
		return nil
	}
	v := b.Raw[i]
	return b.RawData[v.Off : v.Off+v.Len]
}

// Reject marks row i as refused; it stays selected until Drop.
func (b *Batch) Reject(i int, step, column, code, reason string) {
	b.Rejects = append(b.Rejects, Reject{Row: i, Step: step, Column: column, Code: code, Reason: reason})
}

// Drop takes the rows rejected since the from-th reject out of the selection.
// Rejects of one row beyond its first are removed: a row is refused once.
func (b *Batch) Drop(from int) {
	if len(b.Rejects) == from {
		return
	}
	gone := make(map[int32]bool, len(b.Rejects)-from)
	kept := b.Rejects[:from]
	for _, r := range b.Rejects[from:] {
		if !gone[int32(r.Row)] {
			gone[int32(r.Row)] = true
			kept = append(kept, r)
		}
	}
	b.Rejects = kept
	sel := make([]int32, 0, b.N)
	for k := range b.Live() {
		if i := int32(b.Row(k)); !gone[i] {
			sel = append(sel, i)
		}
	}
	b.Sel = sel
}

// Reset gives b the schema s and n rows of undefined values, keeping memory.
// Provenance (Origin, row numbers, raw text) is cleared.
func (b *Batch) Reset(s *Schema, n int) {
	if b.Schema != s || len(b.Cols) != s.Len() {
		b.Schema, b.Cols = s, make([]Column, s.Len())
	}
	b.N, b.Sel, b.Rejects = n, nil, b.Rejects[:0]
	for i := range b.Cols {
		b.Cols[i].Resize(s.fields[i].Type, n)
	}
	b.Origin, b.FirstRow, b.RowNos, b.FirstLine, b.Lines, b.Raw, b.RawData = nil, 0, nil, 0, nil, nil, nil
}

// From copies the provenance and the selection of src, row for row, sharing its slices.
func (b *Batch) From(src *Batch) {
	b.Sel, b.Origin, b.FirstRow, b.RowNos = src.Sel, src.Origin, src.FirstRow, src.RowNos
	b.FirstLine, b.Lines, b.Raw, b.RawData = src.FirstLine, src.Lines, src.Raw, src.RawData
}

// AppendRow appends row i of src, which has the same schema, with its provenance, copying everything.
func (b *Batch) AppendRow(src *Batch, i int) {
	for k := range b.Cols {
		b.Cols[k].AppendFrom(&src.Cols[k], i)
	}
	b.RowNos = append(b.RowNos, src.RowNo(i))
	b.Lines = append(b.Lines, src.LineNo(i))
	if src.Raw != nil {
		b.AppendRaw(src.RawText(i))
	}
	b.Origin = src.Origin
	b.N++
}

// AppendRaw appends the text of the row whose number was appended last. Rows that were made
// of one row have its text in common: a row of a megabyte becomes thousands of them.
func (b *Batch) AppendRaw(raw []byte) {
	if n := len(b.Raw); n > 0 && len(b.RowNos) == n+1 && b.RowNos[n] == b.RowNos[n-1] && bytes.Equal(raw, b.RawText(n-1)) {
		b.Raw = append(b.Raw, b.Raw[n-1])
		return
	}
	b.Raw = append(b.Raw, View{uint32(len(b.RawData)), uint32(len(raw))})
	b.RawData = append(b.RawData, raw...)
}

// Clear empties a batch that is filled by AppendRow, keeping memory.
func (b *Batch) Clear(s *Schema) {
	rows, lines, raw, data := b.RowNos, b.Lines, b.Raw, b.RawData
	b.Reset(s, 0)
	b.RowNos, b.Lines, b.Raw, b.RawData = rows[:0], lines[:0], raw[:0], data[:0]
}
