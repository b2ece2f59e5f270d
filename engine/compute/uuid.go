package compute

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/expr-lang/expr/ast"

	"weir/engine/record"
)

var errNoRow = errors.New("uuid() needs a row of an object; there is none here")

// ids makes the values of uuid() for the rows of one object after the other: UUIDs of
// version 5 (RFC 9562) of the row's number, in a namespace made of the object's seed and
// the label. The same row has the same one whenever it is read, retried or replayed (I7).
type ids struct {
	seed, label string
	space       [16]byte
	set         bool
	buf         []byte
	text        [36]byte
}

// of returns the UUID of a row of the object o.
func (g *ids) of(o *record.Origin, row int64, label string) ([]byte, error) {
	if o == nil || o.Seed == "" || row <= 0 {
		return nil, errNoRow
	}
	if !g.set || g.seed != o.Seed || g.label != label {
		g.seed, g.label, g.set = o.Seed, label, true
		g.space = nameBased(append(append(append(g.buf[:0], o.Seed...), 0), label...))
	}
	g.buf = strconv.AppendInt(append(g.buf[:0], g.space[:]...), row, 10)
	id := nameBased(g.buf)
	at := 0
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		from := [...]int{0, 4, 6, 8, 10}[i]
		if i > 0 {
			g.text[at] = '-'
			at++
		}
		at += hex.Encode(g.text[at:], id[from:end])
	}
	return g.text[:], nil
}

// nameBased is the UUID of version 5 whose namespace and name are b.
func nameBased(b []byte) (out [16]byte) {
	sum := sha1.Sum(b)
	copy(out[:], sum[:])
	out[6] = out[6]&0x0f | 0x50
	out[8] = out[8]&0x3f | 0x80
	return out
}

// uuid types a call of uuid().
func (c *checker) uuid(n *ast.CallNode, args []info) info {
	switch {
	case len(args) > 1:
		return c.fail(n, "expr.type", "uuid() takes at most 1 argument", "It was given %d. A label makes another UUID of the same row: uuid('line').", len(args))
	case c.sc.noRow:
		return c.failSpan(n, "expr.argument", "uuid() has no row here", "It is made of the row that an expression is evaluated for. Make it a field with a map step, or make one of values with uuid5().")
	case c.o.Pieces:
		return c.failSpan(n, "expr.argument", "uuid() would be the same for all pieces of a row",
			"An expand step made several rows of one. Write uuid5(namespace, x) with an x that tells them apart, such as uuid5(id, sku), where id is a field that a map step before it set to uuid().")
	case len(c.elems) > 0:
		return c.failSpan(n, "expr.argument", "uuid() would be the same for all elements of the list",
			"It is made of the row that the expression is evaluated for. Write let id = uuid(); before the loop and uuid5(id, string(#index)) in it, or, for a list of rows, make it a field with a map step before.")
	}
	for i, in := range args {
		label, isText := in.k.(string)
		if !in.isK || !isText || label == "" {
			return c.failSpan(n.Arguments[i], "expr.argument", "The label of uuid() must be a text in quotes", "It tells the UUIDs of one row apart: uuid('line'). For a UUID of a value there is uuid5('url', x).")
		}
	}
	return info{t: tString}
}

// labelOf is the label of a call of uuid().
func (c *checker) labelOf(n *ast.CallNode) string {
	if len(n.Arguments) == 0 {
		return ""
	}
	label, _ := c.info[n.Arguments[0]].k.(string)
	return label
}

// place is the row of an object that value i of f is of.
func (f *frame) place(i int32) (*record.Origin, int64) {
	for ; f.outer != nil; f = f.outer {
		i = f.owner[i]
	}
	if f.batch == nil {
		return nil, 0
	}
	switch {
	case f.groups != nil:
		if f.groups[i] == f.groups[i+1] {
			return nil, 0
		}
		i = int32(f.groups[i])
	case f.set:
		if f.batch.Live() == 0 {
			return nil, 0
		}
		i = int32(f.batch.Row(0))
	}
	return f.batch.Origin, f.batch.RowNo(int(i))
}

// uuidK is uuid().
type uuidK struct {
	label string
	ids   ids
	out   vec
}

func (k *uuidK) eval(f *frame, sel []int32) *record.Column {
	c := k.out.reset(tString, f.n)
	for _, i := range sel {
		o, row := f.place(i)
		id, err := k.ids.of(o, row, k.label)
		if err != nil {
			f.fail(i, err.Error())
		}
		if err != nil || !k.out.room(f, i, len(id), len(id)) {
			k.out.blank(i)
			continue
		}
		c.Views[i] = record.View{Off: uint32(len(c.Data)), Len: uint32(len(id))}
		c.Data = append(c.Data, id...)
	}
	return c
}
