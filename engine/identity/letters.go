package identity

import "encoding/binary"

// Letter is a row that was refused, as it is found among the refused ones.
type Letter struct {
	ID    uint64
	Order uint64 // of two of one entity the one with the lower order came first
}

// letter is a Letter of a visit; a row of which several parts are refused has several.
type letter struct {
	Letter
	next int32 // another one of the visit, plus 1
}

// Closing is told what becomes final when a Journal is settled.
type Closing struct {
	// Order returns the order of the letter that a row is replayed from, 0 when it is none.
	Order func(row int64) uint64
	// Overtaken is called for each letter of an entity of which a later row went through, or
	// came and changed nothing.
	Overtaken func(id uint64, row int64)
}

// Of an entity it is kept which rows were refused that no later row has overtaken.
const noteTag = 'o'

// Notes makes j note in st which rows of an entity a step had let pass that were refused, so
// that a later row is known to overtake them. st is not to be one that j remembers changes of.
func (j *Journal) Notes(step int32, st State) {
	if j == nil {
		return
	}
	if j.notes == nil {
		j.notes = map[int32]State{}
	}
	j.notes[step] = st
}

// Watch says that rows were refused before, which rows that come may overtake.
func (j *Journal) Watch() { j.watch = true }

// close notes what is final of the rows numbered below oldest, or of all.
func (j *Journal) close(oldest int64, c *Closing) error {
	if c == nil {
		return nil
	}
	var key, val []byte
	for i := range j.visits {
		v := &j.visits[i]
		st := j.notes[v.step]
		if st == nil || oldest > 0 && v.row >= oldest || v.undone && !v.refused {
			continue
		}
		main := v
		if v.main != 0 {
			main = &j.visits[v.main-1]
		}
		if main.refused && (v != main || v.letter == 0) || main.undone && !main.refused || !main.refused && !j.watch {
			continue
		}
		key = append(append(key[:0], noteTag), j.entityOf(v)...)
		old, ok, err := st.Get(key)
		if err != nil {
			return err
		}
		if !ok && !main.refused {
			continue
		}
		val = append(val[:0], old...)
		if main.refused {
			j.watch = true
			for n := v.letter; n != 0; n = j.letters[n-1].next {
				l := j.letters[n-1].Letter
				val = binary.AppendUvarint(binary.AppendUvarint(val, l.ID), l.Order)
			}
		} else {
			val = overtake(val, v.row, c)
		}
		if len(val) > 0 {
			st.Put(key, val)
		} else {
			st.Delete(key)
		}
	}
	return nil
}

// overtake tells c which letters of a note the row overtakes, and returns the others.
func overtake(note []byte, row int64, c *Closing) []byte {
	own := c.Order(row)
	kept := note[:0]
	d := reader{b: note}
	for len(d.b) > 0 && !d.bad {
		l := Letter{d.uvarint(), d.uvarint()}
		switch {
		case own > 0 && l.Order == own: // it is this row, which is no longer refused
		case own > 0 && l.Order > own:
			kept = binary.AppendUvarint(binary.AppendUvarint(kept, l.ID), l.Order)
		default:
			c.Overtaken(l.ID, row)
		}
	}
	return kept
}
