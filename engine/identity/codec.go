package identity

import (
	"encoding/binary"
	"errors"
)

// errDamaged tells that a stored value cannot be read.
var errDamaged = errors.New("a stored identity record is damaged or was written by a newer version")

// Flags of a key entry.
const (
	flagLast = 1 << iota // the value last seen of its entity under this name
	flagID               // an ID follows; without it the entity's ID derives from this very key
	flagHash             // a 64-bit hash follows
)

// keyEntry is the stored value of one key value.
type keyEntry struct {
	id   ID
	last bool
}

// longValue is how many bytes of a value are kept as the key of its entry. Longer ones
// are told by the identity that derives from them: a store that has to compare and to
// index keys of a megabyte needs memory for many of them.
const longValue = 512

// appendEntryKey appends the key of the entry of name = value in space.
func appendEntryKey(b []byte, space, name string, value []byte) []byte {
	if len(value) > longValue {
		id := NewID(space, name, value)
		b = append(append(append(b, 'l'), name...), 0)
		return append(b, id[:]...)
	}
	return appendPlainKey(b, name, value)
}

// appendPlainKey is appendEntryKey for a value that is kept as it is. Long ones are looked
// for under it, too, when they are not found: there are stores that have them so.
func appendPlainKey(b []byte, name string, value []byte) []byte {
	b = append(append(append(b, 'k'), name...), 0)
	return append(b, value...)
}

func appendIDKey(b []byte, tag byte, ids ...ID) []byte {
	b = append(b, tag)
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

func (e keyEntry) append(b []byte) []byte {
	flags := byte(flagID)
	if e.last {
		flags |= flagLast
	}
	return append(append(b, flags), e.id[:]...)
}

// parseEntry reads the entry of the key name = value in space.
func parseEntry(v []byte, space, name string, value []byte) (keyEntry, error) {
	if len(v) == 0 {
		return keyEntry{}, errDamaged
	}
	e := keyEntry{last: v[0]&flagLast != 0}
	if v[0]&flagID == 0 {
		e.id = NewID(space, name, value)
		return e, nil
	}
	if len(v) < 1+len(e.id) {
		return keyEntry{}, errDamaged
	}
	copy(e.id[:], v[1:])
	return e, nil
}

// link is one key value of an entity.
type link struct{ name, value []byte }

// entityRecord is what is stored of one entity. Its links are in the order in which
// their values were last seen anew: the last one of a name is the present value.
type entityRecord struct {
	links  []link
	merged []ID   // entities that were merged into this one, oldest first
	buf    []byte // what the links are views into
}

const recordVersion = 1

func (r *entityRecord) append(b []byte) []byte {
	b = append(b, recordVersion)
	b = binary.AppendUvarint(b, uint64(len(r.merged)))
	for _, id := range r.merged {
		b = append(b, id[:]...)
	}
	return appendLinks(b, r.links)
}

func appendLinks(b []byte, ls []link) []byte {
	b = binary.AppendUvarint(b, uint64(len(ls)))
	for _, l := range ls {
		b = append(binary.AppendUvarint(b, uint64(len(l.name))), l.name...)
		b = append(binary.AppendUvarint(b, uint64(len(l.value))), l.value...)
	}
	return b
}

// parse reads v into r, copying it and reusing r's memory.
func (r *entityRecord) parse(v []byte) error {
	r.buf = append(r.buf[:0], v...)
	r.links, r.merged = r.links[:0], r.merged[:0]
	d := reader{b: r.buf}
	if d.byte() != recordVersion {
		return errDamaged
	}
	for range d.count(len(ID{})) {
		r.merged = append(r.merged, d.id())
	}
	r.links = d.links(r.links)
	return d.err()
}

// present returns the value last seen under name, nil when there is none.
func (r *entityRecord) present(name string) []byte {
	for i := len(r.links) - 1; i >= 0; i-- {
		if string(r.links[i].name) == name {
			return r.links[i].value
		}
	}
	return nil
}

// find returns the place of the link name = value, or -1.
func (r *entityRecord) find(name string, value []byte) int {
	for i, l := range r.links {
		if string(l.name) == name && string(l.value) == string(value) {
			return i
		}
	}
	return -1
}

// reader reads fields from b; after a failure everything is zero.
type reader struct {
	b   []byte
	bad bool
}

func (d *reader) err() error {
	if d.bad || len(d.b) != 0 {
		return errDamaged
	}
	return nil
}

func (d *reader) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *reader) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a number of items of at least size bytes each.
func (d *reader) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/size) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *reader) bytes() []byte {
	n := d.count(1)
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *reader) id() ID {
	var id ID
	if len(d.b) < len(id) {
		d.bad, d.b = true, nil
		return id
	}
	copy(id[:], d.b)
	d.b = d.b[len(id):]
	return id
}

func (d *reader) links(into []link) []link {
	for range d.count(2) {
		into = append(into, link{d.bytes(), d.bytes()})
	}
	return into
}
