package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/engine/files"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
)

// readFile reads one file from where the last commit left it to its end.
func (r *run) readFile(ctx context.Context, f *files.File) error {
	for {
		err := r.readRows(ctx, f)
		if err == nil {
			return r.endFile(ctx, f)
		}
		if !errors.Is(err, errBoundary) {
			return err
		}
		f.Cursor = stopAt(r.source.last)
		if err := r.boundary(ctx); err != nil {
			return err
		}
	}
}

func (r *run) readRows(ctx context.Context, f *files.File) error {
	src := r.source
	body, err := f.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // opened for reading
	rd, err := openReader(ctx, src.decode.Decoder, plugin.Object{Name: f.Name, Size: f.Size, Body: body, Origin: src.origin}, want(src.decode))
	if err != nil {
		return err
	}
	defer func() { _ = rd.Close() }() // holds nothing that could fail to be written
	start, err := resume(rd, f)
	if err != nil {
		return err
	}
	src.last = start
	if err := r.takeUpHeld(f, start); err != nil {
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
	err = r.parallel(ctx, rd, r.lanes(steps, &a), start, func(l *lane) error {
		for _, x := range l.rejects {
			r.addReject(x)
		}
		if a.shared != nil {
			if err := r.join(ctx, a.shared, l); err != nil {
				return err
			}
		}
		return r.takeLane(ctx, l, &a, f)
	})
	if err != nil {
		return err
	}
	r.report.Notices = append(r.report.Notices, rd.Notices()...)
	return nil
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

// resume moves the reader to the committed row.
func resume(rd plugin.Reader, f *files.File) (position, error) {
	c := f.Cursor
	if c.Row == 0 {
		return position{}, nil
	}
	rs, ok := rd.(plugin.Resumer)
	if !ok || c.Offset < 0 {
		return position{}, fmt.Errorf("%s cannot be resumed in the middle by this decoder", f.Name)
	}
	if err := rs.Resume(c.Offset, c.Line); err != nil {
		return position{}, err
	}
	return position{row: c.Row, offset: c.Offset, line: c.Line}, nil
}

// takeLane accounts for a finished lane and runs the rest of the pipeline on it.
func (r *run) takeLane(ctx context.Context, l *lane, a *ahead, f *files.File) error {
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
	r.Progress(Progress{Object: f.Name, Rows: r.total, Offset: l.pos.offset, Size: f.Size})
	asked := r.Control.due()
	many := r.manyDropped()
	due := many || asked || r.full() || r.rows >= int64(r.Pipeline.Commit.Rows) || r.Clock.Now().Sub(r.lastTime) >= r.Pipeline.Commit.Every
	if !due || l.pos.offset >= 0 && r.repeating() {
		return nil
	}
	done := false
	if l.pos.offset >= 0 {
		if ok, err := r.saveHeld(f, l.pos.row); err != nil {
			return err
		} else if ok {
			if done, err = r.commitWithin(ctx, f); err != nil {
				return err
			}
		}
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
	return r.stuck(l.pos.offset >= 0)
}

// commitWithin commits in the middle of f, after what steps hold of it was saved, and
// reports whether that was possible.
func (r *run) commitWithin(ctx context.Context, f *files.File) (bool, error) {
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
	h, some := r.Session.Held(f.ID)
	if !some {
		h = state.Held{Object: f.ID, Source: r.source.node.Address, Path: f.Name, Row: p.row}
	}
	if err := r.settleRows(); err != nil {
		return false, err
	}
	if !r.saveAgain(h) {
		return false, nil
	}
	r.tallies()
	if err := r.source.set.Progress(f, stopAt(p)); err != nil {
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

// endFile ends an object: what was kept back goes on, everything is delivered
// and committed, and only then is the file moved or deleted (I1).
func (r *run) endFile(ctx context.Context, f *files.File) error {
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
	r.dropHeld(f.ID)
	if err := r.limit(true); err != nil {
		return err
	}
	if err := r.source.set.Done(ctx, f, r.source.last.row); err != nil {
		return err
	}
	if err := r.commit(ctx); err != nil {
		return err
	}
	r.report.Objects++
	if err := r.source.set.AfterCommit(ctx); err != nil {
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
