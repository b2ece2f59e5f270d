package record

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// jsonCells are the columns of one batch as rows of JSON need them: everything
// that does not change from row to row is looked up once.
type jsonCells struct {
	cells []jsonCell
	omit  bool
}

type jsonCell struct {
	kind  Kind // of the column; Any for one that goes the general way
	key   int  // length of `,"name":`, with an opening quote for texts
	words []byte
	nulls []bool
	null  bool // every value is
	views []View
	data  []byte
	ints  []int64
	scale []uint8
	col   *Column
}

// slack is what is kept free in the output, so that words of eight bytes can be
// written where fewer count.
const slack = 16

// look makes cells of the columns of b.
func (e *Encoder) look(b *Batch) *jsonCells {
	cs := &e.rows
	if cs.cells == nil {
		cs.cells, cs.omit = make([]jsonCell, len(e.slots)), e.w.omit
	}
	for k, slot := range e.slots {
		c, col := &cs.cells[k], &b.Cols[slot]
		kind := col.Type.Kind
		*c = jsonCell{kind: kind, words: c.words[:0], nulls: col.Nulls, null: kind == Null, col: col}
		c.words = append(append(c.words, ','), e.keys[k]...)
		switch kind {
		case String:
			c.views, c.data = col.Views, col.Data
			c.words = append(c.words, '"')
		case Decimal:
			c.ints, c.scale = col.Ints, col.Scale
		case Int, Date:
			c.ints = col.Ints
		case Any: // a value may be null without an entry in Nulls
		case Bool, Float, Time, List, Object, Invalid, Null:
			c.kind = Invalid
		}
		c.key = len(c.words)
		for len(c.words)%8 != 0 {
			c.words = append(c.words, 0)
		}
	}
	return cs
}

// rowOf appends row i of the batch that was looked at. On error dst is in no defined state.
func (e *Encoder) rowOf(cs *jsonCells, dst []byte, i int) ([]byte, error) {
	start := len(dst)
	for k := range cs.cells {
		c := &cs.cells[k]
		if c.null || c.nulls != nil && c.nulls[i] || c.kind == Any && c.col.Anys[i] == nil {
			if !cs.omit {
				dst = append(append(dst, ','), e.keys[k]...)
				dst = append(dst, "null"...)
			}
			continue
		}
		if c.kind == String {
			v := c.views[i]
			dst = c.text(dst, int(v.Off), int(v.Len))
			continue
		}
		dst = c.name(dst, 0)
		var err error
		switch c.kind {
		case Decimal:
			dst = DecimalValue{c.ints[i], c.scale[i]}.Append(dst)
		case Date:
			dst, err = appendQuotedDate(dst, DateValue{c.ints[i]})
		default:
			dst, err = e.w.value(dst, &e.nodes[k], c.col, i)
		}
		if err != nil {
			return dst, &FieldError{Field: e.schema.fields[e.slots[k]].Name, Err: err}
		}
	}
	if len(dst) == start {
		return append(dst, '{', '}'), nil
	}
	dst[start] = '{' // in place of the first comma
	return append(dst, '}'), nil
}

// name appends the name of the field and makes room for n bytes more.
func (c *jsonCell) name(dst []byte, n int) []byte {
	at := len(dst)
	if need := len(c.words) + n + slack; cap(dst)-at < need {
		dst = slices.Grow(dst, need)
	}
	buf := dst[:at+len(c.words)]
	for j := 0; j < len(c.words); j += 8 {
		binary.LittleEndian.PutUint64(buf[at+j:], binary.LittleEndian.Uint64(c.words[j:]))
	}
	return dst[:at+c.key]
}

// text appends the field with the n bytes of text at off. Words of eight bytes
// are looked at and written at the same time.
func (c *jsonCell) text(dst []byte, off, n int) []byte {
	dst = c.name(dst, n)
	at := len(dst)
	if off+n+8 > len(c.data) {
		// Nothing may be read beyond the end of the text.
		return appendJSONText(dst, c.data[off:off+n])
	}
	src, buf := c.data[off:off+n+8], dst[at:at+n+slack]
	var bad uint64
	var u pairs
	j := 0
	for ; j+8 <= n; j += 8 {
		w := binary.LittleEndian.Uint64(src[j:])
		binary.LittleEndian.PutUint64(buf[j:], w)
		bad |= escapedBytes(w)
		if (w|u.open)&tops != 0 {
			u.next(w)
		}
	}
	w := binary.LittleEndian.Uint64(src[j:])
	binary.LittleEndian.PutUint64(buf[j:], w)
	rest := uint(n-j) * 8
	w = w&(1<<rest-1) | (ones*' ')<<rest
	bad |= escapedBytes(w)
	if (w|u.open)&tops != 0 {
		u.next(w)
	}
	if bad != 0 || u.bad&tops != 0 && !utf8.Valid(src[:n]) {
		return appendJSONText(dst, src[:n])
	}
	buf[n] = '"'
	return dst[:at+n+1]
}

// escapedBytes has a bit set when one of the eight bytes of w is a control
// character, a quote or a backslash, and none when there is no such byte.
func escapedBytes(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & tops
}
