package step

import (
	"encoding/binary"
	"strings"

	"weir/engine/record"
)

// Oldest implements Holder.
func (r *groupRunner) Oldest() int64 { return r.rows.first() }

// Held implements Keeper.
func (r *groupRunner) Held() int64 { return int64(r.rows.len()) }

func (r *groupRunner) signature() string {
	within := withinObject
	if r.adjacent {
		within = withinAdjacent
	}
	return "group " + within + "\n" + strings.Join(r.byNames, "\n") + "\n\n" + r.rows.signature()
}

// Save implements Keeper. Rows and groups are only ever added, until groups of
// adjacent rows go on: then what is left is saved anew.
func (r *groupRunner) Save(dst []byte) ([]byte, bool, error) {
	from := r.saved
	if from == r.rows.len() {
		return dst, false, nil
	}
	dst, err := r.rows.save(beginSaved(dst, r.signature()), from)
	if err != nil {
		return dst, false, err
	}
	for _, g := range r.group[from:] {
		dst = binary.AppendUvarint(dst, uint64(g))
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.count)-r.savedGroups)) //nolint:gosec // groups are only added
	for g := r.savedGroups; g < len(r.count); g++ {
		if r.adjacent {
			dst = appendBytes(dst, r.last) // there is one group between batches
		} else {
			dst = appendBytes(dst, r.keys.key(g))
		}
	}
	r.saved, r.savedGroups = r.rows.len(), len(r.count)
	return dst, from == 0, nil
}

// Restore implements Keeper.
func (r *groupRunner) Restore(part []byte, origin *record.Origin) error {
	d := &savedReader{b: part}
	if d.begin() != r.signature() && !d.bad {
		return ErrOtherConfig
	}
	before := r.rows.len()
	r.rows.restore(d, origin)
	for range r.rows.len() - before {
		r.group = append(r.group, uint32(d.uint())) //nolint:gosec // checked below
	}
	for n := d.count(); n > 0 && !d.bad; n-- {
		key := d.bytes()
		if r.adjacent {
			r.last = append(r.last[:0], key...)
		} else if _, added := r.keys.add(key); !added {
			d.fail()
		}
		r.count = append(r.count, 0)
	}
	for _, g := range r.group[before:] {
		if int(g) >= len(r.count) {
			d.fail()
			break
		}
		r.count[g]++
	}
	r.saved, r.savedGroups = r.rows.len(), len(r.count)
	return d.err()
}
