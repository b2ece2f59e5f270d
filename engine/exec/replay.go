package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
	"weir/engine/step"
)

// Letters are the dead letters to be replayed.
type Letters struct {
	// Each calls f with each of them, in the order of their numbers, until it returns false.
	Each func(f func(state.Reject) bool) error
	// Get returns one of them again, and whether it is still there.
	Get func(id uint64) (state.Reject, bool, error)
	// Stale replays also those that a later row of their entity has overtaken.
	Stale bool
}

// Replay runs dead letters through the pipeline as it is now. What becomes of
// them is committed together with their removal, so that after a crash a letter
// is either still there or accounted for (I3, I5). Deliveries have keys
// of the rows they are made of and of how often these were replayed, each row of a
// delivery sink going alone, so that a replay that is repeated after a crash
// gives every row the same key whatever else is replayed with it (I7). Where no step
// keeps rows back, commits are made as often as in a run.
//
// The report counts rows decoded; letters that cannot be decoded stay, with a notice.
func Replay(ctx context.Context, o Options, letters Letters) (*Report, error) {
	if o.Point == nil {
		o.Point = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	o.boundStaged()
	r := &run{Options: o, serial: map[*plan.Node]*node{}, replay: &unit{}}
	err := r.guarded(func() error { return r.replayAll(ctx, letters) })
	o.Control.end()
	if err != nil {
		r.Session.Discard()
	}
	return &r.report, err
}

func (r *run) replayAll(ctx context.Context, letters Letters) (err error) {
	if err := r.build(); err != nil {
		return err
	}
	if err := r.lookForRejects(); err != nil {
		return err
	}
	defer func() {
		for _, s := range r.sinks {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	for _, s := range r.sinks {
		if len(s.cuts) > 0 || s.replay > 0 {
			return at(s.node, errors.New("a run was interrupted while it delivered; let weir run finish that first, so that its deliveries keep their keys"))
		}
		if !s.whole() {
			s.batching = plugin.Batching{Rows: 1}
		}
	}
	n := r.decoderFor()
	if n == nil {
		return fmt.Errorf("pipeline %s has no single decoder that could read its refused rows again", r.Pipeline.Address)
	}
	dec, ok := n.Decoder.(plugin.RawDecoder)
	if !ok {
		return fmt.Errorf("%s: this decoder cannot read single rows again. weir files retry reads a whole file again", n.Address)
	}
	r.source, r.lastTime = &source{node: n.Inputs[0], decode: n}, r.Clock.Now()
	steps, last := chain(n)
	l := r.newLane(steps)
	readers := r.readersOf(last)
	units, err := r.units(n, letters)
	if err != nil {
		return err
	}
	for _, u := range units {
		if err := r.replayUnit(ctx, dec, u, letters, l, readers); err != nil {
			return err
		}
	}
	r.notReplayed()
	if err := r.finish(ctx); err != nil {
		return err
	}
	r.noteRejects()
	return nil
}

// decoderFor returns the pipeline's decoder, nil when there are several.
func (r *run) decoderFor() *plan.Node {
	var found *plan.Node
	for _, n := range r.Pipeline.Nodes {
		if n.Kind != "decode" {
			continue
		}
		if found != nil {
			return nil
		}
		found = n
	}
	return found
}

// replayUnit processes the letters of u and commits.
func (r *run) replayUnit(ctx context.Context, dec plugin.RawDecoder, u *unit, letters Letters, l *lane, readers []*node) error {
	r.replay = u
	r.beginObject()
	allowed := u.allowed
	r.source.origin = &record.Origin{Name: u.object, ID: u.origin(), Seed: r.seedOf(u.objectID)}
	var before state.Reject
	for _, one := range u.letters {
		x, ok, err := letters.Get(one.id)
		if err != nil {
			return err
		}
		if !ok {
			continue // it is no longer refused
		}
		// Pieces of one row that an expand step made are refused one by one; the row is replayed once.
		if before.ID > 0 && x.Row == before.Row && bytes.Equal(x.Text(), before.Text()) {
			r.Session.Take(&x, state.Counts{Rejected: 1, Expanded: 1})
			continue
		}
		// So no commit comes between them either.
		if x.Row != before.Row && r.mayCommit() {
			if err := r.commitBetween(ctx); err != nil {
				return err
			}
		}
		if w := u.ways[x.ID]; w != nil {
			u.allowed, u.passed = w.allowed, w.passed
		}
		if err := r.holdNow(x.ID); err != nil {
			return err
		}
		if err := r.replayLetter(ctx, dec, u, &x, l, readers); err != nil {
			return err
		}
		before = x
		r.Progress(Progress{Object: u.object, Rows: r.total, Offset: -1, Size: -1})
	}
	u.allowed = allowed
	if err := r.endReplayed(ctx); err != nil {
		return err
	}
	r.report.Objects++
	return r.stopReplay(ctx)
}

// mayCommit reports whether a commit is due between two letters, and no step keeps
// back rows of those before, which would go on in another commit than their letters.
func (r *run) mayCommit() bool {
	if !r.full() && !r.Control.due() && r.rows < int64(r.Pipeline.Commit.Rows) && r.Clock.Now().Sub(r.lastTime) < r.Pipeline.Commit.Every {
		return false
	}
	return !slices.ContainsFunc(r.order, func(x *node) bool {
		h, ok := x.runner.(step.Holder)
		return ok && h.Oldest() > 0
	})
}

// endReplayed ends a unit: what was kept back goes on, everything is delivered and committed.
func (r *run) endReplayed(ctx context.Context) error {
	for again := true; again; {
		if err := r.endObject(ctx); err != nil {
			return err
		}
		var err error
		if again, err = r.flushAll(ctx); err != nil {
			return err
		}
	}
	return r.commitReplayed(ctx)
}

// commitReplayed delivers and commits what was replayed so far.
func (r *run) commitReplayed(ctx context.Context) error {
	for again := true; again; {
		var err error
		if again, err = r.flushAll(ctx); err != nil {
			return err
		}
	}
	r.tallies()
	r.replay.held = false
	return r.commit(ctx)
}

// replayLetter decodes one dead letter and runs its rows through the steps.
func (r *run) replayLetter(ctx context.Context, dec plugin.RawDecoder, u *unit, x *state.Reject, l *lane, readers []*node) error {
	if x.Text() == nil {
		r.cannot(x, errors.New("no text of it is kept"))
		return nil
	}
	rows, err := r.decodeLetter(ctx, dec, u, x, l)
	switch {
	case err != nil && (ctx.Err() != nil || plugin.ClassOf(err) != plugin.Data):
		return err
	case err != nil:
		r.cannot(x, err)
		return nil
	case rows == 0:
		r.cannot(x, errors.New("its text is no row for the decoder as it is now"))
		return nil
	}
	r.Session.Take(x, r.countedAs(u, x, rows))
	if len(x.Edits) > 0 {
		if u.edited == nil {
			u.edited = map[int64]*state.Reject{}
		}
		u.edited[x.Row] = x
	}
	r.pending.Read += rows
	r.rows += rows
	r.total += rows
	for _, y := range l.rejects {
		r.addReject(y)
	}
	for i := range l.steps {
		s := &l.steps[i]
		r.take(s.node, &s.tally)
		r.filtered(unrouted, s.lost)
		s.lost = 0
	}
	if l.out == nil {
		return nil
	}
	if err := r.feed(ctx, readers, l.out); err != nil {
		return err
	}
	return r.endBatch(ctx)
}

// countedAs returns what a letter of so many rows was counted as when it was
// refused: rows of a group as one that was refused and others that went into it.
func (r *run) countedAs(u *unit, x *state.Reject, rows int64) state.Counts {
	c := state.Counts{Read: rows, Rejected: 1}
	at := r.nodeAt(x.Step)
	grouped := at != nil && at.Kind == "group" && len(x.Groups) == 0 // what failed was made of all of them
	for n := range u.passed {
		grouped = grouped || n.Kind == "group"
	}
	if grouped {
		c.Grouped = rows - 1
		return c
	}
	c.Expanded = 1 - rows // the text is taken for more rows now than it was then
	return c
}

// decodeLetter parses the text of x in l and runs the stateless steps.
func (r *run) decodeLetter(ctx context.Context, dec plugin.RawDecoder, u *unit, x *state.Reject, l *lane) (int64, error) {
	rd, err := dec.OpenRaw(ctx, plugin.Object{Name: u.object, Size: int64(len(x.Text())), Body: bytes.NewReader(x.Text()), Origin: r.source.origin}, x.Header, want(r.source.decode))
	if err != nil {
		return 0, err
	}
	defer func() { _ = rd.Close() }() // holds nothing that could fail to be written
	if err := rd.Split(ctx, &l.chunk, len(x.Text())+1); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		return 0, err
	}
	if x.Line > 0 {
		l.chunk.FirstLine = x.Line
	}
	base, next := make(chan int64, 1), make(chan int64, 1)
	base <- x.Row - 1
	l.base = base
	l.work(ctx, rd, r.source.origin, newMetaFiller(r.source.decode, r.source.origin.Now), r.source.decode.Out, next)
	<-l.done
	return l.rows, l.err
}
