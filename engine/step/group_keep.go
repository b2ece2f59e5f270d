package step

import (
	"encoding/binary"
	"strings"

	"weir/engine/record"
)

// Oldest implements Holder.
func (r *groupRunner) Oldest() int64 {
	held, refused := r.rows.first(), r.whole.oldest()
	if held == 0 || refused > 0 && refused < held {
		return refused
	}
	return held
}

// Held implements Keeper.
func (r *groupRunner) Held() int64 { return int64(r.rows.len()) }

// HeldSize implements HeldSizer.
func (r *groupRunner) HeldSize() int { return r.rows.size() }

func (r *groupRunner) signature() string {
	within := withinObject
	if r.adjacent {
		within = withinAdjacent
	}
	if r.whole != nil {
		within += " whole"
	}
	return "group " + within + "\n" + strings.Join(r.byNames, "\n") + "\n\n" + r.rows.signature()
}

// Save implements Keeper. Rows and groups are only ever added, until groups of
// adjacent rows go on: then what is left is saved anew.
func (r *groupRunner) Save(dst []byte) ([]byte, bool, error) {
	from := r.saved
	if from == r.rows.len() && (r.whole == nil || !r.whole.dirty) {
		return dst, false, nil
	}
	if from == 0 { // nothing saved before is of use, refused rows included
		r.savedGroups = 0
		if r.whole != nil {
			r.whole.saved = 0
		}
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
	dst = r.whole.save(dst)
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
		key := shortKey(append([]byte(nil), d.bytes()...), 0)
		if r.adjacent {
			r.last = append(r.last[:0], key...)
		} else if _, added := r.keys.add(key); !added {
			d.fail()
		}
		r.count = append(r.count, 0)
		if w := r.whole; w != nil {
			w.lack, w.spans = append(w.lack, nil), append(w.spans, span{})
		}
	}
	for _, g := range r.group[before:] {
		if int(g) >= len(r.count) {
			d.fail()
			break
		}
		r.count[g]++
	}
	r.whole.restore(d)
	r.saved, r.savedGroups = r.rows.len(), len(r.count)
	return d.err()
}

// oldest returns the first row that is remembered as refused, 0 when there is none.
func (w *wholeness) oldest() int64 {
	switch {
	case w == nil:
		return 0
	case !w.adjacent:
		return w.first
	case len(w.lack) > 0 && w.lack[0] != nil:
		return w.spans[0].from
	case w.lost != nil:
		return w.lost.row
	case len(w.pending) > 0:
		return w.pending[0].Row
	}
	return 0
}

// save appends what is known of refused rows: of groups what is new, the rest whole.
func (w *wholeness) save(dst []byte) []byte {
	if w == nil {
		return dst
	}
	fresh := w.changed[w.saved:]
	dst = binary.AppendVarint(binary.AppendVarint(dst, w.first), w.top)
	dst = binary.AppendUvarint(dst, uint64(len(fresh)))
	for _, g := range fresh {
		dst = w.lack[g].save(binary.AppendUvarint(dst, uint64(g))) //nolint:gosec // a place in a slice
	}
	dst = w.lost.save(dst)
	if w.adjacent {
		dst = binary.AppendUvarint(dst, uint64(len(w.spans)))
		for _, s := range w.spans {
			dst = binary.AppendVarint(binary.AppendVarint(dst, s.from), s.to)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.pending)))
	for i := range w.pending {
		x := &w.pending[i]
		dst = appendBytes(binary.AppendVarint(dst, x.Row), []byte(x.Reason))
		dst = binary.AppendUvarint(dst, uint64(len(x.Keys)))
		for _, k := range x.Keys {
			dst = appendBytes(dst, k)
		}
	}
	w.saved, w.dirty = len(w.changed), false
	return dst
}

// save appends l, which may be nil.
func (l *lacking) save(dst []byte) []byte {
	if l == nil {
		return appendBool(dst, false)
	}
	dst = binary.AppendVarint(appendBool(dst, true), l.row)
	return appendBool(appendBytes(dst, []byte(l.reason)), l.beside)
}

func (d *savedReader) lacking() *lacking {
	if d.byte() != 1 {
		return nil
	}
	return &lacking{row: d.int(), reason: string(d.bytes()), beside: d.byte() == 1}
}

// restore takes up what save wrote, of groups that are there.
func (w *wholeness) restore(d *savedReader) {
	if w == nil {
		return
	}
	w.first, w.top = d.int(), d.int()
	for n := d.count(); n > 0 && !d.bad; n-- {
		g, l := d.uint(), d.lacking()
		if g >= uint64(len(w.lack)) || l == nil {
			d.fail()
			return
		}
		w.mark(int(g), l) //nolint:gosec // checked above
	}
	w.lost = d.lacking()
	if w.adjacent {
		n := d.count()
		if n != len(w.spans) {
			d.fail()
			return
		}
		for i := range w.spans {
			w.spans[i] = span{from: d.int(), to: d.int()}
		}
	}
	w.pending = w.pending[:0]
	for n := d.count(); n > 0 && !d.bad; n-- {
		x := Refusal{Row: d.int(), Reason: string(d.bytes())}
		for k := d.count(); k > 0 && !d.bad; k-- {
			x.Keys = append(x.Keys, shortKey(append([]byte(nil), d.bytes()...), 0))
		}
		w.pending = append(w.pending, x)
	}
	w.saved, w.dirty = len(w.changed), false
}
