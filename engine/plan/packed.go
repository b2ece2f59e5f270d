package plan

import (
	"encoding/binary"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/spec"
)

// packed is a list of values as a plan keeps it: in a tenth of the room, and the same
// for all blocks that say the same at the same place. Most of the memory of a plan of
// thousands of pipelines would be values otherwise, which only comparing it with
// another one needs. It is immutable; nil has no values.
type packed struct {
	names string       // of all values, in order; shared by lists that have the same
	data  string       // the rest of the values
	file  string       // that the ranges are in which name none
	whole []spec.Value // those with a secret or a reference, in the places that data leaves them
}

// What the first byte of a value in data says.
const (
	packedUnset = 1 << iota
	packedProse
	packedWhole // the value is in whole
	packedRange // it has a range
	packedSame  // that of the value before
	packedFile  // the range is in a file of its own
)

// pack returns vs packed, the same list for equal values.
func (c *cache) pack(vs []spec.Value) *packed {
	if len(vs) == 0 {
		return nil
	}
	p := &packed{}
	b := c.buf[:0]
	for i := range vs {
		b = appendPart(b, vs[i].Name)
	}
	names, ok := c.layouts[string(b)]
	if !ok {
		names = string(b)
		c.layouts[names] = names
	}
	b = b[:0]
	if i := slices.IndexFunc(vs, func(v spec.Value) bool { return v.Range.Filename != "" }); i >= 0 {
		p.file = vs[i].Range.Filename
	}
	var last hcl.Range
	for i := range vs {
		v := &vs[i]
		if v.Ref != nil || v.IsSecret() {
			b, p.whole = append(b, packedWhole), append(p.whole, *v)
			continue
		}
		b = p.append(b, v, &last)
	}
	c.buf = b
	p.names = names
	if len(p.whole) > 0 { // a secret is nothing to look up by
		p.data = string(b)
		return p
	}
	key := packedKey{p.names, string(b), p.file}
	if have := c.packs[key]; have != nil {
		return have
	}
	p.data = key.data
	c.packs[key] = p
	return p
}

// packedKey is all of a packed list.
type packedKey struct{ names, data, file string }

// append appends a value; last is the last range that was appended.
func (p *packed) append(b []byte, v *spec.Value, last *hcl.Range) []byte {
	at := len(b)
	b = append(b, 0)
	if v.Unset {
		b[at] |= packedUnset
	}
	if v.Prose {
		b[at] |= packedProse
	}
	b = appendPart(b, v.Text)
	switch r := &v.Range; {
	case *r == hcl.Range{}:
	case *r == *last:
		b[at] |= packedRange | packedSame
	default:
		b[at] |= packedRange
		if r.Filename != p.file {
			b[at] |= packedFile
			b = appendPart(b, r.Filename)
		}
		b = appendPos(appendPos(b, r.Start, last.Start), r.End, r.Start)
		*last = *r
	}
	return b
}

// appendPos appends how p differs from another place, most often a near one.
func appendPos(b []byte, p, from hcl.Pos) []byte {
	b = binary.AppendVarint(b, int64(p.Line-from.Line))
	b = binary.AppendVarint(b, int64(p.Column-from.Column))
	return binary.AppendVarint(b, int64(p.Byte-from.Byte))
}

// list appends the values to out. Their texts share the memory of p.
func (p *packed) list(out []spec.Value) []spec.Value {
	if p == nil {
		return out
	}
	names, data := unpacker{p.names}, unpacker{p.data}
	var last hcl.Range
	for whole := p.whole; data.s != ""; {
		name, kind := names.part(), data.s[0]
		data.s = data.s[1:]
		if kind&packedWhole != 0 {
			out, whole = append(out, whole[0]), whole[1:]
			continue
		}
		v := spec.Value{Name: name, Text: data.part(), Unset: kind&packedUnset != 0, Prose: kind&packedProse != 0}
		if kind&packedRange != 0 && kind&packedSame == 0 {
			r := hcl.Range{Filename: p.file}
			if kind&packedFile != 0 {
				r.Filename = data.part()
			}
			r.Start = data.pos(last.Start)
			r.End = data.pos(r.Start)
			last = r
		}
		if kind&packedRange != 0 {
			v.Range = last
		}
		out = append(out, v)
	}
	return out
}

// unpacker reads what appendPart and appendPos wrote.
type unpacker struct{ s string }

func (u *unpacker) part() string {
	n := u.uvarint()
	out := u.s[:n]
	u.s = u.s[n:]
	return out
}

func (u *unpacker) pos(from hcl.Pos) hcl.Pos {
	return hcl.Pos{Line: from.Line + u.varint(), Column: from.Column + u.varint(), Byte: from.Byte + u.varint()}
}

func (u *unpacker) uvarint() (n int) {
	for shift := 0; ; shift += 7 {
		c := u.s[0]
		u.s = u.s[1:]
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
}

func (u *unpacker) varint() int {
	n := uint(u.uvarint())
	return int(n>>1) ^ -int(n&1)
}
