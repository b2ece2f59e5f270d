package exec

import (
	"context"
	"slices"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/step"
)

// unrouted is the name under which rows are counted that no reader took.
const unrouted = "unrouted"

// node is a step that the loop runs, in the order of the source.
type node struct {
	*plan.Node
	runner  step.Runner
	when    plugin.Eval
	sink    *sinkNode
	tally   step.Tally
	in      record.Batch // view of what it reads, with its own selection
	readers []*node
	whole   bool    // it refuses rows because of others that were refused before it
	taken   []uint8 // of routing: how many readers took a row
}

// build makes the nodes that are not run in lanes.
func (r *run) build() error {
	r.outcomes.reset()
	inLane := map[*plan.Node]bool{}
	for _, n := range r.Pipeline.Nodes {
		if n.MakesRows() {
			steps, _ := chain(n)
			for _, s := range steps {
				inLane[s] = true
			}
		}
	}
	for _, n := range r.Pipeline.Nodes {
		if n.Kind == "source" || n.Kind == "decode" || inLane[n] {
			continue
		}
		x := &node{Node: n}
		if n.When != nil {
			x.when = n.When.New()
		}
		if n.Sink != nil {
			x.sink = newSinkNode(r, n)
			r.sinks = append(r.sinks, x.sink)
		} else {
			x.runner = n.Step.New(r.newEnv(n), n.Want)
		}
		r.serial[n] = x
		r.order = append(r.order, x)
	}
	for _, x := range r.order {
		x.readers = r.readersOf(x.Node)
	}
	r.findWholes()
	return nil
}

func (r *run) readersOf(n *plan.Node) []*node {
	var out []*node
	for _, m := range n.Readers {
		if x := r.serial[m]; x != nil {
			out = append(out, x)
		}
	}
	return out
}

// resetSerial makes new runners, after what the old ones hold was discarded.
func (r *run) resetSerial(ctx context.Context) error {
	r.outcomes.reset()
	for _, x := range r.order {
		if x.sink != nil {
			if err := x.sink.reset(ctx); err != nil {
				return err
			}
			continue
		}
		x.runner, x.tally = x.Step.New(r.newEnv(x.Node), x.Want), step.Tally{}
	}
	return nil
}

// feed passes b on to those that read it.
func (r *run) feed(ctx context.Context, readers []*node, b *record.Batch) error {
	if b == nil || b.Live() == 0 {
		return nil
	}
	if r.replay != nil {
		readers = r.replay.branch(readers)
	}
	if len(readers) == 0 {
		r.filtered(unrouted, int64(b.Live()))
		return nil
	}
	if len(readers) == 1 && readers[0].when == nil && !readers[0].Otherwise {
		return r.apply(ctx, readers[0], b)
	}
	r.route(readers, b)
	for _, x := range readers {
		if x.in.Live() == 0 {
			continue
		}
		if err := r.apply(ctx, x, &x.in); err != nil {
			return err
		}
	}
	return nil
}

// route gives every reader its view of b. A row that several take is counted as
// so many rows more; a row that none takes is counted as filtered.
func (r *run) route(readers []*node, b *record.Batch) {
	taken := readers[0].taken
	if cap(taken) < b.N {
		taken = make([]uint8, b.N)
	}
	taken = taken[:b.N]
	clear(taken)
	readers[0].taken = taken
	live := b.Live()
	for _, x := range readers {
		if x.Otherwise {
			continue
		}
		cols := x.in.Cols
		x.in = *b
		x.in.Cols = append(cols[:0], b.Cols...)
		x.in.Rejects = nil
		if x.when != nil {
			keepWhen(x.when, &x.in, x.Address)
			for _, y := range takeRejects(nil, &x.in) {
				r.spoil(&y, true)
				r.putReject(y)
			}
		}
		for k := range x.in.Live() {
			taken[x.in.Row(k)]++
		}
	}
	for _, x := range readers {
		if x.Otherwise {
			x.in = *b
			x.in.Rejects = nil
			x.in.Sel = x.in.Sel[:0:0]
			for k := range live {
				if i := b.Row(k); taken[i] == 0 {
					x.in.Sel = append(x.in.Sel, int32(i))
				}
			}
			if x.in.Sel == nil {
				x.in.Sel = []int32{}
			}
		}
	}
	r.countRoutes(readers, b, taken)
}

func (r *run) countRoutes(readers []*node, b *record.Batch, taken []uint8) {
	otherwise := slices.ContainsFunc(readers, func(x *node) bool { return x.Otherwise })
	for k := range b.Live() {
		switch n := taken[b.Row(k)]; {
		case n > 1:
			r.pending.Expanded += int64(n) - 1
		case n == 0 && !otherwise:
			r.filtered(unrouted, 1)
		}
	}
}

// apply runs one step on a batch and passes the result on.
func (r *run) apply(ctx context.Context, x *node, b *record.Batch) error {
	switch {
	case r.preview != nil && x.Sink != nil:
		r.preview.see(x.Node, b)
		if x.sink == nil {
			r.pending.Delivered += int64(b.Live())
			return nil
		}
		return x.sink.add(ctx, b)
	case x.sink != nil:
		return x.sink.add(ctx, b)
	}
	out, err := x.runner.Apply(ctx, b, &x.tally)
	r.reject(b)
	if err != nil {
		return &StepError{Step: x.Address, Err: err}
	}
	if out != nil && out != b {
		r.reject(out)
	}
	r.refused(x)
	r.preview.see(x.Node, out)
	return r.feed(ctx, x.readers, out)
}

// endObject lets every step emit what it kept back until the object's end.
func (r *run) endObject(ctx context.Context) error {
	for _, x := range r.order {
		if x.runner == nil {
			continue
		}
		err := x.runner.EndObject(ctx, &x.tally, func(b *record.Batch) error {
			r.reject(b)
			r.preview.see(x.Node, b)
			return r.feed(ctx, x.readers, b)
		})
		if err != nil {
			return at(x.Node, err)
		}
	}
	return nil
}

// tallies moves what the steps of the loop counted since the last call into the
// pending counts. Those of lanes are moved as each lane is taken.
func (r *run) tallies() {
	for _, x := range r.order {
		r.take(x.Node, &x.tally)
	}
}

func (r *run) take(n *plan.Node, t *step.Tally) {
	_, name, _ := cutAddress(n.Address)
	r.filtered(name, t.Filtered)
	r.pending.Deduplicated += t.Deduplicated
	r.pending.Grouped += t.Grouped
	r.pending.Expanded += t.Expanded
	if n.Kind == "group" {
		r.groups = addGroups(r.groups, GroupCount{n.Address, t.GroupedRows, t.GroupedRows - t.Grouped})
	}
	*t = step.Tally{}
}

func (r *run) filtered(name string, n int64) {
	if n == 0 {
		return
	}
	if r.pending.Filtered == nil {
		r.pending.Filtered = map[string]int64{}
	}
	r.pending.Filtered[name] += n
}
