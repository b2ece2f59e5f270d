package exec

import (
	"context"
	"errors"
	"slices"
	"strings"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
)

// readObject reads one object from where the last commit left it to its end.
func (r *run) readObject(ctx context.Context, o *plugin.FeedObject) error {
	for {
		err := r.readRows(ctx, o)
		if err == nil {
			return r.endClaimed(ctx, o)
		}
		if !errors.Is(err, errBoundary) {
			return err
		}
		o.From = stopAt(r.source.last)
		if err := r.boundary(ctx); err != nil {
			return err
		}
	}
}

func (r *run) readRows(ctx context.Context, o *plugin.FeedObject) error {
	src := r.source
	rd, done, err := r.openObject(ctx, o, want(r.source.decode))
	if err != nil {
		return err
	}
	defer done()
	start, err := resume(rd, o.From)
	if err != nil {
		return err
	}
	begin := start
	if src.skip = 0; start.offset < 0 {
		src.skip, begin = start.row, position{}
	}
	src.last = start
	if err := r.takeUpHeld(o, start); err != nil {
		return err
	}
	r.lastTime = r.Clock.Now()
	if _, err := r.reconsider(ctx); err != nil { // what a commit before left to be judged again
		return err
	}
	steps, last := chain(src.decode)
	a, err := r.ahead(ctx, last)
	if err != nil {
		return err
	}
	err = r.parallel(ctx, rd, r.lanes(steps, &a), begin, func(l *lane) error {
		for _, x := range l.rejects {
			r.addReject(x)
		}
		if a.shared != nil {
			if err := r.join(ctx, a.shared, l); err != nil {
				return err
			}
		}
		return r.takeLane(ctx, l, &a, o)
	})
	if err != nil {
		return err
	}
	r.report.Notices = append(r.report.Notices, rd.Notices()...)
	return nil
}

// openObject starts on the rows of an object. done ends that.
func (r *run) openObject(ctx context.Context, o *plugin.FeedObject, want []record.Slot) (rd plugin.Reader, done func(), err error) {
	src := r.source
	if rows, ok := o.Content.(plugin.RowContent); ok && src.decode == src.node {
		if rd, err = openRows(ctx, rows, src.origin, want); err != nil {
			return nil, nil, err
		}
		return rd, func() { _ = rd.Close() }, nil
	}
	body, err := o.Content.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	rd, err = openReader(ctx, src.decode.Decoder, plugin.Object{Name: o.Name, Size: o.Size, Body: body, Origin: src.origin}, want)
	if err != nil {
		_ = body.Close() // opened for reading
		return nil, nil, err
	}
	return rd, func() {
		_ = rd.Close()   // holds nothing that could fail to be written
		_ = body.Close() // opened for reading
	}, nil
}

func want(d *plan.Node) []record.Slot {
	meta, _ := d.Out.Slot("meta")
	var out []record.Slot
	for _, s := range d.Want {
		if s != meta {
			out = append(out, s)
		}
	}
	return out
}

func (r *run) lanes(steps []*plan.Node, a *ahead) []*lane {
	n := r.Lanes
	if n <= 0 {
		n = 6
	}
	out := make([]*lane, n)
	for i := range out {
		out[i] = r.newLane(steps)
		a.equip(out[i])
	}
	return out
}

// resume moves the reader to the committed row, and returns where that is. Its offset is -1
// when the reader cannot be moved: it begins at the beginning, and rows are to be passed over.
func resume(rd plugin.Reader, c plugin.Cursor) (position, error) {
	if c.Row == 0 {
		return position{}, nil
	}
	rs, ok := rd.(plugin.Resumer)
	if !ok || c.Offset < 0 {
		return position{row: c.Row, offset: -1}, nil
	}
	if err := rs.Resume(c.Offset, c.Line); err != nil {
		return position{}, err
	}
	return position{row: c.Row, offset: c.Offset, line: c.Line}, nil
}

// takeLane accounts for a finished lane and runs the rest of the pipeline on it.
func (r *run) takeLane(ctx context.Context, l *lane, a *ahead, o *plugin.FeedObject) error {
	if l.pos.row <= r.source.skip { // all of it is committed, and nothing is pending
		if r.Control.due() {
			return errBoundary
		}
		return nil
	}
	r.pending.Read += l.rows
	r.rows += l.rows
	r.total += l.rows
	for i := range l.steps {
		x := &l.steps[i]
		r.take(x.node, &x.tally)
		r.filtered(unrouted, x.lost)
		x.lost = 0
	}
	r.source.last = l.pos
	if err := r.passOn(ctx, a, l); err != nil {
		return err
	}
	if err := r.endBatch(ctx); err != nil {
		return err
	}
	r.Progress(Progress{Object: o.Name, Rows: r.total, Offset: l.pos.offset, Size: o.Size})
	asked := r.Control.due()
	many := r.manyDropped()
	due := many || asked || r.full() || r.rows >= int64(r.Pipeline.Commit.Rows) || r.Clock.Now().Sub(r.lastTime) >= r.Pipeline.Commit.Every
	if !due || r.repeating() {
		return nil
	}
	done, err := r.saveHeld(o, l.pos.row)
	if err == nil && done {
		done, err = r.commitWithin(ctx, o)
	}
	if err != nil {
		return err
	}
	switch {
	case done && asked:
		return errBoundary
	case done:
		_, err := r.reconsider(ctx)
		return err
	case many:
		if err := r.settleWithin(ctx); err != nil {
			return err
		}
	}
	return r.stuck()
}

// commitWithin commits in the middle of o, after what steps hold of it was saved, and
// reports whether that was possible.
func (r *run) commitWithin(ctx context.Context, o *plugin.FeedObject) (bool, error) {
	r.tallies()
	if err := r.limit(false); err != nil {
		return false, err
	}
	for _, s := range r.sinks {
		if err := s.cut(ctx); err != nil {
			return false, err
		}
	}
	if err := r.limit(false); err != nil { // what was under way may have been refused
		return false, err
	}
	p := r.source.last
	r.endWindow()
	h, some := r.Session.Held(o.ID)
	if !some {
		h = state.Held{Object: o.ID, Source: r.source.node.Address, Path: o.Name, Row: p.row}
	}
	if err := r.settleRows(); err != nil {
		return false, err
	}
	if !r.saveAgain(h) {
		return false, nil
	}
	r.tallies()
	if err := r.source.feed.Progress(o, stopAt(p)); err != nil {
		return false, err
	}
	if err := r.commit(ctx); err != nil {
		return false, err
	}
	if r.window = 0; r.held > 0 {
		r.window = p.row
	}
	return true, nil
}

// endClaimed ends an object of a feed: what was kept back goes on, everything is delivered
// and committed, and only then does the feed hear of it (I1).
func (r *run) endClaimed(ctx context.Context, o *plugin.FeedObject) error {
	for again := true; again; {
		if err := r.endObject(ctx); err != nil {
			return err
		}
		if err := r.limit(true); err != nil { // before more is delivered; sinks may refuse rows yet
			return err
		}
		var err error
		if again, err = r.flushAll(ctx); err != nil {
			return err
		}
	}
	r.tallies()
	r.countHeld(0)
	r.dropHeld(o.ID)
	if err := r.limit(true); err != nil {
		return err
	}
	if err := r.source.feed.Done(ctx, o, max(r.source.skip, r.source.last.row)); err != nil {
		return err
	}
	if err := r.commit(ctx); err != nil {
		return err
	}
	r.report.Objects++
	if err := r.source.feed.Committed(ctx); err != nil {
		return err
	}
	r.Point("archived")
	return nil
}

// flushAll delivers everything, and passes on the rows that are judged again because of
// what was refused; it reports whether there were any.
func (r *run) flushAll(ctx context.Context) (again bool, err error) {
	for _, s := range r.sinks {
		if err := s.flush(ctx); err != nil {
			return false, err
		}
	}
	r.endWindow()
	return r.reconsider(ctx)
}

// commit makes everything since the last commit durable together (I5).
func (r *run) commit(ctx context.Context) error {
	for _, s := range r.sinks {
		st, ok := s.writer.(plugin.Stager)
		if !ok {
			continue
		}
		token, err := st.Prepare(ctx)
		if err != nil {
			return at(s.node, err)
		}
		if err := r.Session.SetSinkToken(s.node.Address, token); err != nil {
			return at(s.node, err)
		}
	}
	return r.commitState(ctx)
}

func (r *run) commitState(ctx context.Context) error {
	r.Point("committing")
	if err := r.commitCounts(ctx); err != nil {
		return err
	}
	r.Point("committed")
	return nil
}

// commitCounts is commitState without its points.
func (r *run) commitCounts(ctx context.Context) error {
	if err := r.settleRows(); err != nil {
		return err
	}
	r.Session.Count(r.pending)
	if err := r.commitTimed(ctx); err != nil {
		return err
	}
	r.report.Counts.Add(r.pending)
	r.report.Groups = addGroups(r.report.Groups, r.groups...)
	r.kept = len(r.rejects)
	r.begin()
	return nil
}

// begin starts on what comes after a commit.
func (r *run) begin() {
	r.pending, r.groups, r.rows, r.lastTime = state.Counts{}, r.groups[:0], 0, r.Clock.Now()
	for _, s := range r.sinks {
		s.begin()
	}
}

// repeating reports whether a sink repeats deliveries of a run before, whose last
// one a commit here could cut short.
func (r *run) repeating() bool {
	return slices.ContainsFunc(r.sinks, (*sinkNode).repeating)
}

// finish shows what sinks collected aside, after the run's last commit.
func (r *run) finish(ctx context.Context) error {
	var staged []*sinkNode
	for _, s := range r.sinks {
		if err := s.openUnused(ctx); err != nil {
			return err
		}
		st, ok := s.writer.(plugin.Stager)
		if !ok {
			continue
		}
		token, err := st.PrepareFinal(ctx)
		if err != nil {
			return at(s.node, err)
		}
		if err := r.Session.SetSinkToken(s.node.Address, token); err != nil {
			return at(s.node, err)
		}
		staged = append(staged, s)
	}
	if len(staged) == 0 {
		return nil
	}
	r.Point("finishing")
	if err := r.commitState(ctx); err != nil {
		return err
	}
	r.Point("finished")
	for _, s := range staged {
		st, _ := s.writer.(plugin.Stager)
		if err := st.Publish(ctx); err != nil {
			return at(s.node, err)
		}
		r.Point("published")
	}
	return nil
}

// rollback forgets what was counted since the last commit.
func (r *run) rollback() {
	r.Session.Discard()
	r.outcomes.forget()
	r.rejects = r.rejects[:r.kept]
	r.begin()
}

// addGroups adds the counts of more to those in list.
func addGroups(list []GroupCount, more ...GroupCount) []GroupCount {
	for _, g := range more {
		i := slices.IndexFunc(list, func(x GroupCount) bool { return x.Step == g.Step })
		if i < 0 {
			list = append(list, g)
			continue
		}
		list[i].Rows += g.Rows
		list[i].Groups += g.Groups
	}
	return list
}

func cutAddress(a string) (kind, name string, ok bool) { return strings.Cut(a, ".") }
