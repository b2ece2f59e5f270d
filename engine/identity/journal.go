package identity

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// Journal remembers what rows did to a space, and to what steps keep of its entities,
// until the outcome of the rows is known. What a row did that is refused in the end is
// taken back, so that it leaves no trace by which the next row of its entity is dropped.
//
// Rows about one entity build on one another. What they did is therefore taken back from
// the last row of the entity backwards, through rows that were refused and rows that were
// dropped because of them, as far as no row that went on is met: what that one built on
// stays. Rows that were dropped on the way are to be judged again; see Again.
//
// A nil Journal, and one that is off, remembers nothing. Where nothing is refused, a row
// costs a few appended bytes; what is needed to find rows is made with the first refusal.
// One goroutine at a time uses a Journal.
type Journal struct {
	off    bool
	open   bool // between Begin and its end
	fresh  bool // since Begin something was found that is not committed
	step   int32
	row    int64
	first  int // the first write since Begin
	states []*recorder
	visits []visit
	writes []write
	data   []byte // entities, keys and values

	seed    maphash.Seed
	indexed int              // visits that tails and rows know
	tails   map[uint64]int32 // by hash of an entity: its last visit, plus 1
	rows    map[rowAt]int32  // the last visit of a row at a step, plus 1
	held    bool             // visits from before the last commit are among those known
	oldest  int64            // as told to Settle
	settled int              // visits that it left
	undone  bool             // some were taken back since
	again   []Dropped
	letters []letter
	notes   map[int32]State // by step: where it is noted which rows of an entity were refused
	watch   bool            // some rows were refused before; see Watch
}

// rowAt is a row at one of the steps that share a journal.
type rowAt struct {
	row  int64
	step int32
}

// Dropped is a row that a step dropped because of one that was refused.
type Dropped struct {
	Step int32
	At   int32 // as told to Journal.Dropped
}

// visit is a row that was found to be about an entity.
type visit struct {
	row        int64
	entity     int // where it is in data
	length     int32
	step       int32
	from, to   int32 // its writes
	at         int32 // see Dropped
	prev, same int32 // of the same bucket of tails, of the same row, plus 1
	main       int32 // of the row that joined this entity to another one: its visit there, plus 1
	letter     int32 // of the row, in letters, plus 1
	kind       kind
	refused    bool
	undone     bool
}

type kind uint8

const (
	passed   kind = iota
	replaced      // it goes on unless a later row of the entity comes; see Journal.Replaced
	dropped
	settled // dropped for good, because of what is committed
)

// write is one change of a state.
type write struct {
	key            int // where it is in data; the value before follows
	keyLen, valLen int32
	state          int32
	had            bool // there was a value before
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	return &Journal{seed: maphash.MakeSeed(), tails: map[uint64]int32{}, rows: map[rowAt]int32{}}
}

// Off makes j remember nothing, or go on remembering: what comes while it is off cannot be refused.
func (j *Journal) Off(off bool) {
	if j != nil {
		j.off = off
	}
}

// State returns st with a memory of what changes in it. A nil journal returns st.
func (j *Journal) State(st State) State {
	if j == nil {
		return st
	}
	r := &recorder{State: st, j: j, n: int32(len(j.states))} //nolint:gosec // a few steps
	r.prober, _ = st.(Prober)
	r.prefetcher, _ = st.(Prefetcher)
	r.fresher, _ = st.(Fresher)
	j.states = append(j.states, r)
	return r
}

// Begin says that what changes from here on is done by a row, at the step numbered step.
func (j *Journal) Begin(step int32, row int64) {
	if j == nil || j.off {
		return
	}
	j.step, j.row, j.first, j.open, j.fresh = step, row, len(j.writes), true, false
}

// Passed ends what Begin began: the row is about entity, in which those of merged ended
// because of it, and goes on.
func (j *Journal) Passed(entity []byte, merged []ID) { j.end(entity, merged, passed, 0) }

// Replaced is Passed for a row that goes on only when no later row of the entity comes
// before the object's end.
func (j *Journal) Replaced(entity []byte, merged []ID) { j.end(entity, merged, replaced, 0) }

// Dropped ends what Begin began: the row does not go on. It reports whether that may be
// due to a row whose outcome is not known yet; the row is then to be kept by the caller,
// under the given number, which Again may return.
func (j *Journal) Dropped(entity []byte, merged []ID, at int) (keep bool) {
	if j == nil || !j.open {
		return false
	}
	if j.fresh || j.held && j.last(entity) != 0 {
		j.end(entity, merged, dropped, at)
		return true
	}
	if j.first < len(j.writes) || j.watch {
		j.end(entity, merged, settled, 0)
	}
	j.open = false
	return false
}

// Forget ends what Begin began: the row was refused at once.
func (j *Journal) Forget() {
	if j != nil {
		j.open = false
	}
}

func (j *Journal) end(entity []byte, merged []ID, k kind, at int) {
	if j == nil || !j.open {
		return
	}
	j.open = false
	main := int32(len(j.visits)) + 1                                                                             //nolint:gosec // rows between two commits
	v := visit{row: j.row, step: j.step, from: int32(j.first), to: int32(len(j.writes)), kind: k, at: int32(at)} //nolint:gosec // as above
	j.add(v, entity)
	for n := range merged {
		v.main, v.from, v.to = main, 0, 0
		j.add(v, merged[n][:])
	}
}

func (j *Journal) add(v visit, entity []byte) {
	v.entity, v.length = len(j.data), int32(len(entity)) //nolint:gosec // a key
	j.data = append(j.data, entity...)
	j.visits = append(j.visits, v)
}

func (j *Journal) entityOf(v *visit) []byte { return j.data[v.entity : v.entity+int(v.length)] }

// index makes tails and rows know every visit.
func (j *Journal) index() {
	for ; j.indexed < len(j.visits); j.indexed++ {
		v := &j.visits[j.indexed]
		n := int32(j.indexed) + 1 //nolint:gosec // rows between two commits
		h := maphash.Bytes(j.seed, j.entityOf(v))
		v.prev, j.tails[h] = j.tails[h], n
		if v.main == 0 {
			at := rowAt{v.row, v.step}
			v.same, j.rows[at] = j.rows[at], n
		}
	}
}

// last returns the last visit of entity that was not taken back, plus 1; 0 when there is none.
func (j *Journal) last(entity []byte) int32 {
	j.index()
	return j.back(j.tails[maphash.Bytes(j.seed, entity)], entity)
}

// back returns n, or else the first one before it, that is of entity and was not taken back.
func (j *Journal) back(n int32, entity []byte) int32 {
	for n != 0 {
		v := &j.visits[n-1]
		if !v.undone && bytes.Equal(j.entityOf(v), entity) {
			return n
		}
		n = v.prev
	}
	return 0
}

// Refuse says that a row that had passed a step was refused behind it, as l.
func (j *Journal) Refuse(step int32, row int64, l Letter) {
	if j == nil {
		return
	}
	j.index()
	for n := j.rows[rowAt{row, step}]; n != 0; n = j.visits[n-1].same {
		v := &j.visits[n-1]
		if v.undone && !v.refused || v.kind == dropped || v.kind == settled {
			continue
		}
		j.letters = append(j.letters, letter{l, v.letter})
		v.letter = int32(len(j.letters)) //nolint:gosec // rows between two commits
		if v.refused {
			continue // a part of it was before
		}
		v.refused = true
		j.unwind(j.entityOf(v))
	}
}

// unwind takes back what the last rows of entity did, as far as one of them was refused
// and no row that goes on comes after it.
func (j *Journal) unwind(entity []byte) {
	deepest := j.deepest(entity)
	if deepest == 0 {
		return
	}
	for n := j.last(entity); n >= deepest; n = j.last(entity) {
		j.undo(n)
	}
}

// deepest returns the visit down to which unwind takes back, plus 1; 0 when there is none.
func (j *Journal) deepest(entity []byte) int32 {
	deepest, replacing := int32(0), int32(-1) // the latter is a step that refused the row which had replaced others
	for n := j.last(entity); n != 0; n = j.back(j.visits[n-1].prev, entity) {
		v := &j.visits[n-1]
		switch {
		case v.refused, v.main != 0 && j.visits[v.main-1].undone:
			deepest = n
			if v.kind == replaced {
				replacing = v.step
			}
		case v.kind == replaced && v.step == replacing:
			deepest = n
		case v.kind != dropped || v.main != 0:
			return deepest
		}
	}
	return deepest
}

// undo takes back what a visit did.
func (j *Journal) undo(n int32) {
	v := &j.visits[n-1]
	v.undone, j.undone = true, true
	if h := maphash.Bytes(j.seed, j.entityOf(v)); j.tails[h] == n {
		j.tails[h] = v.prev // so that nobody passes it again
	}
	for i := v.to - 1; i >= v.from; i-- {
		w := &j.writes[i]
		key := j.data[w.key : w.key+int(w.keyLen)]
		before := j.data[w.key+int(w.keyLen):][:w.valLen]
		st := j.states[w.state]
		st.known = false
		if w.had {
			st.State.Put(key, before)
		} else {
			st.State.Delete(key)
		}
	}
	if v.kind == dropped && !v.refused {
		j.again = append(j.again, Dropped{v.step, v.at})
	}
	// Entities that ended because of the row are there again: rows about them before it may be refused, too.
	for m := int(n); m < len(j.visits) && j.visits[m].main == n; m++ {
		j.unwind(j.entityOf(&j.visits[m]))
	}
}

// Size returns about how many bytes j has of rows whose outcome is not known.
func (j *Journal) Size() int {
	if j == nil {
		return 0
	}
	return len(j.data)
}

// Again returns the rows that a step dropped because of rows that were refused, and that are
// to be judged again, in the order in which they came, and forgets them.
func (j *Journal) Again(step int32, dst []int32) []int32 {
	if j == nil || len(j.again) == 0 {
		return dst
	}
	from := len(dst)
	j.again = slices.DeleteFunc(j.again, func(d Dropped) bool {
		if d.Step == step {
			dst = append(dst, d.At)
		}
		return d.Step == step
	})
	slices.Sort(dst[from:])
	return dst
}

// Keep returns the numbers of the rows that a step dropped and still has to keep, after
// Settle, and gives them new ones from 0 on.
func (j *Journal) Keep(step int32, dst []int32) []int32 {
	if j == nil {
		return dst
	}
	n := int32(0)
	for i := range j.visits {
		if v := &j.visits[i]; v.step == step && v.kind == dropped && v.main == 0 {
			dst = append(dst, v.at)
			v.at, n = n, n+1
		}
	}
	return dst
}

// Settle is called after a commit: the outcome of rows is known, but for those numbered
// oldest or later, which some step keeps back; 0 is none.
// c is told what overtook what; nil when that was discarded.
func (j *Journal) Settle(oldest int64, c *Closing) error {
	if j == nil {
		return nil
	}
	if j.held && oldest == j.oldest && j.settled == len(j.visits) && len(j.again) == 0 && !j.undone {
		return nil
	}
	if err := j.close(oldest, c); err != nil {
		return err
	}
	old := *j
	j.undone = false
	j.visits, j.writes, j.data, j.indexed, j.open, j.again = j.visits[:0], j.writes[:0], j.data[:0], 0, false, j.again[:0]
	j.held, j.oldest, j.settled = false, oldest, 0
	if len(old.visits) == 0 {
		return nil
	}
	clear(j.tails)
	clear(j.rows)
	for _, r := range j.states {
		r.known = false
	}
	if cap(j.data) > largeJournal {
		j.visits, j.writes, j.data = nil, nil, nil
	}
	if oldest > 0 {
		j.retain(&old, oldest)
	}
	if j.held, j.oldest, j.settled = len(j.visits) > 0, oldest, len(j.visits); !j.held {
		j.letters = j.letters[:0]
	}
	return nil
}

const largeJournal = 16 << 20 // bytes of a journal that are given back after a commit

// retain takes over the visits of old by rows numbered oldest or later.
func (j *Journal) retain(old *Journal, oldest int64) {
	j.visits, j.writes, j.data = nil, nil, nil // old has the memory
	main := int32(0)
	for i := range old.visits {
		v := old.visits[i]
		if v.row < oldest || v.undone {
			continue
		}
		entity := old.entityOf(&v)
		from := len(j.writes)
		for _, w := range old.writes[v.from:v.to] {
			key := len(j.data)
			j.data = append(j.data, old.data[w.key:w.key+int(w.keyLen)+int(w.valLen)]...)
			w.key = key
			j.writes = append(j.writes, w)
		}
		v.from, v.to = int32(from), int32(len(j.writes)) //nolint:gosec // rows between two commits
		if v.main == 0 {
			main = int32(len(j.visits)) + 1 //nolint:gosec // as above
		} else {
			v.main = main
		}
		v.prev, v.same = 0, 0
		j.add(v, entity)
	}
}
