package exec

import (
	"fmt"

	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/record"
	"weir/engine/step"
)

// What waits for a commit is in memory: refused rows with their text, keys, what rows
// did. Rows may be a million times as long as others, so that it is counted in bytes
// beside rows. Where a commit comes because of that is as good as anywhere else: it
// cuts deliveries by a cut that is recorded first, as a commit by time does (I7).
const (
	// maxStaged is how many bytes may wait before a commit is due.
	maxStaged = 16 << 20
	// maxStuck is how many may wait where no commit is possible. A run that would need
	// more ends, as the next one would.
	maxStuck = 256 << 20
	// maxDelivery is how many bytes the rows of one delivery take at most: where batch.rows
	// would allow more, the next delivery begins. It is counted row by row, so that the cuts
	// are the same whenever the rows come again (I7).
	maxDelivery = 16 << 20
	// maxAloft is how many bytes the rows of deliveries under way may take, beside one.
	maxAloft = 64 << 20
)

// boundStaged chooses what is not given.
func (o *Options) boundStaged() {
	if o.Staged <= 0 {
		o.Staged = maxStaged
	}
	if o.Stuck <= 0 {
		o.Stuck = maxStuck
	}
	if o.Delivery <= 0 {
		o.Delivery = maxDelivery
	}
}

// staged returns about how many bytes wait for the next commit.
func (r *run) staged() int64 {
	_, n := r.Session.Pending()
	for _, j := range r.outcomes.journals {
		n += int64(j.Size())
	}
	for _, x := range r.outcomes.joins {
		n += 16 * int64(len(x.list))
	}
	return n
}

// full reports whether so much waits for the next commit that it is due.
func (r *run) full() bool { return r.staged() >= r.Staged }

// stuck returns an error when far more waits than is to be kept in memory, and no commit
// was possible. Deliveries that are repeated are waited for: they end with one.
func (r *run) stuck() error {
	n := r.staged()
	if n < r.Stuck || r.repeating() {
		return nil
	}
	name := r.source.origin.Name
	return at(r.holder(), plugin.Fail(plugin.Data, "run.too_much_pending",
		fmt.Errorf("%d MiB of refused rows and keys wait for a commit, and none is possible before %s ends, because the step holds rows of it", n>>20, name),
		"Split the file, or sort it by the key and use within = \"adjacent\" where the step groups rows"))
}

// holder returns the first step that keeps rows back, the source when none does.
func (r *run) holder() *plan.Node {
	for _, x := range r.order {
		if h, ok := x.runner.(step.Holder); ok && h.Oldest() > 0 {
			return x.Node
		}
	}
	return r.source.node
}

// weight counts the bytes of the rows of a delivery: their values, and the text that they
// came from, once where several rows were made of one.
type weight struct {
	sizer record.Sizer
	batch *record.Batch
	bytes int64
	row   int64 // the last one that was counted
}

// begin is called before rows of b are added.
func (w *weight) begin(b *record.Batch) {
	w.batch = b
	w.sizer.Reset(b)
}

// of returns what row i adds to so many rows that wait.
func (w *weight) of(i, waiting int) int64 {
	n := int64(w.sizer.Row(i))
	if waiting == 0 || w.batch.RowNo(i) != w.row {
		n += int64(w.sizer.Text(i))
	}
	return n
}

// add adds a row of so many bytes to those that wait.
func (w *weight) add(n, row int64, waiting int) {
	if waiting == 0 {
		w.bytes = 0
	}
	w.bytes, w.row = w.bytes+n, row
}
