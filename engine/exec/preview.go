package exec

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
	"weir/engine/step"
)

// Preview is what the first rows of a source become.
type Preview struct {
	Object  string        // the file; "" when there is none
	Again   bool          // it was read before
	Whole   bool          // all of its rows are shown
	Steps   []PreviewStep // the decoder and what comes after it, inputs first
	Rejects []state.Reject
	Notices diag.List

	rows int
	byN  map[*plan.Node]int
	enc  map[*plan.Node]*record.Encoder
}

// PreviewStep is what came out of a step, or reached a sink.
type PreviewStep struct {
	Address string
	Fields  []string
	Rows    []json.RawMessage // objects of the fields; the first of Count
	Count   int

	Shows    bool             // it is a sink that shows what it would send
	Messages []plugin.Message // the first of Sent
	Sent     int              // messages that it would send for these rows
	Batch    int              // most rows in one; 0 when they do not limit it
}

// maxMessages is how many messages of a sink a preview shows.
const maxMessages = 3

// see notes the rows that come out of n. It is nil-safe: without a preview it does nothing.
func (p *Preview) see(n *plan.Node, b *record.Batch) {
	if p == nil || b == nil {
		return
	}
	i, ok := p.byN[n]
	if !ok {
		return
	}
	s := &p.Steps[i]
	for k := range b.Live() {
		s.Count++
		if len(s.Rows) >= p.rows {
			continue
		}
		row, err := p.enc[n].AppendRow(nil, b, b.Row(k))
		if err != nil {
			row, _ = json.Marshal(map[string]string{"error": err.Error()}) // a map of strings
		}
		s.Rows = append(s.Rows, row)
	}
}

// PreviewRun takes the first rows of the first file that the pipeline would read
// through its steps, changing nothing: sinks are not opened, files stay, and what
// steps remember goes to the session, which is not committed. The session should
// be one over a store that keeps its changes in memory. forget is called when no file
// is new; it makes the ledger forget those that were read.
func PreviewRun(ctx context.Context, o Options, rows int, forget func() error) (*Preview, error) {
	o.Point, o.Progress = func(string) {}, func(Progress) {}
	o.boundStaged()
	p := &Preview{rows: rows, byN: map[*plan.Node]int{}, enc: map[*plan.Node]*record.Encoder{}}
	r := &run{Options: o, serial: map[*plan.Node]*node{}, preview: p}
	if err := r.buildPreview(); err != nil {
		return p, err
	}
	defer func() {
		for _, s := range r.sinks {
			_ = s.close(context.WithoutCancel(ctx)) // nothing was sent that could be lost
		}
	}()
	err := r.guarded(func() error { return r.previewSource(ctx, rows, forget) })
	p.Rejects, p.Notices = r.rejects, append(p.Notices, r.report.Notices...)
	r.Session.Discard()
	return p, err
}

// buildPreview makes runners that compute every field, read or not.
func (r *run) buildPreview() error {
	for _, n := range r.Pipeline.Nodes {
		out := n.Out
		if n.Sink != nil {
			out = n.In
		}
		if n.Kind == "source" && !n.MakesRows() {
			continue
		}
		r.preview.byN[n] = len(r.preview.Steps)
		r.preview.enc[n] = record.NewEncoder(out, record.JSONOptions{})
		s := PreviewStep{Address: n.Address}
		for _, slot := range out.Visible() {
			s.Fields = append(s.Fields, out.Fields()[slot].Name)
		}
		r.preview.Steps = append(r.preview.Steps, s)
		if n.MakesRows() {
			continue
		}
		x := &node{Node: n}
		if n.When != nil {
			x.when = n.When.New()
		}
		if n.Step != nil {
			x.runner = n.Step.New(step.Env{State: func(space string) step.State { return r.Session.Space(space) }, Clock: r.Clock}, all(n.Out))
		}
		if err := r.showSink(x); err != nil {
			return at(n, err)
		}
		r.serial[n] = x
		r.order = append(r.order, x)
	}
	for _, x := range r.order {
		x.readers = r.readersOf(x.Node)
	}
	return nil
}

// showSink lets a sink that can show what it would send for the rows that reach it,
// cut into deliveries as a run cuts them.
func (r *run) showSink(x *node) error {
	sink, ok := x.Sink.(plugin.Shower)
	if !ok {
		return nil
	}
	s := &r.preview.Steps[r.preview.byN[x.Node]]
	s.Shows, s.Batch = true, sink.Batching().Rows
	w, err := sink.OpenShow(r.Host(x.Address), func(m plugin.Message) {
		s := &r.preview.Steps[r.preview.byN[x.Node]]
		if s.Sent++; len(s.Messages) < maxMessages {
			s.Messages = append(s.Messages, m)
		}
	})
	if err != nil {
		return err
	}
	x.sink = newSinkNode(r, x.Node)
	x.sink.writer, x.sink.trace, x.sink.batching.Wait = w, false, 0
	x.sink.ahead = math.MaxInt64 // nothing needs to be known after a crash
	r.sinks = append(r.sinks, x.sink)
	return nil
}

func all(s *record.Schema) []record.Slot {
	out := make([]record.Slot, s.Len())
	for i := range out {
		out[i] = record.Slot(i)
	}
	return out
}

// previewSource shows the first source that has a file.
func (r *run) previewSource(ctx context.Context, rows int, forget func() error) error {
	for again := range 2 {
		if again == 1 {
			if err := forget(); err != nil {
				return err
			}
		}
		for _, n := range r.Pipeline.Nodes {
			if n.Kind != "source" {
				continue
			}
			found, err := r.previewFeed(ctx, n, rows)
			if err != nil {
				return at(n, err)
			}
			if found {
				r.preview.Again = again == 1
				return nil
			}
		}
	}
	return nil
}

func (r *run) previewFeed(ctx context.Context, n *plan.Node, rows int) (found bool, err error) {
	feed, err := n.Source.Open(ctx, plugin.FeedEnv{
		Host: r.Host(n.Address), Pipeline: r.Session.Address(), Step: n.Address, Ledger: r.Session.Ledger(n.Address), Spool: r.StateDir, Look: true, Point: r.Point,
	})
	if err != nil {
		return false, err
	}
	defer func() { _ = feed.Close() }() // a transfer that is given up is no problem here
	o, err := feed.Next(ctx)
	if errors.Is(err, io.EOF) {
		r.preview.Notices = append(r.preview.Notices, feed.Left().Notices...)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.source = sourceOf(n)
	r.source.feed = feed
	r.source.origin = &record.Origin{Name: o.Name, ID: o.ID, Now: r.nowOf(o.ID), Seed: r.seedOf(o.ID)}
	r.preview.Object = o.Name
	return true, r.previewRows(ctx, o, rows)
}

// previewRows decodes the first rows of an object and feeds them to the steps.
func (r *run) previewRows(ctx context.Context, o *plugin.FeedObject, rows int) error {
	d := r.source.decode
	wanted := slices.DeleteFunc(all(d.Out), func(s record.Slot) bool { return d.Out.Fields()[s].Hidden })
	rd, done, err := r.openObject(ctx, o, wanted)
	if err != nil {
		return err
	}
	defer done()
	l := r.newLane(nil)
	meta := newMetaFiller(d, r.source.origin.Now)
	meta.wanted = true
	readers := r.readersOf(d)
	taken := int64(0)
	for taken < int64(rows) {
		err := rd.Split(ctx, &l.chunk, max(4<<10, rows*64))
		if errors.Is(err, io.EOF) {
			r.preview.Whole = true
			break
		}
		if err != nil {
			return err
		}
		base, next := make(chan int64, 1), make(chan int64, 1)
		base <- taken
		l.base = base
		l.work(ctx, rd, r.source.origin, meta, d.Out, next)
		<-l.done
		if l.err != nil {
			return l.err
		}
		if err := r.previewLane(ctx, l, readers, taken, int64(rows)); err != nil {
			return err
		}
		taken += l.rows
	}
	if taken > int64(rows) {
		r.preview.Whole = false
	}
	r.preview.Notices = append(r.preview.Notices, rd.Notices()...)
	if err := r.endObject(ctx); err != nil {
		return err
	}
	r.beginObject() // there may be another source
	for _, s := range r.sinks {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// previewLane feeds the rows of l up to the last one wanted.
func (r *run) previewLane(ctx context.Context, l *lane, readers []*node, done, rows int64) error {
	for _, x := range l.rejects {
		if x.Row <= rows {
			r.addReject(x)
		}
	}
	if l.out == nil {
		return nil
	}
	sel := []int32{}
	for k := range l.out.Live() {
		if i := l.out.Row(k); done+int64(i) < rows {
			sel = append(sel, int32(i)) //nolint:gosec // an index of a batch
		}
	}
	l.out.Sel = sel
	r.preview.see(r.source.decode, l.out)
	return r.feed(ctx, readers, l.out)
}
