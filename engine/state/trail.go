package state

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"
)

// Trail is the record of one delivery, kept for pipelines that trace their
// entities: which rows of an object went out together, and under which key.
type Trail struct {
	Object string  // identity of the object, see record.Origin.ID
	Rows   []int64 // row numbers, ascending
	Sink   string  // address within the pipeline
	Key    string  // idempotency key; "" when the sink has none
	Run    string
	At     time.Time
}

func (t *Trail) key(pid uint32) []byte {
	k := append(appendName(key(kindTrail, pid), t.Object), 0, 0, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint64(k[len(k)-8:], uint64(t.Rows[0])) //nolint:gosec // row numbers are positive
	return append(k, t.Sink...)
}

func (t *Trail) encode() []byte {
	e := newEncoder(nil)
	e.string(t.Key)
	e.string(t.Run)
	e.time(t.At)
	e.uint(uint64(len(t.Rows)))
	last := int64(0)
	for _, r := range t.Rows {
		e.int(r - last)
		last = r
	}
	return e.b
}

func decodeTrail(object, sink string, b []byte) (t Trail, err error) {
	t.Object, t.Sink = object, sink
	err = decode(b, "a delivery record", func(d *decoder) {
		t.Key, t.Run, t.At = d.string(), d.string(), d.time()
		last := int64(0)
		for n := d.count(); n > 0 && !d.bad && len(d.b) > 0; n-- {
			last += d.int()
			t.Rows = append(t.Rows, last)
		}
	})
	return t, err
}

// AddTrail records a delivery with the next commit, copying its rows; one without rows is left out.
func (s *Session) AddTrail(t Trail) {
	if len(t.Rows) == 0 {
		return
	}
	t.Rows = slices.Clone(t.Rows)
	slices.Sort(t.Rows)
	if t.Run == "" && s.run != nil {
		t.Run = s.run.ID
	}
	if t.At.IsZero() {
		t.At = s.store.clock.Now()
	}
	s.trail = append(s.trail, t)
}

// Deliveries calls f with each delivery recorded of rows of an object, in the
// order of their first rows, until it returns false.
func (s *Store) Deliveries(pipeline, object string, f func(Trail) bool) error {
	pid, err := s.numberOf(kindPipes, pipeline)
	if pid == 0 || err != nil {
		return err
	}
	var bad error
	prefix := appendName(key(kindTrail, pid), object)
	err = s.kv.Scan(prefix, after(prefix), func(k, v []byte) bool {
		rest := bytes.TrimPrefix(k, prefix)
		if len(rest) < 8 {
			return true
		}
		var t Trail
		if t, bad = decodeTrail(object, string(rest[8:]), v); bad != nil {
			return false
		}
		return f(t)
	})
	return firstOf(err, bad)
}
