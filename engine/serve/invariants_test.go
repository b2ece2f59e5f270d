package serve_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"weir/engine/state"
)

// check looks at all that was delivered, put away and counted; end is when
// nothing may be left undone.
func (l *life) check(end bool) {
	for i, f := range l.flows {
		all := l.traps.get(f.address).deliveries()
		for ; f.looked < len(all); f.looked++ {
			l.delivery(i, f, all[f.looked])
		}
		l.archive(i, f)
		if l.server == nil {
			continue
		}
		counts, ok := l.ledger(f)
		if end && ok {
			l.whole(i, f, counts, all)
		}
	}
}

// numbers returns the rows that a delivered row was made of.
func numbers(x string) (mark string, rows []int, err error) {
	mark, list, _ := strings.Cut(x, ":")
	for _, a := range strings.Split(list, "+") {
		n, err := strconv.Atoi(a)
		if err != nil || a != fmt.Sprintf("%06d", n) { // zeros in front are part of a text (I6)
			return "", nil, fmt.Errorf("row %q", x)
		}
		rows = append(rows, n)
	}
	return mark, rows, nil
}

// delivery compares a delivery with what the configuration makes of its rows that
// it says it is of.
func (l *life) delivery(i int, f *flow, m made) {
	w, ok := l.known[m.revision]
	if !ok {
		l.problem("%s: a delivery of revision %q, which nobody wrote", f.address, m.revision)
		return
	}
	c := &w.pipes[i]
	if m.note != fmt.Sprintf("n%d ", c.note) {
		l.problem("%s: the sink of note %q delivered rows of revision %s, whose note is %d", f.address, m.note, m.revision, c.note)
	}
	for _, x := range m.rows {
		mark, rows, err := numbers(x)
		if err != nil || mark != fmt.Sprintf("m%d", c.mark) {
			l.problem("%s: %q delivered, the mark is %d: %v", f.address, x, c.mark, err)
			continue
		}
		for _, n := range rows {
			if f.rows[n] == nil || c.drop > 0 && n%c.drop == 0 {
				l.problem("%s: row %d delivered, which revision %s drops", f.address, n, m.revision)
				continue
			}
			f.rows[n].made = append(f.rows[n].made, m)
		}
	}
}

// mayLack reports that there is a reason for which a row is not delivered.
func (l *life) mayLack(i, n int) bool {
	if !l.shapes[i].group && strings.Contains(fmt.Sprintf("%06d", n), badRows) {
		return true
	}
	for _, w := range l.known {
		if d := w.pipes[i].drop; d > 0 && n%d == 0 {
			return true
		}
	}
	return false
}

// archive checks that files are put away only when their rows are at the sink (I1).
func (l *life) archive(i int, f *flow) {
	list, _ := filepath.Glob(l.path("done/" + f.address + "_*"))
	for _, file := range list {
		name := filepath.Base(file)
		if f.archived[name] {
			continue
		}
		f.archived[name] = true
		for _, n := range f.inFile[name] {
			if len(f.rows[n].made) == 0 && !l.mayLack(i, n) {
				l.problem("I1: %s was put away, and row %d was not delivered", name, n)
			}
		}
	}
}

// ledger checks that it adds up (I3, I5) and that cursors move forward (I2).
func (l *life) ledger(f *flow) (state.Counts, bool) {
	store := l.server.Store()
	totals, err := store.Totals(f.address)
	if err != nil {
		l.problem("%s: %v", f.address, err)
		return state.Counts{}, false
	}
	if totals.Difference() != 0 {
		l.problem("I3: the ledger of %s: %s", f.address, totals.Counts)
	}
	files, err := store.Files(f.address, false)
	if err != nil {
		l.problem("%s: %v", f.address, err)
	}
	sum := int64(0)
	for _, x := range files {
		if x.Rows < f.read[x.ID] {
			l.problem("I2: %s was read to row %d, then to %d", x.Path, f.read[x.ID], x.Rows)
		}
		f.read[x.ID] = x.Rows
		sum += x.Rows
	}
	if totals.Read != sum {
		l.problem("I5: %s has read %d rows, and its files have %d", f.address, totals.Read, sum)
	}
	return totals.Counts, true
}

// whole checks that every row went its way, once (I3), in order (I4).
func (l *life) whole(i int, f *flow, c state.Counts, all []made) {
	delivered, clean := int64(0), int64(0)
	for n := 1; n <= f.last; n++ {
		r := f.rows[n]
		if len(r.made) == 0 {
			if !l.mayLack(i, n) {
				l.problem("%s: row %d was lost", f.address, n)
			}
			continue
		}
		delivered++
		once := 0
		for k, m := range r.made {
			if !m.writer.troubled {
				once++
			}
			if k > 0 && m.key != r.made[k-1].key && l.cutsAlike(i, m, r.made[k-1]) {
				l.problem("I7: %s: row %d was delivered with key %s, then %s", f.address, n, r.made[k-1].key, m.key)
			}
		}
		if once > 1 {
			l.problem("I3: %s: row %d was delivered %d times: %+v", f.address, n, once, r.made)
		}
		clean += int64(min(once, 1))
	}
	if c.Read != f.lines || c.Deduplicated != f.again || c.Held != 0 {
		l.problem("%s: %d rows and %d repeated ones were written: %s", f.address, f.lines, f.again, c)
	}
	if d := c.Delivered + c.Grouped; d < clean || d > delivered {
		l.problem("%s: %d rows arrived, %d of them surely once: %s", f.address, delivered, clean, c)
	}
	last, generation := 0, uint64(0)
	for _, m := range all {
		if m.writer.troubled {
			continue // what was left undone comes again
		}
		if m.generation < generation {
			l.problem("%s: generation %d delivered after %d", f.address, m.generation, generation)
		}
		generation = m.generation
		for _, x := range m.rows {
			_, rows, _ := numbers(x) // was checked
			for _, n := range rows {
				if n <= last {
					l.problem("I4: %s: row %d after row %d", f.address, n, last)
				}
				last = n
			}
		}
	}
}

// cutsAlike reports that two deliveries are of configurations that cut the same
// rows into the same deliveries.
func (l *life) cutsAlike(i int, a, b made) bool {
	x, y := l.known[a.revision].pipes[i], l.known[b.revision].pipes[i]
	return x.drop == y.drop && x.batch == y.batch
}
