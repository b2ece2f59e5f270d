package exec

import (
	"context"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/step"
)

// ahead is the work that lanes do on a batch before its turn, beyond the
// stateless steps: a share of the stateful step that reads what lanes make, and the
// encoding for the sink behind it, when one sink takes all rows as they come.
type ahead struct {
	readers []*node       // of what lanes make, or of the shared step
	shared  *node         // the step that can be split, nil when there is none
	split   step.Splitter // of shared
	ready   *node         // the step that lanes prepare batches for, nil when there is none
	prepare step.Preparer // of ready
	enc     *sinkNode     // the sink that lanes encode for, nil when there is none
	spans   bool          // ready decides which of the encoded rows go on
}

// ahead finds out what lanes can do for those that read last, the last step that is run in lanes.
func (r *run) ahead(ctx context.Context, last *plan.Node) (a ahead, err error) {
	a.readers = r.readersOf(last)
	if a.shared, a.split = splitter(a.readers); a.shared != nil {
		a.readers = a.shared.readers
	}
	sinks := a.readers
	if x := sole(a.readers); x != nil && a.shared == nil {
		p, ok := x.Step.(step.Preparer)
		if _, runs := x.runner.(step.PreparedRunner); ok && runs {
			a.ready, a.prepare, sinks = x, p, nil
		}
		if a.ready != nil && p.Selects(x.Want) {
			sinks, a.spans = x.readers, true
		}
	}
	x := sole(sinks)
	if x == nil || x.sink == nil || !x.sink.whole() || a.spans && x.sink.trace {
		return a, nil
	}
	if err := x.sink.open(ctx); err != nil {
		return a, err
	}
	if _, ok := x.sink.encoder.(plugin.SpanEncoder); ok || !a.spans && x.sink.encoder != nil {
		a.enc = x.sink
	}
	return a, nil
}

// sole returns the only reader, when it takes every row and reads nothing else; else nil.
func sole(readers []*node) *node {
	if len(readers) != 1 || readers[0].when != nil || readers[0].Otherwise || len(readers[0].Inputs) != 1 {
		return nil
	}
	return readers[0]
}

// equip gives a lane what it needs for a.
func (a *ahead) equip(l *lane) {
	if a.split != nil {
		l.part, l.whole = a.split.NewPart(a.shared.Want), a.shared.whole
	}
	if a.prepare != nil {
		l.prepared = a.prepare.NewPreparation()
	}
	if a.enc == nil {
		return
	}
	if s, ok := a.enc.encoder.(plugin.SpanEncoder); ok && a.spans {
		l.encodeSpans = s.NewEncodeSpans()
		return
	}
	l.encode = a.enc.encoder.NewEncode()
}

// encodeRows encodes what the lane made of its rows. When some row cannot be
// written, Deliver finds and rejects it.
func (l *lane) encodeRows() {
	l.plain = l.encode == nil && l.encodeSpans == nil
	if l.plain || l.out == nil {
		return
	}
	var err error
	if l.encode != nil {
		l.encoded, err = l.encode(l.encoded, l.out)
	} else {
		l.encoded, l.ends, err = l.encodeSpans(l.encoded, l.ends[:0], l.out)
		l.sel = l.out.Sel
	}
	l.plain = err != nil
}

// passOn passes on what a lane made, in its turn.
func (r *run) passOn(ctx context.Context, a *ahead, l *lane) error {
	b, readers := l.out, a.readers
	if b == nil || b.Live() == 0 {
		return nil
	}
	if a.ready != nil {
		runner, ok := a.ready.runner.(step.PreparedRunner)
		if !ok {
			return r.feed(ctx, readers, b)
		}
		// Rows that a lane has encoded already are refused by nobody.
		r.outcomes.off(a.enc != nil && a.spans && !l.plain)
		out, err := runner.ApplyPrepared(ctx, b, l.prepared, &a.ready.tally)
		r.outcomes.off(false)
		if err := r.applied(a.ready, b, out, err); err != nil {
			return err
		}
		if out == nil || out.Live() == 0 {
			return nil
		}
		b, readers = out, a.ready.readers
		if l.encodeSpans != nil && !l.plain {
			l.keep(b)
		}
	}
	if a.enc != nil && !l.plain {
		return a.enc.writeEncoded(ctx, l.encoded, b.Live())
	}
	return r.feed(ctx, readers, b)
}

// applied takes what x rejected of in and in what it made of it.
func (r *run) applied(x *node, in, out *record.Batch, err error) error {
	r.reject(in)
	if err != nil {
		return &StepError{Step: x.Address, Err: err}
	}
	if out != nil && out != in {
		r.reject(out)
	}
	r.refused(x)
	return nil
}

// keep takes the rows that are not in out out of what the lane encoded. out has
// rows of what was encoded, in the same order.
func (l *lane) keep(out *record.Batch) {
	row := func(j int) int {
		if l.sel == nil {
			return j
		}
		return int(l.sel[j])
	}
	n := out.Live()
	if n == len(l.ends) {
		return
	}
	at, j := 0, 0
	for k := 0; k < n; {
		for row(j) != out.Row(k) {
			j++
		}
		from := 0
		if j > 0 {
			from = l.ends[j-1]
		}
		for k < n && j < len(l.ends) && row(j) == out.Row(k) { // rows that stand together are moved together
			j, k = j+1, k+1
		}
		at += copy(l.encoded[at:], l.encoded[from:l.ends[j-1]])
	}
	l.encoded = l.encoded[:at]
}
