package exec

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"weir/engine/diag"
	"weir/engine/identity"
	"weir/engine/record"
	"weir/engine/state"
)

// maxSamples is how many rejects the message of an exceeded limit shows.
const maxSamples = 3

// reject takes the rejected rows of b into the pending commit.
func (r *run) reject(b *record.Batch) {
	for _, x := range takeRejects(nil, b) {
		r.addReject(x)
	}
}

func (r *run) addReject(x state.Reject) {
	r.spoil(&x, false)
	r.putReject(x)
}

// putReject is addReject for a row of which the steps it would have come to know.
func (r *run) putReject(x state.Reject) {
	x.Revision, x.Run, x.At = r.Revision, r.RunID, r.Clock.Now()
	if u := r.replay; u != nil {
		x.ObjectID, x.Replays, x.First = u.objectID, u.replays+1, u.order(x.Row)
		u.carryEdits(&x)
	}
	if len(r.rejects) < maxSamples || r.preview != nil {
		r.rejects = append(r.rejects, x)
	}
	r.pending.Rejected++
	id := r.Session.AddReject(x)
	r.outcomes.watch = true
	r.outcomes.refusedAt(r, x.Step, x.Row, identity.Letter{ID: id, Order: cmp.Or(x.First, id)})
}

// limit stops the run when more rows were rejected than dead_letter allows.
// Nothing of the present commit is kept, so nothing is lost.
func (r *run) limit(end bool) error {
	d := r.Pipeline.DeadLetter
	rejected := r.report.Counts.Rejected + r.pending.Rejected
	read := r.report.Counts.Read + r.pending.Read
	over := false
	switch {
	case d.Limit == "" || rejected == 0:
		return nil
	case d.MaxRows >= 0:
		over = rejected > d.MaxRows
	default:
		over = (end || read >= 1000) && float64(rejected) > d.MaxShare*float64(read)
	}
	if !over {
		return nil
	}
	var sb strings.Builder
	for _, x := range r.rejects {
		fmt.Fprintf(&sb, " %s row %d (%s): %s;", x.Object, x.Row, x.Step, x.Reason)
	}
	list := diag.List{diag.Errorf("run.too_many_rejects", d.Range, fmt.Sprintf("%d of %d rows were rejected, more than %s", rejected, read, d.Limit),
		"The pipeline stopped; nothing since the last commit is kept, so nothing is lost. First rejects:%s Correct the mapping or the input, or raise the limit.", sb.String())}
	return errors.Join(ErrLimit, list.Err())
}

// ErrLimit tells that a run stopped because of its dead_letter limit.
var ErrLimit = errors.New("too many rows were rejected")
