package step

import "weir/engine/record"

// gather makes dst the values of src at the given places, in that order.
// Strings share the text of src, so dst is valid as long as src is.
func gather(dst, src *record.Column, at []int32) {
	t := src.Type
	dst.Resize(t, len(at))
	if t.Kind == record.List {
		// List offsets ascend, so a list can only be copied.
		dst.Resize(t, 0)
		for _, i := range at {
			dst.AppendFrom(src, int(i))
		}
		return
	}
	if src.Nulls != nil {
		for k, i := range at {
			if src.Nulls[i] {
				dst.SetNull(k)
			}
		}
	}
	switch t.Kind {
	case record.Bool:
		pick(dst.Bools, src.Bools, at)
	case record.Int, record.Time, record.Date:
		pick(dst.Ints, src.Ints, at)
	case record.Decimal:
		pick(dst.Ints, src.Ints, at)
		pick(dst.Scale, src.Scale, at)
	case record.Float:
		pick(dst.Floats, src.Floats, at)
	case record.String:
		dst.ShareData(src)
		pick(dst.Views, src.Views, at)
	case record.Object:
		for k := range dst.Fields {
			gather(&dst.Fields[k], &src.Fields[k], at)
		}
	case record.Any:
		pick(dst.Anys, src.Anys, at)
	case record.Invalid, record.Null, record.List:
	}
}

func pick[T any](dst, src []T, at []int32) {
	for k, i := range at {
		dst[k] = src[i]
	}
}

// lineNo returns the line in Origin that row i begins at, 0 when unknown.
func lineNo(b *record.Batch, i int) int64 {
	switch {
	case b.Lines != nil:
		return b.Lines[i]
	case b.FirstLine > 0:
		return b.FirstLine + int64(i)
	}
	return 0
}

// shape gives b the schema s and n rows with no values yet, without touching
// the memory of its columns: each is then aliased, gathered or made absent.
func shape(b *record.Batch, s *record.Schema, n int) {
	if b.Schema != s {
		b.Schema, b.Cols = s, make([]record.Column, s.Len())
	}
	b.N, b.Sel, b.Rejects = n, nil, b.Rejects[:0]
}

// emptySelection returns an empty selection vector with room for n rows, in the
// memory of old. It is never nil, because a nil selection means all rows.
func emptySelection(old []int32, n int) []int32 {
	if old == nil || cap(old) < n {
		return make([]int32, 0, n)
	}
	return old[:0]
}

// absent makes c a column of n nulls that takes no memory: what nobody reads.
func absent(c *record.Column, n int) { c.Resize(record.Of(record.Null), n) }

// wanted returns want as one flag per slot of a schema with n fields.
func wanted(n int, want []record.Slot) []bool {
	out := make([]bool, n)
	for _, s := range want {
		out[s] = true
	}
	return out
}

// union returns the slots of all sets, ascending and without repeats.
func union(n int, sets ...[]record.Slot) []record.Slot {
	seen := make([]bool, n)
	for _, set := range sets {
		for _, s := range set {
			seen[s] = true
		}
	}
	var out []record.Slot
	for i, ok := range seen {
		if ok {
			out = append(out, record.Slot(i))
		}
	}
	return out
}
