package record

import (
	"encoding/binary"
	"slices"
	"strconv"
	"unicode/utf8"
)

// jsonCell is a column of one batch as rows of JSON need it: everything that
// does not change from row to row is looked up once. A column below a list or an
// object is one as well.
type jsonCell struct {
	plain bool // texts without nulls
	null  bool // every value is
	kind  Kind // of the column; Invalid for one that goes the general way
	key   int  // length of `,"name":`, with an opening quote for texts
	words []byte
	views []View
	data  []byte
	bare  []byte // `,"name":`
	nulls []bool
	ints  []int64
	scale []uint8
	offs  []uint32
	anys  []any
	elem  *jsonCell
	sub   []jsonCell
	col   *Column
	node  *jsonNode
}

// slack is what is kept free in the output, so that words of eight bytes can be
// written where fewer count. Names are written in pieces of as many.
const slack = 16

// look makes cells of the columns of b.
func (e *Encoder) look(b *Batch) []jsonCell {
	if e.cells == nil {
		e.cells = make([]jsonCell, len(e.slots))
	}
	for k, slot := range e.slots {
		e.cells[k].look(e.keys[k], &b.Cols[slot], &e.nodes[k])
	}
	return e.cells
}

// look makes c the cell of col, whose field has the given key; nil in a list.
func (c *jsonCell) look(key []byte, col *Column, n *jsonNode) {
	*c = jsonCell{
		kind: col.Type.Kind, words: c.words[:0], bare: c.bare[:0], nulls: col.Nulls, null: col.Type.Kind == Null,
		elem: c.elem, sub: c.sub, col: col, node: n,
	}
	if key != nil {
		c.bare = append(append(c.bare, ','), key...)
		c.words = append(c.words, c.bare...)
	}
	switch c.kind {
	case String:
		c.views, c.data = col.Views, col.Data
		c.words = append(c.words, '"')
		c.plain = c.nulls == nil
	case Decimal:
		c.ints, c.scale = col.Ints, col.Scale
	case Int, Date:
		c.ints = col.Ints
	case Any:
		c.anys = col.Anys
	case List, Object:
		c.below()
	case Bool, Float, Time, Invalid, Null:
		c.kind = Invalid
	}
	c.key = len(c.words)
	for len(c.words)%slack != 0 {
		c.words = append(c.words, 0)
	}
}

// below looks at the columns of a list or an object. One that is not what was
// declared goes the general way.
func (c *jsonCell) below() {
	n := c.node
	switch {
	case n.kind != c.kind || len(n.fields) != len(c.col.Fields):
		c.kind = Invalid
	case c.kind == List:
		c.offs = c.col.Offs
		if c.elem == nil {
			c.elem = new(jsonCell)
		}
		c.elem.look(nil, c.col.Elem, n.elem)
	default:
		if len(c.sub) != len(n.fields) {
			c.sub = make([]jsonCell, len(n.fields))
		}
		for k := range c.sub {
			c.sub[k].look(n.keys[k], &c.col.Fields[k], &n.fields[k])
		}
	}
}

func (c *jsonCell) isNull(i int) bool {
	return c.null || c.nulls != nil && c.nulls[i] || c.anys != nil && c.anys[i] == nil
}

// rowOf appends row i of b, of which cells were made. Errors are those of AppendRow.
func (e *Encoder) rowOf(cells []jsonCell, dst []byte, b *Batch, i int) ([]byte, error) {
	start := len(dst)
	dst, ok := e.w.row(cells, dst, i)
	if !ok {
		return e.AppendRow(dst[:start], b, i)
	}
	return dst, nil
}

// row appends an object of values i of cells. It returns false for a value that
// cannot be written; dst is then in no defined state.
func (w *jsonWriter) row(cells []jsonCell, dst []byte, i int) ([]byte, bool) {
	start := len(dst)
	for k := range cells {
		c := &cells[k]
		if c.plain {
			v := c.views[i]
			dst = c.text(dst, int(v.Off), int(v.Len))
			continue
		}
		if c.isNull(i) {
			if !w.omit {
				dst = append(append(dst, c.bare...), "null"...)
			}
			continue
		}
		if c.kind == String {
			v := c.views[i]
			dst = c.text(dst, int(v.Off), int(v.Len))
			continue
		}
		var ok bool
		if dst, ok = w.cell(c, c.name(dst), i); !ok {
			return dst, false
		}
	}
	if len(dst) == start {
		return append(dst, '{', '}'), true
	}
	dst[start] = '{' // in place of the first comma
	return append(dst, '}'), true
}

// cell appends value i of c, which is neither null nor, in an object, text.
func (w *jsonWriter) cell(c *jsonCell, dst []byte, i int) ([]byte, bool) {
	var err error
	switch c.kind {
	case String:
		v := c.views[i]
		return c.text(dst, int(v.Off), int(v.Len)), true
	case Decimal:
		return DecimalValue{c.ints[i], c.scale[i]}.Append(dst), true
	case Int:
		return strconv.AppendInt(dst, c.ints[i], 10), true
	case Date:
		d := DateValue{c.ints[i]}
		if d.Days < minDay || d.Days > maxDay {
			return dst, false
		}
		return append(d.Append(append(dst, '"')), '"'), true
	case Object:
		return w.row(c.sub, dst, i)
	case List:
		return w.elements(c, dst, int(c.offs[i]), int(c.offs[i+1]))
	default:
		dst, err = w.value(dst, c.node, c.col, i)
	}
	return dst, err == nil
}

// elements appends a list.
func (w *jsonWriter) elements(c *jsonCell, dst []byte, from, to int) ([]byte, bool) {
	dst = append(dst, '[')
	ok := true
	for j := from; j < to && ok; j++ {
		if j > from {
			dst = append(dst, ',')
		}
		if c.elem.isNull(j) {
			dst = append(dst, "null"...)
			continue
		}
		dst, ok = w.cell(c.elem, dst, j)
	}
	return append(dst, ']'), ok
}

// name appends the name of the field.
func (c *jsonCell) name(dst []byte) []byte {
	at := len(dst)
	if need := len(c.words) + slack; cap(dst)-at < need {
		dst = slices.Grow(dst, need)
	}
	buf := dst[at:cap(dst)]
	for j := 0; j+slack <= len(c.words); j += slack {
		*(*[slack]byte)(buf[j:]) = *(*[slack]byte)(c.words[j:])
	}
	return dst[:at+c.key]
}

// text appends the field with the n bytes of text at off. Words of eight bytes
// are looked at and written at the same time.
func (c *jsonCell) text(dst []byte, off, n int) []byte {
	at := len(dst)
	if need := len(c.words) + n + slack; cap(dst)-at < need {
		dst = slices.Grow(dst, need)
	}
	buf := dst[at:cap(dst)]
	for j := 0; j+slack <= len(c.words); j += slack {
		*(*[slack]byte)(buf[j:]) = *(*[slack]byte)(c.words[j:])
	}
	at += c.key
	dst = dst[:at]
	if off+n+8 > len(c.data) {
		// Nothing may be read beyond the end of the text.
		return appendJSONText(dst, c.data[off:off+n])
	}
	src := c.data[off : off+n+8]
	buf = buf[c.key : c.key+len(src)]
	var bad, all uint64
	j := 0
	for ; j < len(src)-15; j += 8 { // while a whole word is left
		w := binary.LittleEndian.Uint64(src[j:])
		binary.LittleEndian.PutUint64(buf[j:], w)
		bad |= escapedBytes(w)
		all |= w
	}
	w := binary.LittleEndian.Uint64(src[j:])
	binary.LittleEndian.PutUint64(buf[j:], w)
	rest := uint(n-j) & 7 * 8
	w = w&(1<<rest-1) | (ones*' ')<<rest
	bad |= escapedBytes(w)
	if bad&tops != 0 || (all|w)&tops != 0 && !validWords(src, w) {
		return appendJSONText(dst, src[:n])
	}
	buf[n] = '"'
	return dst[:at+n+1]
}

// validWords tells whether src, less the last 8 bytes of it, is UTF-8; last are
// those that make no whole word, with blanks behind them.
func validWords(src []byte, last uint64) bool {
	var u pairs
	for j := 0; j < len(src)-15; j += 8 {
		u.next(binary.LittleEndian.Uint64(src[j:]))
	}
	u.next(last)
	return u.bad&tops == 0 || utf8.Valid(src[:len(src)-8])
}

// escapedBytes has a top bit set when one of the eight bytes of w is a control
// character, a quote or a backslash, and none when there is no such byte. Its
// other bits mean nothing.
func escapedBytes(w uint64) uint64 {
	// With their second bit changed, the quote follows the control characters.
	return (((w ^ ones*2) - ones*0x21) | ((w ^ ones*'\\') - ones)) &^ w
}
