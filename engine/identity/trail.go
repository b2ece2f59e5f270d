package identity

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"
)

// Trail says that a row was about an entity.
type Trail struct {
	ID       ID
	Object   string // name of the object
	ObjectID string
	Row      int64
	Passed   bool // the row went on, and was not dropped as a duplicate
}

const trailTag = 't'

// TrailPrefix begins the keys of the rows about entity id, in the space of a
// dedupe step's own.
func TrailPrefix(id ID) []byte { return append([]byte{trailTag}, id[:]...) }

// Append appends the key and the value under which t is kept.
func (t *Trail) Append(key, value []byte) (k, v []byte) {
	key = append(append(key, trailTag), t.ID[:]...)
	key = binary.BigEndian.AppendUint64(key, xxhash.Sum64String(t.ObjectID))
	key = binary.BigEndian.AppendUint64(key, uint64(t.Row)) //nolint:gosec // row numbers are positive
	passed := byte(0)
	if t.Passed {
		passed = 1
	}
	value = append(append(append(value, passed), t.ObjectID...), 0)
	return key, append(value, t.Object...)
}

// ParseTrail reads what Append wrote.
func ParseTrail(key, value []byte) (Trail, error) {
	var t Trail
	object, name, ok := bytes.Cut(value[min(1, len(value)):], []byte{0})
	if len(key) != 1+len(t.ID)+16 || !ok {
		return t, errors.New("the trail of an entity cannot be read")
	}
	copy(t.ID[:], key[1:])
	t.Row = int64(binary.BigEndian.Uint64(key[len(key)-8:])) //nolint:gosec // written by Append
	t.Passed, t.ObjectID, t.Object = value[0] == 1, string(object), string(name)
	return t, nil
}
