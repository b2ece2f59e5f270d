package exec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/state"
	"weir/engine/step"
)

// chunkSize is the text one lane parses at a time: about a thousand rows.
const chunkSize = 256 << 10

// lane carries one chunk through parsing and the stateless steps. It has all
// the memory for that and is reused.
type lane struct {
	chunk plugin.Chunk
	batch record.Batch
	wide  record.Batch  // batch with the column meta
	meta  record.Column // its memory
	steps []laneStep
	out   *record.Batch
	part  step.Part // of the stateful step after steps, when it can be split
	whole bool      // that step has to know, row by row, of those refused before it
	tally step.Tally
	in    *record.Batch // the rows of head and tail, nil when there are none
	head  []int32
	tail  []int32
	// prepared is the lane's share of the stateful step after steps, when it takes one.
	prepared step.Preparation
	// One of encode and encodeSpans is set when the sink encodes in lanes, the
	// latter when a step has yet to decide which rows go on.
	encode      func([]byte, *record.Batch) ([]byte, error)
	encodeSpans func([]byte, []int, *record.Batch) ([]byte, []int, error)
	encoded     []byte
	ends        []int   // of the encoded rows
	sel         []int32 // their places in out, nil when those are the first ones
	plain       bool    // out is to be delivered as rows
	rejects     []state.Reject
	rows        int64 // parsed, rejected ones included
	origin      *record.Origin
	pos         position
	base        <-chan int64 // the row number before this lane's first
	skip        int64        // rows at the beginning of the object that are passed over
	done        chan struct{}
	err         error
}

// laneStep is one stateless step of a lane.
type laneStep struct {
	node   *plan.Node
	when   plugin.Eval
	runner step.Runner
	tally  step.Tally
	lost   int64 // rows that its when did not take
}

// chain returns the steps after a decoder that can run in lanes: stateless, and
// each the only reader of the one before.
func chain(d *plan.Node) (steps []*plan.Node, last *plan.Node) {
	last = d
	for len(last.Readers) == 1 {
		n := last.Readers[0]
		if n.Step == nil || n.Step.Stateful() || n.Otherwise || len(n.Inputs) != 1 {
			break
		}
		steps = append(steps, n)
		last = n
	}
	return steps, last
}

// splitter returns the node of a step that lanes share in: the only reader of the
// rows that lanes make, when it takes them all and can be split.
func splitter(readers []*node) (*node, step.Splitter) {
	x := sole(readers)
	if x == nil {
		return nil, nil
	}
	s, ok := x.Step.(step.Splitter)
	if !ok || s.NewPart(x.Want) == nil {
		return nil, nil
	}
	if _, ok := x.runner.(step.Joiner); !ok {
		return nil, nil
	}
	return x, s
}

// join runs the step that lanes share in on the ends of a lane's rows.
func (r *run) join(ctx context.Context, x *node, l *lane) error {
	r.take(x.Node, &l.tally)
	j, ok := x.runner.(step.Joiner)
	if l.in == nil || !ok {
		return nil
	}
	out, err := j.Join(ctx, l.in, l.head, l.tail, &x.tally)
	if err := r.applied(x, l.in, out, err); err != nil {
		return err
	}
	return r.feed(ctx, x.readers, out)
}

func (r *run) newLane(steps []*plan.Node) *lane {
	l := &lane{done: make(chan struct{}, 1)}
	for _, n := range steps {
		ls := laneStep{node: n, runner: n.Step.New(step.Env{Clock: r.Clock}, n.Want)}
		if n.When != nil {
			ls.when = n.When.New()
		}
		l.steps = append(l.steps, ls)
	}
	return l
}

// work parses the lane's chunk and runs its steps. next receives the row number
// after the lane's last row, as soon as it is known.
func (l *lane) work(ctx context.Context, rd plugin.Reader, origin *record.Origin, meta *metaFiller, out *record.Schema, next chan<- int64) {
	told := false // whether the next lane knows its first row's number
	defer func() {
		if v := recover(); v != nil {
			if l.err = panicked(v); !told {
				next <- <-l.base
			}
		}
		l.done <- struct{}{}
	}()
	l.out, l.in, l.rejects, l.rows, l.encoded = nil, nil, l.rejects[:0], 0, l.encoded[:0]
	b := &l.batch
	l.err = parse(ctx, rd, &l.chunk, b)
	first := <-l.base
	l.rows = int64(b.N)
	next <- first + l.rows
	told = true
	if l.err != nil {
		return
	}
	b.Origin, b.FirstRow = l.headed(rd, origin), first+1
	l.pos = position{row: first + l.rows, offset: l.chunk.End, line: l.chunk.EndLine}
	if n := min(l.skip-first, l.rows); n > 0 {
		passOver(b, int(n))
		if l.rows -= n; l.rows == 0 {
			return
		}
	}
	b.Drop(0)
	refusedBy(b, meta.address)
	l.rejects = takeRejects(l.rejects, b)
	meta.fill(&l.wide, b, &l.meta, out)
	l.apply(ctx)
}

// apply runs the lane's steps on its rows.
func (l *lane) apply(ctx context.Context) {
	cur := &l.wide
	for i := range l.steps {
		if cur == nil || cur.Live() == 0 {
			return
		}
		s := &l.steps[i]
		if s.when != nil {
			s.lost += keepWhen(s.when, cur, s.node.Address)
			l.rejects = takeRejects(l.rejects, cur)
		}
		out, err := s.runner.Apply(ctx, cur, &s.tally)
		l.rejects = takeRejects(l.rejects, cur)
		if err != nil {
			l.err = &StepError{Step: s.node.Address, Err: err}
			return
		}
		if out != nil && out != cur {
			l.rejects = takeRejects(l.rejects, out)
		}
		cur = out
	}
	if l.part != nil {
		if cur = l.split(ctx, cur); l.err != nil {
			return
		}
	}
	if l.prepared != nil && cur != nil {
		l.prepared.Prepare(cur)
		l.rejects = takeRejects(l.rejects, cur)
	}
	l.out = cur
	l.encodeRows()
}

// refusedBy notes which step refused the rows that a reader rejected: it does not know what it
// is called in the pipeline.
func refusedBy(b *record.Batch, address string) {
	for i := range b.Rejects {
		b.Rejects[i].Step = address
	}
}

// passOver takes the first n rows of a batch out of it, as if they were not there.
func passOver(b *record.Batch, n int) {
	b.Rejects = slices.DeleteFunc(b.Rejects, func(x record.Reject) bool { return x.Row < n })
	sel := make([]int32, 0, b.N-n)
	for i := n; i < b.N; i++ {
		sel = append(sel, int32(i)) //nolint:gosec // rows of a batch
	}
	b.Sel = sel
}

// headed returns origin with what the decoder needs to decode rows of the chunk again.
func (l *lane) headed(rd plugin.Reader, origin *record.Origin) *record.Origin {
	raw, ok := rd.(plugin.RawReader)
	if !ok {
		return origin
	}
	h := raw.RawHeader(&l.chunk)
	if l.origin == nil || l.origin.ID != origin.ID || l.origin.Name != origin.Name || !l.origin.Now.Equal(origin.Now) || !bytes.Equal(l.origin.Header, h) {
		o := *origin
		o.Header = h
		l.origin = &o
	}
	return l.origin
}

// split does the lane's share of a step that sees every row in order.
func (l *lane) split(ctx context.Context, b *record.Batch) (out *record.Batch) {
	if b == nil || b.Live() == 0 {
		return nil
	}
	l.in = b
	if l.whole && len(l.rejects) > 0 {
		l.head, l.tail = l.head[:0], nil
		for k := range b.Live() {
			l.head = append(l.head, int32(b.Row(k))) //nolint:gosec // rows of a batch
		}
		return nil
	}
	l.head, l.tail, out, l.err = l.part.Split(ctx, b, &l.tally)
	l.rejects = takeRejects(l.rejects, b)
	if out != nil {
		l.rejects = takeRejects(l.rejects, out)
	}
	return out
}

// keepWhen narrows the selection of b to the rows for which e is true. Rows for
// which e fails are rejected and dropped; those for which it is null are not taken.
func keepWhen(e plugin.Eval, b *record.Batch, address string) (lost int64) {
	from := len(b.Rejects)
	col := e.Rows(b, address, "when")
	b.Drop(from)
	before := b.Live()
	sel := make([]int32, 0, before)
	for k := range before {
		if i := b.Row(k); !col.IsNull(i) && col.Bools[i] {
			sel = append(sel, int32(i))
		}
	}
	b.Sel = sel
	return int64(before - len(sel))
}

// takeRejects copies the rejects of b, which are the lane's no longer than the batch is.
func takeRejects(dst []state.Reject, b *record.Batch) []state.Reject {
	for _, x := range b.Rejects {
		rej := state.Reject{
			Row: b.RowNo(x.Row), Raw: append([]byte(nil), b.RawText(x.Row)...),
			Step: x.Step, Column: x.Column, Code: x.Code, Reason: x.Reason, Line: b.LineNo(x.Row),
		}
		if b.Origin != nil {
			rej.Object, rej.ObjectID, rej.Header = b.Origin.Name, b.Origin.ID, b.Origin.Header
		}
		if x.Group != nil {
			rej.Groups = append(rej.Groups, *x.Group)
		}
		dst = append(dst, rej)
	}
	b.Rejects = b.Rejects[:0]
	return dst
}

// parallel feeds chunks of rd to lanes and calls take for each lane in the order
// of the object, on the caller's goroutine.
func (r *run) parallel(ctx context.Context, rd plugin.Reader, lanes []*lane, start position, take func(*lane) error) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := max(1, min(len(lanes), runtime.GOMAXPROCS(0)))
	free := make(chan *lane, len(lanes))
	work := make(chan job, len(lanes))
	ordered := make(chan *lane, len(lanes))
	src := r.source
	for _, l := range lanes {
		l.skip = src.skip
		free <- l
	}
	meta := newMetaFiller(src.decode, src.origin.Now)
	var splitErr error
	go func() {
		defer close(ordered)
		defer close(work)
		defer func() {
			if v := recover(); v != nil {
				splitErr = panicked(v)
			}
		}()
		splitErr = r.split(ctx, rd, start.row, free, work, ordered)
	}()
	finished := make(chan struct{}, workers)
	for range workers {
		go func() {
			for j := range work {
				j.lane.work(ctx, rd, src.origin, meta, src.decode.Out, j.next)
			}
			finished <- struct{}{}
		}()
	}
	// Whatever ends the loop, a panic included, no lane is at work when this
	// returns: the reader and its object are closed then.
	defer func() {
		cancel()
		for l := range ordered {
			<-l.done
			free <- l
		}
		for range workers {
			<-finished
		}
	}()
	for l := range ordered {
		<-l.done
		err := l.err
		if err == nil {
			err = take(l)
		}
		free <- l
		if err != nil {
			return err
		}
	}
	return splitErr
}

type job struct {
	lane *lane
	next chan<- int64
}

// split reads chunks into free lanes until the object ends. Each lane learns the
// number of its first row from the one before it.
func (r *run) split(ctx context.Context, rd plugin.Reader, row int64, free <-chan *lane, work chan<- job, ordered chan<- *lane) error {
	base := make(chan int64, 1)
	base <- row
	for {
		var l *lane
		select {
		case l = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := split(ctx, rd, &l.chunk, r.Chunk)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		next := make(chan int64, 1)
		l.base, base = base, next
		ordered <- l
		work <- job{l, next}
	}
}
