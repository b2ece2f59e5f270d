package state

import (
	"encoding/binary"
	"fmt"
	"time"

	"weir/engine/plugin"
)

const recordVersion = 1

// encoder appends the fields of a record.
type encoder struct{ b []byte }

func newEncoder(dst []byte) *encoder { return &encoder{append(dst, recordVersion)} }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) time(t time.Time) {
	e.bool(!t.IsZero())
	if !t.IsZero() {
		e.int(t.Unix())
		e.uint(uint64(t.Nanosecond()))
	}
}

// decoder reads them back. After the last field of an older record everything is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	if d.bad || len(d.b) == 0 {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many elements follow. Each takes a byte at least, so a damaged
// number cannot make a reader go round for ever.
func (d *decoder) count() uint64 {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return 0
	}
	return n
}

func (d *decoder) int() int64 {
	u := d.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) bool() bool { return d.uint() == 1 }

func (d *decoder) bytes() []byte {
	n := d.uint()
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	sec := d.int()
	return time.Unix(sec, int64(d.uint())).UTC()
}

// decode runs f over the fields of a record; what names the record for the error.
func decode(b []byte, what string, f func(d *decoder)) error {
	if len(b) == 0 {
		return damaged(fmt.Errorf("%s is empty", what))
	}
	if b[0] != recordVersion {
		return plugin.Fail(plugin.Environment, "state.format", fmt.Errorf("%s was written by another version of weir (encoding %d)", what, b[0]),
			"Use the version of weir that wrote the state folder")
	}
	d := &decoder{b: b[1:]}
	f(d)
	if d.bad {
		return damaged(fmt.Errorf("%s cannot be read", what))
	}
	return nil
}

func damaged(err error) error {
	return plugin.Fail(plugin.Environment, "state.damaged", fmt.Errorf("the state store is damaged: %w", err),
		"Restore the folder from a backup; without one, start anew in an empty folder")
}
