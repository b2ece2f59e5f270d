package identity

import (
	"encoding/binary"
	"errors"
)

// errJournal tells that a saved journal cannot be read.
var errJournal = errors.New("what was remembered of rows is damaged or was written by a newer version")

// Kept reports whether there is something to save after Settle: rows whose outcome a commit
// does not wait for.
func (j *Journal) Kept() bool { return j.held }

// Save appends what j remembers to dst. It is called after Settle.
func (j *Journal) Save(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, recordVersion), uint64(len(j.states)))
	dst = binary.AppendUvarint(dst, uint64(len(j.visits)))
	for i := range j.visits {
		v := &j.visits[i]
		dst = binary.AppendVarint(dst, v.row)
		dst = binary.AppendVarint(dst, int64(v.step))
		dst = append(dst, byte(v.kind), flag(v.refused), flag(v.main != 0))
		dst = binary.AppendVarint(dst, int64(v.at))
		dst = appendText(dst, j.entityOf(v))
		for n := v.letter; n != 0; n = j.letters[n-1].next {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, j.letters[n-1].ID), j.letters[n-1].Order)
		}
		dst = binary.AppendUvarint(dst, 0)                   // numbers of letters begin with 1
		dst = binary.AppendUvarint(dst, uint64(v.to-v.from)) //nolint:gosec // to is not before from
		for _, w := range j.writes[v.from:v.to] {
			dst = append(binary.AppendUvarint(dst, uint64(w.state)), flag(w.had)) //nolint:gosec // an index
			dst = appendText(dst, j.data[w.key:w.key+int(w.keyLen)])
			dst = appendText(dst, j.data[w.key+int(w.keyLen):][:w.valLen])
		}
	}
	return dst
}

func flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func appendText(dst, v []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

// Restore makes j, which remembers nothing yet, go on where Save left off. It must have the
// states and steps that the saved one had.
func (j *Journal) Restore(saved []byte) error {
	d := reader{b: saved}
	if d.byte() != recordVersion || d.uvarint() != uint64(len(j.states)) {
		return errJournal
	}
	main := int32(0)
	for n := d.count(1); n > 0 && !d.bad; n-- {
		v := visit{row: d.varint(), step: int32(d.varint())} //nolint:gosec // written by Save
		v.kind, v.refused = kind(d.byte()), d.byte() == 1
		if d.byte() == 1 {
			v.main = main
		} else {
			main = int32(len(j.visits)) + 1 //nolint:gosec // rows between two commits
		}
		v.at = int32(d.varint()) //nolint:gosec // as above
		entity := d.bytes()
		for id := d.uvarint(); id > 0 && !d.bad; id = d.uvarint() {
			j.letters = append(j.letters, letter{Letter{id, d.uvarint()}, v.letter})
			v.letter = int32(len(j.letters)) //nolint:gosec // as above
		}
		v.from = int32(len(j.writes)) //nolint:gosec // as above
		for m := d.count(1); m > 0 && !d.bad; m-- {
			w := write{state: int32(d.uvarint()), had: d.byte() == 1, key: len(j.data)} //nolint:gosec // checked below
			if int(w.state) < 0 || int(w.state) >= len(j.states) {
				return errJournal
			}
			key, value := d.bytes(), d.bytes()
			w.keyLen, w.valLen = int32(len(key)), int32(len(value)) //nolint:gosec // bounded by the length of saved
			j.data = append(append(j.data, key...), value...)
			j.writes = append(j.writes, w)
		}
		v.to = int32(len(j.writes)) //nolint:gosec // as above
		j.add(v, entity)
	}
	j.held = len(j.visits) > 0
	if d.bad || len(d.b) > 0 {
		return errJournal
	}
	return nil
}

func (d *reader) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}
