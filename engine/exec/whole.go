package exec

import (
	"bytes"
	"context"
	"slices"
	"time"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
	"weir/engine/step"
)

// whole is a step that refuses rows because of rows that were refused before it, and
// what finds out which those are.
type whole struct {
	*node
	step   step.Wholer
	before map[string]bool // addresses of the steps that its rows come from
	// exact follows a refused row through all that may filter it out, which only works
	// where the conditions can be computed for it; bare only to the key.
	decode      *plan.Node // that exact and bare begin at
	exact, bare *follower
}

// findWholes lists the steps of the loop that refuse rows because of others.
func (r *run) findWholes() {
	r.wholes = nil
	for _, x := range r.order {
		s, ok := x.Step.(step.Wholer)
		if !ok || !s.Whole() {
			continue
		}
		w := &whole{node: x, step: s, before: map[string]bool{}}
		found := map[*plan.Node]bool{}
		ancestors(x.Node, found)
		for n := range found {
			w.before[n.Address] = true
		}
		x.whole = true
		r.wholes = append(r.wholes, w)
	}
}

// spoil tells the steps that x would have come to that it was refused, and notes in x
// what it is refused with. untaken says that the step at fault had not yet taken it.
func (r *run) spoil(x *state.Reject, untaken bool) {
	for _, w := range r.wholes {
		if !w.before[x.Step] && (!untaken || x.Step != w.Address) {
			continue
		}
		runner, ok := w.runner.(step.WholeRunner)
		if !ok {
			continue
		}
		keys, gone := r.keysOf(w, x)
		if gone {
			continue
		}
		for _, k := range keys {
			x.Groups = append(x.Groups, w.step.GroupOf(x.Row, k))
		}
		if len(keys) == 0 {
			x.Groups = append(x.Groups, w.step.GroupOf(x.Row, nil))
		}
		reason := x.Step + ": " + x.Reason
		if x.Column != "" {
			reason = x.Step + ", " + x.Column + ": " + x.Reason
		}
		runner.Refuse(step.Refusal{Row: x.Row, Keys: keys, Reason: reason})
	}
}

// keysOf returns the keys of the groups of w that x belongs to, none when they cannot
// be told; gone says that a filter would have kept it from w.
func (r *run) keysOf(w *whole, x *state.Reject) (keys [][]byte, gone bool) {
	if x.Raw == nil {
		return nil, false
	}
	if w.decode != r.source.decode {
		w.decode = r.source.decode
		w.exact, w.bare = r.newFollower(w, true), r.newFollower(w, false)
	}
	if keys, ok := w.exact.follow(x); ok {
		return keys, len(keys) == 0
	}
	keys, ok := w.bare.follow(x)
	if !ok {
		return nil, false
	}
	return keys, len(keys) == 0 // an expand step made no row of it
}

// follower computes the keys of a row from its text, decoding no more of it than that takes.
type follower struct {
	decode  *plan.Node
	to      *plan.Node
	clock   plugin.Clock
	now     func(object string) time.Time // what now() is for its rows
	seed    func(object string) string    // what uuid() is made of for them
	filters bool
	needs   map[*plan.Node][]record.Slot // of Out
	runners map[*plan.Node]step.Runner
	whens   map[*plan.Node]plugin.Eval
	keysOf  func(*record.Batch) ([][]byte, bool)

	chunk plugin.Chunk
	batch record.Batch
	wide  record.Batch
	meta  record.Column
	keys  [][]byte
}

func (r *run) newFollower(w *whole, filters bool) *follower {
	f := &follower{decode: r.source.decode, to: w.Node, clock: r.Clock, now: r.sameNow, seed: r.seedOf, filters: filters, keysOf: w.step.NewKeys(),
		needs: map[*plan.Node][]record.Slot{}, runners: map[*plan.Node]step.Runner{}, whens: map[*plan.Node]plugin.Eval{}}
	f.need(f.decode, w)
	return f
}

// leads reports whether rows of n come to f.to.
func (f *follower) leads(n *plan.Node) bool {
	return n == f.to || slices.ContainsFunc(n.Readers, f.leads)
}

// need computes which slots of n's rows the key takes, and equips the steps after n.
func (f *follower) need(n *plan.Node, w *whole) []record.Slot {
	if have, ok := f.needs[n]; ok {
		return have
	}
	var out []record.Slot
	for _, m := range n.Readers {
		if !f.leads(m) {
			continue
		}
		if m.When != nil && f.filters {
			f.whens[m] = m.When.New()
			out = append(out, m.When.Reads()...)
		}
		if m == f.to {
			out = append(out, w.step.KeyReads()...)
			continue
		}
		want := f.need(m, w)
		switch {
		case m.Kind == "map" || m.Kind == "expand" || m.Kind == "filter" && f.filters:
			f.runners[m] = m.Step.New(step.Env{Clock: f.clock}, want)
			out = append(out, m.Step.Reads(want)...)
		default: // it changes nothing that is read here
			out = append(out, slices.DeleteFunc(slices.Clone(want), func(s record.Slot) bool { return int(s) >= m.In.Len() })...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	f.needs[n] = out
	return out
}

// follow returns the keys of x, and whether all that takes could be computed.
//
//nolint:contextcheck // it waits for nothing
func (f *follower) follow(x *state.Reject) ([][]byte, bool) {
	dec, ok := f.decode.Decoder.(plugin.RawDecoder)
	if !ok {
		return nil, false
	}
	ctx := context.Background() // what it reads is in memory
	origin := &record.Origin{Name: x.Object, ID: x.ObjectID, Header: x.Header, Now: f.now(x.ObjectID), Seed: f.seed(x.ObjectID)}
	slot, _ := f.decode.Out.Slot("meta")
	rd, err := dec.OpenRaw(ctx, plugin.Object{Name: x.Object, Size: int64(len(x.Raw)), Body: bytes.NewReader(x.Raw), Origin: origin},
		x.Header, slices.DeleteFunc(slices.Clone(f.needs[f.decode]), func(s record.Slot) bool { return s == slot }))
	if err != nil {
		return nil, false
	}
	defer func() { _ = rd.Close() }() // holds nothing that could fail to be written
	if rd.Split(ctx, &f.chunk, len(x.Raw)+1) != nil {
		return nil, false
	}
	f.chunk.FirstLine = max(x.Line, 1)
	if rd.Parse(ctx, &f.chunk, &f.batch) != nil || f.batch.N == 0 || len(f.batch.Rejects) > 0 {
		return nil, false
	}
	f.batch.Origin, f.batch.FirstRow = origin, x.Row
	newMetaFiller(f.decode, origin.Now).fill(&f.wide, &f.batch, &f.meta, f.decode.Out)
	f.keys = nil
	ok = f.walk(ctx, f.decode, &f.wide)
	return f.keys, ok
}

// walk takes the rows b of n to f.to. It reports false when something cannot be computed for them.
func (f *follower) walk(ctx context.Context, n *plan.Node, b *record.Batch) bool {
	for _, m := range n.Readers {
		if !f.leads(m) {
			continue
		}
		in := *b
		in.Cols, in.Rejects, in.Sel = slices.Clone(b.Cols), nil, slices.Clone(b.Sel)
		if e := f.whens[m]; e != nil {
			keepWhen(e, &in, m.Address)
		}
		if len(in.Rejects) > 0 {
			return false
		}
		if in.Live() == 0 {
			continue
		}
		if m == f.to {
			keys, ok := f.keysOf(&in)
			if f.keys = append(f.keys, keys...); !ok {
				return false
			}
			continue
		}
		if !f.pass(ctx, m, &in) {
			return false
		}
	}
	return true
}

// pass takes the rows in through m.
func (f *follower) pass(ctx context.Context, m *plan.Node, in *record.Batch) bool {
	runner := f.runners[m]
	if runner == nil {
		in.Schema = m.Out
		for s := len(in.Cols); s < m.Out.Len(); s++ { // what a dedupe step adds
			var c record.Column
			c.Resize(record.Of(record.Null), in.N)
			in.Cols = append(in.Cols, c)
		}
		return f.walk(ctx, m, in)
	}
	out, err := runner.Apply(ctx, in, &step.Tally{})
	if err != nil || len(in.Rejects) > 0 || out == nil || len(out.Rejects) > 0 {
		return false
	}
	return f.walk(ctx, m, out)
}

// refused takes the rows that x kept back and refused now.
func (r *run) refused(x *node) {
	if !x.whole {
		return
	}
	if w, ok := x.runner.(step.WholeRunner); ok {
		if b := w.Refused(); b != nil {
			r.reject(b)
		}
	}
}

func ancestors(n *plan.Node, into map[*plan.Node]bool) {
	for _, m := range n.Inputs {
		into[m] = true
		ancestors(m, into)
	}
}

func descendants(n *plan.Node, into map[*plan.Node]bool) {
	for _, m := range n.Readers {
		into[m] = true
		descendants(m, into)
	}
}

// beginObject tells the steps that refuse rows because of others that another object comes.
func (r *run) beginObject() {
	for _, w := range r.wholes {
		if x, ok := w.runner.(step.WholeRunner); ok {
			x.BeginObject()
		}
	}
}
