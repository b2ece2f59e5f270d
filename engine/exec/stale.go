package exec

import (
	"fmt"
	"strings"
	"time"

	"weir/engine/diag"
	"weir/engine/state"
)

// maxUnreadable is how many letters that cannot be decoded, or are stale, are told of one by one.
const maxUnreadable = 100

// cannot tells why a letter stays where it is.
func (r *run) cannot(x *state.Reject, err error) {
	if r.unreadable++; r.unreadable > maxUnreadable {
		return
	}
	why := strings.TrimSuffix(err.Error(), ".")
	r.left(x, "run.not_replayed", why+". It stays among the refused rows. weir files retry reads the whole file again.")
}

// stale tells that a letter stays where it is because a later row of its entity went through:
// sending it would put old values in the place of newer ones.
func (r *run) stale(x *state.Reject) {
	if r.overtaken++; r.overtaken > maxUnreadable {
		return
	}
	o := x.Overtaken
	if o.Row == 0 {
		r.left(x, "run.overtaken", "A later row went through instead of another one of its group, and the group is taken whole or not at all. "+
			"Discard that one, or send all of them nevertheless with weir rejects replay --stale.")
		return
	}
	r.left(x, "run.overtaken", fmt.Sprintf("A later row of the same entity went through: %s, row %d, at %s. "+
		"Discard the refused row, or send it nevertheless with weir rejects replay --stale.", o.Object, o.Row, o.At.UTC().Format(time.RFC3339)))
}

func (r *run) left(x *state.Reject, code diag.Code, why string) {
	r.report.Notices = append(r.report.Notices, diag.Diagnostic{
		Code: code, Severity: diag.Warning, Summary: fmt.Sprintf("Refused row %d was not replayed", x.ID), Detail: why,
		Row: &diag.RowRef{Object: x.Object, Row: x.Row, Line: x.Line, Column: x.Column},
	})
}

// notReplayed tells how many letters were left besides those told of.
func (r *run) notReplayed() {
	for _, more := range []struct {
		n    int
		code diag.Code
		why  string
	}{
		{r.unreadable, "run.not_replayed", "could not be decoded"},
		{r.overtaken, "run.overtaken", "were overtaken by later rows of their entities"},
	} {
		if n := more.n - maxUnreadable; n > 0 {
			r.report.Notices = append(r.report.Notices, diag.Warnf(more.code, nil, fmt.Sprintf("%d more refused rows were not replayed", n),
				"They %s. The first %d are shown above.", more.why, maxUnreadable))
		}
	}
}
