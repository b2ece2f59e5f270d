package exec

import (
	"fmt"
	"strings"

	"weir/engine/diag"
	"weir/engine/state"
)

// maxUnreadable is how many letters that cannot be decoded are told of one by one.
const maxUnreadable = 100

// cannot tells why a letter stays where it is.
func (r *run) cannot(x *state.Reject, err error) {
	if r.unreadable++; r.unreadable > maxUnreadable {
		return
	}
	why := strings.TrimSuffix(err.Error(), ".")
	r.report.Notices = append(r.report.Notices, diag.Diagnostic{
		Code: "run.not_replayed", Severity: diag.Warning, Summary: fmt.Sprintf("Refused row %d was not replayed", x.ID),
		Detail: why + ". It stays among the refused rows. weir files retry reads the whole file again.",
		Row:    &diag.RowRef{Object: x.Object, Row: x.Row, Line: x.Line, Column: x.Column},
	})
}
