package exec

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"weir/engine/identity"
	"weir/engine/plan"
	"weir/engine/state"
	"weir/engine/step"
)

// outcomes knows what rows did to steps that remember entities, until it is known what
// became of the rows. What refused rows did is taken back, and rows that were dropped because
// of them are judged again: after each batch for what steps refused, and for what sinks refused
// at the end of a window, when every row that came to a sink is durable or refused. It is done
// nowhere else, so that it does not depend on when a receiver answers which rows go on, and in
// which order (I7).
type outcomes struct {
	journals map[string]*identity.Journal // by space
	numbers  map[*plan.Node]numbered
	behind   map[string][]upstream // by the address of the step that refuses
	refused  []refusal             // by steps, in the present batch
	returned []refusal             // by sinks, in the present window
	joins    map[*plan.Node]*joins
	watch    bool // some rows are refused; see identity.Journal.Watch
}

// numbered is a step in the journal of its space.
type numbered struct {
	j *identity.Journal
	n int32
}

// upstream is a step that a refused row had passed, and the groups that rows went into
// since, the last one first.
type upstream struct {
	numbered
	groups []*plan.Node
}

type refusal struct {
	step   string
	row    int64
	letter identity.Letter
}

// join says that a row went into the group for which first stands.
type join struct{ first, row int64 }

// joins are those of one group step. The rows of a group follow one another.
type joins struct {
	list    []join
	at      map[int64]int // by first: the place of the first one in list
	indexed int           // of list
}

// of calls f with the rows of the group for which first stands.
func (x *joins) of(first int64, f func(row int64)) {
	for ; x.indexed < len(x.list); x.indexed++ {
		if n := x.list[x.indexed].first; x.indexed == 0 || x.list[x.indexed-1].first != n {
			x.at[n] = x.indexed
		}
	}
	at, ok := x.at[first]
	for ; ok && at < len(x.list) && x.list[at].first == first; at++ {
		f(x.list[at].row)
	}
}

// keep drops the groups before the row numbered oldest, or all when that is 0.
func (x *joins) keep(oldest int64) {
	x.list = slices.DeleteFunc(x.list, func(j join) bool { return oldest == 0 || j.first < oldest })
	clear(x.at)
	x.indexed = 0
}

// The rows that steps keep in case they are to be judged again, above which a window ends.
const (
	maxDropped     = 50_000
	maxDroppedSize = 32 << 20
)

// reset forgets everything, for new runners.
func (o *outcomes) reset() {
	*o = outcomes{watch: o.watch, journals: map[string]*identity.Journal{}, numbers: map[*plan.Node]numbered{}, behind: map[string][]upstream{}, joins: map[*plan.Node]*joins{}}
}

// enter gives the step n a number in the journal of a space.
func (o *outcomes) enter(n *plan.Node, space string) (*identity.Journal, int32) {
	j := o.journals[space]
	if j == nil {
		j = identity.NewJournal()
		o.journals[space] = j
		if o.watch {
			j.Watch()
		}
	}
	x := numbered{j, int32(len(o.numbers))} //nolint:gosec // steps of a pipeline
	o.numbers[n] = x
	return x.j, x.n
}

// remember adds to the environment of n what it needs to tell about rows.
func (r *run) remember(env *step.Env, n *plan.Node) {
	o := &r.outcomes
	env.Journal = func(space string) (*identity.Journal, int32) { return o.enter(n, space) }
	if n.Kind != "group" {
		return
	}
	before := map[*plan.Node]bool{}
	ancestors(n, before)
	for m := range before {
		if _, ok := o.numbers[m]; ok { // steps before n were made before its runner
			x := &joins{at: map[int64]int{}}
			o.joins[n] = x
			env.Joined = func(first, row int64) { x.list = append(x.list, join{first, row}) }
			return
		}
	}
}

// refusedAt notes that a row was refused by a step.
func (o *outcomes) refusedAt(r *run, address string, row int64, l identity.Letter) {
	if len(o.numbers) == 0 {
		return
	}
	list, ok := o.behind[address]
	if !ok {
		list = r.upstreamOf(address)
		o.behind[address] = list
	}
	switch {
	case len(list) == 0:
	case strings.HasPrefix(address, "sink."):
		o.returned = append(o.returned, refusal{address, row, l})
	default:
		o.refused = append(o.refused, refusal{address, row, l})
	}
}

// upstreamOf returns the steps that remember rows and that rows pass on their way to the
// step at address.
func (r *run) upstreamOf(address string) (out []upstream) {
	at := r.nodeAt(address)
	if at == nil {
		return nil
	}
	before := map[*plan.Node]bool{}
	ancestors(at, before)
	for n, x := range r.outcomes.numbers {
		if !before[n] {
			continue
		}
		u := upstream{numbered: x}
		for _, g := range slices.Backward(r.order) {
			if g.Kind != "group" || g.Node != at && !before[g.Node] {
				continue
			}
			above := map[*plan.Node]bool{}
			if ancestors(g.Node, above); above[n] {
				u.groups = append(u.groups, g.Node)
			}
		}
		out = append(out, u)
	}
	return out
}

// apply takes back what refused rows did.
func (o *outcomes) apply(refused []refusal) {
	for _, x := range refused {
		for _, u := range o.behind[x.step] {
			for _, row := range o.members(u.groups, x.row) {
				u.j.Refuse(u.n, row, x.letter)
			}
		}
	}
}

// members returns the rows that row stands for behind groups.
func (o *outcomes) members(groups []*plan.Node, row int64) []int64 {
	rows := []int64{row}
	for _, g := range groups {
		for _, first := range rows {
			if x := o.joins[g]; x != nil {
				x.of(first, func(row int64) { rows = append(rows, row) })
			}
		}
	}
	return rows
}

// off makes journals stand still while nothing that comes can be refused. It does not while
// refused rows are there, which rows that come may overtake.
func (o *outcomes) off(off bool) {
	if o.watch {
		return
	}
	for _, j := range o.journals {
		j.Off(off)
	}
}

// endWindow is called when every row that came to a sink is durable or refused. Rows that
// are to be judged again wait in their steps then; see reconsider.
func (r *run) endWindow() {
	o := &r.outcomes
	o.refused, o.returned = append(o.refused, o.returned...), o.returned[:0]
	r.takeBack()
}

// endBatch takes back what rows did that steps refused, and passes on those that are judged
// again because of that.
func (r *run) endBatch(ctx context.Context) error {
	for len(r.outcomes.refused) > 0 {
		r.takeBack()
		if _, err := r.reconsider(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) takeBack() {
	o := &r.outcomes
	if len(o.refused) == 0 {
		return
	}
	o.apply(o.refused)
	o.refused = o.refused[:0]
	for _, x := range r.order {
		if c, ok := x.runner.(step.Reconsiderer); ok {
			c.Collect(&x.tally)
		}
	}
}

// reconsider passes on the rows that are judged again, and reports whether there were any.
func (r *run) reconsider(ctx context.Context) (some bool, err error) {
	if len(r.outcomes.numbers) == 0 {
		return false, nil
	}
	for _, x := range r.order {
		c, ok := x.runner.(step.Reconsiderer)
		if !ok {
			continue
		}
		if b := c.Reconsider(); b != nil {
			some = true
			if err := r.apply(ctx, x, b); err != nil {
				return true, err
			}
		}
	}
	if some {
		err = r.endBatch(ctx)
	}
	return some, err
}

// settleRows is called before a commit: no row before it is without outcome, but for those that
// steps keep back.
func (r *run) settleRows() error {
	o := &r.outcomes
	if len(o.numbers) == 0 {
		return nil
	}
	oldest := r.oldestHeld()
	c := identity.Closing{Order: r.replay.order, Overtaken: func(id uint64, row int64) {
		r.Session.Overtake(id, state.Overtaking{Object: r.source.origin.Name, Row: row, At: r.Clock.Now()})
	}}
	for _, j := range o.journals {
		if err := j.Settle(oldest, &c); err != nil {
			return err
		}
	}
	for _, x := range o.joins {
		if len(x.list) > 0 {
			x.keep(oldest)
		}
	}
	for _, x := range r.order {
		if c, ok := x.runner.(step.Reconsiderer); ok {
			c.Settle()
		}
	}
	return nil
}

// oldestHeld returns the number of the first row that went into a step and neither came out
// nor was dropped, 0 when there is none.
func (r *run) oldestHeld() (oldest int64) {
	for _, x := range r.order {
		k, ok := x.runner.(step.Keeper)
		if !ok || k.Held() == 0 {
			continue
		}
		if c, again := k.(step.Reconsiderer); again && c.Waiting() {
			continue // they did nothing yet
		}
		if n := k.Oldest(); n > 0 && (oldest == 0 || n < oldest) {
			oldest = n
		}
	}
	return oldest
}

// manyDropped reports whether steps keep so many rows in case they are judged again that
// the window has to end.
func (r *run) manyDropped() bool {
	if len(r.outcomes.numbers) == 0 {
		return false
	}
	rows, size := 0, 0
	for _, x := range r.order {
		if c, ok := x.runner.(step.Reconsiderer); ok {
			n, bytes := c.Dropped()
			rows, size = rows+n, size+bytes
		}
	}
	return rows > maxDropped || size > maxDroppedSize
}

// settleWithin ends a window where no commit is possible.
func (r *run) settleWithin(ctx context.Context) error {
	for {
		for _, s := range r.sinks {
			if err := s.cut(ctx); err != nil {
				return err
			}
		}
		r.endWindow()
		if some, err := r.reconsider(ctx); err != nil || !some {
			return errors.Join(err, r.settleRows())
		}
	}
}

// saveAgain adds the rows that are to be judged again to what the pending commit keeps of
// an object, so that they are the first rows after it whatever happens (I3, I7), and reports
// whether that is possible.
func (r *run) saveAgain(h state.Held) bool {
	if len(r.outcomes.numbers) == 0 {
		return true
	}
	if !r.saveOutcomes(&h) {
		r.holds = true
		return false
	}
	for _, x := range r.order {
		c, ok := x.runner.(step.Reconsiderer)
		if !ok || !c.Waiting() {
			continue
		}
		part, _, err := c.Save(nil)
		if err != nil || h.Size()+int64(len(part)) > maxHeld {
			r.holds = true
			return false // the rows go on at the end of the object instead
		}
		s := state.HeldStep{Step: x.Address, Parts: 1, Rows: c.Held(), Size: int64(len(part))}
		h.Steps = append(h.Steps, s)
		r.Session.AddHeld(h, state.HeldPart{Step: x.Address, Data: part})
		r.countHeld(h.Rows())
	}
	return true
}

// lookForRejects finds out whether rows are refused that rows of this run may overtake.
func (r *run) lookForRejects() (err error) {
	o := &r.outcomes
	if len(o.numbers) == 0 {
		return nil
	}
	if o.watch, err = r.Session.HasRejects(); o.watch {
		for _, j := range o.journals {
			j.Watch()
		}
	}
	return err
}

// order returns the order of the letter that a row of the unit is, 0 when there is none.
func (u *unit) order(row int64) uint64 {
	if u == nil {
		return 0
	}
	i, ok := slices.BinarySearchFunc(u.letters, row, func(x ref, row int64) int { return cmp.Compare(x.row, row) })
	if !ok {
		return 0
	}
	return u.letters[i].order
}
