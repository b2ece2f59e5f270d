package step

import (
	"slices"

	"weir/engine/identity"
	"weir/engine/record"
)

// keyColumn evaluates one key of a dedupe step.
type keyColumn struct {
	key    dedupeKey
	eval   evaluator
	norm   evaluator
	col    *record.Column
	raw    *record.Column // before normalising: tells which values are absent
	part   record.Batch
	sel    []int32
	buf    []byte
	rawBuf []byte
}

func newKeyColumn(k dedupeKey) keyColumn {
	c := keyColumn{key: k, eval: k.value.evaluator()}
	if k.normalise.expr != nil {
		c.norm = k.normalise.evaluator()
	}
	return c
}

// dedupeKeys are the keys of one batch: what can be known of its rows without the state.
type dedupeKeys struct {
	step *dedupeStep
	cols []keyColumn
}

var (
	_ Preparer       = (*dedupeStep)(nil)
	_ PreparedRunner = (*dedupeRunner)(nil)
)

func (s *dedupeStep) newKeys() *dedupeKeys {
	p := &dedupeKeys{step: s}
	for _, k := range s.keys {
		p.cols = append(p.cols, newKeyColumn(k))
	}
	return p
}

// NewPreparation implements Preparer.
func (s *dedupeStep) NewPreparation() Preparation { return s.newKeys() }

// Selects implements Preparer: the only field that the step adds is hidden, and
// keep = "last" alone holds rows back.
func (s *dedupeStep) Selects(want []record.Slot) bool {
	return s.keep != keepLast && !slices.Contains(want, s.slot)
}

// Prepare implements Preparation.
func (p *dedupeKeys) Prepare(in *record.Batch) {
	from := len(in.Rejects)
	for k := range p.cols {
		p.cols[k].evaluate(in, p.step.address)
	}
	in.Drop(from)
}

// evaluate computes the key of the selected rows; those that fail are rejected in in.
func (c *keyColumn) evaluate(in *record.Batch, step string) {
	c.col = c.eval.rows(in, step, c.key.name)
	c.raw = nil
	if c.key.normalise.expr == nil {
		return
	}
	c.raw = c.col
	shape(&c.part, c.key.schema, in.N)
	c.part.Cols[0].Alias(c.raw)
	c.sel = emptySelection(c.sel, in.N)
	for k := range in.Live() {
		if i := in.Row(k); len(cellText(&c.rawBuf, c.raw, i)) > 0 {
			c.sel = append(c.sel, int32(i))
		}
	}
	c.part.Sel = c.sel
	c.col = c.norm.rows(&c.part, step, c.key.name)
	in.Rejects = append(in.Rejects, c.part.Rejects...)
}

// text returns the key of row i, empty when it is absent, valid until the next call.
func (c *keyColumn) text(i int) []byte {
	if c.raw != nil && len(cellText(&c.rawBuf, c.raw, i)) == 0 {
		return nil
	}
	return cellText(&c.buf, c.col, i)
}

// beginInfo prepares the column dedupe for n rows.
func (r *dedupeRunner) beginInfo(n int) {
	if !r.tell {
		return
	}
	r.info.Resize(r.dedupeStep.out.Fields()[r.slot].Type, n)
	clear(r.info.Fields[infoID].Views)
	clear(r.info.Fields[infoKnown].Bools)
	clear(r.info.Fields[infoMatched].Views)
	keys := &r.info.Fields[infoKeys]
	for k := range keys.Fields {
		clear(keys.Fields[k].Views)
	}
}

// tellInfo sets dedupe of row i.
func (r *dedupeRunner) tellInfo(i int, res identity.Result) error {
	if !r.tell {
		return nil
	}
	r.key = res.ID.Append(r.key[:0])
	r.info.Fields[infoID].SetString(i, r.key)
	r.info.Fields[infoKnown].Bools[i] = res.Known
	if res.Matched < 0 {
		r.info.Fields[infoMatched].SetNull(i)
	} else {
		r.key = append(r.key[:0], r.keys[res.Matched].name...)
		r.info.Fields[infoMatched].SetString(i, r.key)
	}
	keys := r.info.Fields[infoKeys].Fields
	if r.single != nil {
		keys[0].SetString(i, r.values[0])
		return nil
	}
	return r.resolver.Present(res.ID, r.names, r.values, func(k int, v []byte) {
		if v == nil {
			keys[k].SetNull(i)
		} else {
			keys[k].SetString(i, v)
		}
	})
}

// tellNothing sets dedupe of row i, which has no key.
func (r *dedupeRunner) tellNothing(i int) {
	if !r.tell {
		return
	}
	r.info.Fields[infoID].SetNull(i)
	r.info.Fields[infoMatched].SetNull(i)
	for k := range r.info.Fields[infoKeys].Fields {
		r.info.Fields[infoKeys].Fields[k].SetNull(i)
	}
}

// holding keeps the rows of an object back for keep = "last".
type holding struct {
	rows *rowBuffer
	last map[identity.ID]heldEntity
	free []int32 // rows without an identity, which all pass
	next int32   // place in rows of the row being judged
	out  record.Batch

	saved, savedFree int           // how many of rows and free were saved; see Save
	gone             []identity.ID // since then: entities of the object that ended in another
}

// heldEntity is an entity of the present object.
type heldEntity struct {
	row     int32 // place in rows of its last row
	known   bool  // before the object
	matched int
}

func newHolding(rows *rowBuffer) *holding {
	return &holding{rows: rows, last: map[identity.ID]heldEntity{}}
}

// visit notes that the row being judged is the last of its entity so far, and
// makes res tell what was known of the entity before the object: earlier rows
// of the object do not go on, so for what comes after they never were.
func (h *holding) visit(res *identity.Result) {
	e, ok := h.last[res.ID]
	if !ok {
		e = heldEntity{known: res.Known, matched: res.Matched}
	}
	for _, id := range res.Merged {
		if lost, ok := h.last[id]; ok {
			if lost.known && !e.known {
				e.known, e.matched = true, lost.matched
			}
			delete(h.last, id)
			h.gone = append(h.gone, id)
		}
	}
	e.row = h.next
	h.next++
	h.last[res.ID] = e
	res.Known, res.Matched = e.known, e.matched
}

// pass notes that the row being judged has no identity and goes on.
func (h *holding) pass() {
	if h != nil {
		h.free = append(h.free, h.next)
		h.next++
	}
}

// add copies the selected rows of b, which are those judged since the last add.
func (h *holding) add(b *record.Batch) {
	for k := range b.Live() {
		h.rows.append(b, b.Row(k))
	}
}

func (h *holding) bounded(address string, most bound) error {
	return h.rows.bounded(address, most, 80*len(h.last), "Raise %s, or split the file; keep = \"changed\" or \"first\" hold no rows")
}

// sliceRows is about how many rows or groups are emitted at once.
const sliceRows = 1024

// release emits the last row of each entity in the order of the source.
func (h *holding) release(t *Tally, emit func(*record.Batch) error) error {
	at := append([]int32(nil), h.free...)
	for _, e := range h.last {
		at = append(at, e.row)
	}
	slices.Sort(at)
	t.Deduplicated += int64(h.rows.len() - len(at))
	for part := range slices.Chunk(at, min(sliceRows, max(1, sliceBytes*h.rows.len()/max(1, h.rows.size())))) {
		take(&h.out, &h.rows.b, h.rows.slots, part)
		if err := emit(&h.out); err != nil {
			return err
		}
	}
	h.rows.reset()
	clear(h.last)
	h.free, h.next = h.free[:0], 0
	h.saved, h.savedFree, h.gone = 0, 0, h.gone[:0]
	return nil
}
