package step

import (
	"encoding/binary"
	"strings"

	"weir/engine/record"
)

// Oldest implements Holder. No row is kept back, but what was seen of the
// object is not in a State: a run resumed without it would not notice a repeat of
// an earlier row.
func (r *checkRunner) Oldest() int64 { return r.seen.first }

// Held implements Keeper: rows are remembered, none is kept back.
func (r *checkRunner) Held() int64 { return 0 }

func (r *checkRunner) signature() string {
	var sb strings.Builder
	sb.WriteString("check\n")
	for _, list := range [][]record.Slot{r.unique, r.oneToOne} {
		for _, s := range list {
			f := r.in.Fields()[s]
			sb.WriteString(f.Name + " " + f.Type.String() + "\n")
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}

// Save implements Keeper. What is remembered only grows.
func (r *checkRunner) Save(dst []byte) ([]byte, bool, error) {
	m := &r.seen
	entries := m.unique.len() + m.sides[0].len()
	if m.isSaved && entries == m.savedUnique+m.savedPairs {
		return dst, false, nil
	}
	dst = binary.AppendVarint(noRows(beginSaved(dst, r.signature())), m.first)
	dst = saveIndex(dst, &m.unique, m.rows, m.savedUnique)
	for i := range m.sides {
		dst = saveIndex(dst, &m.sides[i].index, m.sides[i].rows, m.savedPairs)
	}
	anew := !m.isSaved
	m.isSaved, m.savedUnique, m.savedPairs = true, m.unique.len(), m.sides[0].len()
	return dst, anew, nil
}

// saveIndex appends the entries of x from the from-th on, with their rows.
func saveIndex(dst []byte, x *index, rows []int64, from int) []byte {
	dst = binary.AppendUvarint(dst, uint64(x.len()-from)) //nolint:gosec // entries are only added
	for n := from; n < x.len(); n++ {
		dst = binary.AppendVarint(appendBytes(dst, x.key(n)), rows[n])
	}
	return dst
}

// Restore implements Keeper.
func (r *checkRunner) Restore(part []byte, _ *record.Origin) error {
	d := &savedReader{b: part}
	if d.begin() != r.signature() && !d.bad {
		return ErrOtherConfig
	}
	d.bytes()
	d.uint()
	m := &r.seen
	m.first = d.int()
	restoreIndex(d, &m.unique, &m.rows)
	for i := range m.sides {
		restoreIndex(d, &m.sides[i].index, &m.sides[i].rows)
	}
	if m.sides[0].len() != m.sides[1].len() {
		d.fail()
	}
	m.isSaved, m.savedUnique, m.savedPairs = true, m.unique.len(), m.sides[0].len()
	return d.err()
}

func restoreIndex(d *savedReader, x *index, rows *[]int64) {
	for n := d.count(); n > 0 && !d.bad; n-- {
		if _, added := x.add(shortKey(append([]byte(nil), d.bytes()...), 0)); !added {
			d.fail()
		}
		*rows = append(*rows, d.int())
	}
}
