package step

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"

	"weir/engine/identity"
	"weir/engine/record"
)

type dedupeStep struct {
	in, out *record.Schema
	address string
	keys    []dedupeKey
	names   []string // of dedupe.keys
	keep    string
	pass    bool // a row without keys passes
	compare []record.Slot
	most    bound
	opt     identity.Options
	space   string // the state with the identities
	own     string // the state with what this step passed, when the space is shared
	shared  bool
	trace   bool        // keep which rows were about which entity
	slot    record.Slot // of dedupe in out
}

func (s *dedupeStep) Out() *record.Schema { return s.out }
func (s *dedupeStep) Stateful() bool      { return true }

// Spaces implements Storer.
func (s *dedupeStep) Spaces() (keys, passed string) { return s.space, s.own }

func (s *dedupeStep) Reads(want []record.Slot) []record.Slot {
	sets := [][]record.Slot{s.compare}
	for _, w := range want {
		if w != s.slot {
			sets = append(sets, []record.Slot{w})
		}
	}
	for _, k := range s.keys {
		sets = append(sets, k.value.expr.Reads())
	}
	return union(s.in.Len(), sets...)
}

// simple tells that one key in a space of its own needs no entity records.
func (s *dedupeStep) simple() bool { return !s.shared && len(s.keys) == 1 }

func (s *dedupeStep) New(env Env, want []record.Slot) Runner {
	r := &dedupeRunner{dedupeStep: s, want: wanted(s.out.Len(), want), trails: env.State(s.own), again: env.Again}
	if env.Journal != nil {
		r.journal, r.number = env.Journal(s.space)
		if s.keep != keepAll { // whose rows are events of their own, and none takes another one's place
			r.journal.Notes(r.number, r.trails)
		}
	}
	r.marks = r.journal.State(r.trails)
	if r.again == nil {
		r.again = func() bool { return false }
	}
	r.tell = r.want[s.slot]
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	r.own = s.newKeys()
	r.values = make([][]byte, len(s.keys))
	if s.simple() {
		r.single = identity.NewSingle(s.space, names[0], r.marks)
		r.seen = s.keep == keepFirst && !r.tell && !s.trace
	} else {
		r.resolver = identity.NewResolver(s.space, names, r.journal.State(env.State(s.space)), s.opt)
	}
	if s.keep == keepLast {
		r.held = newHolding(newRowBuffer(s.out, union(s.out.Len(), want)))
	} else if r.journal != nil {
		r.dropped = newDroppedRows(s.in, s.Reads(want))
	}
	return r
}

type dedupeRunner struct {
	*dedupeStep
	want     []bool
	tell     bool        // somebody reads dedupe
	own      *dedupeKeys // for batches that nobody prepared
	cols     []keyColumn // of the present batch
	values   [][]byte
	single   *identity.Single
	seen     bool // single is only asked whether a key was there
	resolver *identity.Resolver
	marks    State
	trails   State       // the same, without a journal: what became of a row is told also when it was refused
	again    func() bool // see Env
	held     *holding    // with keep = "last"
	journal  *identity.Journal
	number   int32        // of the step, in journal
	dropped  *droppedRows // nil without a journal, and with keep = "last"
	info     record.Column
	out      record.Batch
	sel      []int32
	key, row []byte
	hash     [8]byte
}

const prefetched = 32 // keys whose memory is fetched together

// Apply implements Runner.
func (r *dedupeRunner) Apply(ctx context.Context, in *record.Batch, t *Tally) (*record.Batch, error) {
	r.own.Prepare(in)
	return r.ApplyPrepared(ctx, in, r.own, t)
}

// ApplyPrepared implements PreparedRunner. Rows are judged one after the other, each
// seeing what those before it changed, also within the batch (I4).
func (r *dedupeRunner) ApplyPrepared(_ context.Context, in *record.Batch, p Preparation, t *Tally) (*record.Batch, error) {
	keys, ok := p.(*dedupeKeys)
	if !ok || keys.step != r.dedupeStep {
		return nil, errors.New("the batch was prepared by another step")
	}
	r.cols = keys.cols
	from := len(in.Rejects)
	r.beginInfo(in.N)
	sel := emptySelection(r.sel, in.N)
	for k := range in.Live() {
		if k%prefetched == 0 && r.seen {
			n := min(prefetched, in.Live()-k)
			r.single.Soon(n, func(j int) []byte { return r.cols[0].text(in.Row(k + j)) })
		}
		i := in.Row(k)
		pass, err := r.judge(in, i)
		if err != nil {
			var c *identity.Conflict
			if !errors.As(err, &c) {
				return nil, err
			}
			in.Reject(i, r.address, "", c.Code, c.Reason)
			continue
		}
		if pass {
			sel = append(sel, int32(i))
		} else {
			t.Deduplicated++
		}
	}
	in.Drop(from)
	r.sel = sel
	r.emit(in)
	if r.held == nil {
		return &r.out, nil
	}
	return nil, r.held.bounded(r.address, r.most)
}

// emit makes r.out the rows of in that passed, with their identity.
func (r *dedupeRunner) emit(in *record.Batch) {
	shape(&r.out, r.dedupeStep.out, in.N)
	for s := range r.out.Cols {
		switch {
		case !r.want[s]:
			absent(&r.out.Cols[s], in.N)
		case record.Slot(s) == r.slot:
			r.out.Cols[s].Alias(&r.info)
		default:
			r.out.Cols[s].Alias(&in.Cols[s])
		}
	}
	r.out.From(in)
	r.out.Sel = r.sel
	if r.held != nil {
		r.held.add(&r.out)
	}
}

// judge resolves row i and tells whether it goes on.
func (r *dedupeRunner) judge(in *record.Batch, i int) (bool, error) {
	present := false
	for k := range r.cols {
		r.values[k] = r.cols[k].text(i)
		present = present || len(r.values[k]) > 0
	}
	switch {
	case !present && r.pass:
		r.tellNothing(i)
		r.held.pass()
		return true, nil
	case !present:
		return false, &identity.Conflict{Code: "row.no_key", Reason: "every key of the row is empty, so nobody can tell what it is about. " +
			"Filter such rows out before, or let them pass with no_key = \"pass\""}
	}
	r.journal.Begin(r.number, in.RowNo(i))
	if r.single != nil {
		return r.judgeSingle(in, i)
	}
	res, err := r.resolver.Resolve(r.values, identity.Origin{Object: originName(in), Row: in.RowNo(i)})
	if err != nil {
		r.journal.Forget()
		return false, err
	}
	pass := true
	switch r.keep {
	case keepFirst:
		pass, err = r.first(res)
	case keepChanged:
		pass, err = r.changed(res.ID, in, i)
	case keepLast:
		r.held.visit(&res)
	}
	pass = pass || r.again()
	r.judged(in, i, res.ID[:], res.Merged, pass)
	if err == nil && r.trace {
		err = r.trail(in, i, res.ID, pass)
	}
	if err != nil || !pass {
		return false, err
	}
	return true, r.tellInfo(i, res)
}

// judged enters into the journal that row i is about entity, and keeps it when it may have
// to be judged again.
func (r *dedupeRunner) judged(in *record.Batch, i int, entity []byte, merged []identity.ID, pass bool) {
	switch {
	case r.journal == nil:
	case r.held != nil:
		r.journal.Replaced(entity, merged)
	case pass:
		r.journal.Passed(entity, merged)
	case r.journal.Dropped(entity, merged, r.dropped.rows.len()):
		r.dropped.rows.append(in, i)
	}
}

// judgeSingle is judge for one key in a space of its own.
func (r *dedupeRunner) judgeSingle(in *record.Batch, i int) (bool, error) {
	v := r.values[0]
	var known, drop bool
	var err error
	switch {
	case r.seen:
		known, err = r.single.See(v)
		pass := !known || r.again()
		r.judged(in, i, r.single.Entity(v), nil, pass)
		return pass, err
	case r.keep == keepChanged:
		known, drop, err = r.single.VisitHash(v, r.rowHash(in, i))
	default:
		known, err = r.single.Visit(v)
		drop = known && r.keep == keepFirst
	}
	drop = drop && !r.again()
	r.judged(in, i, r.single.Entity(v), nil, !drop)
	if err == nil && r.trace {
		err = r.trail(in, i, r.single.ID(v), !drop)
	}
	if err != nil || drop || !r.tell && r.held == nil {
		return !drop, err
	}
	res := identity.Result{ID: r.single.ID(v), Known: known, Matched: -1}
	if known {
		res.Matched = 0
	}
	if r.held != nil {
		r.held.visit(&res)
	}
	return true, r.tellInfo(i, res)
}

// first tells whether no row of the entity has passed this step.
func (r *dedupeRunner) first(res identity.Result) (bool, error) {
	if !r.shared || !res.Known {
		// In a space of its own an entity exists because a row of it passed.
		if r.shared {
			r.mark('f', res.ID, nil)
		}
		return !res.Known, nil
	}
	seen := false
	for n := -1; n < len(res.Merged) && !seen; n++ {
		id := res.ID
		if n >= 0 {
			id = res.Merged[n]
		}
		r.key = append(append(r.key[:0], 'f'), id[:]...)
		_, ok, err := r.marks.Get(r.key)
		if err != nil {
			return false, err
		}
		if ok && n < 0 {
			return false, nil
		}
		seen = ok
	}
	r.mark('f', res.ID, nil)
	return !seen, nil
}

// changed tells whether the compared fields of row i differ from the entity's last.
func (r *dedupeRunner) changed(id identity.ID, in *record.Batch, i int) (bool, error) {
	h := r.rowHash(in, i)
	r.key = append(append(r.key[:0], 'h'), id[:]...)
	v, ok, err := r.marks.Get(r.key)
	if err != nil {
		return false, err
	}
	if ok && len(v) == 8 && binary.LittleEndian.Uint64(v) == h {
		return false, nil
	}
	binary.LittleEndian.PutUint64(r.hash[:], h)
	r.mark('h', id, r.hash[:])
	return true, nil
}

func (r *dedupeRunner) mark(tag byte, id identity.ID, v []byte) {
	r.key = append(append(r.key[:0], tag), id[:]...)
	r.marks.Put(r.key, v)
}

// trail keeps that row i was about an entity; see identity.Trail. That a row went on once
// stays when it is read again and dropped: it was delivered then.
func (r *dedupeRunner) trail(in *record.Batch, i int, id identity.ID, passed bool) error {
	var o record.Origin
	if in.Origin != nil {
		o = *in.Origin
	}
	t := identity.Trail{ID: id, Object: o.Name, ObjectID: o.ID, Row: in.RowNo(i), Passed: passed}
	r.key, r.row = t.Append(r.key[:0], r.row[:0])
	if !passed {
		v, ok, err := r.trails.Get(r.key)
		if err != nil {
			return err
		}
		if was, bad := identity.ParseTrail(r.key, v); ok && bad == nil && was.Passed {
			return nil
		}
	}
	r.trails.Put(r.key, r.row)
	return nil
}

// rowHash hashes the compared fields of row i.
func (r *dedupeRunner) rowHash(in *record.Batch, i int) uint64 {
	r.row = r.row[:0]
	for _, s := range r.compare {
		r.row = appendKey(r.row, &in.Cols[s], i)
	}
	return xxhash.Sum64(r.row)
}

// EndObject implements Runner.
func (r *dedupeRunner) EndObject(_ context.Context, t *Tally, emit func(*record.Batch) error) error {
	if r.held == nil {
		return nil
	}
	return r.held.release(t, emit)
}

func originName(b *record.Batch) string {
	if b.Origin == nil {
		return ""
	}
	return b.Origin.Name
}
